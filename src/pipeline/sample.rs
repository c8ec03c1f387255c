//! An item's data on its way through the chain.

use super::Observed;
use crate::codec::{ExifData, Header, Limits, Metadata, Source};
use crate::error::{ErrorKind, ItemError};
use crate::image::orient::upright;
use crate::image::{Depth, Image};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// An item's data on its way through the chain.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Path relative to the input.
    pub relative: PathBuf,
    /// BLAKE3 of the input file.
    pub hash: [u8; 32],
    /// The current picture.
    pub image: Image,
    /// The clean picture that the current one was made of, turned like it; its sides are whole multiples of
    /// the current one's.
    pub reference: Option<Image>,
    /// Which of several pictures made of one input this is.
    pub place: Place,
    /// What the file carried beside its pixels, kept in step with them.
    pub meta: Metadata,
    /// What the file was.
    pub source: Source,
    /// What the file's EXIF block said, whatever steps did since.
    pub exif: Arc<ExifData>,
    /// Remarks for the manifest.
    pub notes: Vec<String>,
    /// What is known of it for conditions.
    pub observed: Observed,
    /// Where this is the first of several pictures that are all wanted: the file that holds the others.
    pub further: Option<Further>,
}

/// Where a sample stands among those made of one input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number in each fan-out, for seeds: independent of what else is made.
    pub numbers: Vec<u32>,
    /// Words that tell variants of one picture apart, such as `gaussian_noise`, `3`.
    pub variant: Vec<String>,
    /// Number of the page, from 1, where the file has several and all are wanted.
    pub page: Option<u32>,
    /// Number of the patch.
    pub patch: Option<u32>,
}

impl Place {
    /// What page and patch add to a file's name, such as `_p0002_0012`.
    pub(crate) fn suffix(&self) -> String {
        let page = self.page.map_or_else(String::new, page_suffix);
        self.patch.map_or_else(|| page.clone(), |patch| format!("{page}_{patch:04}"))
    }
}

/// What a page adds to a file's name.
fn page_suffix(page: u32) -> String {
    format!("_p{page:04}")
}

impl Sample {
    /// How many times larger than the picture its clean one is; 1 without one.
    ///
    /// # Errors
    /// When it is not the same whole number across and down: then no part of one is that of the other.
    pub(crate) fn ratio(&self) -> Result<usize, ItemError> {
        let Some(clean) = &self.reference else { return Ok(1) };
        let ratio = (clean.width / self.image.width).max(1);
        if (self.image.width * ratio, self.image.height * ratio) == (clean.width, clean.height) {
            return Ok(ratio);
        }
        let message = format!(
            "the picture of {} x {} no longer fits its clean one of {} x {}; don't resize between `corrupt` and this",
            self.image.width, self.image.height, clean.width, clean.height
        );
        Err(ItemError::new(ErrorKind::Unsupported, message))
    }

    /// Bytes of the pictures and of what the file carried.
    pub(crate) fn bytes(&self) -> usize {
        let further = self.further.as_ref().map_or(0, |further| further.bytes.len());
        self.image.bytes() + self.reference.as_ref().map_or(0, Image::bytes) + self.meta.bytes() + further
    }

    /// Turns the pixels upright and sets the orientation tag to match, for steps that work in the
    /// coordinates a person sees. Tells whether they were not so.
    pub(crate) fn make_upright(&mut self) -> bool {
        let turned = self.meta.orientation != 1;
        if turned {
            let image = std::mem::replace(&mut self.image, Image::new(1, 1, 1, Depth::U8));
            self.image = upright(image, self.meta.orientation);
            self.reference = self.reference.take().map(|r| upright(r, self.meta.orientation));
            self.meta.set_orientation(1);
            self.meta.moved();
        }
        turned
    }
}

/// A file of several pictures whose first is decoded.
#[derive(Clone)]
pub(crate) struct Further {
    /// The file.
    pub bytes: Arc<Vec<u8>>,
    /// Header of its first picture.
    pub header: Header,
    /// Bounds for decoding the others.
    pub limits: Limits,
}

impl fmt::Debug for Further {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Further").field("header", &self.header).finish_non_exhaustive()
    }
}
