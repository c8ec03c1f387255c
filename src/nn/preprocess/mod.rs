//! What is done to a picture before a network sees it, as those who trained the network wrote it down: files of Hugging
//! Face and timm, and presets for the usual families.

mod apply;
mod classes;
mod config;
mod presets;
mod settings;

pub use config::{Fault, beside, read};
pub use presets::{PRESETS, preset};
pub use settings::Preprocess;
