//! What is known of the pictures that are compared, which of them is kept, and whether two are of one shot.

use crate::image::shot::{self, Agreement, Bounds};
use crate::image::signature::Signature;
use std::cmp::{Ordering, Reverse};

/// What is known of a row's picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Facts {
    /// Size of the file.
    pub bytes: u64,
    /// BLAKE3 of the file.
    pub hash: Option<[u8; 32]>,
    /// Which of its file's rows this is, from 0.
    pub ordinal: u32,
    /// Hash of the decoded pixels.
    pub pixels: Option<[u8; 32]>,
    /// Of the picture.
    pub signature: Option<Box<Signature>>,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Bits a sample.
    pub bit_depth: u32,
    /// Name of the format, such as `jpeg`.
    pub format: String,
}

/// Formats that lose something each time they are written.
const LOSSY: [&str; 6] = ["jpeg", "jpg", "webp", "avif", "heic", "heif"];

impl Facts {
    fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// What makes a picture the one to keep: the largest first.
    fn worth(&self) -> [u64; 4] {
        // Of a format that is not known, nothing is promised.
        let lossless = !self.format.is_empty() && !LOSSY.contains(&self.format.as_str());
        // Of one shot at one size, the larger file was compressed less, whatever its format calls that.
        [self.pixels(), self.bit_depth.into(), lossless.into(), self.bytes]
    }

    /// Whether the signature can be compared.
    pub(crate) fn comparable(&self) -> Option<&Signature> {
        self.signature.as_deref().filter(|signature| !signature.is_flat())
    }

    /// Whether it is so small that chance makes others like it: icons, digits.
    pub(crate) fn is_small(&self) -> bool {
        self.width.min(self.height) < SMALL
    }
}

/// Pixels of the shorter side below which only what agrees in everything counts.
const SMALL: u32 = 64;

/// Orders two rows so that the one to keep comes first.
pub(crate) fn to_keep(rows: &[Facts], a: usize, b: usize) -> Ordering {
    let worth = |row: usize| rows.get(row).map(Facts::worth);
    (Reverse(worth(a)), a).cmp(&(Reverse(worth(b)), b))
}

/// Why a row is kept before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It has more pixels.
    Largest,
    /// It has more bits a sample, a format without loss or more bytes.
    LeastCompressed,
    /// Nothing tells them apart but the order of their paths.
    First,
}

/// Why `a` is kept before `b`.
pub(crate) fn why_kept(a: &Facts, b: &Facts) -> Kept {
    match a.worth().iter().zip(b.worth()).position(|(a, b)| *a != b) {
        Some(0) => Kept::Largest,
        Some(_) => Kept::LeastCompressed,
        None => Kept::First,
    }
}

/// How a picture is another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Relation {
    /// The whole of it.
    Whole,
    /// The whole of it, in a mirror.
    Mirrored,
    /// One is a part of the other.
    Part,
}

/// What is asked of whole pictures.
const WHOLE: Bounds = Bounds { tones: 0.94, edges: 0.85, fine: 0.72 };
/// What is asked of parts.
const PART: Bounds = Bounds { tones: 0.94, edges: 0.8, fine: 0.36 };
/// What is asked of small pictures.
const STRICT: Bounds = Bounds { tones: 0.99, edges: 0.99, fine: 0.9 };
/// How far the sides of a part may be from the picture's own, as a factor.
const STRETCH: f32 = 1.08;

/// Whether two pictures are of one shot, looking at them as wholes.
pub(crate) fn same_whole(a: &Facts, b: &Facts) -> Option<Relation> {
    let (x, y) = (a.comparable()?, b.comparable()?);
    if !is_stretched_little(aspect(a), aspect(b)) {
        return None;
    }
    let small = a.is_small() || b.is_small();
    let bounds = if small { STRICT } else { WHOLE };
    let agrees = |agreement: Agreement| agreement.is_within(&bounds);
    if agrees(shot::whole(x, y, false)) {
        Some(Relation::Whole)
    } else if !small && agrees(shot::whole(x, y, true)) {
        Some(Relation::Mirrored)
    } else {
        None
    }
}

/// Whether two pictures are of one shot, as wholes or one as a part of the other.
pub(crate) fn same_shot(a: &Facts, b: &Facts) -> Option<Relation> {
    let part = |a: &Facts, b: &Facts| {
        let (part, agreement) = shot::part(a.comparable()?, b.comparable()?)?;
        let box_aspect = aspect(a) * part.across.0 / part.down.0;
        (agreement.is_within(&PART) && is_stretched_little(box_aspect, aspect(b))).then_some(Relation::Part)
    };
    same_whole(a, b)
        .or_else(|| (!a.is_small() && !b.is_small()).then(|| part(a, b).or_else(|| part(b, a))).flatten())
}

fn aspect(of: &Facts) -> f32 {
    of.width.max(1) as f32 / of.height.max(1) as f32
}

fn is_stretched_little(a: f32, b: f32) -> bool {
    (a / b).max(b / a) <= STRETCH
}
