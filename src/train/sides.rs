//! What is learned from and what is held out, of each input for itself.

use super::data::{Known, OF_ONE, VALIDATION, spread, validation};
use super::order::Part;
use crate::random::seed_of;

/// Splits into training and validation by name, so that the same picture, and all that was made of it, is always on
/// the same side: those with the smallest digests are held out.
///
/// Both sides get at least one where there are two, if need be of one name.
pub(super) fn split(names: &[&[u8]], share: f64, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<(u64, usize)> =
        names.iter().enumerate().map(|(i, name)| (seed_of(seed, name, 0, &[]), i)).collect();
    order.sort_unstable();
    let wanted = ((names.len() as f64 * share).round() as usize).max(1).min(names.len().saturating_sub(1));
    // The nearest place where another name begins.
    let begins = (1..order.len()).filter(|&i| order[i].0 != order[i - 1].0);
    let held = begins.min_by_key(|at| at.abs_diff(wanted)).unwrap_or(wanted);
    let (held, kept) = order.split_at(held);
    let sorted = |part: &[(u64, usize)]| {
        let mut indices: Vec<usize> = part.iter().map(|(_, i)| *i).collect();
        indices.sort_unstable();
        indices
    };
    (sorted(kept), sorted(held))
}

/// Splits the examples of every input, of which `parts` holds count and weight: those learned from, and those held out.
pub(super) fn sides(
    examples: &[Known],
    parts: &[(usize, f64)],
    share: f64,
    seed: u64,
) -> (Vec<Part>, Vec<Part>) {
    let mut first = 0;
    let mut both = (Vec::new(), Vec::new());
    for &(count, weight) in parts {
        let names: Vec<&[u8]> = examples[first..first + count].iter().map(|k| &k.name[..]).collect();
        let (kept, held) = split(&names, share, seed);
        let part = |of: Vec<usize>| Part { members: of.into_iter().map(|i| first + i).collect(), weight };
        both.0.push(part(kept));
        both.1.push(part(held));
        first += count;
    }
    both
}

/// The fixed draws that training is judged by: example and seed; of at most `most` examples. Of several inputs, each
/// has its share of them, where its pictures are enough for that.
pub(super) fn draws(examples: &[Known], held: &[Part], seed: u64, most: usize) -> Vec<(usize, u64)> {
    if let [only] = held {
        return validation(examples, &only.members, seed, most);
    }
    let count: usize = held.iter().map(|part| part.members.len()).sum();
    let weights: f64 = held.iter().map(|part| part.weight).sum();
    let total = count.max(VALIDATION).min(most) as f64;
    let of = |(i, part): (usize, &Part)| {
        let count = (total * part.weight / weights).round() as usize;
        let count = count.clamp(1, OF_ONE * part.members.len().max(1));
        // Inputs may hold files of the same names.
        let place = [i as u32];
        let draw = move |(number, example): (usize, usize)| {
            (example, seed_of(seed, &examples[example].name, number + 1, if i == 0 { &[] } else { &place }))
        };
        let rounds = count.div_ceil(part.members.len().max(1));
        let in_round = move |round: usize| {
            let rest = count - round * part.members.len();
            spread(&part.members, rest).into_iter().map(move |example| (round, example))
        };
        (0..rounds).flat_map(in_round).map(draw).collect::<Vec<_>>()
    };
    held.iter().enumerate().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::super::data::Example;
    use super::*;
    use std::collections::BTreeSet;

    fn known(count: usize) -> Vec<Known> {
        let known = |i: usize| Known {
            name: i.to_string().into_bytes(),
            label: None,
            example: Example::Vector(Vec::new()),
        };
        (0..count).map(known).collect()
    }

    #[test]
    fn every_input_is_split_for_itself() {
        // Two inputs of the same names.
        let examples = [known(100), known(40)].concat();
        let (train, held) = sides(&examples, &[(100, 1.0), (40, 3.0)], 0.1, 7);
        let counts = |parts: &[Part]| parts.iter().map(|p| p.members.len()).collect::<Vec<_>>();
        assert_eq!((counts(&train), counts(&held)), (vec![90, 36], vec![10, 4]));
        assert!(held[0].members.iter().all(|i| *i < 100) && held[1].members.iter().all(|i| *i >= 100));
        let all: BTreeSet<usize> = train.iter().chain(&held).flat_map(|p| p.members.clone()).collect();
        assert_eq!(all.len(), 140);
        let (alone, _) = sides(&examples[..100], &[(100, 1.0)], 0.1, 7);
        assert_eq!(alone[0].members, train[0].members);
    }

    #[test]
    fn draws_have_the_shares_of_their_inputs() {
        let examples = known(700);
        let part = |members: std::ops::Range<usize>, weight| Part { members: members.collect(), weight };
        let held = [part(0..30, 3.0), part(30..600, 1.0)];
        let found = draws(&examples, &held, 5, 4096);
        // 600 in all; of thirty pictures sixteen each, 480, would be too many.
        let first = found.iter().filter(|(i, _)| *i < 30).count();
        assert_eq!((first, found.len()), (450, 600));
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
        let few = draws(&examples, &[part(0..4, 1.0), part(4..8, 1.0)], 5, 4096);
        assert_eq!(few.len(), 2 * 4 * OF_ONE);
        assert!(draws(&examples, &held, 5, 300).len() <= 300);
        let one = [part(0..30, 3.0)];
        assert_eq!(draws(&examples, &one, 5, 4096), validation(&examples, &one[0].members, 5, 4096));
    }

    #[test]
    fn the_split_follows_the_names_alone() {
        let names: Vec<Vec<u8>> = (0..100u8).map(|i| vec![i]).collect();
        let of = |names: &[&[u8]]| {
            let (kept, held) = split(names, 0.2, 7);
            let named = |part: &[usize]| part.iter().map(|i| names[*i].to_vec()).collect::<Vec<_>>();
            (named(&kept), named(&held))
        };
        let all: Vec<&[u8]> = names.iter().map(|n| &n[..]).collect();
        let (kept, held) = of(&all);
        assert_eq!((kept.len(), held.len()), (80, 20));
        assert!(held.iter().all(|h| !kept.contains(h)));
        let backwards: Vec<&[u8]> = all.iter().rev().copied().collect();
        let mut again = of(&backwards).1;
        again.sort();
        assert_eq!(again, held);
        assert_ne!(split(&all, 0.2, 8).1, split(&all, 0.2, 7).1);
        assert_eq!((split(&all[..2], 0.001, 0).0.len(), split(&all[..2], 0.999, 0).0.len()), (1, 1));
    }

    #[test]
    fn what_has_one_name_stays_together() {
        let names: Vec<Vec<u8>> = (0..220u8).map(|i| vec![i / 10]).collect();
        let names: Vec<&[u8]> = names.iter().map(|n| &n[..]).collect();
        for share in [0.001, 0.05, 0.3, 0.999] {
            let (kept, held) = split(&names, share, 3);
            assert!(!kept.is_empty() && !held.is_empty() && kept.len() + held.len() == 220);
            assert!((held.len() as f64 - 220.0 * share).abs() < 10.0, "{share} {}", held.len());
            assert!(held.iter().all(|h| kept.iter().all(|k| names[*k] != names[*h])), "{share}");
        }
        let (kept, held) = split(&names[..10], 0.2, 3);
        assert_eq!((kept.len(), held.len()), (8, 2));
    }
}
