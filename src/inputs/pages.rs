//! Which pictures are taken of a file that holds several.

use crate::codec::Header;
use crate::error::{ErrorKind, ItemError};

/// Which pictures are taken of a file that holds several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pages {
    /// The first page of a document; animations are refused.
    #[default]
    Auto,
    /// The first of either.
    First,
    /// Each.
    All,
}

impl Pages {
    /// The values of the parameter.
    pub const NAMES: &'static [&'static str] = &["auto", "first", "all"];

    /// The one that a value of the parameter names.
    pub fn named(name: Option<&str>) -> Pages {
        match name {
            Some("first") => Pages::First,
            Some("all") => Pages::All,
            _ => Pages::Auto,
        }
    }

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
