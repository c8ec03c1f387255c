//! In which order examples are learned from: every one of an input once, then all in another order, and so on; and of
//! several inputs, each as often as its weight says. All of it follows from the seed and the position, so that a
//! stopped job goes on with the same examples.

use crate::random::{Rng, seed_of};

/// Examples of one input, which are learned from.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Their indices.
    pub members: Vec<usize>,
    /// How often they are drawn, relative to those of other parts; above 0.
    pub weight: f64,
}

/// The examples, position by position.
pub(super) struct Order<'a> {
    parts: Vec<Passes<'a>>,
}

struct Passes<'a> {
    seed: u64,
    members: &'a [usize],
    /// Share of this part in what it and the later ones give.
    share: f64,
    pass: Option<(usize, Vec<usize>)>,
}

impl<'a> Order<'a> {
    pub(super) fn new(seed: u64, parts: &'a [Part]) -> Order<'a> {
        let later = |i: usize| parts[i..].iter().map(|part| part.weight).sum::<f64>();
        let passes = |(i, part): (usize, &'a Part)| Passes {
            // The only one has the job's own.
            seed: if i == 0 { seed } else { seed_of(seed, b"input", i, &[]) },
            members: &part.members,
            share: part.weight / later(i),
            pass: None,
        };
        Order { parts: parts.iter().enumerate().map(passes).collect() }
    }

    /// The example at a position.
    pub(super) fn at(&mut self, position: usize) -> usize {
        let (part, position) = self.turn(position);
        self.parts[part].at(position)
    }

    /// Which part has its turn at a position, and how often it had it before.
    ///
    /// Turns of a part lie as evenly as they can: of the first `n` positions, it has its share to within one for each
    /// part.
    fn turn(&self, mut position: usize) -> (usize, usize) {
        let last = self.parts.len() - 1;
        for (part, passes) in self.parts[..last].iter().enumerate() {
            let before = |position: usize| (position as f64 * passes.share) as usize;
            let (own, after) = (before(position), before(position + 1));
            if after > own {
                return (part, own);
            }
            position -= own;
        }
        (last, position)
    }
}

impl Passes<'_> {
    fn at(&mut self, position: usize) -> usize {
        let (pass, place) = (position / self.members.len(), position % self.members.len());
        if self.pass.as_ref().is_none_or(|(known, _)| *known != pass) {
            let mut order = self.members.to_vec();
            Rng::new(seed_of(self.seed, b"pass", pass, &[])).shuffle(&mut order);
            self.pass = Some((pass, order));
        }
        self.pass.as_ref().map_or(0, |(_, order)| order[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(members: impl IntoIterator<Item = usize>, weight: f64) -> Part {
        Part { members: members.into_iter().collect(), weight }
    }

    #[test]
    fn every_example_comes_once_in_each_pass_and_in_another_order() {
        let parts = [part([3, 5, 8, 9, 12, 40, 41], 2.0)];
        let mut order = Order::new(1, &parts);
        let passes: Vec<Vec<usize>> = (0..4).map(|p| (0..7).map(|i| order.at(p * 7 + i)).collect()).collect();
        for pass in &passes {
            let mut sorted = pass.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, parts[0].members);
        }
        assert!(passes[0] != passes[1] && passes[1] != passes[2]);
        assert_eq!(Order::new(1, &parts).at(16), passes[2][2]);
    }

    #[test]
    fn parts_have_their_shares_at_every_position() {
        let parts = [part(0..30, 3.0), part(100..107, 0.25), part(200..201, 1.0), part(300..340, 1.75)];
        let mut order = Order::new(5, &parts);
        let mut counts = [0.0; 4];
        let mut seen: [Vec<usize>; 4] = Default::default();
        for position in 0..5000 {
            let example = order.at(position);
            let part = example / 100;
            counts[part] += 1.0;
            seen[part].push(example);
            for (count, part) in counts.iter().zip(&parts) {
                let wanted = (position + 1) as f64 * part.weight / 6.0;
                assert!((count - wanted).abs() < 4.0, "{position} {counts:?}");
            }
        }
        // Each goes through its own passes.
        for (seen, part) in seen.iter().zip(&parts) {
            for pass in seen.chunks_exact(part.members.len()) {
                let mut pass = pass.to_vec();
                pass.sort_unstable();
                assert_eq!(pass, part.members);
            }
        }
        let mut again = Order::new(5, &parts);
        assert_eq!(again.at(4321), order.at(4321));
    }

    #[test]
    fn a_batch_of_three_to_one_holds_twelve_and_four() {
        let parts = [part(0..50, 3.0), part(100..150, 1.0)];
        let mut order = Order::new(9, &parts);
        for step in 0..200 {
            let first = (0..16).filter(|i| order.at(step * 16 + i) < 100).count();
            assert_eq!(first, 12);
        }
    }
}
