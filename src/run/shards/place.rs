//! Which shard an item belongs to, and the names of a shard's files.

use crate::run::shard::Shard;
use std::path::{Path, PathBuf};

/// Folder below the output in which shards keep what they share.
pub(crate) const FOLDER: &str = ".safelight/shards";
/// Name of the lease on putting all together.
pub(crate) const GATHER: &str = "gather";

/// The path of a file in [`FOLDER`].
pub(super) fn file(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

/// What the files of a shard are called: `0003-of-0016`.
pub(crate) fn name(index: u32, count: u32) -> String {
    format!("{:04}-of-{count:04}", u64::from(index) + 1)
}

/// The same for people: `3/16`.
pub(super) fn spoken(name: &str) -> String {
    let numbers: Vec<&str> = name.split("-of-").map(|number| number.trim_start_matches('0')).collect();
    numbers.join("/")
}

/// The name of a shard, where a file's begins with one.
pub(super) fn shard_of(file: &str) -> Option<&str> {
    let name = file.split('.').next()?;
    let (number, count) = name.split_once("-of-")?;
    let digits = |text: &str| text.len() >= 4 && text.bytes().all(|b| b.is_ascii_digit());
    let value = |text: &str| text.parse::<u32>().ok();
    let inside = (1..=value(count)?).contains(&value(number)?);
    (digits(number) && digits(count) && inside).then_some(name)
}

/// The name of a shard's ledger of a generation, in the set of shards of this id: what is left of another set is never
/// taken for one of this.
pub(super) fn ledger(name: &str, generation: u32, set: &str) -> String {
    format!("{}.{set}.db", crate::store::name_of(name, generation))
}

/// Where an item lies on the line that shards are cut from.
pub(super) fn point(key: &[u8]) -> u64 {
    let mut point = [0; 8];
    point.copy_from_slice(&blake3::hash(key).as_bytes()[..8]);
    u64::from_be_bytes(point)
}

/// The shard, from 0, that a point belongs to; `cuts` are where each but the first begins.
pub(super) fn index(point: u64, cuts: &[u64]) -> usize {
    cuts.partition_point(|cut| *cut <= point)
}

/// Cuts into equal stretches.
pub(super) fn even(count: u32) -> Vec<u64> {
    let at = |index: u32| ((u128::from(index) << 64) / u128::from(count)) as u64;
    (1..count).map(at).collect()
}

/// Cuts such that about as many bytes lie in each stretch. `items` are points with bytes.
pub(super) fn by_size(mut items: Vec<(u64, u64)>, count: u32) -> Vec<u64> {
    items.sort_unstable();
    let total: u128 = items.iter().map(|(_, bytes)| u128::from(*bytes)).sum();
    if total == 0 {
        return even(count);
    }
    let mut cuts = Vec::new();
    let (mut next, mut before) = (items.iter().peekable(), 0_u128);
    for index in 1..count {
        let target = total * u128::from(index) / u128::from(count);
        // An item belongs to the stretch that its middle lies in.
        while let Some((_, bytes)) = next.next_if(|(_, bytes)| before + u128::from(*bytes) / 2 < target) {
            before += u128::from(*bytes);
        }
        cuts.push(next.peek().map_or(u64::MAX, |(point, _)| *point));
    }
    cuts
}

/// The places of a shard's own items among all, which are given by their keys.
pub(super) fn share<'k>(keys: impl Iterator<Item = &'k [u8]>, shard: Shard, cuts: &[u64]) -> Vec<usize> {
    let own = |key: &[u8]| index(point(key), cuts) == shard.index() as usize;
    keys.enumerate().filter(|(_, key)| own(key)).map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::shard::ShardBy;
    use proptest::prelude::*;

    #[test]
    fn names_are_told_from_others() {
        assert_eq!(name(2, 16), "0003-of-0016");
        assert_eq!(name(65_535, 65_536), "65536-of-65536");
        assert_eq!(spoken("0003-of-0010"), "3/10");
        for file in ["0003-of-0016.g1.db", "0003-of-0016.g1", "0003-of-0016.json"] {
            assert_eq!(shard_of(file), Some("0003-of-0016"));
        }
        for file in ["gather.g1", "set.json", "3-of-16.json", "000a-of-0016.json", ""] {
            assert_eq!(shard_of(file), None, "{file}");
        }
    }

    proptest! {
        #[test]
        fn each_item_is_in_one_shard(keys in prop::collection::vec(".{0,12}", 0..200), count in 1u32..40, sized: bool) {
            let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
            let cuts = match sized {
                true => by_size(keys.iter().map(|key| (point(key), key.len() as u64)).collect(), count),
                false => even(count),
            };
            prop_assert_eq!(cuts.len() as u32, count - 1);
            let mut owners = vec![0; keys.len()];
            for number in 1..=count {
                let shard = Shard::new(number.into(), count.into(), ShardBy::Path).unwrap();
                share(keys.iter().copied(), shard, &cuts).into_iter().for_each(|at| owners[at] += 1);
            }
            prop_assert!(owners.iter().all(|owners| *owners == 1));
        }

        #[test]
        fn sizes_are_evened_out(sizes in prop::collection::vec(0u64..1000, 200..400), count in 1u32..12) {
            let items: Vec<(u64, u64)> =
                sizes.iter().enumerate().map(|(at, size)| (point(&at.to_le_bytes()), *size)).collect();
            let cuts = by_size(items.clone(), count);
            let mut bytes = vec![0; count as usize];
            items.iter().for_each(|(point, size)| bytes[index(*point, &cuts)] += size);
            let mean = sizes.iter().sum::<u64>() / u64::from(count);
            prop_assert!(bytes.iter().all(|bytes| bytes.abs_diff(mean) <= 1001), "{:?} {}", bytes, mean);
        }
    }

    #[test]
    fn even_shards_hold_about_as_many() {
        let cuts = even(3);
        let mut counts = [0; 3];
        (0..3000_u32).for_each(|at| counts[index(point(&at.to_le_bytes()), &cuts)] += 1);
        assert!(counts.iter().all(|count| (900..1100).contains(count)), "{counts:?}");
    }
}
