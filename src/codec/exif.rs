//! EXIF blocks (a TIFF header with its directories): reading and patching single fields in place, and
//! taking a block apart into fields for containers that store them otherwise.
//!
//! Damaged blocks are left as they are.

mod block;
mod fields;
mod notes;
mod patch;
mod tags;

pub(super) use block::Block;
pub(super) use fields::{Field, Fields, lost_of, sorted_out};
pub(super) use patch::{forget_subject, scale, set_orientation, set_size, unlink_thumbnail};
pub(super) use tags::{Fate, fate};

use super::meta::{Density, DensityUnit};

/// Tag of the orientation.
pub(super) const ORIENTATION: u16 = 0x0112;
pub(super) const X_RESOLUTION: u16 = 0x011A;
pub(super) const Y_RESOLUTION: u16 = 0x011B;
pub(super) const RESOLUTION_UNIT: u16 = 0x0128;
/// Pointer to the Exif directory.
pub(super) const EXIF_IFD: u16 = 0x8769;
/// Pointer to the GPS directory.
pub(super) const GPS_IFD: u16 = 0x8825;
/// Pointer to the Interoperability directory, in the Exif directory.
pub(super) const INTEROP_IFD: u16 = 0xA005;
/// The maker note, in the Exif directory.
const MAKER_NOTE: u16 = 0x927C;

const SHORT: u16 = 3;
const LONG: u16 = 4;

/// The block without the `Exif\0\0` that JPEG puts before it and some writers elsewhere.
pub(super) fn strip_prefix(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"Exif\0\0").unwrap_or(bytes)
}

/// The orientation tag, when there is a valid one.
pub(super) fn orientation(bytes: &[u8]) -> Option<u8> {
    let block = Block::new(bytes)?;
    let value = block.number_of(block.main()?, ORIENTATION)?;
    u8::try_from(value).ok().filter(|v| (1..=8).contains(v))
}

/// The resolution tags.
pub(super) fn density(bytes: &[u8]) -> Option<Density> {
    let block = Block::new(bytes)?;
    let main = block.main()?;
    let ratio = |tag| {
        let at = block.u32(block.find(main, tag)? + 8)? as usize;
        let value = f64::from(block.u32(at)?) / f64::from(block.u32(at.checked_add(4)?)?);
        (value.is_finite() && value > 0.0).then_some(value)
    };
    let unit = match block.find(main, RESOLUTION_UNIT).and_then(|at| block.u16(at + 8)) {
        Some(1) => DensityUnit::Aspect,
        Some(3) => DensityUnit::PerCentimetre,
        _ => DensityUnit::PerInch,
    };
    Some(Density { x: ratio(X_RESOLUTION)?, y: ratio(Y_RESOLUTION)?, unit })
}

#[cfg(test)]
mod tests;
