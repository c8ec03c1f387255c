//! Blocks of rows with their lists of neighbours, which meet two by two.

use super::points::Points;
use crate::kernels::{Found, Level, PANEL, Panels, may_be_near};
use rayon::prelude::*;

/// A neighbour as one number whose order is that of (distance, row): the bits of the distance, which is not negative,
/// above the row.
pub(super) fn key(distance: f32, row: u32) -> u64 {
    u64::from(distance.to_bits()) << 32 | u64::from(row)
}

/// The row of a neighbour.
pub(super) fn row_of(key: u64) -> u32 {
    key as u32
}

/// The distance of a neighbour.
pub(super) fn distance_of(key: u64) -> f32 {
    f32::from_bits((key >> 32) as u32)
}

/// A place in a list that nobody has.
pub(super) const FREE: u64 = u64::MAX;

/// Half of the squared distance within which a row looks whose list is not full; squared lengths are at most 1.
const ANY: f32 = 1e9;

/// Puts a neighbour in its place of a list; false where it is too far, or there already.
#[inline]
pub(super) fn insert(list: &mut [u64], new: u64) -> bool {
    if list.last().is_none_or(|last| new >= *last) {
        return false;
    }
    let at = list.partition_point(|key| *key < new);
    if list[at] == new {
        return false;
    }
    list[at..].rotate_right(1);
    list[at] = new;
    true
}

/// How points become what the filter compares: less their mean and scaled, so that no squared length is above 1. It
/// changes no distance but by the scale and by rounding, which limits allow for.
pub(super) struct Frame<'a> {
    pub points: &'a Points,
    mean: Vec<f64>,
    scale: f64,
    level: Level,
}

impl<'a> Frame<'a> {
    pub(super) fn of(points: &'a Points, level: Level) -> Frame<'a> {
        let (d, n) = (points.d(), points.len());
        let all = || (0..n).filter(|row| points.is_point(*row)).map(|row| points.row(row));
        let mut mean = vec![0.0f64; d];
        all().for_each(|row| mean.iter_mut().zip(row).for_each(|(m, v)| *m += f64::from(*v)));
        let count = all().count().max(1) as f64;
        mean.iter_mut().for_each(|m| *m /= count);
        let longest = all().map(|row| squared(row, &mean)).fold(0.0, f64::max).sqrt();
        // A power of two rounds nothing.
        let scale = if longest > 0.0 { (-longest.log2().ceil()).exp2() } else { 1.0 };
        Frame { points, mean, scale, level }
    }

    /// The limit of a row whose list ends in `last`.
    fn limit(&self, last: u64) -> f32 {
        if last == FREE {
            return ANY;
        }
        let squared = self.points.squared_within(distance_of(last)) * self.scale * self.scale;
        (0.5 * squared * (1.0 + 1e-6)).min(f64::from(ANY)) as f32
    }

    /// Puts a row of the points in a panel.
    fn pack(&self, row: u32, panels: &mut Panels, at: usize) {
        let numbers = self.points.row(row as usize).iter().zip(&self.mean);
        let numbers = numbers.map(|(v, m)| ((f64::from(*v) - m) * self.scale) as f32);
        let length: f64 = numbers.clone().map(|v| f64::from(v) * f64::from(v)).sum();
        // The error of a scalar product of d + 1 rounded numbers, of rounding the numbers of both rows, and of that sum
        // itself, in parts of the sum of both squared lengths; numbers too small for single precision.
        let error = (4.0 * self.mean.len() as f64 + 64.0) * f64::from(f32::EPSILON) / 2.0;
        panels.set(at, numbers, (0.5 * (1.0 - error) * length - 1e-30) as f32);
    }
}

fn squared(row: &[f32], mean: &[f64]) -> f64 {
    row.iter().zip(mean).map(|(v, m)| (f64::from(*v) - m) * (f64::from(*v) - m)).sum()
}

/// Some rows and their neighbours so far.
pub(super) struct Block {
    pub rows: Vec<u32>,
    /// `[rows][k]`, in order.
    pub lists: Vec<u64>,
    k: usize,
    panels: Panels,
}

impl Block {
    /// Of rows and their lists.
    pub(super) fn new(frame: &Frame<'_>, k: usize, rows: &[u32], lists: Vec<u64>) -> Block {
        let mut panels = Panels::new(frame.points.d(), rows.len());
        for (at, (row, list)) in rows.iter().zip(lists.chunks_exact(k)).enumerate() {
            frame.pack(*row, &mut panels, at);
            panels.limit(at, frame.limit(list[k - 1]));
        }
        Block { rows: rows.to_vec(), lists, k, panels }
    }

    #[inline]
    fn offer(&mut self, frame: &Frame<'_>, at: usize, new: u64) {
        let list = &mut self.lists[at * self.k..][..self.k];
        if insert(list, new) {
            self.panels.limit(at, frame.limit(list[self.k - 1]));
        }
    }

    /// All pairs within it.
    fn alone(&mut self, frame: &Frame<'_>, found: &mut Found) {
        for panel in 0..self.panels.count() {
            may_be_near(frame.level, (&self.panels, panel + 1), (&self.panels, panel), found);
            for pair in found.pairs().iter().filter(|pair| pair.a < pair.b) {
                if !pair.passes(&self.panels, &self.panels) {
                    continue;
                }
                let (i, j) = (usize::from(pair.a), usize::from(pair.b));
                let (a, b) = (self.rows[i], self.rows[j]);
                let distance = frame.points.distance(a as usize, b as usize);
                self.offer(frame, i, key(distance, b));
                self.offer(frame, j, key(distance, a));
            }
        }
    }

    /// All pairs of one of each.
    fn meet(&mut self, other: &mut Block, frame: &Frame<'_>, found: &mut Found) {
        for panel in 0..other.panels.count() {
            may_be_near(frame.level, (&self.panels, self.panels.count()), (&other.panels, panel), found);
            for pair in found.pairs() {
                if !pair.passes(&self.panels, &other.panels) {
                    continue;
                }
                let (i, j) = (usize::from(pair.a), usize::from(pair.b));
                let (a, b) = (self.rows[i], other.rows[j]);
                let distance = frame.points.distance(a as usize, b as usize);
                self.offer(frame, i, key(distance, b));
                other.offer(frame, j, key(distance, a));
            }
        }
    }
}

/// Rows of a block: few enough to stay in the cache, and as many blocks as keep all threads busy.
pub(super) fn block_rows(rows: usize, d: usize) -> usize {
    let cached = ((1 << 15) / d).clamp(128, 1024);
    let shared = rows / (4 * rayon::current_num_threads());
    cached.min(shared).next_multiple_of(PANEL).max(PANEL)
}

/// Lets every two of `new` meet, and every one of `new` each of `old`. In each round of a tournament no block meets
/// two others, so that all pairs of a round are free to change their lists at the same time. What comes out is the same
/// in any order.
pub(super) fn tournament(frame: &Frame<'_>, new: &mut [Block], old: &mut [Block]) {
    new.par_iter_mut().for_each_init(Found::default, |found, block| block.alone(frame, found));
    let mut new_places: Vec<Option<&mut Block>> = new.iter_mut().map(Some).collect();
    let mut old_places: Vec<Option<&mut Block>> = old.iter_mut().map(Some).collect();
    let present = new_places.len();
    let count = present.next_multiple_of(2);
    for round in 0..count.saturating_sub(1) {
        // One stays, the others move on by one in each round.
        let at = |seat: usize| if seat == 0 { 0 } else { 1 + (seat - 1 + round) % (count - 1) };
        let pairs = (0..count / 2).map(|seat| (at(seat), at(count - 1 - seat)));
        let mut playing: Vec<(usize, usize, &mut Block, &mut Block)> = Vec::new();
        for (a, b) in pairs.filter(|(a, b)| a.max(b) < &present) {
            if let (Some(one), Some(other)) = (new_places[a].take(), new_places[b].take()) {
                playing.push((a, b, one, other));
            }
        }
        playing.par_iter_mut().for_each_init(Found::default, |found, (_, _, a, b)| a.meet(b, frame, found));
        for (a, b, one, other) in playing {
            (new_places[a], new_places[b]) = (Some(one), Some(other));
        }
    }
    let (few, many) = (new_places.len().min(old_places.len()), new_places.len().max(old_places.len()));
    for round in 0..if few == 0 { 0 } else { many } {
        let shifted = |seat: usize| (seat + round) % many;
        let mut playing: Vec<(usize, usize, &mut Block, &mut Block)> = Vec::new();
        for seat in 0..few {
            let (a, b) = if new_places.len() <= old_places.len() {
                (seat, shifted(seat))
            } else {
                (shifted(seat), seat)
            };
            if let (Some(one), Some(other)) = (new_places[a].take(), old_places[b].take()) {
                playing.push((a, b, one, other));
            }
        }
        playing.par_iter_mut().for_each_init(Found::default, |found, (_, _, a, b)| a.meet(b, frame, found));
        for (a, b, one, other) in playing {
            new_places[a] = Some(one);
            old_places[b] = Some(other);
        }
    }
}
