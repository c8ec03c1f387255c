//! What JPEG does to the blocks of a plane: discrete cosine transform, rounding to the quantiser's steps, and back. Whole
//! numbers alone, of libjpeg's accurate transforms, so that the bytes are the same on every machine.
//!
//! Eight blocks go side by side, so that one instruction serves all.

use multiversion::multiversion;

/// Side of a block.
pub(super) const SIDE: usize = 8;
const AREA: usize = SIDE * SIDE;
/// Blocks at once: one word holds a row of one block, or the samples of all at one place.
const LANES: usize = 8;

/// A sample of each block, for every column and row in it.
type Blocks = [[i32; LANES]; AREA];

/// Quantiser of luma in ITU-T T.81, K.1, row by row.
pub(super) static LUMA: [u16; AREA] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17,
    22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78,
    87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
/// Quantiser of chroma.
pub(super) static CHROMA: [u16; AREA] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// Samples of one component, both sides whole blocks.
pub(super) struct Plane {
    pub width: usize,
    pub height: usize,
    pub samples: Vec<u8>,
}

impl Plane {
    pub(super) fn new(width: usize, height: usize) -> Plane {
        Plane { width, height, samples: vec![0; width * height] }
    }

    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.samples[row * self.width..][..self.width]
    }

    pub(super) fn row_mut(&mut self, row: usize) -> &mut [u8] {
        &mut self.samples[row * self.width..][..self.width]
    }
}

/// A step of the quantiser, with what makes a division by it a product: that with the multiplier, less some bits.
#[derive(Clone, Copy, Default)]
struct Step {
    size: i32,
    half: i32,
    multiplier: i32,
    shift: u32,
}

/// The steps at a quality of libjpeg's scale, 1 to 100.
pub(super) struct Steps([Step; AREA]);

impl Steps {
    pub(super) fn new(table: &[u16; AREA], quality: usize) -> Steps {
        let quality = quality.clamp(1, 100) as i32;
        let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
        Steps(table.map(|v| {
            let size = ((i32::from(v) * scale + 50) / 100).clamp(1, 255);
            // The transform's results are 8 times as large, and below 2^14 with half a step. So many bits make the division
            // exact (Granlund and Montgomery 1994), and the product fits 31.
            let divisor = 8 * size;
            let shift = 14 + (divisor as u32).next_power_of_two().trailing_zeros();
            let multiplier = (1 << shift) / divisor + 1;
            Step { size, half: divisor / 2, multiplier, shift }
        }))
    }
}

/// What a decoder finds of a plane that was encoded.
// Not for AVX-512: Rust 1.95 (LLVM 22) made code for it that gave zeros, as the tests would show.
#[multiversion(targets("x86_64+avx2"))]
pub(super) fn through(plane: &mut Plane, steps: &Steps) {
    let stride = plane.width;
    let across = stride / SIDE;
    let count = across * (plane.height / SIDE);
    let mut blocks: Blocks = [[0; LANES]; AREA];
    let mut words = [[0u64; SIDE]; LANES];
    for first in (0..count).step_by(LANES) {
        let here = (count - first).min(LANES);
        let start = |lane: usize| {
            let n = first + lane;
            n / across * SIDE * stride + n % across * SIDE
        };
        for (lane, rows) in words.iter_mut().enumerate().take(here) {
            let from = plane.samples[start(lane)..].chunks(stride);
            for (row, from) in rows.iter_mut().zip(from) {
                *row = from.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            }
        }
        transpose(&mut words);
        let bytes: &[u8; LANES * AREA] = bytemuck::cast_ref(&words);
        blocks.as_flattened_mut().iter_mut().zip(bytes).for_each(|(b, v)| *b = i32::from(*v) - 128);
        transform(&mut blocks, steps);
        let bytes: &mut [u8; LANES * AREA] = bytemuck::cast_mut(&mut words);
        bytes.iter_mut().zip(blocks.as_flattened()).for_each(|(v, b)| *v = *b as u8);
        transpose(&mut words);
        for (lane, rows) in words.iter().enumerate().take(here) {
            let to = plane.samples[start(lane)..].chunks_mut(stride);
            for (row, to) in rows.iter().zip(to) {
                to[..SIDE].copy_from_slice(&row.to_le_bytes());
            }
        }
    }
}

/// Exchanges the index of a word with the index of a byte in it, for each of 8 rows.
#[expect(clippy::needless_range_loop, reason = "the compiler makes vectors of plain loops over places")]
#[inline(always)]
fn transpose(words: &mut [[u64; SIDE]; SIDE]) {
    for (far, mask) in [(4, 0xFFFF_FFFF_u64), (2, 0xFFFF_0000_FFFF), (1, 0xFF_00FF_00FF_00FF)] {
        for first in (0..SIDE).filter(|i| i & far == 0) {
            for y in 0..SIDE {
                let (a, b) = (words[first][y], words[first + far][y]);
                let change = ((a >> (8 * far)) ^ b) & mask;
                words[first][y] = a ^ (change << (8 * far));
                words[first + far][y] = b ^ change;
            }
        }
    }
}

#[expect(clippy::needless_range_loop, reason = "the compiler makes vectors of plain loops over places")]
#[inline(always)]
fn transform(blocks: &mut Blocks, steps: &Steps) {
    for y in 0..SIDE {
        for lane in 0..LANES {
            let line: [i32; SIDE] = std::array::from_fn(|x| blocks[x * SIDE + y][lane]);
            let line = forward::<true>(line);
            for x in 0..SIDE {
                blocks[x * SIDE + y][lane] = line[x];
            }
        }
    }
    for x in 0..SIDE {
        for lane in 0..LANES {
            let line: [i32; SIDE] = std::array::from_fn(|y| blocks[x * SIDE + y][lane]);
            let mut line = forward::<false>(line);
            for y in 0..SIDE {
                line[y] = quantised(line[y], &steps.0[y * SIDE + x]);
            }
            let line = inverse::<512, 10>(line);
            for y in 0..SIDE {
                blocks[x * SIDE + y][lane] = line[y];
            }
        }
    }
    for y in 0..SIDE {
        for lane in 0..LANES {
            let line: [i32; SIDE] = std::array::from_fn(|x| blocks[x * SIDE + y][lane]);
            let line = inverse::<{ 512 + 65536 + (128 << 17) }, 17>(line);
            for x in 0..SIDE {
                blocks[x * SIDE + y][lane] = line[x].clamp(0, 255);
            }
        }
    }
}

/// The whole steps nearest to a frequency, in steps of 1.
#[inline(always)]
fn quantised(v: i32, step: &Step) -> i32 {
    let sign = v >> 31;
    let product = (((v.abs() + step.half) * step.multiplier) >> step.shift) * step.size;
    (product ^ sign) - sign
}

/// Forward transform of a line, 8 times as large after both directions; the first direction has two bits more.
#[inline(always)]
fn forward<const FIRST: bool>(v: [i32; SIDE]) -> [i32; SIDE] {
    let shift = if FIRST { 13 - 2 } else { 13 + 2 };
    let descale = |v: i32| (v + (1 << (shift - 1))) >> shift;
    let plain = |v: i32| if FIRST { v << 2 } else { (v + 2) >> 2 };
    let (a0, a7) = (v[0] + v[7], v[0] - v[7]);
    let (a1, a6) = (v[1] + v[6], v[1] - v[6]);
    let (a2, a5) = (v[2] + v[5], v[2] - v[5]);
    let (a3, a4) = (v[3] + v[4], v[3] - v[4]);
    let (b0, b3) = (a0 + a3, a0 - a3);
    let (b1, b2) = (a1 + a2, a1 - a2);
    let e = (b2 + b3) * 4433;
    let z1 = (a4 + a7) * -7373;
    let z2 = (a5 + a6) * -20995;
    let z5 = (a4 + a6 + a5 + a7) * 9633;
    let z3 = (a4 + a6) * -16069 + z5;
    let z4 = (a5 + a7) * -3196 + z5;
    [
        plain(b0 + b1),
        descale(a7 * 12299 + z1 + z4),
        descale(e + b3 * 6270),
        descale(a6 * 25172 + z2 + z3),
        plain(b0 - b1),
        descale(a5 * 16819 + z2 + z4),
        descale(e - b2 * 15137),
        descale(a4 * 2446 + z1 + z3),
    ]
}

/// Inverse transform of a line: `ROUND` is added before the last `SHIFT` bits go.
#[inline(always)]
fn inverse<const ROUND: i32, const SHIFT: u32>(v: [i32; SIDE]) -> [i32; SIDE] {
    let p = (v[2] + v[6]) * 2217;
    let (t2, t3) = (p - v[6] * 7567, p + v[2] * 3135);
    let (t0, t1) = (((v[0] + v[4]) << 12) + ROUND, ((v[0] - v[4]) << 12) + ROUND);
    let (x0, x3) = (t0 + t3, t0 - t3);
    let (x1, x2) = (t1 + t2, t1 - t2);
    let (p3, p4) = (v[7] + v[3], v[5] + v[1]);
    let p5 = (p3 + p4) * 4816;
    let p1 = p5 - (v[7] + v[1]) * 3685;
    let p2 = p5 - (v[5] + v[3]) * 10497;
    let (p3, p4) = (p3 * -8034, p4 * -1597);
    let o3 = v[1] * 6149 + p1 + p4;
    let o2 = v[3] * 12586 + p2 + p3;
    let o1 = v[5] * 8410 + p2 + p4;
    let o0 = v[7] * 1223 + p1 + p3;
    [x0 + o3, x1 + o2, x2 + o1, x3 + o0, x3 - o0, x2 - o1, x1 - o2, x0 - o3].map(|v| v >> SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frequency_goes_to_the_nearest_step() {
        let steps = Steps::new(&[100; AREA], 1);
        assert_eq!(steps.0[0].size, 255);
        for size in 1..=255 {
            let Steps([step, ..]) = Steps::new(&[size; AREA], 50);
            for v in -9000..=9000i32 {
                let (size, sign) = (i32::from(size), v.signum());
                let nearest = sign * ((v.abs() + 4 * size) / (8 * size)) * size;
                assert_eq!(quantised(v, &step), nearest, "{v} at {size}");
            }
        }
    }
}
