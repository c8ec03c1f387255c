//! Groups of pictures that are made here.

use super::super::neighbours::NOBODY;
use super::*;
use crate::image::signature::Signature;
use crate::image::{Image, Samples};
use proptest::prelude::*;

fn tones(side: usize, seed: u64) -> Image {
    let wave =
        |k: u64| (blake3::hash(&[seed.to_le_bytes(), k.to_le_bytes()].concat()).as_bytes()[0]) as f32 / 12.0;
    let value = |i: usize| {
        let (x, y) = ((i % side) as f32 / side as f32, (i / side) as f32 / side as f32);
        let sum: f32 = (0..24)
            .map(|k| {
                let (fx, fy) = (wave(3 * k) - 10.0, wave(3 * k + 1));
                (3.0 * (fx * x + fy * y) + wave(3 * k + 2)).sin()
            })
            .sum();
        0.5 + sum / 24.0
    };
    let samples = Samples::F32((0..side * side).map(value).collect());
    Image { width: side, height: side, channels: 1, samples, alpha: None }
}

/// A picture of this shot, of this size and format.
fn row(seed: u64, side: u32, format: &str, bytes: u64, mirrored: bool) -> Facts {
    let signature = Signature::of(&tones(64, seed), if mirrored { 2 } else { 1 });
    Facts {
        bytes,
        signature: Some(Box::new(signature)),
        width: side,
        height: side,
        bit_depth: 8,
        format: format.to_string(),
        ..Facts::default()
    }
}

fn alone(rows: &[Facts]) -> Vec<Verdict> {
    groups(rows, &Neighbours::none(rows.len(), 10), &Settings::default())
}

#[test]
fn classes_nest_and_the_best_is_kept() {
    let mut rows = vec![
        row(1, 400, "jpeg", 900, false),
        row(1, 800, "jpeg", 900, false),
        row(1, 800, "png", 5000, false),
        row(1, 800, "png", 5000, true),
        row(2, 800, "png", 5000, false),
        row(1, 800, "png", 5000, false),
    ];
    rows[2].hash = Some([7; 32]);
    rows[5].hash = Some([7; 32]);
    let verdicts = alone(&rows);
    let near = Some(0);
    let wanted = [
        (Some(Class::Near), None, near, Some(false), Some(Reason::SameShot(Relation::Whole))),
        (Some(Class::Near), None, near, Some(false), Some(Reason::SameShot(Relation::Whole))),
        (Some(Class::Identical), Some(2), near, Some(true), Some(Reason::Kept(Kept::First))),
        (Some(Class::Near), None, near, Some(false), Some(Reason::SameShot(Relation::Mirrored))),
        (None, None, None, None, None),
        (Some(Class::Identical), Some(2), near, Some(false), Some(Reason::SameBytes)),
    ];
    for (verdict, (class, identical, near, keeper, reason)) in verdicts.iter().zip(wanted) {
        assert_eq!((verdict.class, verdict.identical, verdict.near), (class, identical, near));
        assert_eq!((verdict.similar, verdict.keeper, verdict.reason), (near, keeper, reason));
    }
}

#[test]
fn larger_wins_before_less_compressed_before_the_path() {
    let kept = |a: Facts, b: Facts| {
        let verdicts = alone(&[a, b]);
        let kept = verdicts.iter().position(|v| v.keeper == Some(true)).unwrap();
        (kept, verdicts[kept].reason.unwrap().text())
    };
    let jpeg = |bytes| row(3, 300, "jpeg", bytes, false);
    assert_eq!(kept(row(3, 300, "png", 9, false), row(3, 301, "jpeg", 1, false)), (1, "the largest"));
    assert_eq!(kept(jpeg(90), row(3, 300, "tiff", 9, false)), (1, "the least compressed"));
    assert_eq!(kept(jpeg(60), jpeg(90)), (1, "the least compressed"));
    assert_eq!(kept(jpeg(90), jpeg(90)), (0, "the first by path of equal ones"));
}

#[test]
fn more_copies_than_neighbours_are_one_group() {
    let rows: Vec<Facts> = (0..50)
        .map(|i| row(4, 300 + i, "jpeg", 10, i % 2 == 0))
        .chain([row(5, 300, "png", 1, false)])
        .collect();
    let verdicts = alone(&rows);
    assert!(verdicts[..50].iter().all(|v| v.near == Some(0)), "{verdicts:?}");
    assert_eq!(verdicts.iter().filter(|v| v.keeper == Some(true)).count(), 1);
    assert!(verdicts[49].keeper == Some(true) && verdicts[50] == Verdict::default());
}

#[test]
fn flat_small_and_unknown_pictures_stay_apart() {
    let flat =
        Image { width: 300, height: 300, channels: 1, samples: Samples::F32(vec![0.9; 90_000]), alpha: None };
    let flat = Facts { signature: Some(Box::new(Signature::of(&flat, 1))), ..row(1, 300, "png", 1, false) };
    let unknown = Facts { signature: None, ..row(1, 300, "png", 1, false) };
    let small = row(1, 28, "png", 1, false);
    let rows = vec![flat.clone(), flat, unknown.clone(), unknown, small.clone(), small];
    assert_eq!(alone(&rows), vec![Verdict::default(); 6]);
    // Neighbours by vector are looked at, whatever their size.
    let mut neighbours = Neighbours::none(6, 1);
    neighbours.ids = vec![1, 0, 3, 2, 5, 4];
    neighbours.distances = vec![0.3; 6];
    let verdicts = groups(&rows, &neighbours, &Settings::default());
    assert_eq!(
        verdicts.iter().map(|v| v.near).collect::<Vec<_>>(),
        [None, None, None, None, Some(4), Some(4)]
    );
}

#[test]
fn patches_of_one_file_are_not_the_same_bytes() {
    let patch = |seed, ordinal| Facts { hash: Some([1; 32]), ordinal, ..row(seed, 64, "png", 1, false) };
    let verdicts = alone(&[patch(1, 0), patch(2, 1), patch(3, 0), patch(4, 1)]);
    assert_eq!(
        verdicts.iter().map(|v| v.identical).collect::<Vec<_>>(),
        [Some(0), Some(1), Some(0), Some(1)]
    );
}

/// Neighbours of rows on a line, at most `k` of each.
fn line(places: &[f32], k: usize) -> Neighbours {
    let mut neighbours = Neighbours::none(places.len(), k);
    for (row, place) in places.iter().enumerate() {
        let mut others: Vec<(f32, u32)> = (0..places.len())
            .filter(|other| *other != row)
            .map(|other| ((places[other] - place).abs(), other as u32))
            .collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        for (slot, (distance, id)) in others.into_iter().take(k).enumerate() {
            (neighbours.ids[row * k + slot], neighbours.distances[row * k + slot]) = (id, distance);
        }
    }
    neighbours
}

#[test]
fn a_chain_is_cut_at_what_its_centre_reaches() {
    // Each is similar to the next; the first is not to the last.
    let places: Vec<f32> = (0..12).map(|i| i as f32 * 0.015).collect();
    let verdicts = groups(&vec![Facts::default(); 12], &line(&places, 10), &Settings::default());
    for (i, a) in verdicts.iter().enumerate() {
        for (j, b) in verdicts.iter().enumerate() {
            if a.similar.is_some() && a.similar == b.similar {
                assert!((places[i] - places[j]).abs() <= 0.04 + 1e-6, "{i} {j}");
            }
        }
    }
    assert!(verdicts.iter().filter(|v| v.similar.is_some()).count() >= 9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn groups_nest_and_are_named_by_their_first_row(
        kinds in prop::collection::vec((0u64..4, any::<bool>(), 0u8..4, 90u32..95), 1..30),
        places in prop::collection::vec(0f32..0.2, 30),
    ) {
        let rows: Vec<Facts> = kinds
            .iter()
            .map(|(seed, mirrored, hash, side)| Facts {
                hash: (*hash < 2).then_some([*hash + 10 * *seed as u8; 32]),
                ..row(*seed, *side, "png", 1, *mirrored)
            })
            .collect();
        let neighbours = line(&places[..rows.len()], 5);
        let verdicts = groups(&rows, &neighbours, &Settings::default());
        let of = |get: fn(&Verdict) -> Option<u32>| {
            let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            for (row, verdict) in verdicts.iter().enumerate() {
                if let Some(first) = get(verdict) {
                    groups.entry(first).or_default().push(row);
                }
            }
            groups
        };
        let levels = [of(|v| v.identical), of(|v| v.near), of(|v| v.similar)];
        for groups in &levels {
            for (first, rows) in groups {
                prop_assert!(rows.len() > 1 && rows[0] == *first as usize);
            }
        }
        for pair in levels.windows(2) {
            for rows in pair[0].values() {
                prop_assert!(pair[1].values().any(|wider| rows.iter().all(|row| wider.contains(row))));
            }
        }
        for rows in levels[1].values() {
            prop_assert_eq!(rows.iter().filter(|row| verdicts[**row].keeper == Some(true)).count(), 1);
        }
        for (row, verdict) in verdicts.iter().enumerate() {
            prop_assert_eq!(verdict.class.is_some(), verdict.similar.is_some());
            prop_assert_eq!(verdict.keeper.is_some(), verdict.near.is_some());
            prop_assert!(verdict.identical.is_none() || verdict.class == Some(Class::Identical), "{}", row);
        }
        // Same shots are found though neighbours say nothing of them.
        for (i, a) in kinds.iter().enumerate() {
            for (j, b) in kinds.iter().enumerate().skip(i + 1) {
                prop_assert_eq!(a.0 == b.0, verdicts[i].near.is_some() && verdicts[i].near == verdicts[j].near);
            }
        }
        prop_assert!(neighbours.ids.iter().all(|id| *id != NOBODY) || rows.len() <= 5);
    }
}
