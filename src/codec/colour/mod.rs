//! What pixel values mean, and keeping it when a file's way to say so has no place in another format.
//!
//! A profile that a format can hold is carried as bytes. What a PNG or BMP says otherwise (gamma, primaries,
//! sRGB, code points) becomes a profile. For formats that hold no profile the values become sRGB.

mod convert;
mod declared;
mod hdr;
mod profile;
mod white;

pub use declared::Colour;

use moxcms::ColorProfile;

use super::{Format, Loss, Metadata, icc_matches};
use crate::image::Image;
#[cfg(feature = "raw")]
pub(super) use convert::Encoder;
use convert::{Converted, convert, to_srgb};
use profile::Space;

/// Makes image and metadata say in `format` what they say now, and puts a note where that can't be.
///
/// What is returned, if anything, is the image with converted values. Alpha is left as it is.
pub(super) fn settle(
    image: &Image,
    meta: &mut Metadata,
    format: Format,
    notes: &mut Vec<String>,
) -> Option<Image> {
    let spread = format.carries_icc() && format.spreads_gray();
    let channels = if spread { 3 } else { image.channels };
    let said = meta.colour.clone().unwrap_or_default();
    if !holds(format, &said, meta.icc.is_some()) {
        take_profile(meta, channels, notes);
    }
    if let Some(icc) = meta.icc.take_if(|icc| !icc_matches(icc, channels)) {
        meta.icc = profile::for_channels(&icc, channels);
        if meta.icc.is_none() {
            notes.push(Loss::Colour.note(format_args!("ICC profile; it is not for {channels} channels")));
        }
    }
    if format.carries_icc() {
        return None;
    }
    let icc = meta.icc.take()?;
    let hdr = Space::of(&said).and_then(|space| space.hdr(&said));
    let name = format.name();
    if hdr.is_some() {
        notes.push(
            Loss::Depth.note(format_args!("what is brighter than white; {name} holds it in sRGB only")),
        );
    }
    if let Some(map) = hdr.filter(|_| image.channels == 3) {
        return Some(convert(image, |from, to| {
            let unit = |v: u16| f64::from(v) / 65_535.0;
            for (from, to) in from.as_chunks::<3>().0.iter().zip(to.as_chunks_mut::<3>().0) {
                *to = map.to_srgb(from.map(unit)).map(|v| (v * 65_535.0).round() as u16);
            }
        }));
    }
    match to_srgb(image, &icc) {
        Some(Converted::Already) => None,
        Some(Converted::To(image)) => {
            notes.push(format!("colours converted to sRGB: {name} holds no profile"));
            Some(image)
        }
        None => {
            notes
                .push(Loss::Colour.note(format_args!("ICC profile; {name} holds none and it can't be read")));
            None
        }
    }
}

/// The image with the values that sRGB has for its colours; none where they are that already, or nobody knows.
pub(crate) fn in_srgb(image: &Image, meta: &Metadata) -> Option<Image> {
    let mut said = Metadata { icc: meta.icc.clone(), colour: meta.colour.clone(), ..Metadata::default() };
    settle(image, &mut said, Format::Qoi, &mut Vec::new())
}

/// Whether the format's encoder writes what is said as it is said.
fn holds(format: Format, said: &Colour, has_profile: bool) -> bool {
    let only_srgb = Colour { srgb: said.srgb, ..Colour::default() };
    format == Format::Png || (format == Format::Bmp && !has_profile && *said == only_srgb)
}

/// Puts a profile in place of what is said otherwise.
fn take_profile(meta: &mut Metadata, channels: usize, notes: &mut Vec<String>) {
    let Some(colour) = meta.colour.take() else { return };
    let from_cicp = colour.cicp.and_then(Space::of_cicp);
    if let Some(icc) = &meta.icc
        && (from_cicp.is_none() || says_code_points(icc, colour.cicp))
    {
        return;
    }
    match Space::of(&colour).and_then(|space| space.profile(&colour, channels)) {
        Some(made) => {
            if meta.icc.replace(made).is_some() {
                notes.push(Loss::Colour.note("ICC profile; the file's code points (cICP) go before it"));
            }
        }
        None => notes.push(Loss::Colour.note(told(&colour))),
    }
}

/// What can't be understood, in words.
fn told(colour: &Colour) -> String {
    match colour {
        Colour { cicp: None, gamma: None, chromaticities: None, .. } => "HDR grading (mDCV, cLLI)".to_owned(),
        Colour { cicp: Some([primaries, transfer, matrix, range]), .. } => {
            format!(
                "code points (cICP) {primaries}/{transfer}/{matrix}/{range}; no profile is known for them"
            )
        }
        _ => "gamma and chromaticities; no profile can be made of them".to_owned(),
    }
}

fn says_code_points(icc: &[u8], cicp: Option<[u8; 4]>) -> bool {
    let said = ColorProfile::new_from_slice(icc).ok().and_then(|profile| profile.cicp);
    said.zip(cicp).is_some_and(|(said, wanted)| {
        [said.color_primaries as u8, said.transfer_characteristics as u8] == wanted[..2]
    })
}
