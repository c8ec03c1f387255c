//! From samples as they stand in the file to the colours of an image.

use std::io::{Read, Seek};

use super::super::{CodecError, Format, Loss, Metadata, cmyk, malformed, pack, unsupported};
use super::assemble::Raw;
use super::directory::{Directory, File};
use super::layout::{Colour, Layout};
use super::{lab, tag, ycc};
use crate::image::{Image, Samples};

/// How far floating-point samples may leave \[0, 1\]: what rounding to 16 bits takes back.
const OVERSHOOT: f32 = 0.5 / 65535.0;

/// Makes an image. Integers are scaled to the full range of 8 or 16 bits, each to the nearest value, floats
/// to 16 bits; colours that images don't have become sRGB, and a profile that was used is gone.
pub(super) fn image<R: Read + Seek>(
    raw: Raw,
    file: &mut File<R>,
    directory: &Directory,
    layout: &Layout,
    meta: &mut Metadata,
    notes: &mut Vec<String>,
) -> Result<Image, CodecError> {
    let mut colour = raw.colour;
    let alpha = raw.alpha.map(|alpha| full_range(alpha, layout)).transpose()?;
    if layout.colour == Colour::Palette {
        colour = Samples::U8(look_up(&colour, &palette(file, directory, layout.bits)?)?);
    } else {
        colour = full_range(colour, layout)?;
    }
    if layout.float {
        meta.saw(Loss::Depth, format!("{}-bit float samples, rounded to 16 bits", layout.bits));
    }
    match (layout.colour, &mut colour) {
        (Colour::Gray { white_is_zero: true }, samples) => invert(samples),
        (Colour::Cmyk, samples) => {
            if matches!(samples, Samples::U16(_)) {
                meta.saw(Loss::Depth, "16-bit CMYK, reduced to 8 bits");
            }
            let inks = pack::to_u8(samples);
            colour = Samples::U8(cmyk::to_rgb(&inks, meta.icc.take().as_deref(), notes));
        }
        (Colour::Ycc { .. }, Samples::U8(samples)) => {
            let weights = file.fractions(directory, tag::YCC_COEFFICIENTS)?;
            let range = file.fractions(directory, tag::REFERENCE_BLACK_WHITE)?;
            ycc::to_rgb(samples, &weights, &range);
        }
        (Colour::Lab { signed }, samples) => {
            lab::to_srgb(samples, signed);
            meta.icc = None;
            notes.push("CIE L*a*b* converted to sRGB".to_owned());
        }
        _ => {}
    }
    let channels = if matches!(layout.colour, Colour::Gray { .. }) { 1 } else { 3 };
    let alpha = alpha.map(|alpha| match colour {
        Samples::U8(_) => Samples::U8(pack::to_u8(&alpha)),
        _ => alpha,
    });
    let (width, height) = (layout.width as usize, layout.height as usize);
    let mut image = Image { width, height, channels, samples: colour, alpha };
    if layout.alpha.is_some_and(|(_, multiplied)| multiplied) {
        unmultiply(&mut image);
        notes.push("colours were multiplied by alpha; divided".to_owned());
    }
    Ok(image)
}

/// Samples scaled such that their largest number is the largest of the type.
fn full_range(samples: Samples, layout: &Layout) -> Result<Samples, CodecError> {
    let most = (1u32 << layout.bits.min(16)) - 1;
    let scaled = |v: u32, full: u32| (v * full + most / 2) / most;
    Ok(match samples {
        Samples::U8(mut samples) => {
            if layout.bits < 8 {
                samples.iter_mut().for_each(|v| *v = scaled(u32::from(*v), 255) as u8);
            }
            Samples::U8(samples)
        }
        Samples::U16(mut samples) => {
            if layout.bits < 16 {
                samples.iter_mut().for_each(|v| *v = scaled(u32::from(*v), 65535) as u16);
            }
            Samples::U16(samples)
        }
        Samples::F32(samples) => {
            let inside = |v: &f32| (-OVERSHOOT..=1.0 + OVERSHOOT).contains(v);
            if !samples.iter().all(inside) {
                return Err(beyond(&samples));
            }
            Samples::U16(pack::to_u16(&Samples::F32(samples)))
        }
    })
}

fn beyond(samples: &[f32]) -> CodecError {
    let finite = samples.iter().copied().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
    let strange = samples.iter().filter(|v| !v.is_finite()).count();
    let strange =
        if strange > 0 { format!(", {strange} of them infinite or no numbers") } else { String::new() };
    let what = format!("float samples from {low} to {high}{strange}: not within 0 to 1; scale it first");
    unsupported(Format::Tiff, what)
}

fn invert(samples: &mut Samples) {
    match samples {
        Samples::U8(samples) => samples.iter_mut().for_each(|v| *v = !*v),
        Samples::U16(samples) => samples.iter_mut().for_each(|v| *v = !*v),
        Samples::F32(samples) => samples.iter_mut().for_each(|v| *v = 1.0 - *v),
    }
}

/// The colours of a palette.
fn palette<R: Read + Seek>(
    file: &mut File<R>,
    directory: &Directory,
    bits: u8,
) -> Result<Vec<[u8; 3]>, CodecError> {
    let colours = 1usize << bits;
    let map = file.numbers(directory, tag::COLOR_MAP, 3 * 256)?.unwrap_or_default();
    if map.len() < 3 * colours {
        return Err(malformed(Format::Tiff, "its palette has the wrong size"));
    }
    let map = map.get(..3 * colours).unwrap_or_default();
    // Some writers store 8-bit colours where 16-bit ones belong.
    let shift = if map.iter().all(|&v| v < 256) { 0 } else { 8 };
    let part = |i: usize| (map.get(i).copied().unwrap_or(0) >> shift) as u8;
    Ok((0..colours).map(|i| [part(i), part(colours + i), part(2 * colours + i)]).collect())
}

fn look_up(indices: &Samples, palette: &[[u8; 3]]) -> Result<Vec<u8>, CodecError> {
    let Samples::U8(indices) = indices else {
        return Err(malformed(Format::Tiff, "its palette is for more than 8 bits"));
    };
    Ok(indices.iter().flat_map(|&i| palette.get(usize::from(i)).copied().unwrap_or_default()).collect())
}

/// Divides colours by alpha.
fn unmultiply(image: &mut Image) {
    let Some(alpha) = &image.alpha else { return };
    let divide = |v: u32, a: u32, max: u32| (v * max + a / 2).checked_div(a).unwrap_or(0).min(max);
    match (&mut image.samples, alpha) {
        (Samples::U8(colour), Samples::U8(alpha)) => {
            for (pixel, &a) in colour.chunks_exact_mut(image.channels).zip(alpha) {
                pixel.iter_mut().for_each(|v| *v = divide(u32::from(*v), u32::from(a), 255) as u8);
            }
        }
        (Samples::U16(colour), Samples::U16(alpha)) => {
            for (pixel, &a) in colour.chunks_exact_mut(image.channels).zip(alpha) {
                pixel.iter_mut().for_each(|v| *v = divide(u32::from(*v), u32::from(a), 65535) as u16);
            }
        }
        _ => {}
    }
}
