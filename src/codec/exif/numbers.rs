//! Numbers of tags and types.

/// Tag of the orientation.
pub(in crate::codec) const ORIENTATION: u16 = 0x0112;
pub(in crate::codec) const X_RESOLUTION: u16 = 0x011A;
pub(in crate::codec) const Y_RESOLUTION: u16 = 0x011B;
pub(in crate::codec) const RESOLUTION_UNIT: u16 = 0x0128;
/// Pointer to the Exif directory.
pub(in crate::codec) const EXIF_IFD: u16 = 0x8769;
/// Pointer to the GPS directory.
pub(in crate::codec) const GPS_IFD: u16 = 0x8825;
/// Pointer to the Interoperability directory, in the Exif directory.
pub(in crate::codec) const INTEROP_IFD: u16 = 0xA005;

/// The maker note, in the Exif directory.
pub(super) const MAKER_NOTE: u16 = 0x927C;
pub(super) const SHORT: u16 = 3;
pub(super) const LONG: u16 = 4;
