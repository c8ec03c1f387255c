//! Drops of water or splashes of mud on the lens (ImageNet-C 18).

use super::filter::{self, Border};
use super::{Context, CorruptError, Corruption, Frame, contour, drawn};
use crate::spec::{Descriptor, Kind, Role};

drawn! {
    /// What is drawn for one picture.
    struct Drawn {
        /// Mean of the noise whose peaks are the drops, on the 0 to 255 scale.
        mean: f64 [Kind::Float { min: 0.0, max: 255.0 }],
        /// Its standard deviation before smoothing, on the 0 to 255 scale.
        deviation: f64 [Kind::Float { min: 0.0, max: 255.0 }],
        /// Standard deviation in pixels of the Gaussian that smooths the noise; sets the size of drops.
        sigma: f64 [Kind::Float { min: 0.0, max: 64.0 }],
        /// Smoothed noise below it, on the 0 to 255 scale, is no drop.
        threshold: f64 [Kind::Float { min: 0.0, max: 255.0 }],
        /// 0 for water, 1 for mud.
        mud: usize [Kind::Int { min: 0, max: 1 }],
        /// How bright water is; unused for mud.
        strength: f64 [Kind::Float { min: 0.0, max: 10.0 }],
        /// Standard deviation in pixels of the Gaussian that softens mud; unused for water.
        softness: f64 [Kind::Float { min: 0.0, max: 64.0 }],
    }
}

/// Its registration.
pub(super) static CORRUPTION: Corruption = Corruption {
    descriptor: &Descriptor {
        name: "spatter",
        version: 1,
        doc: "Puts drops of water or splashes of mud on the lens.",
        role: Role::Image,
        params: Drawn::TABLE,
        shorthand: None,
        example: "- spatter: {severity: [1, 3]}",
    },
    severities: &[
        &[0.65 * 255.0, 0.3 * 255.0, 4.0, 0.69 * 255.0, 0.0, 0.6, 0.0],
        &[0.65 * 255.0, 0.3 * 255.0, 3.0, 0.68 * 255.0, 0.0, 0.6, 0.0],
        &[0.65 * 255.0, 0.3 * 255.0, 2.0, 0.68 * 255.0, 0.0, 0.5, 0.0],
        &[0.65 * 255.0, 0.3 * 255.0, 1.0, 0.65 * 255.0, 1.0, 0.0, 1.5],
        &[0.67 * 255.0, 0.4 * 255.0, 1.0, 0.65 * 255.0, 1.0, 0.0, 1.5],
    ],
    apply: |frame, values, context| apply(frame, &Drawn::of(values)?, context),
};

const WATER: [f32; 3] = [175.0 / 255.0, 238.0 / 255.0, 238.0 / 255.0];
const MUD: [f32; 3] = [63.0 / 255.0, 42.0 / 255.0, 20.0 / 255.0];
/// Mud thinner than this is none.
const THINNEST: f32 = 0.8;

fn apply(frame: &mut Frame, drawn: &Drawn, context: &mut Context) -> Result<(), CorruptError> {
    let unit = |value: f64| (value / 255.0) as f32;
    let (mean, deviation, threshold) = (unit(drawn.mean), unit(drawn.deviation), unit(drawn.threshold));
    let width = frame.width;
    let mut liquid = vec![0.0; width * frame.height];
    context.rng.normals(&mut liquid, |v, normal| *v = mean + deviation * normal);
    filter::gaussian_blur(&mut liquid, width, drawn.sigma, Border::Replicate);
    let gray = |colour: [f32; 3]| [0.2989 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]; 3];
    let colours = |colour| if frame.planes.len() == 3 { colour } else { gray(colour) };
    if drawn.mud == 1 {
        let colours = colours(MUD);
        liquid.iter_mut().for_each(|v| *v = f32::from(u8::from(*v > threshold)));
        filter::gaussian_blur(&mut liquid, width, drawn.softness, Border::Replicate);
        for (plane, colour) in frame.planes.iter_mut().zip(colours) {
            for (v, cover) in plane.iter_mut().zip(&liquid) {
                let cover = if *cover < THINNEST { 0.0 } else { *cover };
                *v += (colour - *v) * cover;
            }
        }
    } else {
        let colours = colours(WATER);
        let liquid: Vec<u8> =
            liquid.iter().map(|v| if *v < threshold { 0 } else { (v * 255.0) as u8 }).collect();
        let shine = shine(&liquid, width, drawn.strength as f32);
        for (plane, colour) in frame.planes.iter_mut().zip(colours) {
            plane.iter_mut().zip(&shine).for_each(|(v, shine)| *v += shine * colour);
        }
    }
    Ok(())
}

/// The light of drops: an emboss of the distance to their edges, `strength` at the brightest place.
fn shine(liquid: &[u8], width: usize, strength: f32) -> Vec<f32> {
    let mut shine = contour::distance(&contour::canny(liquid, width, 50, 150), width, 20.0);
    // All of this is on 8 bits in the reference, where rounding matters.
    mean3(&mut shine, width);
    equalise(&mut shine);
    filter::filter2d(
        &mut shine,
        width,
        &[-2.0, -1.0, 0.0, -1.0, 1.0, 1.0, 0.0, 1.0, 2.0],
        3,
        Border::Reflect101,
    );
    shine.iter_mut().for_each(|v| *v = v.clamp(0.0, 255.0));
    mean3(&mut shine, width);
    let round = |v: f32| f32::from((v + 0.5) as u8);
    shine.iter_mut().zip(liquid).for_each(|(v, liquid)| *v = round(*v) * f32::from(*liquid));
    let brightest = shine.iter().fold(0.0f32, |max, v| max.max(*v));
    let scale = if brightest > 0.0 { strength / brightest } else { 0.0 };
    shine.iter_mut().for_each(|v| *v *= scale);
    shine
}

/// The mean of 3x3 pixels; exact where it is whole.
fn mean3(plane: &mut [f32], width: usize) {
    filter::separable(plane, width, &[1.0; 3], Border::Reflect101);
    plane.iter_mut().for_each(|v| *v /= 9.0);
}

/// Cuts values to 8 bits and spreads their histogram evenly over 0 to 255.
fn equalise(plane: &mut [f32]) {
    let mut counts = [0usize; 256];
    plane.iter().for_each(|v| counts[usize::from(*v as u8)] += 1);
    let first = counts.iter().position(|n| *n > 0).unwrap_or(0);
    let rest = plane.len() - counts[first];
    if rest == 0 {
        plane.fill(first as f32);
        return;
    }
    let (mut sum, scale) = (0, 255.0 / rest as f32);
    let mut table = [0.0; 256];
    for (to, count) in table.iter_mut().zip(counts).skip(first + 1) {
        sum += count;
        *to = (sum as f32 * scale).round_ties_even();
    }
    plane.iter_mut().for_each(|v| *v = table[usize::from(*v as u8)]);
}

#[cfg(test)]
mod tests {
    use super::super::tests::{gray, run};
    use super::*;

    #[test]
    fn water_brightens_and_mud_darkens_only_drops() {
        let clean = Frame { planes: vec![vec![0.4; 120 * 100]; 3], ..gray(120, 100, 0.4) };
        let wet = run("- spatter: {severity: 3}", &clean, 2);
        assert!(wet.planes.iter().flatten().all(|v| *v >= 0.4));
        let peak = |c: usize| wet.planes[c].iter().fold(0.0f32, |max, v| max.max(*v));
        assert!(
            (peak(0) - 0.4 - 0.5 * WATER[0]).abs() < 1e-4 && (peak(1) - 0.4 - 0.5 * WATER[1]).abs() < 1e-4
        );
        let muddy = run("- spatter: {severity: 4}", &clean, 2);
        let plane = &muddy.planes[2];
        assert!(plane.contains(&0.4) && plane.iter().any(|v| (v - MUD[2]).abs() < 0.1));
        assert!(plane.iter().all(|v| *v <= 0.4 && *v > MUD[2] - 1e-4));
    }

    #[test]
    fn equalising_spreads_the_histogram() {
        let mut plane = vec![3.0, 3.0, 4.2, 7.9, 3.5, 9.0];
        equalise(&mut plane);
        assert_eq!(plane, [0.0, 0.0, 85.0, 170.0, 0.0, 255.0]);
        let mut even = vec![20.0; 5];
        equalise(&mut even);
        assert_eq!(even, [20.0; 5]);
    }
}
