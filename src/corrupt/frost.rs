//! Frost on the lens (ImageNet-C 9), drawn: the reference blends in photographs.

use super::filter::{self, Border};
use super::resample::{Method, resize};
use super::{Context, CorruptError, Corruption, Frame, drawn, plasma};
use crate::random::Rng;
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Weight of the picture.
        keep: f64 [Kind::Float { min: 0.0, max: 1.0 }],
        /// Weight of the ice.
        ice: f64 [Kind::Float { min: 0.0, max: 2.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "frost",
        version: 1,
        doc: "Covers the picture with feathery crystals of ice, densest at the borders.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- frost: {keep: 0.8, ice: [0.2, 0.6]}",
    },
    severities: &[&[1.0, 0.4], &[0.8, 0.6], &[0.7, 0.7], &[0.65, 0.7], &[0.6, 0.75]],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

/// What a sheet of ice looks like, on the 0 to 255 scale.
struct Look {
    /// Mean red, green and blue.
    colour: [f32; 3],
    /// Standard deviation of clouds, of soft and of sharp crystals.
    clouds: f32,
    soft: f32,
    sharp: f32,
}

/// The reference's photographs, measured: cyan ice, white ice (twice), gray and dark ice.
static LOOKS: [Look; 5] = [
    Look { colour: [77.7, 149.1, 165.7], clouds: 15.0, soft: 5.4, sharp: 6.8 },
    Look { colour: [200.8, 205.4, 214.5], clouds: 18.0, soft: 10.8, sharp: 10.8 },
    Look { colour: [200.8, 205.4, 214.5], clouds: 18.0, soft: 10.8, sharp: 10.8 },
    Look { colour: [137.6, 152.8, 165.2], clouds: 19.0, soft: 13.5, sharp: 16.2 },
    Look { colour: [112.4, 123.4, 134.8], clouds: 36.0, soft: 18.9, sharp: 24.3 },
];

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let look = &LOOKS[context.rng.index(LOOKS.len())];
    let (keep, ice) = (drawn.keep as f32, drawn.ice as f32);
    let (width, height) = (frame.width, frame.height);
    let mut texture = vec![0.0; width * height];
    crystals(&mut texture, width, &mut context.rng);
    let mut soft = texture.clone();
    filter::gaussian_blur(&mut soft, width, 2.5, Border::Reflect);
    filter::gaussian_blur(&mut texture, width, 0.6, Border::Reflect);
    texture.iter_mut().zip(&soft).for_each(|(v, soft)| *v -= soft);
    standardise(&mut texture, look.sharp);
    standardise(&mut soft, look.soft);
    texture.iter_mut().zip(&soft).for_each(|(v, soft)| *v += soft);
    // Clouds have no fine detail: a quarter of the points will do.
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let side = plasma::side(half_width, half_height);
    let map = plasma::plasma(side, 1.6, &mut context.rng);
    let rows =
        (0..half_height).flat_map(|y| map[(y % side) * side..][..side].iter().cycle().take(half_width));
    let mut clouds = Frame { width: half_width, height: half_height, planes: vec![rows.copied().collect()] };
    resize(&mut clouds, width, height, Method::Bilinear);
    soft.copy_from_slice(&clouds.planes[0]);
    standardise(&mut soft, look.clouds);
    texture.iter_mut().zip(&soft).for_each(|(v, cloud)| *v += cloud);
    let colours = match frame.planes.len() {
        3 => look.colour,
        _ => [0.2989 * look.colour[0] + 0.587 * look.colour[1] + 0.114 * look.colour[2]; 3],
    };
    for (plane, colour) in frame.planes.iter_mut().zip(colours) {
        for (v, texture) in plane.iter_mut().zip(&texture) {
            *v = keep * *v + ice * ((colour + texture).clamp(0.0, 255.0) * (1.0 / 255.0));
        }
    }
    Ok(())
}

/// Gives values the mean 0 and this standard deviation.
fn standardise(plane: &mut [f32], deviation: f32) {
    let n = plane.len() as f64;
    let mean = plane.iter().map(|v| f64::from(*v)).sum::<f64>() / n;
    let variance = plane.iter().map(|v| (f64::from(*v) - mean) * (f64::from(*v) - mean)).sum::<f64>() / n;
    let scale = if variance > 1e-12 { deviation / variance.sqrt() as f32 } else { 0.0 };
    plane.iter_mut().for_each(|v| *v = (*v - mean as f32) * scale);
}

/// Draws feathers of ice: a spine with thinner and thinner branches at 60 degrees.
fn crystals(plane: &mut [f32], width: usize, rng: &mut Rng) {
    let height = plane.len() / width;
    let near_border = |rng: &mut Rng, n: usize| {
        let inwards = 0.5 * rng.unit() * rng.unit();
        let side = if rng.chance(0.5) { inwards } else { 1.0 - inwards };
        (side * n as f64) as f32
    };
    for _ in 0..plane.len() / 140 + 1 {
        let start = (near_border(rng, width), near_border(rng, height));
        let angle = rng.uniform(0.0, std::f64::consts::TAU) as f32;
        let (length, light) = (rng.uniform(8.0, 60.0) as f32, rng.uniform(0.3, 1.0) as f32);
        let spine = direction(angle);
        stroke(plane, width, start, spine, length, light);
        let branches = [1.0, -1.0].map(|turn| direction(angle + turn * std::f32::consts::FRAC_PI_3));
        let gap = rng.uniform(2.5, 6.0) as f32;
        let mut at = gap;
        while at < length {
            let root = (start.0 + spine.0 * at, start.1 + spine.1 * at);
            let reach = 0.45 * (length - at);
            branches.iter().for_each(|branch| stroke(plane, width, root, *branch, reach, light * 0.8));
            at += gap;
        }
    }
}

fn direction(angle: f32) -> (f32, f32) {
    let (sin, cos) = libm::sincosf(angle);
    (cos, sin)
}

/// A line that fades to its end; the lighter of it and what is there already.
fn stroke(plane: &mut [f32], width: usize, start: (f32, f32), step: (f32, f32), length: f32, light: f32) {
    let height = plane.len() / width;
    let fade = light / length.max(1.0);
    for i in 0..length as usize + 1 {
        let i = i as f32;
        let (x, y) = (start.0 + step.0 * i, start.1 + step.1 * i);
        if x >= 0.0 && y >= 0.0 && (x as usize) < width && (y as usize) < height {
            let v = &mut plane[y as usize * width + x as usize];
            *v = v.max(light - fade * i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};
    use super::*;

    #[test]
    fn crystals_are_denser_at_the_border() {
        let (width, height) = (240, 200);
        let mut plane = vec![0.0f32; width * height];
        crystals(&mut plane, width, &mut Rng::new(2));
        let light = |inside: bool| {
            let at = |i: &usize| {
                let (x, y) = (i % width, i / width);
                inside == ((60..180).contains(&x) && (50..150).contains(&y))
            };
            let chosen: Vec<f32> = (0..plane.len()).filter(at).map(|i| plane[i]).collect();
            chosen.iter().sum::<f32>() / chosen.len() as f32
        };
        assert!(light(false) > 1.1 * light(true), "{} {}", light(false), light(true));
    }

    #[test]
    fn the_ice_has_one_of_the_looks() {
        let frosted = run("- frost: {keep: 0, ice: 1}", &gray(300, 300, 0.5), 8);
        let mean = frosted.planes[0].iter().sum::<f32>() / 90_000.0 * 255.0;
        let looks = LOOKS.iter().map(|l| 0.2989 * l.colour[0] + 0.587 * l.colour[1] + 0.114 * l.colour[2]);
        assert!(looks.into_iter().any(|expected| (mean - expected).abs() < 4.0), "{mean}");
        let none = run("- frost: {keep: 1, ice: 0}", &gray(30, 30, 0.5), 8);
        assert!(none.planes[0].iter().all(|v| (v - 0.5).abs() < 1e-6));
    }
}
