//! Groups of duplicates, of three classes that nest: identical (same bytes or same pixels), near (one shot: resized, compressed
//! anew, cropped a little, brighter, mirrored) and similar (vectors alone).
//!
//! Pairs that may be near come from two sides: neighbours by vector, and hashes of signatures that differ in few bits, which also
//! finds them where one picture has more copies than neighbours are kept. Every pair is then compared by its signatures. A chain
//! (A like B, B like C, A unlike C) does not make one group: of pictures that hang together the one that agrees with the most
//! others is the centre, and only what agrees with the centre itself joins it. Groups of similar ones have a centre too, to which
//! each member is linked.

use super::facts::{Facts, Kept, Relation, same_shot, same_whole, to_keep, why_kept};
use super::hamming::Index;
use super::neighbours::Neighbours;
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// How rows are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Most distance of vectors that are similar.
    pub similar: f32,
    /// Most distance of vectors of a picture and a part of it.
    pub reach: f32,
}

impl Default for Settings {
    /// For cosine distances of the shipped embedding.
    fn default() -> Self {
        Settings { similar: 0.02, reach: 0.35 }
    }
}

/// Class of a duplicate, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// Same bytes or same pixels.
    Identical,
    /// Of one shot.
    Near,
    /// Vectors are near.
    Similar,
}

impl Class {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Class::Identical => "identical",
            Class::Near => "near",
            Class::Similar => "similar",
        }
    }
}

/// Why a row is kept, or what it is to the row that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reason {
    /// It is kept.
    Kept(Kept),
    /// The same file.
    SameBytes,
    /// The same pixels in another file.
    SamePixels,
    /// Of the same shot.
    SameShot(Relation),
}

impl Reason {
    /// In words.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Reason::Kept(Kept::Largest) => "the largest",
            Reason::Kept(Kept::LeastCompressed) => "the least compressed",
            Reason::Kept(Kept::First) => "the first by path of equal ones",
            Reason::SameBytes => "same bytes",
            Reason::SamePixels => "same pixels",
            Reason::SameShot(Relation::Whole) => "same shot",
            Reason::SameShot(Relation::Mirrored) => "same shot, mirrored",
            Reason::SameShot(Relation::Part) => "same shot, cropped",
        }
    }
}

/// What is found of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    /// The strongest class that it has with another row.
    pub class: Option<Class>,
    /// The smallest row of its identical ones.
    pub identical: Option<u32>,
    /// The smallest row of its near ones, the identical ones among them.
    pub near: Option<u32>,
    /// The smallest row of its similar ones, the near ones among them.
    pub similar: Option<u32>,
    /// Whether it is the one to keep of its near ones.
    pub keeper: Option<bool>,
    /// Why.
    pub reason: Option<Reason>,
}

/// The strongest class of two pictures at this distance of their vectors, and what one is to the other; none where they are not
/// even similar.
pub(crate) fn relation(
    a: &Facts,
    b: &Facts,
    distance: f32,
    settings: &Settings,
) -> Option<(Class, Option<Reason>)> {
    let same = |x: Option<[u8; 32]>, y: Option<[u8; 32]>| x.is_some() && x == y;
    if same(a.hash, b.hash) {
        Some((Class::Identical, Some(Reason::SameBytes)))
    } else if same(a.pixels, b.pixels) {
        Some((Class::Identical, Some(Reason::SamePixels)))
    } else if let Some(relation) = same_shot(a, b) {
        Some((Class::Near, Some(Reason::SameShot(relation))))
    } else {
        (distance <= settings.similar).then_some((Class::Similar, None))
    }
}

/// Groups the rows. The same for the same rows at any number of threads.
pub(crate) fn groups(rows: &[Facts], neighbours: &Neighbours, settings: &Settings) -> Vec<Verdict> {
    let identical = identical(rows);
    // From here on a picture is the best of its identical ones.
    let mut members: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (row, first) in identical.iter().enumerate() {
        members.entry(*first).or_default().push(row as u32);
    }
    let best = |rows_of: &[u32]| {
        let rows_of = rows_of.iter().map(|row| *row as usize);
        rows_of.min_by(|a, b| to_keep(rows, *a, *b)).unwrap_or_default() as u32
    };
    let mut picture = vec![0; rows.len()];
    for rows_of in members.values() {
        let best = best(rows_of);
        rows_of.iter().for_each(|row| picture[*row as usize] = best);
    }
    let pictures: Vec<u32> = members.values().map(|rows_of| best(rows_of)).collect();
    let mut links = by_hash(rows, &pictures);
    links.extend(by_vector(rows, &picture, neighbours, settings, &links));
    let near = centred(rows, &pictures, &links);
    let mut verdicts = vec![Verdict::default(); rows.len()];
    write_near(rows, &members, &picture, &near, &mut verdicts);
    write_similar(neighbours, settings, &mut verdicts);
    verdicts
}

/// For each row the first that is the same.
fn identical(rows: &[Facts]) -> Vec<u32> {
    let mut sets = Sets::new(rows.len());
    let (mut files, mut pixels) = (HashMap::new(), HashMap::new());
    for (row, facts) in rows.iter().enumerate() {
        if let Some(hash) = facts.hash {
            sets.join(*files.entry((hash, facts.ordinal)).or_insert(row), row);
        }
        if let Some(hash) = facts.pixels {
            sets.join(*pixels.entry(hash).or_insert(row), row);
        }
    }
    (0..rows.len()).map(|row| sets.first(row) as u32).collect()
}

/// Sets of rows, each known by its smallest.
struct Sets(Vec<usize>);

impl Sets {
    fn new(rows: usize) -> Sets {
        Sets((0..rows).collect())
    }

    fn first(&mut self, mut row: usize) -> usize {
        while self.0[row] != row {
            self.0[row] = self.0[self.0[row]];
            row = self.0[row];
        }
        row
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first(a), self.first(b));
        self.0[a.max(b)] = a.min(b);
    }
}

/// Two pictures, the smaller row first, of one shot.
type Links = BTreeMap<(u32, u32), Relation>;
type Link = ((u32, u32), Relation);

/// Pictures of one hash that others are compared with; beyond so many different ones, the hash tells nothing.
const LEADERS: usize = 16;

/// Pairs of one shot among those whose hashes, as they are or mirrored, differ in few bits.
fn by_hash(rows: &[Facts], pictures: &[u32]) -> Links {
    let mut links = Links::new();
    let large = |row: &&u32| !rows[**row as usize].is_small();
    let hashed = |row: &u32| Some((rows[*row as usize].comparable()?.hash(), *row));
    let mut of_hash: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for (hash, row) in pictures.iter().filter(large).filter_map(hashed) {
        of_hash.entry(hash).or_default().push(row);
    }
    let check = |a: u32, b: u32| same_whole(&rows[a as usize], &rows[b as usize]);
    // Of equal hashes each is compared with the first ones of each kind.
    let led: Vec<(Vec<u32>, Vec<Link>)> = of_hash
        .par_iter()
        .map(|(_, same)| {
            let (mut leaders, mut found): (Vec<u32>, Vec<_>) = (Vec::new(), Vec::new());
            for &row in same {
                let leader = leaders.iter().find_map(|&leader| Some((leader, check(leader, row)?)));
                match leader {
                    Some((leader, relation)) => found.push((ordered(leader, row), relation)),
                    None if leaders.len() < LEADERS => leaders.push(row),
                    None => {}
                }
            }
            (leaders, found)
        })
        .collect();
    let hashes: Vec<u64> = of_hash.keys().copied().collect();
    let index = Index::new(&hashes);
    let across: Vec<Vec<Link>> = (0..hashes.len())
        .into_par_iter()
        .map_init(Vec::new, |near, at| {
            let mut found = Vec::new();
            // All pictures of a hash have one mirrored hash, but for coefficients of zero.
            let mirrored = led[at].0.first().and_then(|row| rows[*row as usize].comparable());
            for hash in std::iter::once(hashes[at]).chain(mirrored.map(|signature| signature.mirrored_hash()))
            {
                index.near(hash, near);
                near.sort_unstable();
                for &other in near.iter().filter(|other| **other as usize > at) {
                    for &a in &led[at].0 {
                        let others = led[other as usize].0.iter();
                        found.extend(others.filter_map(|&b| Some((ordered(a, b), check(a, b)?))));
                    }
                }
            }
            found
        })
        .collect();
    links.extend(led.into_iter().flat_map(|(_, found)| found));
    links.extend(across.into_iter().flatten());
    links
}

fn ordered(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}

/// Pairs of one shot among neighbours, beside those known.
fn by_vector(
    rows: &[Facts],
    picture: &[u32],
    neighbours: &Neighbours,
    settings: &Settings,
    known: &Links,
) -> Vec<Link> {
    let of_row = |row: usize| {
        let near = neighbours.of(row).filter(|(_, distance)| *distance <= settings.reach);
        let pairs = near
            .filter_map(move |(other, _)| Some(ordered(*picture.get(row)?, *picture.get(other as usize)?)));
        pairs.filter(|pair| pair.0 != pair.1)
    };
    let comparable = |row: u32| rows[row as usize].comparable().is_some();
    let mut pairs: Vec<(u32, u32)> = (0..rows.len().min(neighbours.rows()))
        .flat_map(of_row)
        .filter(|pair| comparable(pair.0) && comparable(pair.1) && !known.contains_key(pair))
        .collect();
    pairs.par_sort_unstable();
    pairs.dedup();
    let check = |pair: &(u32, u32)| Some((*pair, same_shot(&rows[pair.0 as usize], &rows[pair.1 as usize])?));
    pairs.par_iter().filter_map(check).collect()
}

/// Each picture's centre, and what it is to it; none where it is its own.
fn centred(rows: &[Facts], pictures: &[u32], links: &Links) -> BTreeMap<u32, (u32, Relation)> {
    let mut linked: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for &(a, b) in links.keys() {
        linked.entry(a).or_default().push(b);
        linked.entry(b).or_default().push(a);
    }
    let mut order: Vec<u32> = pictures.iter().copied().filter(|row| linked.contains_key(row)).collect();
    let links_of = |row: &u32| linked.get(row).map_or(0, Vec::len);
    order.sort_by(|a, b| links_of(b).cmp(&links_of(a)).then_with(|| to_keep(rows, *a as usize, *b as usize)));
    let mut centres: BTreeMap<u32, (u32, Relation)> = BTreeMap::new();
    let mut taken = vec![false; rows.len()];
    for centre in order {
        if std::mem::replace(&mut taken[centre as usize], true) {
            continue;
        }
        // What hangs on the centre's own is asked whether it agrees with the centre.
        let (mut queue, mut asked) = (VecDeque::from([centre]), HashSet::from([centre]));
        while let Some(row) = queue.pop_front() {
            let others = linked.get(&row).into_iter().flatten().copied();
            for other in others {
                if taken[other as usize] || !asked.insert(other) {
                    continue;
                }
                let known = links.get(&ordered(centre, other)).copied();
                let relation = known.or_else(|| same_shot(&rows[centre as usize], &rows[other as usize]));
                if let Some(relation) = relation {
                    taken[other as usize] = true;
                    centres.insert(other, (centre, relation));
                    queue.push_back(other);
                }
            }
        }
    }
    centres
}

/// Identical and near groups, and what is kept of them.
fn write_near(
    rows: &[Facts],
    members: &BTreeMap<u32, Vec<u32>>,
    picture: &[u32],
    near: &BTreeMap<u32, (u32, Relation)>,
    verdicts: &mut [Verdict],
) {
    let mut groups: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (first, rows_of) in members {
        let picture = picture[*first as usize];
        let centre = near.get(&picture).map_or(picture, |(centre, _)| *centre);
        groups.entry(centre).or_default().extend(rows_of);
        if rows_of.len() > 1 {
            for row in rows_of {
                let verdict = &mut verdicts[*row as usize];
                (verdict.identical, verdict.class) = (Some(*first), Some(Class::Identical));
            }
        }
    }
    for (_, mut rows_of) in groups.into_iter().filter(|(_, rows_of)| rows_of.len() > 1) {
        rows_of.sort_unstable();
        let mut best = rows_of.clone();
        best.sort_by(|a, b| to_keep(rows, *a as usize, *b as usize));
        let (first, kept, second) = (rows_of.first().copied(), best[0] as usize, best[1] as usize);
        for row in rows_of {
            let (at, facts) = (row as usize, &rows[row as usize]);
            let reason = if at == kept {
                Reason::Kept(why_kept(facts, &rows[second]))
            } else if picture[at] != picture[kept] {
                // What agrees with the centre alone is of its shot all the same.
                let centred = near.get(&picture[at]).map_or(Relation::Whole, |(_, relation)| *relation);
                Reason::SameShot(same_shot(&rows[kept], facts).unwrap_or(centred))
            } else if facts.hash.is_some()
                && (facts.hash, facts.ordinal) == (rows[kept].hash, rows[kept].ordinal)
            {
                Reason::SameBytes
            } else {
                Reason::SamePixels
            };
            let verdict = &mut verdicts[at];
            (verdict.near, verdict.keeper, verdict.reason) = (first, Some(at == kept), Some(reason));
            verdict.class = verdict.class.or(Some(Class::Near));
        }
    }
}

/// Groups of similar rows around those with the most links; near groups stay together.
fn write_similar(neighbours: &Neighbours, settings: &Settings, verdicts: &mut [Verdict]) {
    let node: Vec<u32> =
        verdicts.iter().enumerate().map(|(row, verdict)| verdict.near.unwrap_or(row as u32)).collect();
    let mut linked: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for row in 0..verdicts.len().min(neighbours.rows()) {
        for (other, _) in neighbours.of(row).filter(|(_, distance)| *distance <= settings.similar) {
            if let Some((a, b)) = node.get(other as usize).map(|b| (node[row], *b)).filter(|(a, b)| a != b) {
                linked.entry(a).or_default().push(b);
                linked.entry(b).or_default().push(a);
            }
        }
    }
    linked.values_mut().for_each(|others| {
        others.sort_unstable();
        others.dedup();
    });
    let mut order: Vec<(usize, u32)> = linked.iter().map(|(row, others)| (others.len(), *row)).collect();
    order.sort_unstable_by_key(|(count, row)| (std::cmp::Reverse(*count), *row));
    let mut group: BTreeMap<u32, u32> = BTreeMap::new();
    for (_, centre) in order {
        if group.contains_key(&centre) {
            continue;
        }
        let free = linked[&centre].iter().copied().filter(|other| !group.contains_key(other));
        let free: Vec<u32> = free.collect();
        if !free.is_empty() {
            let first = free.iter().copied().min().unwrap_or(centre).min(centre);
            group.extend(free.into_iter().chain([centre]).map(|member| (member, first)));
        }
    }
    for (row, verdict) in verdicts.iter_mut().enumerate() {
        verdict.similar = group.get(&node[row]).copied().or(verdict.near);
        if verdict.similar.is_some() {
            verdict.class = verdict.class.or(Some(Class::Similar));
        }
    }
}

#[cfg(test)]
mod tests;
