//! Values to sRGB through an ICC profile.

use moxcms::{ColorProfile, DataColorSpace, Layout, ToneReprCurve, TransformOptions};

use super::hdr::srgb_curve;
use super::profile;
use crate::codec::pack;
use crate::image::{Image, Samples};

/// Most that a converted value of 16 bits may differ for the profile to count as sRGB: less than a step of 8 bits.
const SAME: u16 = 200;

/// What converting came to.
pub(super) enum Converted {
    /// The values are those of sRGB as they are.
    Already,
    /// Others are.
    To(Image),
}

/// What runs 16-bit samples of whole pixels from the first into the second slice of the same length.
type Apply = Box<dyn Fn(&[u16], &mut [u16])>;

/// The image's values in sRGB, or in gray with its curve; `None` when the profile can't be used.
pub(super) fn to_srgb(image: &Image, icc: &[u8]) -> Option<Converted> {
    let source = ColorProfile::new_from_slice(icc).ok()?;
    let (apply, samples): (Apply, Vec<u16>) = if source.color_space == DataColorSpace::Gray {
        (by_gray_curve(&source)?, (0..=255u16).map(|v| v * 257).collect())
    } else {
        let tables = source.lut_a_to_b_perceptual.is_some() || source.lut_a_to_b_colorimetric.is_some();
        let by_matrix = source.is_matrix_shaper() && !tables && source.pcs == DataColorSpace::Xyz;
        let apply = if by_matrix { by_matrix_and_curves(&source) } else { by_table(&source) }?;
        let steps = [0u16, 4, 16, 48, 96, 144, 192, 255].map(|v| v * 257);
        let pairs = steps.iter().flat_map(|&r| steps.map(|g| [r, g]));
        (apply, pairs.flat_map(|[r, g]| steps.map(|b| [r, g, b])).flatten().collect())
    };
    let mut shown = vec![0; samples.len()];
    apply(&samples, &mut shown);
    if samples.iter().zip(&shown).all(|(a, b)| a.abs_diff(*b) <= SAME) {
        return Some(Converted::Already);
    }
    Some(Converted::To(convert(image, apply)))
}

/// Light, 0 to 1, of every 16-bit value.
fn linear(curve: &ToneReprCurve) -> Option<Vec<f32>> {
    let curve = curve.make_linear_evaluator().ok()?;
    Some((0..=u16::MAX).map(|v| curve.evaluate_value(f32::from(v) / 65_535.0)).collect())
}

/// The curve of sRGB, from light to 16-bit values.
pub(in crate::codec) struct Encoder(Vec<f32>);

impl Encoder {
    pub(in crate::codec) fn new() -> Encoder {
        // One more, so that the last has a neighbour. The curve is straight where it is steep, so that
        // interpolation is exact to less than a 16-bit step.
        Encoder((0..=65_536u32).map(|i| (srgb_curve(f64::from(i) / 65_535.0) * 65_535.0) as f32).collect())
    }

    pub(in crate::codec) fn encode(&self, light: f32) -> u16 {
        let at = light.clamp(0.0, 1.0) * 65_535.0;
        let i = at as usize;
        let (low, high) = (self.0.get(i).copied(), self.0.get(i + 1).copied());
        let (low, high) = (low.unwrap_or(65_535.0), high.unwrap_or(65_535.0));
        (low + (high - low) * (at - i as f32)).round() as u16
    }
}

fn by_gray_curve(source: &ColorProfile) -> Option<Apply> {
    let encoder = Encoder::new();
    let table: Vec<u16> =
        linear(source.gray_trc.as_ref()?)?.into_iter().map(|light| encoder.encode(light)).collect();
    Some(Box::new(move |from, to| {
        for (from, to) in from.iter().zip(to) {
            *to = table.get(usize::from(*from)).copied().unwrap_or(*from);
        }
    }))
}

fn by_matrix_and_curves(source: &ColorProfile) -> Option<Apply> {
    let curves = [&source.red_trc, &source.green_trc, &source.blue_trc];
    let [red, green, blue] = curves.map(|curve| curve.as_ref().and_then(linear));
    let curves = [red?, green?, blue?];
    let matrix = source.transform_matrix(&profile::srgb()).to_f32().v;
    if matrix.iter().flatten().any(|v| !v.is_finite()) {
        return None;
    }
    let encoder = Encoder::new();
    Some(Box::new(move |from, to| {
        for (from, to) in from.as_chunks::<3>().0.iter().zip(to.as_chunks_mut::<3>().0) {
            let light = [0, 1, 2].map(|i| curves[i].get(usize::from(from[i])).copied().unwrap_or_default());
            *to = matrix.map(|[r, g, b]| encoder.encode(r * light[0] + g * light[1] + b * light[2]));
        }
    }))
}

fn by_table(source: &ColorProfile) -> Option<Apply> {
    let target = profile::srgb();
    let options = TransformOptions { prefer_fixed_point: false, ..TransformOptions::default() };
    let transform = source.create_transform_16bit(Layout::Rgb, &target, Layout::Rgb, options).ok()?;
    Some(Box::new(move |from, to| {
        // It fails where lengths differ, which they don't.
        if transform.transform(from, to).is_err() {
            to.copy_from_slice(from);
        }
    }))
}

/// The image with its colour run through `apply`, which works on 16-bit samples of whole pixels.
pub(super) fn convert(image: &Image, apply: impl Fn(&[u16], &mut [u16])) -> Image {
    // A stretch of pixels at a time, so that 16-bit copies stay small.
    let stretch = 3 << 14;
    let mut to = vec![0u16; stretch];
    let samples = match &image.samples {
        Samples::U8(values) => {
            let mut out = Vec::with_capacity(values.len());
            for part in values.chunks(stretch) {
                let from: Vec<u16> = part.iter().map(|&v| u16::from(v) * 257).collect();
                let to = &mut to[..from.len()];
                apply(&from, to);
                out.extend(to.iter().map(|&v| pack::byte(v)));
            }
            Samples::U8(out)
        }
        other => {
            let values = pack::to_u16(other);
            let mut out = vec![0; values.len()];
            for (from, to) in values.chunks(stretch).zip(out.chunks_mut(stretch)) {
                apply(from, to);
            }
            Samples::U16(out)
        }
    };
    // Alpha has the depth of the colour.
    let alpha = image.alpha.as_ref().map(|alpha| match samples {
        Samples::U8(_) => alpha.clone(),
        _ => Samples::U16(pack::to_u16(alpha)),
    });
    Image { samples, alpha, ..*image }
}
