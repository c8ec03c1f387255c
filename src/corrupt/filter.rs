//! Blurs and sampling on planes, shared by the corruptions. Sums run in a fixed order, so that results are
//! the same on every machine.

/// What lies beyond the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    /// The border pixel goes on: `aaa|abcd|ddd`.
    Replicate,
    /// Mirrored at the border pixel's outer edge: `cba|abcd|dcb`.
    Reflect,
    /// Mirrored at the border pixel's middle: `dcb|abcd|cba`.
    Reflect101,
}

impl Border {
    /// The pixel inside `0..n` that stands for `i`.
    #[inline]
    pub(super) fn index(self, i: isize, n: usize) -> usize {
        let last = n as isize - 1;
        if (0..=last).contains(&i) {
            return i as usize;
        }
        match self {
            Border::Replicate => i.clamp(0, last) as usize,
            Border::Reflect => {
                let period = 2 * n as isize;
                let i = i.rem_euclid(period);
                i.min(period - 1 - i) as usize
            }
            Border::Reflect101 if n == 1 => 0,
            Border::Reflect101 => {
                let period = 2 * last;
                let i = i.rem_euclid(period);
                i.min(period - i) as usize
            }
        }
    }
}

/// The weights of a Gaussian of standard deviation `sigma` (pixels), `radius` to either side, of sum 1.
pub(super) fn gaussian_kernel(sigma: f64, radius: usize) -> Vec<f32> {
    let weight = |i: usize| {
        let d = i as f64 - radius as f64;
        if sigma > 0.0 { libm::exp(-0.5 * d * d / (sigma * sigma)) } else { f64::from(i == radius) }
    };
    let raw: Vec<f64> = (0..=2 * radius).map(weight).collect();
    let sum: f64 = raw.iter().sum();
    raw.iter().map(|w| (w / sum) as f32).collect()
}

/// Gaussian blur cut off at 4 standard deviations, as SciPy and scikit-image do.
pub(super) fn gaussian_blur(plane: &mut [f32], width: usize, sigma: f64, border: Border) {
    let radius = (4.0 * sigma + 0.5) as usize;
    if radius > 0 {
        separable(plane, width, &gaussian_kernel(sigma, radius), border);
    }
}

/// Filters rows, then columns, with a kernel of odd length.
pub(super) fn separable(plane: &mut [f32], width: usize, kernel: &[f32], border: Border) {
    rows(plane, width, kernel, border);
    columns(plane, width, kernel, border);
}

/// Filters every row with a kernel of odd length.
pub(super) fn rows(plane: &mut [f32], width: usize, kernel: &[f32], border: Border) {
    let radius = kernel.len() / 2;
    let mut padded = vec![0.0f32; width + 2 * radius];
    for row in plane.chunks_exact_mut(width) {
        for (i, to) in padded.iter_mut().enumerate() {
            *to = row[border.index(i as isize - radius as isize, width)];
        }
        accumulate(row, kernel, |k| &padded[k..k + width]);
    }
}

/// Filters every column with a kernel of odd length.
pub(super) fn columns(plane: &mut [f32], width: usize, kernel: &[f32], border: Border) {
    let height = plane.len() / width;
    let radius = (kernel.len() / 2) as isize;
    let source = plane.to_vec();
    for (y, row) in plane.chunks_exact_mut(width).enumerate() {
        accumulate(row, kernel, |k| {
            let from = border.index(y as isize + k as isize - radius, height) * width;
            &source[from..from + width]
        });
    }
}

/// `to` becomes the sum over k of kernel[k] * line(k).
fn accumulate<'a>(to: &mut [f32], kernel: &[f32], line: impl Fn(usize) -> &'a [f32]) {
    to.fill(0.0);
    let mut fours = kernel.chunks_exact(4);
    let mut k = 0;
    for four in &mut fours {
        add_four(to, [0, 1, 2, 3].map(|i| (four[i], line(k + i))));
        k += 4;
    }
    for (i, weight) in fours.remainder().iter().enumerate() {
        to.iter_mut().zip(line(k + i)).for_each(|(t, s)| *t += weight * s);
    }
}

/// Adds four weighted lines one after the other, in one pass over `to`.
fn add_four(to: &mut [f32], [a, b, c, d]: [(f32, &[f32]); 4]) {
    for ((((t, va), vb), vc), vd) in to.iter_mut().zip(a.1).zip(b.1).zip(c.1).zip(d.1) {
        *t = *t + a.0 * va + b.0 * vb + c.0 * vc + d.0 * vd;
    }
}

/// Correlates with a square kernel of odd `side` (row by row), as OpenCV's `filter2D`; zero weights cost
/// nothing.
pub(super) fn filter2d(plane: &mut [f32], width: usize, kernel: &[f32], side: usize, border: Border) {
    let height = plane.len() / width;
    let radius = side / 2;
    let stride = width + 2 * radius;
    // The border is laid out once, so that the inner loop runs over plain slices.
    let mut padded = Vec::with_capacity(stride * (height + 2 * radius));
    for y in 0..height + 2 * radius {
        let row = border.index(y as isize - radius as isize, height) * width;
        padded.extend((0..stride).map(|x| plane[row + border.index(x as isize - radius as isize, width)]));
    }
    for (y, to) in plane.chunks_exact_mut(width).enumerate() {
        to.fill(0.0);
        for (dy, weights) in kernel.chunks_exact(side).enumerate() {
            for (dx, weight) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                let from = (y + dy) * stride + dx;
                to.iter_mut().zip(&padded[from..from + width]).for_each(|(t, s)| *t += weight * s);
            }
        }
    }
}

/// One weight of a sparse kernel: it takes the pixel at this distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tap {
    /// Columns to the right.
    pub dx: isize,
    /// Rows down.
    pub dy: isize,
    /// Its weight.
    pub weight: f32,
}

/// Correlates with a sparse kernel.
pub(super) fn taps(plane: &[f32], width: usize, taps: &[Tap], border: Border) -> Vec<f32> {
    let height = plane.len() / width;
    let left = taps.iter().map(|t| -t.dx).max().unwrap_or(0).max(0);
    let right = taps.iter().map(|t| t.dx).max().unwrap_or(0).max(0);
    let stride = width + (left + right) as usize;
    // Only the sides are laid out; rows are looked up.
    let mut padded = Vec::with_capacity(stride * height);
    for row in plane.chunks_exact(width) {
        let side = |from: isize, to: isize| (from..to).map(|x| row[border.index(x, width)]);
        padded.extend(side(-left, 0));
        padded.extend_from_slice(row);
        padded.extend(side(width as isize, width as isize + right));
    }
    let weights: Vec<f32> = taps.iter().map(|t| t.weight).collect();
    let mut result = vec![0.0f32; plane.len()];
    for (y, to) in result.chunks_exact_mut(width).enumerate() {
        accumulate(to, &weights, |k| {
            let row = border.index(y as isize + taps[k].dy, height);
            &padded[row * stride + (left + taps[k].dx) as usize..][..width]
        });
    }
    result
}

/// Mean over a shape made of centred rows, row i being `2 * reach[i] + 1` pixels long: each result follows from
/// the one above by what enters below and leaves above, in whole numbers, so that no error adds up. Values are
/// within \[0, 1\]; the shape, mirrored at its middle, is the same.
pub(super) fn shape_mean(plane: &mut [f32], width: usize, reach: &[usize], border: Border) {
    let (height, radius) = (plane.len() / width, reach.len() / 2);
    let count: usize = reach.iter().map(|r| 2 * r + 1).sum();
    let scale = (f64::from(i32::MAX) / count as f64).min(4_194_304.0).floor() as f32;
    let stride = width + 2 * radius;
    let mut whole = Vec::with_capacity(stride * height);
    for row in plane.chunks_exact(width) {
        let at = |x: usize| (row[border.index(x as isize - radius as isize, width)] * scale) as i32;
        whole.extend((0..stride).map(at));
    }
    let line = |y: isize, x: usize| &whole[border.index(y, height) * stride + x..][..width];
    let mut sums = vec![0i32; width];
    for (dy, reach) in reach.iter().enumerate() {
        for x in radius - reach..=radius + reach {
            let row = line(dy as isize - radius as isize, x);
            sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v);
        }
    }
    let to_mean = 1.0 / (scale * count as f32);
    for (y, to) in plane.chunks_exact_mut(width).enumerate() {
        to.iter_mut().zip(&sums).for_each(|(to, sum)| *to = *sum as f32 * to_mean);
        for (x, reach) in reach.iter().enumerate() {
            let (y, reach) = (y as isize, *reach as isize);
            let (enters, leaves) = (line(y + 1 + reach, x), line(y - reach, x));
            for (sum, (enters, leaves)) in sums.iter_mut().zip(enters.iter().zip(leaves)) {
                *sum = sum.wrapping_add(enters.wrapping_sub(*leaves));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders() {
        let at = |border: Border| (-3..6).map(|i| border.index(i, 3)).collect::<Vec<_>>();
        assert_eq!(at(Border::Replicate), [0, 0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!(at(Border::Reflect), [2, 1, 0, 0, 1, 2, 2, 1, 0]);
        assert_eq!(at(Border::Reflect101), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert!([Border::Replicate, Border::Reflect, Border::Reflect101].iter().all(|b| b.index(-9, 1) == 0));
    }

    #[test]
    fn separable_equals_its_square_kernel() {
        let plane: Vec<f32> = (0..63).map(|i| ((i * 29) % 17) as f32 / 16.0).collect();
        let kernel = gaussian_kernel(1.1, 3);
        let square: Vec<f32> = kernel.iter().flat_map(|a| kernel.iter().map(move |b| a * b)).collect();
        for border in [Border::Replicate, Border::Reflect, Border::Reflect101] {
            let (mut a, mut b) = (plane.clone(), plane.clone());
            separable(&mut a, 9, &kernel, border);
            filter2d(&mut b, 9, &square, 7, border);
            assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5));
        }
    }

    #[test]
    fn taps_and_shapes_equal_their_square_kernels() {
        let plane: Vec<f32> = (0..63).map(|i| ((i * 29) % 17) as f32 / 16.0).collect();
        let reach = [1, 2, 2, 2, 1];
        let at = |i: usize| reach[i / 5] >= (i % 5).abs_diff(2);
        let square: Vec<f32> = (0..25).map(|i| if at(i) { 1.0 / 21.0 } else { 0.0 }).collect();
        let tap = |i: usize| Tap { dx: i as isize % 5 - 2, dy: i as isize / 5 - 2, weight: square[i] };
        for border in [Border::Replicate, Border::Reflect, Border::Reflect101] {
            let (mut a, mut b) = (plane.clone(), plane.clone());
            filter2d(&mut a, 9, &square, 5, border);
            shape_mean(&mut b, 9, &reach, border);
            let c = taps(&plane, 9, &(0..25).map(tap).collect::<Vec<_>>(), border);
            assert!(a.iter().zip(&b).zip(&c).all(|((a, b), c)| (a - b).abs() < 1e-5 && (a - c).abs() < 1e-5));
        }
    }
}
