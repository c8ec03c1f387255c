//! Hashes of 64 bits that differ in few, without comparing all with all: by multi-index hashing (Norouzi 2012). Of two that
//! differ in at most 7 bits, one of four quarters differs in at most one.

use rayon::prelude::*;

/// Most bits in which a pair may differ.
pub(crate) const MOST: u32 = 7;
const QUARTERS: usize = 4;
const BITS: usize = 16;

/// Hashes by their quarters.
pub(crate) struct Index<'a> {
    hashes: &'a [u64],
    quarters: Vec<Quarter>,
}

/// For each value of a quarter, the hashes that have it.
struct Quarter {
    starts: Vec<u32>,
    members: Vec<u32>,
}

fn quarter(hash: u64, which: usize) -> usize {
    (hash >> (BITS * which)) as usize & ((1 << BITS) - 1)
}

impl<'a> Index<'a> {
    /// Of these, at most 2^32 - 1.
    pub(crate) fn new(hashes: &'a [u64]) -> Index<'a> {
        let of = |which| {
            let mut starts = vec![0u32; (1 << BITS) + 1];
            hashes.iter().for_each(|hash| starts[quarter(*hash, which) + 1] += 1);
            for value in 0..1 << BITS {
                starts[value + 1] += starts[value];
            }
            let (mut next, mut members) = (starts.clone(), vec![0; hashes.len()]);
            for (at, hash) in hashes.iter().enumerate() {
                let place = &mut next[quarter(*hash, which)];
                members[*place as usize] = at as u32;
                *place += 1;
            }
            Quarter { starts, members }
        };
        Index { hashes, quarters: (0..QUARTERS).into_par_iter().map(of).collect() }
    }

    /// Places of those that differ from `hash` in at most [`MOST`] bits, each once, in no order.
    pub(crate) fn near(&self, hash: u64, found: &mut Vec<u32>) {
        found.clear();
        let apart = |other: u64, which: usize| (quarter(hash, which) ^ quarter(other, which)).count_ones();
        for (which, index) in self.quarters.iter().enumerate() {
            let own = quarter(hash, which);
            for value in std::iter::once(own).chain((0..BITS).map(|bit| own ^ 1 << bit)) {
                let range = index.starts[value] as usize..index.starts[value + 1] as usize;
                for &at in &index.members[range] {
                    let other = self.hashes[at as usize];
                    // Found by the first quarter that tells, and not again.
                    if (hash ^ other).count_ones() <= MOST
                        && (0..which).all(|before| apart(other, before) > 1)
                    {
                        found.push(at);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_comparing_all_finds(
            seeds in prop::collection::vec((any::<u64>(), prop::collection::vec(0u32..64, 0..10)), 1..60),
            query in any::<prop::sample::Index>(),
        ) {
            // A few centres, and hashes some bits away from them.
            let hashes: Vec<u64> = seeds
                .iter()
                .enumerate()
                .map(|(i, (seed, bits))| bits.iter().fold(if i % 3 == 0 { *seed } else { seeds[0].0 }, |h, b| h ^ 1 << b))
                .collect();
            let index = Index::new(&hashes);
            let hash = hashes[query.index(hashes.len())];
            let mut found = Vec::new();
            index.near(hash, &mut found);
            found.sort_unstable();
            let wanted: Vec<u32> =
                (0..hashes.len() as u32).filter(|&i| (hashes[i as usize] ^ hash).count_ones() <= MOST).collect();
            prop_assert_eq!(found, wanted);
        }
    }
}
