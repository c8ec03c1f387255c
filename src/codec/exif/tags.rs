//! What becomes of the tags of a main directory in another file: a rule for each, so that none is dropped
//! without a word.

use super::super::Loss;
use super::numbers::{EXIF_IFD, GPS_IFD};

/// What becomes of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::codec) enum Fate {
    /// It is about how the old file was laid out, and means nothing in another.
    Layout,
    /// It has a part of its own in [`super::super::Metadata`], which says it better: profile, XMP, resolution.
    Part,
    /// It points to a directory of fields.
    Directory,
    /// It describes the picture.
    Kept,
    /// It is not known, and may hold offsets: true only where nothing moves.
    Unknown,
    /// It is no longer true of another picture or another file.
    Lost(Loss, &'static str),
}

/// Strips, tiles, samples and their coding, thumbnails, padding. Offsets of all kinds are here, those of
/// thumbnails (513) too: they show the old picture.
const LAYOUT: [u16; 45] = [
    254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 288, 289, 292, 293, 317, 320, 322, 323,
    324, 325, 338, 339, 347, 512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 559, 32996,
    40962, 40963, 59932, 59933,
];

/// Tags that describe a picture, whatever file it stands in.
const DESCRIPTIVE: [(u16, u16); 31] = [
    (269, 272),       // DocumentName, ImageDescription, Make, Model
    (274, 274),       // Orientation
    (285, 285),       // PageName
    (297, 297),       // PageNumber: of the page that was scanned
    (305, 306),       // Software, DateTime
    (315, 316),       // Artist, HostComputer
    (318, 319),       // WhitePoint, PrimaryChromaticities
    (0x4746, 0x4749), // Rating, RatingPercent
    (33421, 33423),   // CFARepeatPatternDim, CFAPattern, BatteryLevel
    (33432, 33432),   // Copyright
    (33434, 33437), // ExposureTime, FNumber and other tags of the Exif directory, which some writers put here
    (34850, 34850),
    (34852, 34852),
    (34855, 34859),
    (34864, 34869),
    (36864, 36868),
    (36880, 36882),
    (37121, 37122),
    (37377, 37396),
    (37510, 37522),
    (37888, 37893),
    (40091, 40095), // XPTitle, XPComment, XPAuthor, XPKeywords, XPSubject
    (40960, 40961),
    (40964, 40964),
    (41483, 41495),
    (41728, 41996),
    (42016, 42240),
    (50341, 50341), // PrintImageMatching
    (50708, 50709), // UniqueCameraModel, LocalizedCameraModel
    (50735, 50736), // CameraSerialNumber, LensInfo
    (50827, 50827), // OriginalRawFileName
];

/// Tags that are noted under a common name.
const LOST: [(&[u16], Loss, &str); 21] = [
    (&[33550, 33922, 34264, 34735, 34736, 34737], Loss::Metadata, "GeoTIFF tags"),
    (&[42112, 42113], Loss::Metadata, "GDAL tags"),
    (&[33918, 33919, 33920], Loss::Metadata, "Intergraph tags"),
    (&[37724], Loss::Layers, "Photoshop layers"),
    (&[330], Loss::Pictures, "pictures in directories below the page's (SubIFDs)"),
    (&[301, 342], Loss::Colour, "transfer function"),
    (&[290, 291], Loss::Colour, "gray response curve"),
    (&[263, 264, 265], Loss::Data, "how its shades were dithered (Threshholding)"),
    (&[280, 281, 340, 341], Loss::Data, "smallest and largest sample"),
    (&[321], Loss::Data, "hints for halftones"),
    (&[326, 327, 328], Loss::Metadata, "how well a fax was received"),
    (&[332, 333, 334], Loss::Metadata, "inks (InkSet, InkNames, NumberOfInks)"),
    (&[336], Loss::Data, "range of its inks (DotRange)"),
    (&[337], Loss::Metadata, "the printer it is for (TargetPrinter)"),
    (&[286, 287], Loss::Metadata, "position on the page"),
    (&[343, 344, 345, 346], Loss::Layers, "clipping path"),
    (&[50838, 50839], Loss::Metadata, "ImageJ data"),
    (&[33628, 33629, 33630, 33631], Loss::Pictures, "MetaMorph stack"),
    (&[34412], Loss::Metadata, "Zeiss LSM data"),
    (&[32932], Loss::Layers, "Wang annotations"),
    (&[400], Loss::Metadata, "what counts for all pages (GlobalParametersIFD)"),
];

/// The rule for a tag of a main directory.
pub(in crate::codec) fn fate(tag: u16) -> Fate {
    match tag {
        EXIF_IFD | GPS_IFD => return Fate::Directory,
        282 | 283 | 296 | 700 | 33723 | 34377 | 34675 => return Fate::Part,
        _ => {}
    }
    if LAYOUT.contains(&tag) {
        return Fate::Layout;
    }
    if let Some((_, loss, what)) = LOST.iter().find(|(tags, ..)| tags.contains(&tag)) {
        return Fate::Lost(*loss, what);
    }
    match tag {
        _ if DESCRIPTIVE.iter().any(|&(from, to)| (from..=to).contains(&tag)) => Fate::Kept,
        50706..=51300 | 52500..=52600 => Fate::Lost(Loss::Metadata, "tags of a camera's raw file (DNG)"),
        _ => Fate::Unknown,
    }
}
