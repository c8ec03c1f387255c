//! The order in which faults are tried: every beginning of it is spread over classes, errors and places.

use super::strace::{CLASSES, Calls, Strike};
use std::collections::BTreeSet;

/// Whether a fault is among those asked for: it has all the words.
pub fn asked_for(case: &str, class: &str, error: &str, words: &str) -> bool {
    let text = format!("{case} {class} {error}");
    words.split_whitespace().all(|word| text.contains(word))
}

/// Whether a case has faults that are asked for.
pub fn has_any(case: &str, words: &str) -> bool {
    let mut all = CLASSES.iter().flat_map(|class| class.errors.iter().map(move |error| (class.name, error)));
    all.any(|(class, error)| asked_for(case, class, error, words))
}

/// All faults of a case, with their classes.
pub fn order(case: &str, calls: &Calls, words: &str) -> Vec<(&'static str, Strike)> {
    let mut queues = Vec::new();
    for class in CLASSES {
        for error in class.errors.iter().filter(|error| asked_for(case, class.name, error, words)) {
            let name = format!("{case} {} {error}", class.name);
            let places = spread(calls.places(class, error), fixed(&name));
            // One at a time, but more where there are hundreds.
            let share = places.len().div_ceil(60);
            queues.push((blake3::hash(name.as_bytes()).to_hex(), class.name, share, places.into_iter()));
        }
    }
    // Another order for each case, so that a few faults are not all of the first class.
    queues.sort_by_key(|queue| queue.0);
    let mut all = Vec::new();
    let mut before = None;
    while before != Some(all.len()) {
        before = Some(all.len());
        for (_, class, share, places) in &mut queues {
            all.extend(places.take(*share).map(|place| (*class, place)));
        }
    }
    all
}

/// The same places, each far from those before it: steps of the golden section.
fn spread(places: Vec<Strike>, start: f64) -> Vec<Strike> {
    let (mut seen, mut spread) = (BTreeSet::new(), Vec::with_capacity(places.len()));
    let mut at = start;
    for _ in 0..places.len() {
        at = (at + 0.618_033_988_749_895).fract();
        let mut index = (at * places.len() as f64) as usize;
        while !seen.insert(index) {
            index = (index + 1) % places.len();
        }
        spread.push(places[index].clone());
    }
    spread
}

/// A number in [0, 1) that depends on the text only.
fn fixed(text: &str) -> f64 {
    let hash = blake3::hash(text.as_bytes());
    f64::from(u32::from_le_bytes(hash.as_bytes()[..4].try_into().unwrap())) / 2f64.powi(32)
}
