//! The sinks: one file or folder each, registered in [`SINKS`].

mod cut;
pub(crate) mod explore;
mod files;
mod pairs;
mod scores;
mod table;
mod write;

pub(crate) use table::{address, form_of};

use crate::codec::Compression;
use crate::pipeline::{Registered, registered};
use crate::spec::words;

words! { for Compression { Fast = "fast", Small = "small" } }

/// Every sink there is. A new one is a file beside this and a line here.
pub(crate) static SINKS: &[Registered] =
    &[registered!(write), registered!(pairs), registered!(table), registered!(scores), registered!(explore)];

/// The example of `docs/extending.md`.
#[cfg(test)]
#[path = "../../docs/extending/captions.rs"]
mod captions;

#[cfg(test)]
pub(crate) static EXAMPLE: Registered = registered!(captions);
