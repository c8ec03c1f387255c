//! Why there is no onnxruntime library to run networks by.

use crate::nn::guard::EngineError;
use crate::shown::Show;
use std::path::PathBuf;

/// Why there is no library to run networks by.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LibraryError {
    /// Where one was named there is none.
    #[error("no onnxruntime library is at {}, which {by} names; give the file libonnxruntime.so.1.…, or a folder that holds it", path.shown())]
    Missing {
        /// The place named.
        path: PathBuf,
        /// What names it.
        by: &'static str,
    },
    /// There is none in the usual places.
    #[error(
        "no onnxruntime library was found (looked in {}); install one, such as by `pip install onnxruntime`, and name the file \
         onnxruntime/capi/libonnxruntime.so.1.… of it by `engine_library`, or by ORT_DYLIB_PATH in the environment",
        looked.iter().map(|p| p.shown().to_string()).collect::<Vec<_>>().join(", ")
    )]
    NotFound {
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// What is there can't be loaded.
    #[error("{} can't be used as an onnxruntime library: {reason}; 1.{} or later is needed", path.shown(), ort::MINOR_VERSION)]
    Unfit {
        /// The library.
        path: PathBuf,
        /// What is wrong with it.
        reason: EngineError,
    },
    /// A process can load one only.
    #[error("{} is in use already, and a run can use one onnxruntime library only; name the same one everywhere", loaded.shown())]
    Another {
        /// The library in use.
        loaded: PathBuf,
    },
    /// It has no part that runs on NVIDIA cards.
    #[error(
        "onnxruntime {version} at {} was built without CUDA; name the library of `pip install onnxruntime-gpu` by \
         `engine_library`, or set `device: cpu`",
        path.shown()
    )]
    NoCuda {
        /// The library.
        path: PathBuf,
        /// Its version.
        version: String,
    },
}
