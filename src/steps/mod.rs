//! The steps of a pipeline: one file each, registered in [`STEPS`].

mod compare;
mod corrupt;
mod corrupt_each;
mod crop;
mod embed;
mod grayscale;
mod measure;
mod numbers;
pub(crate) mod pages;
mod patches;
mod prepared;
mod reference;
mod resize;
mod restore;
mod thumbnail;

use crate::pipeline::{Registered, registered};

/// Every step there is. A new one is a file beside this and a line here.
pub(crate) static STEPS: &[Registered] = &[
    registered!(resize),
    registered!(crop),
    registered!(grayscale),
    registered!(corrupt),
    registered!(corrupt_each),
    registered!(patches),
    registered!(reference),
    registered!(restore),
    registered!(embed),
    registered!(measure),
    registered!(thumbnail),
    registered!(compare),
];

/// The example of `docs/extending.md`.
#[cfg(test)]
#[path = "../../docs/extending/mirror.rs"]
mod mirror;

#[cfg(test)]
pub(crate) static EXAMPLE: Registered = registered!(mirror);
