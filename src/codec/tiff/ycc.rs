//! YCbCr samples to RGB in the arithmetic of libtiff, so that both give the same values.

/// Luma weights of red, green and blue in ITU-R BT.601, the default.
const BT601: [f32; 3] = [0.299, 0.587, 0.114];
/// The range of full-range YCbCr, the default: black and white of luma, zero and most of each chroma.
const FULL: [f32; 6] = [0.0, 255.0, 128.0, 255.0, 128.0, 255.0];

/// Converts pixels of three bytes, with the luma weights and the range of the file, where it says them.
pub(super) fn to_rgb(samples: &mut [u8], weights: &[f64], range: &[f64]) {
    let tables = Tables::new(numbers(weights, BT601), numbers(range, FULL));
    for pixel in samples.as_chunks_mut::<3>().0 {
        *pixel = tables.rgb(*pixel);
    }
}

/// The numbers in the place of the defaults, where all are there and are numbers.
fn numbers<const N: usize>(found: &[f64], default: [f32; N]) -> [f32; N] {
    let mut numbers = default;
    if found.len() >= N && found.iter().take(N).all(|v| v.is_finite()) {
        numbers.iter_mut().zip(found).for_each(|(to, from)| *to = *from as f32);
    }
    // No weight of green would be a division by zero.
    if N == 3 && numbers.get(1).is_some_and(|&green| green <= 0.0) { default } else { numbers }
}

/// What every value of a component adds, chroma's part of green in 65536ths.
struct Tables {
    luma: [i32; 256],
    red_of_cr: [i32; 256],
    green_of_cr: [i32; 256],
    green_of_cb: [i32; 256],
    blue_of_cb: [i32; 256],
}

impl Tables {
    fn new([wr, wg, wb]: [f32; 3], range: [f32; 6]) -> Tables {
        const HALF: i32 = 1 << 15;
        let fix = |v: f32| (f64::from(v.clamp(0.0, 2.0)) * 65536.0 + 0.5) as i32;
        let (f1, f3) = (2.0 - 2.0 * wr, 2.0 - 2.0 * wb);
        let (d1, d2) = (fix(f1), -fix(wr * f1 / wg));
        let (d3, d4) = (fix(f3), -fix(wb * f3 / wg));
        let value = |code: i32, low: f32, high: f32, full: f32| {
            let span = if high == low { 1.0 } else { high - low };
            let value = code.saturating_sub(low as i32) as f32 * full / span;
            value.clamp(-4096.0, 4096.0) as i32
        };
        let table = |f: &dyn Fn(i32) -> i32| std::array::from_fn(|i| f(i as i32));
        let [black, white, cb_zero, cb_most, cr_zero, cr_most] = range;
        let cb = |i: i32| value(i - 128, cb_zero - 128.0, cb_most - 128.0, 127.0);
        let cr = |i: i32| value(i - 128, cr_zero - 128.0, cr_most - 128.0, 127.0);
        Tables {
            luma: table(&|i| value(i, black, white, 255.0)),
            red_of_cr: table(&|i| (d1 * cr(i) + HALF) >> 16),
            green_of_cr: table(&|i| d2 * cr(i)),
            green_of_cb: table(&|i| d4 * cb(i) + HALF),
            blue_of_cb: table(&|i| (d3 * cb(i) + HALF) >> 16),
        }
    }

    fn rgb(&self, [y, cb, cr]: [u8; 3]) -> [u8; 3] {
        let (y, cb, cr) = (usize::from(y), usize::from(cb), usize::from(cr));
        let luma = self.luma[y];
        let green = (self.green_of_cb[cb] + self.green_of_cr[cr]) >> 16;
        [luma + self.red_of_cr[cr], luma + green, luma + self.blue_of_cb[cb]].map(|v| v.clamp(0, 255) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(pixel: [u8; 3], weights: &[f64], range: &[f64]) -> [u8; 3] {
        let mut pixel = pixel;
        to_rgb(&mut pixel, weights, range);
        pixel
    }

    #[test]
    fn ranges_and_weights_of_the_file_count() {
        assert_eq!(converted([77, 128, 128], &[], &[]), [77, 77, 77]);
        assert_eq!(converted([76, 85, 255], &[], &[]), [254, 0, 0]);
        let video = [16.0, 235.0, 128.0, 240.0, 128.0, 240.0];
        assert_eq!(converted([16, 128, 128], &[], &video), [0, 0, 0]);
        assert_eq!(converted([235, 128, 128], &[], &video), [255, 255, 255]);
        assert_eq!(converted([100, 128, 228], &[0.2126, 0.7152, 0.0722], &[])[0], 255);
        // What can't be weights is not used.
        assert_eq!(
            converted([77, 100, 128], &[0.5, 0.0, 0.5], &[0.0; 5]),
            converted([77, 100, 128], &[], &[])
        );
        // Nor is there a range that overflows.
        for zero in [f64::from(f32::MIN), f64::from(f32::MAX)] {
            converted([255, 0, 255], &[], &[zero, 0.0, zero, 0.0, zero, 0.0]);
        }
    }
}
