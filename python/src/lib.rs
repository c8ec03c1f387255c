//! The Python package `safelight`: the library's facade as Python has it, and no logic of its own. What a call needs that
//! the facade lacks belongs there.

mod arrays;
mod embedder;
mod errors;
mod job;
mod options;
mod picture;
mod recipe;
mod restorer;
mod threads;

use pyo3::prelude::*;

/// As in the program: networks take and give back large blocks, which the C library returns to the system each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The native part of safelight; use the names of the package.
#[pymodule]
mod _safelight {
    use super::*;

    #[pymodule_export]
    use embedder::Embedder;
    #[pymodule_export]
    use job::{Job, tables};
    #[pymodule_export]
    use picture::{Picture, decode, encode};
    #[pymodule_export]
    use recipe::Recipe;
    #[pymodule_export]
    use restorer::Restorer;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // Each panic becomes an exception, or the failure of an item, with its text.
        std::panic::set_hook(Box::new(|_| {}));
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
