//! Which rows go into which file.

use super::super::cut::Cut;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;

/// Where the rows of some inputs go: the folder that their values of the dividing columns name.
pub(super) type Place = String;

/// Cuts inputs, each a key with its number of rows, into parts: after one whose key says so, so that a change
/// elsewhere moves no boundary. Parts hold from a quarter of `target` rows (the last may hold fewer) to four
/// times as many, and the rows of one input more. At least one range, which may be empty.
pub(super) fn cut(keys: &[([u8; 32], usize)], target: usize) -> Vec<Range<usize>> {
    let (at, most) = (Cut { every: target as u64, least: target.div_ceil(4) as u64 }, target * 4);
    let mut ranges = Vec::new();
    let (mut start, mut length) = (0, 0);
    for (index, (key, rows)) in keys.iter().enumerate() {
        length += rows;
        if at.ends_after(key, *rows as u64, length as u64) || length >= most {
            ranges.push(start..index + 1);
            (start, length) = (index + 1, 0);
        }
    }
    if start < keys.len() || ranges.is_empty() {
        ranges.push(start..keys.len());
    }
    ranges
}

/// The folder of rows with these values, as Hive names it: `format=png/iso=100/`.
pub(super) fn place<'a>(values: impl Iterator<Item = (&'a str, Option<String>)>) -> Place {
    let mut place = String::new();
    for (column, value) in values {
        let value = value.map_or_else(|| "__HIVE_DEFAULT_PARTITION__".to_string(), |v| escaped(&v));
        let _ = write!(place, "{}={value}/", escaped(column));
    }
    place
}

/// Hive's form of a name: `%` and two digits for what has a meaning in paths. A long one is cut, with a digest behind it.
fn escaped(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut out = String::new();
    for letter in text.chars() {
        let plain = !letter.is_control() && !"\"#%'*/:=?\\{[]^~".contains(letter);
        match letter {
            '.' if out.is_empty() => out.push_str("%2E"),
            letter if plain => out.push(letter),
            letter => {
                for byte in letter.to_string().bytes() {
                    let _ = write!(out, "%{byte:02X}");
                }
            }
        }
    }
    if out.is_empty() {
        return "__HIVE_DEFAULT_PARTITION__".to_string();
    }
    if out.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| out.is_char_boundary(*at)).unwrap_or(0);
        let digest = blake3::hash(out.as_bytes()).to_hex();
        out.truncate(end);
        let _ = write!(out, "-{}", &digest[..8]);
    }
    out
}

/// Inputs by the places of their rows, with how many rows go there; in the order of the places, then of the inputs.
pub(super) fn by_place(rows: impl Iterator<Item = (usize, Place)>) -> BTreeMap<Place, Vec<(usize, usize)>> {
    let mut places: BTreeMap<Place, Vec<(usize, usize)>> = BTreeMap::new();
    for (input, place) in rows {
        let inputs = places.entry(place).or_default();
        match inputs.last_mut().filter(|(last, _)| *last == input) {
            Some((_, count)) => *count += 1,
            None => inputs.push((input, 1)),
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn places_are_hives() {
        let place = |values: &[(&'static str, Option<&str>)]| {
            place(values.iter().map(|(c, v)| (*c, v.map(str::to_string))))
        };
        assert_eq!(
            place(&[("format", Some("png")), ("iso", None)]),
            "format=png/iso=__HIVE_DEFAULT_PARTITION__/"
        );
        assert_eq!(place(&[("a", Some("x/y=\"%é"))]), "a=x%2Fy%3D%22%25é/");
        assert_eq!(place(&[("a", Some(".."))]), "a=%2E./");
        let long = place(&[("a", Some(&"é".repeat(300)))]);
        assert!(long.len() < 140 && long != place(&[("a", Some(&"é".repeat(301)))]));
    }

    #[test]
    fn rows_of_an_input_may_go_to_several_places() {
        let rows = [(0, "b"), (0, "a"), (0, "b"), (1, "a"), (1, "a")];
        let found = by_place(rows.into_iter().map(|(input, place)| (input, place.to_string())));
        assert_eq!(found["a"], [(0, 1), (1, 2)]);
        assert_eq!(found["b"], [(0, 2)]);
    }

    fn keys(names: &[u32]) -> Vec<([u8; 32], usize)> {
        names.iter().map(|n| (*blake3::hash(&n.to_le_bytes()).as_bytes(), 1)).collect()
    }

    proptest! {
        #[test]
        fn parts_cover_every_row_once_and_are_bounded(count in 0usize..3000, target in 1usize..200) {
            let names: Vec<u32> = (0..count as u32).collect();
            let ranges = cut(&keys(&names), target);
            let covered: Vec<usize> = ranges.iter().cloned().flatten().collect();
            prop_assert_eq!(covered, (0..count).collect::<Vec<_>>());
            prop_assert!(ranges.iter().all(|r| r.len() <= target * 4));
        }

        #[test]
        fn inputs_of_many_rows_fill_parts_sooner(count in 1usize..500, rows in 1usize..90) {
            let names: Vec<u32> = (0..count as u32).collect();
            let weighed: Vec<_> = keys(&names).into_iter().map(|(key, _)| (key, rows)).collect();
            let ranges = cut(&weighed, 100);
            prop_assert!(ranges.iter().all(|r| r.len() * rows < 400 + rows));
            prop_assert!(ranges.iter().rev().skip(1).all(|r| r.len() * rows >= 25));
        }
    }

    #[test]
    fn one_new_row_leaves_most_parts_alone() {
        let mut names: Vec<u32> = (0..5000).map(|n| n * 2).collect();
        let before = keys(&names);
        names.push(5001);
        names.sort_unstable();
        let after = keys(&names);
        let parts = |keys: &[([u8; 32], usize)]| -> HashSet<Vec<([u8; 32], usize)>> {
            cut(keys, 100).into_iter().map(|r| keys[r].to_vec()).collect()
        };
        let (old, new) = (parts(&before), parts(&after));
        let shared = old.intersection(&new).count();
        assert!(old.len() > 20 && shared + 3 >= old.len(), "{shared} of {}", old.len());
    }
}
