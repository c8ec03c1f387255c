//! What tells copies of one shot from other pictures: the coarse frequencies of a picture's luma.
//!
//! The upright picture is averaged to 64 x 64 cells, whatever its aspect, and goes through a DCT-II. The lowest 16 x 16
//! coefficients are kept in 8 bits each, relative to the largest; of those up to 24 x 24 the signs. From the first a crop of the
//! picture can be compared with the picture (`shot.rs`); the signs hold fine structure such as the lines of a page.

use super::orient::upright;
use super::{Image, Samples, gray};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;

/// Cells a side.
const SIDE: usize = 64;
/// Frequencies a side that are kept with their size.
pub(crate) const LOW: usize = 16;
/// Frequencies a side of which signs are kept.
pub(crate) const FINE: usize = 24;
/// Frequencies below this don't count as fine structure.
const COARSE: usize = 8;
/// Words of signs.
const WORDS: usize = (FINE * FINE - LOW * LOW) / 64;
/// Largest stored coefficient.
const TOP: f32 = 127.0;
/// Levels of the root mean square that stand for one in a byte.
const CONTRAST_STEPS: f32 = 2.0;
/// Bytes: mean, contrast, coefficients without the mean's, signs; and three that are 0.
const BYTES: usize = 2 + LOW * LOW - 1 + WORDS * 8 + 3;
/// Root mean square in levels of 255 below which a picture has nothing to compare.
const FLAT: f32 = 3.0;
/// Largest coefficient that rounding alone may make.
const NOTHING: f32 = 1e-3;

/// The signature of a picture as a person sees it; alpha is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Mean luma, 0 to 255.
    mean: u8,
    /// Root mean square of the cells around the mean, in half levels.
    contrast: u8,
    /// Row by row, down the picture's frequencies first; the first is 0.
    low: [i8; LOW * LOW],
    /// Signs, row by row.
    fine: [u64; WORDS],
}

impl Signature {
    /// Of a picture that is turned by its EXIF orientation.
    pub(crate) fn of(image: &Image, orientation: u8) -> Signature {
        let cells = Samples::F32(cells(&luma(image), image.width, image.height));
        let cells = Image { width: SIDE, height: SIDE, channels: 1, samples: cells, alpha: None };
        let Samples::F32(cells) = upright(cells, orientation).samples else {
            unreachable!("turning keeps the depth")
        };
        Signature::of_cells(&cells)
    }

    /// Of 64 x 64 lumas in \[0, 1\].
    pub(crate) fn of_cells(cells: &[f32]) -> Signature {
        let coefficients = frequencies(cells);
        let at = |u: usize, v: usize| coefficients[u * FINE + v];
        let count = (SIDE * SIDE) as f32;
        let mean = cells.iter().sum::<f32>() / count;
        let power = cells.iter().map(|cell| (cell - mean) * (cell - mean)).sum::<f32>() / count;
        let mut largest = 0.0f32;
        let mut signs = Vec::with_capacity(WORDS * 64);
        for u in 0..FINE {
            for v in 0..FINE {
                if u >= LOW || v >= LOW {
                    signs.push(at(u, v) > 0.0);
                } else if (u, v) != (0, 0) {
                    largest = largest.max(at(u, v).abs());
                }
            }
        }
        let stored = |i: usize| {
            let value = coefficients[i / LOW * FINE + i % LOW];
            // Small ones are told finer.
            let size = if largest > NOTHING { (value.abs() / largest).sqrt() } else { 0.0 };
            if i == 0 { 0 } else { (size * TOP).round().copysign(value) as i8 }
        };
        let word = |k: usize| {
            signs.iter().skip(64 * k).take(64).fold(0u64, |word, sign| word << 1 | u64::from(*sign))
        };
        let byte = |value: f32| value.round().clamp(0.0, 255.0) as u8;
        Signature {
            mean: byte(mean * 255.0),
            contrast: byte(power.sqrt() * 255.0 * CONTRAST_STEPS),
            low: std::array::from_fn(stored),
            fine: std::array::from_fn(word),
        }
    }

    /// As text: base64 of 300 bytes.
    pub(crate) fn text(&self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend([self.mean, self.contrast]);
        bytes.extend(self.low.iter().skip(1).map(|value| value.cast_unsigned()));
        self.fine.iter().for_each(|word| bytes.extend(word.to_be_bytes()));
        bytes.resize(BYTES, 0);
        BASE64.encode(bytes)
    }

    /// The signature that was written as this text; none where it is no such text.
    pub(crate) fn parse(text: &str) -> Option<Signature> {
        let bytes: [u8; BYTES] = BASE64.decode(text).ok()?.try_into().ok()?;
        let (head, rest) = bytes.split_first_chunk::<2>()?;
        let (low, rest) = rest.split_at_checked(LOW * LOW - 1)?;
        let word = |k: usize| rest.get(8 * k..8 * k + 8)?.try_into().ok().map(u64::from_be_bytes);
        let mut fine = [0; WORDS];
        for (k, out) in fine.iter_mut().enumerate() {
            *out = word(k)?;
        }
        let value = |i: usize| i.checked_sub(1).and_then(|i| low.get(i)).map_or(0, |v| v.cast_signed());
        let [mean, contrast] = *head;
        Some(Signature { mean, contrast, low: std::array::from_fn(value), fine })
    }

    /// Whether there is nothing to compare: blank pages, black frames.
    pub(crate) fn is_flat(&self) -> bool {
        f32::from(self.contrast) < FLAT * CONTRAST_STEPS
    }

    /// The signs of all frequencies from [`COARSE`] on as 1 and -1, [`FINE`] x [`FINE`], row by row; 0 before.
    pub(crate) fn signs(&self) -> [f32; FINE * FINE] {
        let mut fine = self.fine.iter().flat_map(|word| (0..64).rev().map(move |bit| word >> bit & 1 == 1));
        std::array::from_fn(|i| {
            let (u, v) = (i / FINE, i % FINE);
            if u < LOW && v < LOW {
                let value = self.low[u * LOW + v];
                if u.max(v) < COARSE { 0.0 } else { f32::from(value.signum()) }
            } else if fine.next().unwrap_or_default() {
                1.0
            } else {
                -1.0
            }
        })
    }

    /// The coefficients, the largest of size 1, row by row; mirrored, those of the picture in a mirror.
    pub(crate) fn low(&self, mirrored: bool) -> [f32; LOW * LOW] {
        std::array::from_fn(|i| {
            let value = f32::from(self.low[i]) / TOP;
            let value = value * value.abs();
            if mirrored && i % 2 == 1 { -value } else { value }
        })
    }

    /// Share of the fine signs that two have in common; unrelated ones about 0.5.
    pub(crate) fn fine_agreement(&self, other: &Signature, mirrored: bool) -> f32 {
        let masks: [u64; WORDS] = if mirrored { ODD_FINE } else { [0; WORDS] };
        let pairs = self.fine.iter().zip(&other.fine).zip(masks);
        let differ: u32 = pairs.map(|((a, b), mask)| (a ^ b ^ mask).count_ones()).sum();
        1.0 - differ as f32 / (64 * WORDS) as f32
    }

    /// 64 signs of the lowest frequencies. Those of copies differ in few bits.
    pub(crate) fn hash(&self) -> u64 {
        HASHED.iter().fold(0, |bits, &i| bits << 1 | u64::from(self.low[usize::from(i)] > 0))
    }

    /// The hash of the picture in a mirror.
    pub(crate) fn mirrored_hash(&self) -> u64 {
        let sign =
            |i: u8| if i % 2 == 1 { self.low[usize::from(i)] < 0 } else { self.low[usize::from(i)] > 0 };
        HASHED.iter().fold(0, |bits, &i| bits << 1 | u64::from(sign(i)))
    }
}

/// Which coefficients make the hash: 64 of the lowest by the sum of both frequencies.
const HASHED: [u8; 64] = {
    let (mut out, mut count, mut sum) = ([0; 64], 0, 1);
    while count < 64 {
        let mut u = 0;
        while u <= sum && count < 64 {
            out[count] = (u * LOW + (sum - u)) as u8;
            count += 1;
            u += 1;
        }
        sum += 1;
    }
    out
};

/// Ones where a fine sign is of an odd frequency across.
const ODD_FINE: [u64; WORDS] = {
    let (mut out, mut count, mut u) = ([0u64; WORDS], 0, 0);
    while u < FINE {
        let mut v = 0;
        while v < FINE {
            if u >= LOW || v >= LOW {
                out[count / 64] = out[count / 64] << 1 | (v % 2) as u64;
                count += 1;
            }
            v += 1;
        }
        u += 1;
    }
    out
};

/// How much a frequency counts where differences of neighbours among `side` cells do, in place of tones.
pub(crate) fn steepness(u: usize, v: usize, side: usize) -> f32 {
    let of = |frequency: usize| {
        2.0 * libm::sin(std::f64::consts::PI * frequency as f64 / (2 * side) as f64) as f32
    };
    of(u) * of(u) + of(v) * of(v)
}

/// Luma in \[0, 1\], finite.
fn luma(image: &Image) -> Vec<f32> {
    let mut luma = gray::luma(image);
    if matches!(image.samples, Samples::F32(_)) {
        luma.iter_mut().for_each(|v| *v = if v.is_finite() { v.clamp(0.0, 1.0) } else { 0.0 });
    }
    luma
}

/// Averages over [`SIDE`] x [`SIDE`] equal cells; pixels at their edges count by share.
fn cells(luma: &[f32], width: usize, height: usize) -> Vec<f32> {
    let (across, down) = (shares(width), shares(height));
    let mut rows = vec![0.0; SIDE * height];
    for (row, out) in luma.chunks_exact(width.max(1)).zip(rows.chunks_exact_mut(SIDE)) {
        for (out, share) in out.iter_mut().zip(&across) {
            *out = share.of(row);
        }
    }
    let mut cells = Vec::with_capacity(SIDE * SIDE);
    for share in &down {
        let mut sums = [0.0; SIDE];
        for (y, weight) in share.weights() {
            let row = rows.iter().skip(y * SIDE);
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
        }
        cells.extend(sums);
    }
    cells
}

/// Pixels that a cell covers.
struct Share {
    first: usize,
    last: usize,
    /// Of the first, those between, the last; all of them together make 1.
    ends: [f32; 3],
}

impl Share {
    fn weights(&self) -> impl Iterator<Item = (usize, f32)> + '_ {
        (self.first..=self.last).map(|at| {
            (
                at,
                self.ends[if at == self.first {
                    0
                } else if at == self.last {
                    2
                } else {
                    1
                }],
            )
        })
    }

    fn of(&self, row: &[f32]) -> f32 {
        let end = |at: usize| row.get(at).copied().unwrap_or_default();
        let between = row.get(self.first + 1..self.last).unwrap_or_default();
        // Four sums side by side.
        let (fours, rest) = between.as_chunks::<4>();
        let mut sums = [0.0f32; 4];
        for four in fours {
            sums.iter_mut().zip(four).for_each(|(sum, value)| *sum += value);
        }
        let middle = (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest.iter().sum::<f32>();
        let last = if self.last > self.first { self.ends[2] * end(self.last) } else { 0.0 };
        self.ends[0] * end(self.first) + self.ends[1] * middle + last
    }
}

fn shares(length: usize) -> Vec<Share> {
    // In parts of a pixel, of which a pixel has SIDE and a cell `length`.
    let of = |cell: usize| {
        let (from, to) = (cell * length, (cell + 1) * length);
        let (first, last) = (from / SIDE, (to - 1) / SIDE);
        let whole = length as f32;
        let (head, tail) = if first == last {
            (length as f32, 0.0)
        } else {
            (((first + 1) * SIDE - from) as f32, (to - last * SIDE) as f32)
        };
        Share { first, last, ends: [head / whole, SIDE as f32 / whole, tail / whole] }
    };
    (0..SIDE).map(of).collect()
}

/// The lowest [`FINE`] x [`FINE`] coefficients of an orthonormal DCT-II, down the picture first.
fn frequencies(cells: &[f32]) -> Vec<f32> {
    let scale = |frequency: usize| (if frequency == 0 { 1.0 } else { 2.0 } / SIDE as f64).sqrt();
    let cosine = |frequency: usize, at: usize| {
        let angle = std::f64::consts::PI * frequency as f64 * (2 * at + 1) as f64 / (2 * SIDE) as f64;
        (scale(frequency) * libm::cos(angle)) as f32
    };
    let basis: Vec<f32> = (0..FINE * SIDE).map(|i| cosine(i / SIDE, i % SIDE)).collect();
    let dot = |frequency: usize, values: &[f32; SIDE]| -> f32 {
        let row = basis.iter().skip(frequency * SIDE);
        row.zip(values).map(|(a, b)| a * b).sum()
    };
    let mut down = [[0.0f32; SIDE]; FINE];
    for (u, row) in down.iter_mut().enumerate() {
        for (y, line) in cells.chunks_exact(SIDE).enumerate() {
            let weight = basis[u * SIDE + y];
            row.iter_mut().zip(line).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    down.iter().flat_map(|row| (0..FINE).map(|v| dot(v, row)).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests;
