//! Resampling of 8-bit pictures with the bits of Pillow's `Image.resize`: weights in fixed point, first along the rows and
//! then along the columns, rounded to 8 bits after each. The order and the rounding are those of its `Resample.c` and
//! `Geometry.c`; see <https://github.com/python-pillow/Pillow/tree/main/src/libImaging>.

use super::cubic::Region;
use multiversion::multiversion;
use std::f64::consts::PI;
use std::ops::Range;

/// Bits behind the point of a weight: a sum of 8-bit samples has room beside it in 32 bits.
const BITS: u32 = 32 - 8 - 2;
/// Lines, or samples of a line, that are weighed at once.
const STRIP: usize = 64;

/// How new pixels are made from old ones, by Pillow's names. All but `Nearest` widen with the shrinking factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// The nearest old pixel.
    Nearest,
    /// The mean of the old pixels that a new one covers.
    Box,
    /// Linear interpolation.
    Bilinear,
    /// A raised cosine over one pixel each way.
    Hamming,
    /// Cubic interpolation, a = -0.5.
    Bicubic,
    /// Windowed sinc over three lobes.
    Lanczos,
}

impl Kernel {
    /// How far it reaches, in old pixels where the picture grows.
    fn support(self) -> f64 {
        match self {
            Kernel::Nearest => 0.0,
            Kernel::Box => 0.5,
            Kernel::Bilinear | Kernel::Hamming => 1.0,
            Kernel::Bicubic => 2.0,
            Kernel::Lanczos => 3.0,
        }
    }

    fn weight(self, x: f64) -> f64 {
        let sinc = |x: f64| match x {
            0.0 => 1.0,
            x => libm::sin(x * PI) / (x * PI),
        };
        let near = x.abs();
        match self {
            Kernel::Nearest => 0.0,
            Kernel::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Kernel::Bilinear => (1.0 - near).max(0.0),
            Kernel::Hamming if near == 0.0 => 1.0,
            Kernel::Hamming if near >= 1.0 => 0.0,
            Kernel::Hamming => {
                // Single precision, as Pillow writes them.
                let turn = near * PI;
                libm::sin(turn) / turn * (f64::from(0.54_f32) + f64::from(0.46_f32) * libm::cos(turn))
            }
            Kernel::Bicubic if near < 1.0 => (1.5 * near - 2.5) * near * near + 1.0,
            Kernel::Bicubic if near < 2.0 => (((near - 5.0) * near + 8.0) * near - 4.0) * -0.5,
            Kernel::Bicubic => 0.0,
            Kernel::Lanczos if (-3.0..3.0).contains(&x) => sinc(x) * sinc(x / 3.0),
            Kernel::Lanczos => 0.0,
        }
    }
}

/// An 8-bit picture: `channels` samples a pixel side by side, row by row.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a> {
    /// All samples.
    pub samples: &'a [u8],
    /// Width and height in pixels.
    pub size: (usize, usize),
    /// 1 or 3.
    pub channels: usize,
}

/// The part `part` of what `from` becomes at `size` (width and height), whose pixels don't depend on the part.
///
/// # Panics
/// When the samples don't fit the size, the channels are neither 1 nor 3, a side is 0, or the part is empty or reaches beyond `size`.
pub fn resize_part(from: Bytes<'_>, size: (usize, usize), kernel: Kernel, part: Region) -> Vec<u8> {
    let Bytes { samples, size: old, channels } = from;
    assert_eq!(samples.len(), old.0 * old.1 * channels, "a picture of another size than it says");
    assert!(old.0 > 0 && old.1 > 0 && size.0 > 0 && size.1 > 0, "a picture without pixels");
    assert!(part.width > 0 && part.height > 0, "a part without pixels");
    assert!(part.x + part.width <= size.0 && part.y + part.height <= size.1, "a part beyond the picture");
    let columns = part.x..part.x + part.width;
    let rows = part.y..part.y + part.height;
    if size == old {
        let line = |y: usize| &samples[(y * old.0 + part.x) * channels..][..part.width * channels];
        return rows.flat_map(line).copied().collect();
    }
    if kernel == Kernel::Nearest {
        return nearest(from, size, columns, rows);
    }
    // Rows of the picture that the part depends on.
    let vertical = (size.1 != old.1).then(|| taps(old.1, size.1, kernel, rows.clone()));
    let needed = match &vertical {
        None => rows,
        Some(taps) => {
            let first = taps.iter().map(|tap| tap.start).min().unwrap_or(0);
            first..taps.iter().map(|tap| tap.start + tap.weights.len()).max().unwrap_or(0)
        }
    };
    let lines = needed.clone().map(|y| &samples[y * old.0 * channels..][..old.0 * channels]);
    let across: Vec<u8> = if size.0 == old.0 {
        lines.flat_map(|line| &line[part.x * channels..][..part.width * channels]).copied().collect()
    } else {
        along(&lines.collect::<Vec<_>>(), channels, &taps(old.0, size.0, kernel, columns))
    };
    match vertical {
        None => across,
        Some(taps) => down(&across, part.width * channels, needed.start, &taps),
    }
}

/// The old pixels that a new one is made of.
struct Tap {
    start: usize,
    weights: Vec<i32>,
}

/// The weights of the new pixels in `wanted`, for a side of `old` pixels that becomes `new`.
fn taps(old: usize, new: usize, kernel: Kernel, wanted: Range<usize>) -> Vec<Tap> {
    let scale = old as f64 / new as f64;
    let widened = scale.max(1.0);
    let (support, narrowed) = (kernel.support() * widened, 1.0 / widened);
    let tap = |pixel: usize| {
        let centre = (pixel as f64 + 0.5) * scale;
        // Towards 0, as C does.
        let start = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(old);
        let exact: Vec<f64> =
            (start..end).map(|x| kernel.weight((x as f64 - centre + 0.5) * narrowed)).collect();
        let sum: f64 = exact.iter().sum();
        let fixed = |weight: &f64| {
            let weight = if sum == 0.0 { *weight } else { weight / sum } * f64::from(1 << BITS);
            (weight + 0.5_f64.copysign(weight)) as i32
        };
        Tap { start, weights: exact.iter().map(fixed).collect() }
    };
    wanted.map(tap).collect()
}

fn rounded(sum: i32) -> u8 {
    (sum >> BITS).clamp(0, 255) as u8
}

/// Lines resampled along themselves, `STRIP` at a time: these stand side by side, sample by sample, so that each weight meets
/// many samples at once.
fn along(lines: &[&[u8]], channels: usize, taps: &[Tap]) -> Vec<u8> {
    let width = lines.first().map_or(0, |line| line.len());
    let new = taps.len() * channels;
    let mut out = vec![0; lines.len() * new];
    let (mut beside, mut sums) = (vec![[0; STRIP]; width], vec![[0; STRIP]; new]);
    for (lines, out) in lines.chunks(STRIP).zip(out.chunks_mut(STRIP * new)) {
        turn_in(lines, &mut beside);
        weigh_along(&beside, channels, taps, &mut sums);
        turn_out(&sums, new, out);
    }
    out
}

#[multiversion(targets("x86_64+avx2"))]
fn weigh_along(beside: &[[u8; STRIP]], channels: usize, taps: &[Tap], out: &mut [[u8; STRIP]]) {
    for (tap, to) in taps.iter().zip(out.chunks_exact_mut(channels)) {
        for (c, to) in to.iter_mut().enumerate() {
            let mut sums = [1i32 << (BITS - 1); STRIP];
            for (samples, weight) in
                beside[tap.start * channels + c..].iter().step_by(channels).zip(&tap.weights)
            {
                for i in 0..STRIP {
                    sums[i] += i32::from(samples[i]) * weight;
                }
            }
            for i in 0..STRIP {
                to[i] = rounded(sums[i]);
            }
        }
    }
}

/// Lines, at most `STRIP` of one length, put side by side.
fn turn_in(lines: &[&[u8]], beside: &mut [[u8; STRIP]]) {
    let whole = beside.len() / 8 * 8;
    for (eight, rows) in lines.chunks(8).enumerate() {
        for x in (0..whole).step_by(8) {
            let mut square = [0; 8];
            for (row, line) in square.iter_mut().zip(rows) {
                *row = line[x..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            }
            for (to, row) in beside[x..].iter_mut().zip(turned(square)) {
                to[eight * 8..eight * 8 + 8].copy_from_slice(&row.to_le_bytes());
            }
        }
        for (row, line) in rows.iter().enumerate() {
            for (to, sample) in beside[whole..].iter_mut().zip(&line[whole..]) {
                to[eight * 8 + row] = *sample;
            }
        }
    }
}

/// The lines of `width` samples that stood side by side.
fn turn_out(beside: &[[u8; STRIP]], width: usize, lines: &mut [u8]) {
    for (eight, rows) in lines.chunks_mut(8 * width).enumerate() {
        for (x, columns) in beside.chunks(8).enumerate() {
            let mut square = [0; 8];
            for (row, column) in square.iter_mut().zip(columns) {
                *row = column[eight * 8..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            }
            for (line, row) in rows.chunks_exact_mut(width).zip(turned(square)) {
                let to = &mut line[x * 8..][..columns.len()];
                to.copy_from_slice(&row.to_le_bytes()[..columns.len()]);
            }
        }
    }
}

/// Eight rows of eight bytes as columns: squares of 1, 2 and 4 change places across the diagonal.
fn turned(mut rows: [u64; 8]) -> [u64; 8] {
    const SQUARES: [(usize, u64); 3] =
        [(1, 0x00ff_00ff_00ff_00ff), (2, 0x0000_ffff_0000_ffff), (4, 0x0000_0000_ffff_ffff)];
    for (side, mask) in SQUARES {
        for i in 0..8 {
            if i & side == 0 {
                let (upper, lower) = (rows[i], rows[i + side]);
                rows[i] = (upper & mask) | ((lower & mask) << (8 * side));
                rows[i + side] = ((upper >> (8 * side)) & mask) | (lower & !mask);
            }
        }
    }
    rows
}

/// Lines of `width` samples, of which the first is that of row `first`, resampled across.
fn down(lines: &[u8], width: usize, first: usize, taps: &[Tap]) -> Vec<u8> {
    let mut out = vec![0; width * taps.len()];
    for (tap, to) in taps.iter().zip(out.chunks_exact_mut(width)) {
        line_down(&lines[(tap.start - first) * width..], width, &tap.weights, to);
    }
    out
}

#[multiversion(targets("x86_64+avx2"))]
fn line_down(lines: &[u8], width: usize, weights: &[i32], out: &mut [u8]) {
    let (strips, rest) = out.as_chunks_mut::<STRIP>();
    let tail = strips.len() * STRIP;
    for (k, strip) in strips.iter_mut().enumerate() {
        let mut sums = [1i32 << (BITS - 1); STRIP];
        for (line, weight) in lines.chunks(width).zip(weights) {
            let Some(samples) = line[k * STRIP..].first_chunk::<STRIP>() else { break };
            for i in 0..STRIP {
                sums[i] += i32::from(samples[i]) * weight;
            }
        }
        for i in 0..STRIP {
            strip[i] = rounded(sums[i]);
        }
    }
    for (i, to) in rest.iter_mut().enumerate() {
        let column = lines[tail + i..].iter().step_by(width);
        let sum: i32 = column.zip(weights).map(|(sample, weight)| i32::from(*sample) * weight).sum();
        *to = rounded(sum + (1 << (BITS - 1)));
    }
}

/// The nearest pixels. Places are added up, as Pillow does: rounding carries on.
fn nearest(from: Bytes<'_>, size: (usize, usize), columns: Range<usize>, rows: Range<usize>) -> Vec<u8> {
    let places = |old: usize, new: usize, wanted: Range<usize>| -> Vec<usize> {
        let scale = old as f64 / new as f64;
        let all = std::iter::successors(Some(scale * 0.5), |at| Some(at + scale));
        all.skip(wanted.start).take(wanted.len()).map(|at| (at as usize).min(old - 1)).collect()
    };
    let xs = places(from.size.0, size.0, columns);
    let mut out = Vec::with_capacity(xs.len() * rows.len() * from.channels);
    for y in places(from.size.1, size.1, rows) {
        for x in &xs {
            out.extend_from_slice(&from.samples[(y * from.size.0 + x) * from.channels..][..from.channels]);
        }
    }
    out
}

#[cfg(test)]
mod tests;
