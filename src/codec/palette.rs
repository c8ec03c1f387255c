//! At most 256 colours for a picture, as GIF holds them: its own where they are no more, otherwise the boxes of colour that
//! vary most are divided, the means of what is nearest to each take their place, and every pixel gets the nearest.
//! Nothing is dithered.

use std::collections::BTreeSet;
use std::ops::Range;

use multiversion::multiversion;

/// Colours that fit.
const MOST: usize = 256;
/// Bits of each sample that tell cells of colour apart which are counted.
const COUNTED: u32 = 6;
/// Bits of each sample that tell cells apart which have a list of the colours that may be nearest.
const LISTED: u32 = 5;
/// How often colours become the means of what is nearest to them.
const ROUNDS: usize = 4;

/// A picture as places in a palette.
pub(super) struct Indexed {
    /// At most 256.
    pub(super) colours: Vec<[u8; 3]>,
    /// The colour of each pixel.
    pub(super) places: Vec<u8>,
    /// The colour that is not shown.
    pub(super) hidden: Option<u8>,
}

/// A picture in at most 256 colours; where `hidden` holds, none is shown. `hidden` is empty where all are.
pub(super) fn indexed(pixels: &[[u8; 3]], hidden: &[bool]) -> Indexed {
    let hides = hidden.contains(&true);
    let mut shown = Vec::new();
    if hides {
        shown =
            pixels.iter().zip(hidden).filter(|(_, hidden)| !**hidden).map(|(colour, _)| *colour).collect();
    }
    let seen = if hides { &shown } else { pixels };
    let room = MOST - usize::from(hides);
    let mut colours = few(seen, room).unwrap_or_else(|| reduced(seen, room));
    let mut places = nearest(seen, &colours);
    let mut place = None;
    if hides {
        // No colour has this place, so that none is hidden with it.
        let last = colours.len() as u8;
        place = Some(last);
        colours.push([0; 3]);
        let mut next = places.into_iter();
        places =
            hidden.iter().map(|hidden| if *hidden { last } else { next.next().unwrap_or(last) }).collect();
    }
    Indexed { colours, places, hidden: place }
}

/// All colours in order, if there are at most `room`.
fn few(pixels: &[[u8; 3]], room: usize) -> Option<Vec<[u8; 3]>> {
    let mut found = BTreeSet::new();
    let mut last = None;
    for colour in pixels {
        if last != Some(colour) && found.insert(*colour) && found.len() > room {
            return None;
        }
        last = Some(colour);
    }
    Some(found.into_iter().collect())
}

/// Colours of a cell: how many, and their mean.
#[derive(Clone, Copy)]
struct Cell {
    weight: f32,
    mean: [f32; 3],
}

fn cell(colour: [u8; 3], bits: u32) -> usize {
    colour.iter().fold(0, |cell, v| cell << bits | usize::from(v >> (8 - bits)))
}

/// At most `room` colours for these.
fn reduced(pixels: &[[u8; 3]], room: usize) -> Vec<[u8; 3]> {
    let mut cells = cells(pixels);
    let mut means = divided(&mut cells, room);
    for _ in 0..ROUNDS {
        means = refined(&cells, &means);
    }
    let mut colours: Vec<[u8; 3]> = means.iter().map(|mean| mean.map(|v| (v + 0.5) as u8)).collect();
    colours.sort_unstable();
    colours.dedup();
    colours
}

fn cells(pixels: &[[u8; 3]]) -> Vec<Cell> {
    let mut sums = vec![[0u64; 4]; 1 << (3 * COUNTED)];
    for colour in pixels {
        let [r, g, b, count] = &mut sums[cell(*colour, COUNTED)];
        *r += u64::from(colour[0]);
        *g += u64::from(colour[1]);
        *b += u64::from(colour[2]);
        *count += 1;
    }
    let found = sums.iter().filter(|[.., count]| *count > 0);
    let cell = |&[r, g, b, count]: &[u64; 4]| Cell {
        weight: count as f32,
        mean: [r, g, b].map(|sum| (sum as f64 / count as f64) as f32),
    };
    found.map(cell).collect()
}

/// A box: its cells, their mean, and the axis on which they vary most, with the sum of squares there.
struct Part {
    cells: Range<usize>,
    mean: [f32; 3],
    axis: usize,
    spread: f64,
}

impl Part {
    fn new(all: &[Cell], range: Range<usize>) -> Part {
        let (mut weight, mut sums, mut squares) = (0.0, [0.0; 3], [0.0; 3]);
        for cell in &all[range.clone()] {
            let w = f64::from(cell.weight);
            weight += w;
            for axis in 0..3 {
                let v = f64::from(cell.mean[axis]);
                sums[axis] += w * v;
                squares[axis] += w * v * v;
            }
        }
        let spread = |axis: usize| squares[axis] - sums[axis] * sums[axis] / weight;
        let (axis, spread) = [0, 1, 2]
            .map(|axis| (axis, spread(axis)))
            .into_iter()
            .fold((0, 0.0), |widest, next| if next.1 > widest.1 { next } else { widest });
        Part { cells: range, mean: sums.map(|sum| (sum / weight) as f32), axis, spread }
    }
}

/// Means of at most `room` boxes, of which the one that varies most was divided each time.
fn divided(all: &mut [Cell], room: usize) -> Vec<[f32; 3]> {
    let mut parts = vec![Part::new(all, 0..all.len())];
    while parts.len() < room {
        let several = parts.iter_mut().filter(|part| part.cells.len() > 1);
        let Some(widest) = several.max_by(|a, b| a.spread.total_cmp(&b.spread)) else { break };
        let (axis, middle, range) = (widest.axis, widest.mean[widest.axis], widest.cells.clone());
        let cells = &mut all[range.clone()];
        let mut low = 0;
        for at in 0..cells.len() {
            if cells[at].mean[axis] <= middle {
                cells.swap(low, at);
                low += 1;
            }
        }
        // The rounded mean may leave all on one side.
        let between = range.start + low.clamp(1, cells.len() - 1);
        *widest = Part::new(all, range.start..between);
        parts.push(Part::new(all, between..range.end));
    }
    parts.iter().map(|part| part.mean).collect()
}

/// For each colour the mean of the cells that it is nearest to; itself where there are none.
#[multiversion(targets("x86_64+avx2"))]
fn refined(cells: &[Cell], colours: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let [reds, greens, blues] = axes(colours);
    let mut sums = vec![[0.0f64; 4]; colours.len()];
    for cell in cells {
        // Bits of what is not negative are in its order; the last eight are the place, and nobody misses them.
        let mut least = u32::MAX;
        for (place, (r, (g, b))) in (0u32..).zip(reds.iter().zip(greens.iter().zip(&blues))) {
            let (r, g, b) = (r - cell.mean[0], g - cell.mean[1], b - cell.mean[2]);
            least = least.min((r * r + g * g + b * b).to_bits() & !0xFF | place);
        }
        let weight = f64::from(cell.weight);
        let sum = &mut sums[(least & 0xFF) as usize];
        sum.iter_mut().zip(cell.mean).for_each(|(sum, v)| *sum += weight * f64::from(v));
        sum[3] += weight;
    }
    let mean = |(&[r, g, b, weight], before): (&[f64; 4], &[f32; 3])| {
        if weight > 0.0 { [r, g, b].map(|sum| (sum / weight) as f32) } else { *before }
    };
    sums.iter().zip(colours).map(mean).collect()
}

fn axes<T: Copy>(colours: &[[T; 3]]) -> [Vec<T>; 3] {
    [0, 1, 2].map(|axis| colours.iter().map(|colour| colour[axis]).collect())
}

/// The place of the nearest colour for each pixel; the first of equals.
fn nearest(pixels: &[[u8; 3]], colours: &[[u8; 3]]) -> Vec<u8> {
    let axes = axes(&colours.iter().map(|colour| colour.map(i32::from)).collect::<Vec<_>>());
    let mut least = vec![0; colours.len()];
    // From and to where the colours of a cell stand in `near`; from 0 to 0 before it is seen.
    let mut lists = vec![(0, 0); 1 << (3 * LISTED)];
    let mut near: Vec<([i32; 3], u8)> = Vec::new();
    let mut last = None;
    let mut place = |colour: &[u8; 3]| {
        if let Some((same, place)) = last
            && same == *colour
        {
            return place;
        }
        let list = &mut lists[cell(*colour, LISTED)];
        if list.1 == 0 {
            let start = near.len();
            let limit = bounds(&axes, *colour, &mut least);
            let candidates = least.iter().zip(colours).zip(0..=u8::MAX);
            let candidates = candidates.filter(|((least, _), _)| **least <= limit);
            near.extend(candidates.map(|((_, colour), place)| (colour.map(i32::from), place)));
            *list = (start, near.len());
        }
        let [r, g, b] = colour.map(i32::from);
        let mut best = (i32::MAX, 0);
        for (colour, place) in &near[list.0..list.1] {
            let (r, g, b) = (colour[0] - r, colour[1] - g, colour[2] - b);
            let distance = r * r + g * g + b * b;
            if distance < best.0 {
                best = (distance, *place);
            }
        }
        last = Some((*colour, best.1));
        best.1
    };
    pixels.iter().map(&mut place).collect()
}

/// For each colour its squared distance to the nearest of the cell of `inside`; and the least of those to the farthest:
/// what is farther from all of the cell than that is nearest to none of it.
#[multiversion(targets("x86_64+avx2"))]
fn bounds([r, g, b]: &[Vec<i32>; 3], inside: [u8; 3], least: &mut [i32]) -> i32 {
    const SIDE: i32 = 1 << (8 - LISTED);
    let [low_r, low_g, low_b] = inside.map(|v| i32::from(v) & -SIDE);
    let mut limit = i32::MAX;
    for (least, (r, (g, b))) in least.iter_mut().zip(r.iter().zip(g.iter().zip(b))) {
        let (mut near, mut far) = (0, 0);
        for (v, low) in [(*r, low_r), (*g, low_g), (*b, low_b)] {
            let (below, above) = (low - v, v - (low + SIDE - 1));
            let outside = below.max(above).max(0);
            let farthest = below.abs().max(above.abs());
            near += outside * outside;
            far += farthest * farthest;
        }
        *least = near;
        limit = limit.min(far);
    }
    limit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    /// Random colours around some that vary.
    fn picture(count: usize) -> Vec<[u8; 3]> {
        let mut rng = Rng::new(7);
        let mut draw = |most: f64| (rng.unit() * most) as u8;
        (0..count).map(|i| [(i * 200 / count) as u8 + draw(40.0), draw(90.0), 60 + draw(30.0)]).collect()
    }

    fn distance(a: [u8; 3], b: [u8; 3]) -> i32 {
        a.iter().zip(b).map(|(a, b)| (i32::from(*a) - i32::from(b)).pow(2)).sum()
    }

    #[test]
    fn every_pixel_gets_the_nearest_colour() {
        let pixels = picture(6000);
        let Indexed { colours, places, hidden } = indexed(&pixels, &[]);
        assert!(colours.len() > 250 && hidden.is_none());
        let mut sum = 0.0;
        for (pixel, place) in pixels.iter().zip(places) {
            let least = colours.iter().map(|colour| distance(*colour, *pixel)).min().unwrap();
            assert_eq!(distance(colours[usize::from(place)], *pixel), least, "{pixel:?}");
            sum += f64::from(least);
        }
        // 256 cubes would fill this space with sides of 14, within which the mean of squares is 49.
        let mean = sum / pixels.len() as f64;
        assert!(mean < 49.0, "{mean}");
    }

    #[test]
    fn few_colours_stay_as_they_are_in_order() {
        let mut pixels: Vec<[u8; 3]> = (0..=255).rev().map(|v| [v, 255 - v, 7]).collect();
        pixels.extend(pixels.clone());
        let Indexed { colours, places, .. } = indexed(&pixels, &[]);
        assert!(colours.len() == 256 && colours.is_sorted());
        assert!(pixels.iter().zip(places).all(|(pixel, place)| colours[usize::from(place)] == *pixel));
        let none = indexed(&[], &[]);
        assert!(none.colours.is_empty() && none.places.is_empty());
    }

    #[test]
    fn what_is_hidden_has_a_place_of_its_own() {
        let pixels = picture(3000);
        let gone: Vec<bool> = (0..3000).map(|i| i % 7 == 0).collect();
        let Indexed { colours, places, hidden } = indexed(&pixels, &gone);
        let hidden = hidden.unwrap();
        assert!(colours.len() <= 256 && usize::from(hidden) == colours.len() - 1);
        assert!(places.iter().zip(&gone).all(|(place, gone)| (*place == hidden) == *gone));
        let all = indexed(&[[1; 3]; 4], &[true; 4]);
        assert_eq!((all.places, all.hidden, all.colours.len()), (vec![0; 4], Some(0), 1));
    }
}
