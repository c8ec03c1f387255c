//! Networks run by onnxruntime, from the user's own library, which is loaded at run time. Nothing of it is needed to
//! build or to run the program otherwise.

mod error;
mod estimate;
mod file;
mod library;
mod places;
mod sessions;

pub use error::LibraryError;
pub(super) use estimate::{is_short, memory};
pub use library::{Device, Library};
pub(super) use sessions::Sessions;
