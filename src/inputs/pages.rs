//! Which pictures are taken of a file that holds several.

use crate::codec::Header;
use crate::error::{ErrorKind, ItemError};

pub(crate) use crate::spec::language::Pages;

impl Pages {
    /// Whether a file with this header may be taken.
    ///
    /// # Errors
    /// What it is, and what to set.
    pub fn check(self, header: &Header) -> Result<(), ItemError> {
        if self != Pages::Auto || !header.animated || header.pictures < 2 {
            return Ok(());
        }
        let message = format!(
            "an animation of {} frames: with `input.pages: first` its first frame is taken, with `pages: all` each",
            header.pictures
        );
        Err(ItemError::new(ErrorKind::Unsupported, message))
    }
}
