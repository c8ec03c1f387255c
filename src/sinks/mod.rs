//! The sinks: one file or folder each, registered in [`SINKS`].

mod pairs;
pub mod parquet;
mod table;
mod write;

use crate::pipeline::Registered;

/// Every sink there is. A new one is a file beside this and a line here.
pub static SINKS: &[Registered] = &[
    Registered { descriptor: &write::DESCRIPTOR, build: write::build },
    Registered { descriptor: &pairs::DESCRIPTOR, build: pairs::build },
    Registered { descriptor: &table::DESCRIPTOR, build: table::build },
];
