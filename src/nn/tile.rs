//! Where tiles lie: pure arithmetic along one axis of the picture, in input pixels.

/// Lengths in pixels to which tile sizes are rounded, so that few distinct shapes occur.
const GRAIN: usize = 32;
/// Tile lengths that are considered, smallest first.
const LENGTHS: [usize; 5] = [256, 384, 512, 768, 1024];
/// Time that a smaller tile may cost over the best before it is taken for its smaller memory.
const TOLERANCE: f64 = 1.1;
/// A core's own cache, in bytes.
const CACHE: f64 = (1 << 20) as f64;
/// What a working set far beyond that cache adds to the time (`docs/benchmarks.md`, tile sizes).
const SPILL: f64 = 0.2;
/// Working memory that one tile may take, in bytes, unless the overlap forces more.
const MEMORY: usize = 512 << 20;

/// One tile along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// First input position; the tile reads `Axis::tile` positions from here.
    pub(super) start: usize,
    /// First position whose output is kept.
    pub(super) from: usize,
    /// Position after the last one kept.
    pub(super) to: usize,
}

/// The tiles along one axis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Axis {
    /// Length of the picture.
    pub(super) length: usize,
    /// Length of every tile.
    pub(super) tile: usize,
    /// The tiles, in order; what they keep covers the picture without overlap.
    pub(super) spans: Vec<Span>,
    /// What they keep is cut where it is far from borders; else overlaps must be blended.
    pub(super) exact: bool,
}

/// What the network demands of tiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Demands {
    /// Receptive radius; none when it spans everything.
    pub(super) radius: Option<usize>,
    /// Pictures and tiles are lengthened to multiples of this.
    pub(super) multiple: usize,
    /// Tiles start at multiples of this, and are as long as the picture modulo this.
    pub(super) period: usize,
    /// The shortest picture or tile.
    pub(super) least: usize,
}

/// Expected time for each pixel kept of a picture's inner tiles, in units of a tile without overlap that
/// stays in the cache: what overlap repeats, times what memory traffic adds.
fn cost(length: usize, radius: usize, bytes_per_pixel: usize) -> f64 {
    if length <= 2 * radius {
        return f64::INFINITY;
    }
    let overlap = (length as f64 / (length - 2 * radius) as f64).powi(2);
    let bytes = (length * length * bytes_per_pixel.max(1)) as f64;
    overlap * (1.0 + SPILL * (1.0 - CACHE / bytes).max(0.0))
}

/// The largest tile worth using, by [`cost`] and memory, for a network of variable size.
pub(super) fn best_length(demands: Demands, bytes_per_pixel: usize) -> usize {
    let fits = |t: usize| t * t * bytes_per_pixel.max(1) <= MEMORY;
    let Some(radius) = demands.radius else {
        // The more a global operator sees the better.
        return LENGTHS.into_iter().rev().find(|t| fits(*t)).unwrap_or(LENGTHS[0]);
    };
    let least = (4 * radius).next_multiple_of(GRAIN);
    let candidates = || LENGTHS.into_iter().filter(|t| fits(*t));
    let costs = |t: usize| cost(t, radius, bytes_per_pixel);
    let best = candidates().map(costs).fold(f64::INFINITY, f64::min);
    let chosen = candidates().find(|t| costs(*t) <= TOLERANCE * best).unwrap_or(LENGTHS[0]);
    chosen.max(least)
}

/// Tiles for a network of variable size: the whole axis where it is at most `longest`, else equal
/// tiles no longer than `longest` (or than the overlap demands).
pub(super) fn variable(length: usize, longest: usize, demands: Demands) -> Axis {
    let multiple = demands.multiple.max(1);
    let period = super::receptive::lcm(demands.period.max(1), multiple);
    let padded = length.max(demands.least).next_multiple_of(multiple);
    if padded <= longest {
        return whole(length, padded);
    }
    let (margin, exact) = match demands.radius {
        Some(radius) => (radius, true),
        None => (longest / 8, false),
    };
    let rest = padded % period;
    let slack = if rest == 0 { period } else { 2 * period };
    // Shorter tiles would be almost all overlap.
    let longest = longest.max(4 * margin + slack).max(demands.least + slack).next_multiple_of(period);
    if padded <= longest {
        return whole(length, padded);
    }
    // As many tiles as `longest` needs, then as short as that number allows.
    let count = (padded - 2 * margin).div_ceil(longest - 2 * margin - (slack - 1));
    let even = (padded - 2 * margin).div_ceil(count) + 2 * margin + period - 1;
    let grain = super::receptive::lcm(period, GRAIN);
    let most = longest - (period - rest) % period;
    let tile = (rest + even.saturating_sub(rest).next_multiple_of(grain)).min(most).min(padded);
    cut(length, padded, tile.max(demands.least.next_multiple_of(period) + rest), margin, period, exact)
}

/// Tiles for a network of fixed input length `tile`; short pictures are padded to it.
pub(super) fn fixed(length: usize, tile: usize, demands: Demands) -> Axis {
    if length <= tile {
        return whole(length, tile);
    }
    let multiple = if demands.period <= tile { demands.period.max(1) } else { 1 };
    let padded = tile + (length - tile).next_multiple_of(multiple);
    match demands.radius.filter(|r| 2 * r + multiple <= tile) {
        Some(radius) => cut(length, padded, tile, radius, multiple, true),
        None => cut(length, padded, tile, tile / 4, 1, false),
    }
}

fn whole(length: usize, tile: usize) -> Axis {
    Axis { length, tile, spans: vec![Span { start: 0, from: 0, to: length }], exact: true }
}

/// Tiles whose outer `margin` is not kept, save at the picture's borders; the last is moved inward.
fn cut(length: usize, padded: usize, tile: usize, margin: usize, multiple: usize, exact: bool) -> Axis {
    let step = ((tile - 2 * margin) / multiple * multiple).max(1);
    let mut spans = vec![];
    let (mut start, mut from) = (0, 0);
    loop {
        let last = start + tile >= padded;
        if last {
            start = padded - tile;
        }
        let to = if last { length } else { (start + tile - margin).min(length) };
        spans.push(Span { start, from, to });
        if to >= length {
            return Axis { length, tile, spans, exact };
        }
        (from, start) = (to, start + step);
    }
}

impl Axis {
    /// Weight of position `i` of tile `k` where overlaps are blended: rises linearly over what is
    /// shared with the tile before, falls over what is shared with the next. Never 0.
    pub(super) fn weight(&self, k: usize, i: usize) -> f32 {
        let Some(span) = self.spans.get(k) else { return 0.0 };
        let before = k
            .checked_sub(1)
            .and_then(|p| self.spans.get(p))
            .map(|p| (p.start + self.tile).saturating_sub(span.start));
        let after = self.spans.get(k + 1).map(|n| (span.start + self.tile).saturating_sub(n.start));
        let ramp = |distance: usize, overlap: Option<usize>| match overlap {
            Some(n) if distance < n => (distance as f32 + 0.5) / n as f32,
            _ => 1.0,
        };
        ramp(i, before) * ramp(self.tile - 1 - i.min(self.tile - 1), after)
    }
}

/// Blending weights along one axis, in output pixels.
pub(super) struct Weights {
    /// For each tile, the weight of each of its positions.
    pub(super) of: Vec<Vec<f32>>,
    /// For each position of the picture, the sum over the tiles that cover it.
    pub(super) sum: Vec<f32>,
}

/// Those of the tiles of `axis`.
pub(super) fn weights(axis: &Axis, scale: usize) -> Weights {
    let of: Vec<Vec<f32>> = (0..axis.spans.len())
        .map(|k| (0..axis.tile * scale).map(|i| axis.weight(k, i / scale)).collect())
        .collect();
    let mut sum = vec![0.0; axis.length * scale];
    for (span, weights) in axis.spans.iter().zip(&of) {
        for (total, w) in sum[(span.start * scale).min(axis.length * scale)..].iter_mut().zip(weights) {
            *total += w;
        }
    }
    Weights { of, sum }
}

/// Position `i` of an axis of `length` continued beyond its end by reflection.
pub(super) fn reflected(i: usize, length: usize) -> usize {
    if i < length {
        return i;
    }
    if length < 2 {
        return 0;
    }
    let period = 2 * (length - 1);
    let i = i % period;
    if i < length { i } else { period - i }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demands(radius: Option<usize>, multiple: usize) -> Demands {
        Demands { radius, multiple, period: multiple, least: 1 }
    }

    #[test]
    fn tiles_of_a_grid_are_as_long_as_the_picture_modulo_it() {
        for (multiple, period) in [(1, 4), (2, 8), (1, 12), (3, 48)] {
            for radius in [0, 1, 9, 40] {
                for length in 1..600 {
                    let demands = Demands { radius: Some(radius), multiple, period, least: 20 };
                    let axis = variable(length, 64, demands);
                    let padded = length.max(20).next_multiple_of(multiple);
                    assert_eq!(axis.tile % period, padded % period, "{length} {demands:?} {axis:?}");
                    check(&axis, radius, period, padded);
                    assert!(axis.tile >= 20 && axis.tile <= padded);
                }
            }
        }
    }

    fn check(axis: &Axis, margin: usize, multiple: usize, padded: usize) {
        let mut next = 0;
        for (k, s) in axis.spans.iter().enumerate() {
            assert_eq!(s.from, next, "{axis:?}");
            next = s.to;
            assert_eq!(s.start % multiple, 0, "{axis:?}");
            assert!(s.start + axis.tile <= padded, "{axis:?}");
            assert!(k == 0 || s.from >= s.start + margin, "{axis:?}");
            assert!(k + 1 == axis.spans.len() || s.to + margin <= s.start + axis.tile, "{axis:?}");
        }
        assert_eq!(next, axis.length);
    }

    #[test]
    fn tiles_cover_every_length_and_keep_their_margin() {
        for radius in [0, 1, 17, 90] {
            for multiple in [1, 2, 8, 12] {
                for length in (1..700).step_by(7).chain([4096, 8191]) {
                    for longest in [64, 256, 384] {
                        let demands = demands(Some(radius), multiple);
                        let axis = variable(length, longest, demands);
                        check(&axis, radius, multiple, length.next_multiple_of(multiple));
                        let tile = axis.tile;
                        assert!(tile.is_multiple_of(multiple) && tile >= axis.length.min(tile));
                    }
                }
            }
        }
    }

    #[test]
    fn tiles_of_a_fixed_network_start_on_its_grid() {
        for length in 1..300 {
            let axis = fixed(length, 28, demands(Some(9), 4));
            let padded = if length <= 28 { 28 } else { 28 + (length - 28).next_multiple_of(4) };
            check(&axis, 9, 4, padded);
            assert!(axis.exact);
        }
    }

    #[test]
    fn weights_of_blended_tiles_cover_everything() {
        let axis = fixed(100, 28, demands(None, 1));
        assert!(!axis.exact);
        for x in 0..100 {
            let sum: f32 = (0..axis.spans.len())
                .filter(|k| (axis.spans[*k].start..axis.spans[*k].start + 28).contains(&x))
                .map(|k| axis.weight(k, x - axis.spans[k].start))
                .sum();
            assert!(sum > 0.4, "{x}: {sum}");
        }
    }

    #[test]
    fn tiles_grow_with_the_overlap_and_shrink_with_the_memory() {
        let length = |radius, bytes| best_length(demands(Some(radius), 1), bytes);
        assert_eq!([length(2, 500), length(10, 500), length(17, 500), length(29, 500)], [256, 384, 512, 768]);
        assert_eq!(length(29, 4000), 256);
        // Mostly overlap at any length that is considered.
        assert_eq!((length(200, 500), length(300, 500)), (1024, 1216));
    }

    #[test]
    fn few_shapes_and_little_waste() {
        let demands = demands(Some(17), 1);
        let axis = variable(400, 384, demands);
        assert_eq!((axis.spans.len(), axis.tile), (2, 224));
    }

    #[test]
    fn tiles_asked_too_short_do_not_explode_the_work() {
        for (radius, multiple) in [(17, 1), (90, 8), (200, 32)] {
            for longest in [16, 2 * radius + 1, 3 * radius] {
                let axis = variable(20_000, longest, demands(Some(radius), multiple));
                let work = axis.spans.len() * axis.tile;
                assert!(work < 45_000, "{radius} {longest}: {work}");
            }
        }
    }

    #[test]
    fn reflection_repeats() {
        let seen: Vec<_> = (0..9).map(|i| reflected(i, 4)).collect();
        assert_eq!(seen, [0, 1, 2, 3, 2, 1, 0, 1, 2]);
        assert_eq!(reflected(5, 1), 0);
    }
}
