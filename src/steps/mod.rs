//! The steps of a pipeline: one file each, registered in [`STEPS`].

mod corrupt;
mod corrupt_each;
mod crop;
mod embed;
mod grayscale;
mod measure;
mod numbers;
pub mod pages;
mod patches;
mod resize;
mod restore;

use crate::pipeline::Registered;

/// Every step there is. A new one is a file beside this and a line here.
pub static STEPS: &[Registered] = &[
    Registered { descriptor: &resize::DESCRIPTOR, build: resize::build },
    Registered { descriptor: &crop::DESCRIPTOR, build: crop::build },
    Registered { descriptor: &grayscale::DESCRIPTOR, build: grayscale::build },
    Registered { descriptor: &corrupt::DESCRIPTOR, build: corrupt::build },
    Registered { descriptor: &corrupt_each::DESCRIPTOR, build: corrupt_each::build },
    Registered { descriptor: &patches::DESCRIPTOR, build: patches::build },
    Registered { descriptor: &restore::DESCRIPTOR, build: restore::build },
    Registered { descriptor: &embed::DESCRIPTOR, build: embed::build },
    Registered { descriptor: &measure::DESCRIPTOR, build: measure::build },
];
