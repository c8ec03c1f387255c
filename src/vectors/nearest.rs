//! The exact nearest neighbours of all rows among all rows, and the same after some rows changed.
//!
//! A filter in single precision ([`crate::kernels::may_be_near`]) passes on the few pairs that may belong into a list;
//! those are measured by [`Points::distance`], a function of the two rows alone. Lists hold the first by (distance, row),
//! so that they are the same whatever the order of work, the number of threads and the instructions of the machine.

use super::blocks::{Block, FREE, Frame, block_rows, distance_of, insert, key, row_of, tournament};
use super::neighbours::Neighbours;
use super::points::Points;
use crate::kernels::Level;
use rayon::prelude::*;
use std::collections::HashMap;

/// Comparisons of equal rows above which all is done from nothing, which compares them but once.
const EQUAL_PAIRS: u64 = 1 << 28;

/// What was found before: neighbours of rows of which some are still there.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The neighbours then.
    pub neighbours: &'a Neighbours,
    /// For each row now the one that it was, with the same numbers; none where it is new or changed. In rising order.
    pub was: &'a [Option<u32>],
}

/// The `k` nearest neighbours of each row. Rows of length 0 under cosine are at distance 1 from all; rows that are none
/// have and are no neighbours.
pub fn nearest(points: &Points, k: usize) -> Neighbours {
    nearest_at(points, k, Level::best())
}

/// [`nearest`] with the instructions of `level`.
pub(super) fn nearest_at(points: &Points, k: usize, level: Level) -> Neighbours {
    if k == 0 {
        return Neighbours::none(points.len(), k);
    }
    let groups = Groups::of(points);
    let firsts: Vec<u32> = groups.members.iter().filter_map(|group| group.first().copied()).collect();
    let frame = Frame::of(points, level);
    let mut blocks = blocks(&frame, k, &firsts, |_| vec![FREE; k]);
    tournament(&frame, &mut blocks, &mut []);
    let mut lists = Lists::new(points.len(), k);
    for block in &blocks {
        for (row, list) in block.rows.iter().zip(block.lists.chunks_exact(k)) {
            groups.share(points, *row, list, &mut lists);
        }
    }
    lists.finish(points)
}

/// The same neighbours as of [`nearest`], where those of an earlier table are known: new rows are compared with all, and so
/// are those that lost a neighbour.
pub fn updated(points: &Points, k: usize, before: Before<'_>) -> Neighbours {
    let Some(mut lists) = known(points, k, before) else { return nearest(points, k) };
    let is_active = |row: &u32| lists.is_empty_of(*row as usize);
    let all = (0..points.len() as u32).filter(|row| points.is_point(*row as usize));
    let (active, rest): (Vec<u32>, Vec<u32>) = all.partition(is_active);
    if active.len() * 2 > rest.len() || equal_pairs(points, &active) > EQUAL_PAIRS {
        return nearest(points, k);
    }
    let frame = Frame::of(points, Level::best());
    let mut new = blocks(&frame, k, &active, |_| vec![FREE; k]);
    let mut old = blocks(&frame, k, &rest, |row| lists.of(row as usize).to_vec());
    tournament(&frame, &mut new, &mut old);
    for block in new.iter().chain(&old) {
        for (row, list) in block.rows.iter().zip(block.lists.chunks_exact(k)) {
            lists.of_mut(*row as usize).copy_from_slice(list);
        }
    }
    lists.finish(points)
}

/// The lists of rows that kept all their neighbours, the others empty; none where what was found before can't be used.
fn known(points: &Points, k: usize, before: Before<'_>) -> Option<Lists> {
    let Before { neighbours, was } = before;
    if k == 0 || neighbours.k != k || was.len() != points.len() {
        return None;
    }
    let mut now = vec![None; neighbours.rows()];
    let mut last = None;
    for (row, old) in was.iter().enumerate() {
        let Some(old) = *old else { continue };
        if last.is_some_and(|last| last >= old) {
            return None;
        }
        last = Some(old);
        *now.get_mut(old as usize)? = Some(row as u32);
    }
    let mut lists = Lists::new(points.len(), k);
    for (row, old) in was.iter().enumerate() {
        let Some(old) = old else { continue };
        let kept =
            neighbours.of(*old as usize).map(|(id, distance)| Some(key(distance, (*now.get(id as usize)?)?)));
        let Some(kept) = kept.collect::<Option<Vec<u64>>>() else { continue };
        lists.of_mut(row)[..kept.len()].copy_from_slice(&kept);
    }
    Some(lists)
}

/// Rows in blocks.
fn blocks(frame: &Frame<'_>, k: usize, rows: &[u32], list: impl Fn(u32) -> Vec<u64> + Sync) -> Vec<Block> {
    let make = |rows: &[u32]| Block::new(frame, k, rows, rows.iter().flat_map(|row| list(*row)).collect());
    rows.par_chunks(block_rows(rows.len(), frame.points.d())).map(make).collect()
}

/// Lists of all rows.
struct Lists {
    k: usize,
    keys: Vec<u64>,
}

impl Lists {
    fn new(n: usize, k: usize) -> Lists {
        Lists { k, keys: vec![FREE; n * k] }
    }

    fn of(&self, row: usize) -> &[u64] {
        &self.keys[row * self.k..][..self.k]
    }

    fn of_mut(&mut self, row: usize) -> &mut [u64] {
        &mut self.keys[row * self.k..][..self.k]
    }

    fn is_empty_of(&self, row: usize) -> bool {
        self.of(row)[0] == FREE
    }

    /// With rows of length 0 among them.
    fn finish(mut self, points: &Points) -> Neighbours {
        let all = || (0..points.len()).filter(|row| !points.is_none(*row));
        let zeros: Vec<u32> = all().filter(|row| points.is_zero(*row)).map(|row| row as u32).collect();
        if !zeros.is_empty() {
            // All are as near: the first are the nearest.
            let first: Vec<u32> = all().take(self.k + 1).map(|row| row as u32).collect();
            for row in all() {
                let near = if points.is_zero(row) { &first } else { &zeros };
                let list = self.of_mut(row);
                if points.is_zero(row) {
                    list.fill(FREE);
                }
                for other in near.iter().filter(|other| **other != row as u32).take(list.len()) {
                    insert(list, key(1.0, *other));
                }
            }
        }
        let mut found = Neighbours::none(points.len(), self.k);
        let places = found.ids.iter_mut().zip(&mut found.distances).zip(&self.keys);
        for ((id, distance), key) in places.filter(|(_, key)| **key != FREE) {
            (*id, *distance) = (row_of(*key), distance_of(*key));
        }
        found
    }
}

/// A short digest of a row's numbers.
fn digest(row: &[f32]) -> [u8; 16] {
    let hash = blake3::hash(bytemuck::cast_slice(row));
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

/// Rows of equal numbers.
struct Groups {
    /// By their first row; rows in rising order.
    members: Vec<Vec<u32>>,
    /// Of each first row the place above.
    at: HashMap<u32, usize>,
}

impl Groups {
    fn of(points: &Points) -> Groups {
        let rows: Vec<u32> = (0..points.len() as u32).filter(|row| points.is_point(*row as usize)).collect();
        let mut digests: Vec<([u8; 16], u32)> =
            rows.par_iter().map(|row| (digest(points.row(*row as usize)), *row)).collect();
        digests.par_sort_unstable();
        let mut members: Vec<Vec<u32>> = digests
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| group.iter().map(|(_, row)| *row).collect())
            .collect();
        members.par_sort_unstable();
        let at = members.iter().enumerate().filter(|(_, g)| g.len() > 1).map(|(at, g)| (g[0], at)).collect();
        Groups { members, at }
    }

    /// The rows that equal a first one, with it.
    fn equals<'a>(&'a self, first: &'a u32) -> &'a [u32] {
        self.at.get(first).map_or(std::slice::from_ref(first), |at| &self.members[*at])
    }

    /// Gives the list of a first row, of first rows, to all its equals, as a list of all rows.
    fn share(&self, points: &Points, first: u32, list: &[u64], lists: &mut Lists) {
        for row in self.equals(&first) {
            let own = lists.of_mut(*row as usize);
            for other in self.equals(&first).iter().filter(|other| *other != row).take(own.len()) {
                insert(own, key(points.distance(first as usize, first as usize), *other));
            }
            for near in list.iter().filter(|near| **near != FREE) {
                let near_row = row_of(*near);
                for other in self.equals(&near_row).iter().take(own.len()) {
                    if !insert(own, key(distance_of(*near), *other)) {
                        break;
                    }
                }
            }
        }
    }
}

/// Comparisons of some rows with rows of equal numbers.
fn equal_pairs(points: &Points, rows: &[u32]) -> u64 {
    let mut counts: HashMap<[u8; 16], u64> = HashMap::new();
    for row in rows {
        *counts.entry(digest(points.row(*row as usize))).or_default() += 1;
    }
    let all = (0..points.len()).into_par_iter().filter(|row| points.is_point(*row));
    all.map(|row| counts.get(&digest(points.row(row))).copied().unwrap_or(0)).sum()
}
