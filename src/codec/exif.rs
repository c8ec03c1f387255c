//! EXIF blocks (a TIFF header with its directories): reading and patching single fields in place, and
//! taking a block apart into fields for containers that store them otherwise.
//!
//! Damaged blocks are left as they are.

mod block;
mod fields;
mod notes;
mod numbers;
mod patch;
mod tags;

pub(super) use block::Block;
pub(super) use fields::{Field, Fields, lost_of, sorted_out};
pub(super) use numbers::{
    EXIF_IFD, GPS_IFD, INTEROP_IFD, ORIENTATION, RESOLUTION_UNIT, X_RESOLUTION, Y_RESOLUTION,
};
pub(super) use patch::{forget_subject, scale, set_orientation, set_size, unlink_thumbnail};
pub(super) use tags::{Fate, fate};

use super::density::{Density, DensityUnit};

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
