//! Resizing of planes: separable, with the weights of every output pixel laid out once. Sums run in a fixed
//! order, so that results are the same on every machine.

use super::frame::Frame;
use crate::spec::words;
use std::f64::consts::PI;

/// How pixels of another size are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// The nearest pixel.
    Nearest,
    /// Mean of the pixels whose middle lies below the output pixel, as Pillow's `BOX`.
    Box,
    /// Mean over the area below the output pixel, shares of pixels included, as OpenCV's `INTER_AREA`.
    Area,
    /// Triangle.
    Bilinear,
    /// Keys' cubic, a = -0.5.
    Bicubic,
    /// Sinc windowed to three lobes.
    Lanczos,
    /// Triangle that isn't widened when shrinking, as OpenCV and PyTorch: lets aliasing in.
    BilinearAliased,
    /// Keys' cubic, a = -0.75, that isn't widened when shrinking, as OpenCV and PyTorch: lets aliasing in.
    BicubicAliased,
}

words! {
    for Method {
        Area = "area",
        Bilinear = "bilinear",
        Bicubic = "bicubic",
        Lanczos = "lanczos",
        Box = "box",
        Nearest = "nearest",
        BilinearAliased = "bilinear_aliased",
        BicubicAliased = "bicubic_aliased",
    }
}

impl Method {
    /// The kernel's reach in pixels to either side, its value, and whether it widens when shrinking.
    fn kernel(self) -> (f64, fn(f64) -> f64, bool) {
        match self {
            Method::Nearest | Method::Area | Method::Box => (0.5, block, true),
            Method::Bilinear => (1.0, triangle, true),
            Method::Bicubic => (2.0, |x| cubic(x, -0.5), true),
            Method::Lanczos => (3.0, |x| if x.abs() < 3.0 { sinc(x) * sinc(x / 3.0) } else { 0.0 }, true),
            Method::BilinearAliased => (1.0, triangle, false),
            Method::BicubicAliased => (2.0, |x| cubic(x, -0.75), false),
        }
    }
}

fn block(x: f64) -> f64 {
    f64::from(x > -0.5 && x <= 0.5)
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn cubic(x: f64, a: f64) -> f64 {
    let x = x.abs();
    if x < 1.0 {
        ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * a
    } else {
        0.0
    }
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { libm::sin(PI * x) / (PI * x) }
}

/// For every output pixel of a line: the first input pixel and the weights from there on.
#[derive(Debug)]
struct Taps {
    windows: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl Taps {
    fn new(from: usize, to: usize, method: Method) -> Taps {
        let mut taps = Taps { windows: Vec::with_capacity(to), weights: Vec::new() };
        let mut raw = Vec::new();
        for i in 0..to {
            let first = match method {
                Method::Nearest => {
                    raw.push(1.0);
                    // Whole numbers: the middle (i + 1/2) from / to, rounded down.
                    (2 * i + 1) * from / (2 * to)
                }
                Method::Area => area(i, from, to, &mut raw),
                _ => weighted(i, from, to, method, &mut raw),
            };
            let sum: f64 = raw.iter().sum();
            let start = taps.weights.len();
            taps.weights.extend(raw.drain(..).map(|w| (w / sum) as f32));
            taps.windows.push((first, start));
        }
        taps
    }

    /// First input pixel and weights of every output pixel, in order.
    fn iter(&self) -> impl Iterator<Item = (usize, &[f32])> {
        let ends = self.windows.iter().skip(1).map(|w| w.1).chain([self.weights.len()]);
        self.windows.iter().zip(ends).map(|(&(first, start), end)| (first, &self.weights[start..end]))
    }

    /// Resizes every row.
    fn rows(&self, plane: &[f32], from: usize) -> Vec<f32> {
        let to = self.windows.len();
        if self.weights.len() == to {
            let mut result = Vec::with_capacity(plane.len() / from * to);
            plane.chunks_exact(from).for_each(|row| result.extend(self.windows.iter().map(|w| row[w.0])));
            return result;
        }
        // Eight rows side by side, so that one weight serves eight neighbours in memory.
        const LANES: usize = 8;
        let mut result = vec![0.0; plane.len() / from * to];
        let mut turned = vec![[0.0f32; LANES]; from];
        for (rows, results) in plane.chunks(LANES * from).zip(result.chunks_mut(LANES * to)) {
            for (lane, row) in rows.chunks_exact(from).enumerate() {
                turned.iter_mut().zip(row).for_each(|(t, v)| t[lane] = *v);
            }
            for (x, (first, weights)) in self.iter().enumerate() {
                let mut sums = [0.0f32; LANES];
                for (weight, values) in weights.iter().zip(&turned[first..]) {
                    sums.iter_mut().zip(values).for_each(|(s, v)| *s += weight * v);
                }
                results.iter_mut().skip(x).step_by(to).zip(sums).for_each(|(r, s)| *r = s);
            }
        }
        result
    }

    /// Resizes every column.
    fn columns(&self, plane: &[f32], width: usize) -> Vec<f32> {
        let mut result = Vec::with_capacity(width * self.windows.len());
        for (first, weights) in self.iter() {
            let start = result.len();
            let mut lines = weights.iter().zip(plane[first * width..].chunks_exact(width));
            // Weights of sum 1: a single one is 1.
            match lines.next() {
                Some((_, line)) if weights.len() == 1 => result.extend_from_slice(line),
                Some((weight, line)) => result.extend(line.iter().map(|v| weight * v)),
                None => {}
            }
            for (weight, line) in lines {
                result[start..].iter_mut().zip(line).for_each(|(t, v)| *t += weight * v);
            }
        }
        result
    }
}

/// Shares of input pixels below output pixel `i`; gives the first.
fn area(i: usize, from: usize, to: usize, raw: &mut Vec<f64>) -> usize {
    // In units of 1 / to of an input pixel everything is whole.
    let (low, high) = (i * from, (i + 1) * from);
    let (first, end) = (low / to, high.div_ceil(to));
    raw.extend((first..end).map(|p| (high.min((p + 1) * to) - low.max(p * to)) as f64));
    first
}

/// A kernel's weights around the middle of output pixel `i`; gives the first input pixel.
fn weighted(i: usize, from: usize, to: usize, method: Method, raw: &mut Vec<f64>) -> usize {
    let (reach, kernel, widens) = method.kernel();
    let scale = from as f64 / to as f64;
    let stretch = if widens { scale.max(1.0) } else { 1.0 };
    let middle = (i as f64 + 0.5) * scale;
    let low = (middle - reach * stretch + 0.5).floor() as isize;
    let high = (middle + reach * stretch + 0.5).floor() as isize;
    let last = from as isize - 1;
    let at = |p: isize| kernel((p as f64 + 0.5 - middle) / stretch);
    let (first, end) = (low.clamp(0, last), (high - 1).clamp(0, last));
    if widens {
        // What lies outside is left out, as Pillow does.
        raw.extend((first..=end).map(at));
    } else {
        // What lies outside repeats the border pixel, as OpenCV and PyTorch do.
        raw.resize((end - first) as usize + 1, 0.0);
        (low..high).for_each(|p| raw[(p.clamp(0, last) - first) as usize] += at(p));
    }
    first as usize
}

/// Brings a picture to another size (both sides at least 1).
pub(super) fn resize(frame: &mut Frame, width: usize, height: usize, method: Method) {
    let (from_width, from_height) = (frame.width, frame.height);
    let across = (width != from_width).then(|| Taps::new(from_width, width, method));
    let down = (height != from_height).then(|| Taps::new(from_height, height, method));
    for plane in &mut frame.planes {
        // The direction that leaves fewer pixels goes first.
        let down_first = height < from_height;
        if let (Some(down), true) = (&down, down_first) {
            *plane = down.columns(plane, from_width);
        }
        if let Some(across) = &across {
            *plane = across.rows(plane, from_width);
        }
        if let (Some(down), false) = (&down, down_first) {
            *plane = down.columns(plane, width);
        }
    }
    (frame.width, frame.height) = (width, height);
}

impl Frame {
    /// Brings the frame to a size (antialiased bicubic) if it has another.
    pub fn fit(&mut self, (width, height): (usize, usize)) {
        if (self.width, self.height) != (width, height) {
            resize(self, width, height, Method::Bicubic);
            self.clamp();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{difference, gray};
    use super::*;
    use crate::spec::Words;

    fn line(values: &[f32], to: usize, method: Method) -> Vec<f32> {
        let mut frame = Frame { width: values.len(), height: 1, planes: vec![values.to_vec()] };
        resize(&mut frame, to, 1, method);
        frame.planes.concat()
    }

    fn close(a: &[f32], b: &[f32]) {
        assert!(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5), "{a:?} {b:?}");
    }

    #[test]
    fn known_weights() {
        let ramp = [0.0, 1.0, 2.0, 3.0];
        close(&line(&ramp, 2, Method::Box), &[0.5, 2.5]);
        close(&line(&ramp, 3, Method::Area), &[0.25, 1.5, 2.75]);
        close(&line(&ramp, 8, Method::Nearest), &[0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        close(&line(&ramp, 8, Method::Box), &[0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0]);
        close(&line(&ramp, 8, Method::Bilinear), &[0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]);
        // Pillow's triangle reaches over 1/8, 3/8, 3/8 (and 1/8 off the border, left out).
        close(&line(&ramp, 2, Method::Bilinear), &[(0.375 + 0.25) / 0.875, 3.0 - 0.625 / 0.875]);
        // OpenCV's takes the two pixels nearest.
        close(&line(&ramp, 2, Method::BilinearAliased), &[0.5, 2.5]);
        // Keys' cubic half-way with a = -0.75: -3/32, 19/32, 19/32, -3/32, the border repeated.
        close(
            &line(&[0.0, 0.0, 1.0, 1.0, 0.0, 0.0], 3, Method::BicubicAliased),
            &[-0.09375, 1.1875, -0.09375],
        );
    }

    #[test]
    fn even_tones_stay_and_all_sizes_work() {
        for word in Method::WORDS {
            let method = Method::of_word(word).unwrap();
            for (from, to) in [((1, 1), (5, 3)), ((5, 3), (1, 1)), ((40, 9), (13, 30)), ((7, 31), (900, 2))] {
                let mut frame = gray(from.0, from.1, 0.6);
                resize(&mut frame, to.0, to.1, method);
                assert_eq!((frame.width, frame.height, frame.planes[0].len()), (to.0, to.1, to.0 * to.1));
                assert!(frame.planes[0].iter().all(|v| (v - 0.6).abs() < 1e-5), "{word} {from:?} {to:?}");
            }
        }
    }

    #[test]
    fn smooth_pictures_survive_up_and_down() {
        let bowl = |i: usize| ((i % 60) as f32 / 30.0 - 1.0).powi(2) * 0.6 + (i / 60) as f32 / 110.0;
        let clean = Frame { planes: vec![(0..60 * 44).map(bowl).collect()], ..gray(60, 44, 0.0) };
        for method in [Method::Area, Method::Bilinear, Method::Bicubic, Method::Lanczos] {
            let mut frame = clean.clone();
            resize(&mut frame, 180, 132, method);
            resize(&mut frame, 60, 44, method);
            assert!(difference(&frame, &clean) < 0.003, "{method:?} {}", difference(&frame, &clean));
        }
    }

    #[test]
    fn only_aliased_methods_let_aliasing_in() {
        let stripes: Vec<f32> = (0..400).map(|i| f32::from(u8::from(i % 2 == 0))).collect();
        let spread = |method| line(&stripes, 130, method).iter().fold(0.0f32, |m, v| m.max((v - 0.5).abs()));
        assert!(spread(Method::Bicubic) < 0.1 && spread(Method::BicubicAliased) > 0.4);
    }
}
