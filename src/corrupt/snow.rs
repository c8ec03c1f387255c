//! Falling snow (ImageNet-C 8).

use super::{Context, CorruptError, Corruption, Frame, drawn, motion};
use crate::random::Rng;
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Mean of the noise that makes the flakes, on the 0 to 255 scale.
        mean: f64 [Kind::Float { min: -255.0, max: 255.0 }],
        /// Its standard deviation, on the 0 to 255 scale.
        deviation: f64 [Kind::Float { min: 0.0, max: 255.0 }],
        /// Size of a flake in pixels.
        size: f64 [Kind::Float { min: 1.0, max: 64.0 }],
        /// Noise below it, on the 0 to 255 scale, is no flake.
        threshold: f64 [Kind::Float { min: 0.0, max: 255.0 }],
        /// Half the longest way of a flake in pixels.
        radius: usize [Kind::Int { min: 0, max: 256 }],
        /// Standard deviation in pixels of the half Gaussian along the way.
        sigma: f64 [Kind::Float { min: 0.0, max: 256.0 }],
        /// Share of the picture that is not whitened.
        keep: f64 [Kind::Float { min: 0.0, max: 1.0 }],
        /// Direction in degrees that the flakes come from, -90 being straight down.
        angle: f64 [Kind::Float { min: -180.0, max: 180.0 }] = "[-135, -45]",
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "snow",
        version: 1,
        doc: "Whitens the picture and adds two layers of flakes, blurred by their fall.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- snow: {severity: [1, 3]}",
    },
    severities: &[
        &[0.1 * 255.0, 0.3 * 255.0, 3.0, 0.5 * 255.0, 10.0, 4.0, 0.8],
        &[0.2 * 255.0, 0.3 * 255.0, 2.0, 0.5 * 255.0, 12.0, 4.0, 0.7],
        &[0.55 * 255.0, 0.3 * 255.0, 4.0, 0.9 * 255.0, 12.0, 8.0, 0.7],
        &[0.55 * 255.0, 0.3 * 255.0, 4.5, 0.85 * 255.0, 12.0, 8.0, 0.65],
        &[0.55 * 255.0, 0.3 * 255.0, 2.5, 0.85 * 255.0, 12.0, 12.0, 0.55],
    ],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let flakes = flakes(frame.width, frame.height, drawn, &mut context.rng);
    let keep = drawn.keep as f32;
    let white: Vec<f32> = frame.luma().iter().map(|v| v * 1.5 + 0.5).collect();
    for plane in &mut frame.planes {
        // The second layer is the first, turned by 180 degrees.
        for (((v, white), a), b) in plane.iter_mut().zip(&white).zip(&flakes).zip(flakes.iter().rev()) {
            *v = keep * *v + (1.0 - keep) * v.max(*white) + a + b;
        }
    }
    Ok(())
}

/// One layer of flakes: enlarged noise, cut off below, blurred, in steps of 1/255.
fn flakes(width: usize, height: usize, drawn: &Drawn, rng: &mut Rng) -> Vec<f32> {
    let unit = |value: f64| (value / 255.0) as f32;
    let (mean, deviation, threshold) = (unit(drawn.mean), unit(drawn.deviation), unit(drawn.threshold));
    let size = drawn.size;
    let cells = |n: usize| (n as f64 / size).ceil().max(1.0) as usize;
    // The blur sees the whole enlarged layer, which may be a little larger than the picture.
    let enlarged = |n: usize| ((cells(n) as f64 * size).round_ties_even() as usize).max(n);
    let (columns, rows) =
        (Axis::new(cells(width), enlarged(width)), Axis::new(cells(height), enlarged(height)));
    let mut noise = vec![0.0; cells(width) * cells(height)];
    rng.normals(&mut noise, |v, normal| *v = mean + deviation * normal);
    let wide: Vec<f32> = noise.chunks_exact(cells(width)).flat_map(|row| columns.enlarge(row)).collect();
    let stride = enlarged(width);
    let mut layer = Vec::with_capacity(stride * enlarged(height));
    for (low, high, share) in &rows.0 {
        let (a, b) = (&wide[low * stride..(low + 1) * stride], &wide[high * stride..(high + 1) * stride]);
        layer.extend(a.iter().zip(b).map(|(a, b)| {
            let v = a + (b - a) * share;
            if v < threshold { 0.0 } else { v.clamp(0.0, 1.0) }
        }));
    }
    motion::motion_blur(&mut layer, stride, drawn.radius, drawn.sigma, drawn.angle);
    let quantised = |v: &f32| f32::from((v * 255.0 + 0.5) as u8) / 255.0;
    layer.chunks_exact(stride).take(height).flat_map(|row| row[..width].iter().map(quantised)).collect()
}

/// For every place of an enlarged line: the cells before and after it, and the share of the second. The first
/// and last places meet the first and last cells.
struct Axis(Vec<(usize, usize, f32)>);

impl Axis {
    fn new(cells: usize, len: usize) -> Axis {
        let step = (cells - 1) as f64 / (len - 1).max(1) as f64;
        let place = |i: usize| {
            let at = i as f64 * step;
            (at as usize, (at as usize + 1).min(cells - 1), (at - at.floor()) as f32)
        };
        Axis((0..len).map(place).collect())
    }

    fn enlarge<'a>(&'a self, line: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
        self.0.iter().map(|(low, high, share)| line[*low] + (line[*high] - line[*low]) * share)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};

    #[test]
    fn dark_pictures_get_brighter_with_equal_layers() {
        let snowy = run("- snow: {severity: 2}", &gray(64, 48, 0.1), 3);
        let plane = &snowy.planes[0];
        // Whitening alone gives 0.7 * 0.1 + 0.3 * 0.65 everywhere.
        assert!(plane.iter().all(|v| *v > 0.264) && plane.iter().any(|v| *v > 0.5));
        assert!(plane.iter().zip(plane.iter().rev()).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    #[test]
    fn without_flakes_and_whitening_nothing_changes() {
        let clean = gray(9, 7, 0.5);
        let same = run("- snow: {severity: 1, mean: 0, deviation: 0, keep: 1}", &clean, 1);
        assert!(same.planes[0].iter().all(|v| (v - 0.5).abs() < 1e-6));
    }
}
