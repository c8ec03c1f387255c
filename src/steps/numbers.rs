//! How a network's numbers go in and out: parameters that `restore` and `embed` share.

use crate::kernels::Level;
use crate::nn::{Device, Engine, Layout, Library, LibraryError, LoadOptions, Range};
use crate::pipeline::Build;
use crate::shown::Show;
use crate::spec::{Diagnostics, Given, Kind, params, words};
use std::path::PathBuf;

words! {
    /// Range of a network's numbers, where it is said.
    pub(super) struct Numbering(Option<Range>) {
        "auto" => None,
        "0-1" => Some(Range::Unit),
        "0-255" => Some(Range::Byte),
        "-1-1" => Some(Range::signed()),
    }
}

words! {
    /// Order of its axes, where it is said.
    pub(super) struct Axes(Option<Layout>) {
        "auto" => None,
        "nchw" => Some(Layout::Nchw),
        "nhwc" => Some(Layout::Nhwc),
    }
}

words! {
    /// What runs it.
    pub(super) enum Runner {
        /// Our kernels, and tract for the rest.
        Fast = "fast",
        /// tract alone.
        Plain = "plain",
        /// The user's own onnxruntime library.
        Onnxruntime = "onnxruntime",
    }
}

words! { for Device { Cpu = "cpu", Cuda = "cuda" } }

params! {
    /// How a network's numbers go in and out.
    pub(super) struct Numbers {
        /// Range of the network's numbers; `auto` reads it from the file or infers it.
        range: Numbering = "auto",
        /// Mean subtracted from [0, 1] values, one for each channel or for all, with `std`.
        mean: Given<Option<Vec<f32>>> [Kind::List(&Kind::Float { min: -1.0e6, max: 1.0e6 })],
        /// Standard deviation that [0, 1] values are divided by.
        std: Given<Option<Vec<f32>>> [Kind::List(&Kind::Float { min: 1.0e-6, max: 1.0e6 })],
        /// Order of the network's axes.
        layout: Axes = "auto",
        /// What runs the network: safelight's own kernels where there are some, tract alone, or an onnxruntime library
        /// that is installed on the machine (1.17 or later, such as by `pip install onnxruntime`), which also runs
        /// networks that safelight's own engine refuses. Nothing is downloaded, and no other engine steps in.
        engine: Given<Runner> = "fast",
        /// What onnxruntime runs on: the processor, or the first NVIDIA card (with the library of `onnxruntime-gpu`).
        device: Given<Device> = "cpu",
        /// The onnxruntime library, or a folder that holds it, such as that of a Python environment; by default what
        /// ORT_DYLIB_PATH in the environment names, else what lies in the usual places.
        engine_library: Given<Option<PathBuf>> [Kind::Path],
        /// Computes 3x3 convolutions as direct sums, without Winograd's algorithm: two to three times slower,
        /// with rounding errors some four times smaller (1.3e-6 of the range in place of 5.6e-6 for the shipped
        /// denoiser).
        exact: Given<bool> = "false",
    }
}

impl Numbers {
    /// Which parameters of the range are given.
    pub(super) fn of_range(&self) -> impl Iterator<Item = &'static str> {
        let given =
            [("range", self.range.0.is_some()), ("mean", self.mean.is_some()), ("std", self.std.is_some())];
        given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name)
    }

    /// These as options for loading. What onnxruntime makes of a picture follows from its version.
    ///
    /// # Errors
    /// When `mean` or `std` stands alone, parameters don't suit the engine, or there is no library to run it by.
    pub(super) fn load_options(&self, build: &mut Build<'_>) -> Result<LoadOptions, Diagnostics> {
        let range = match ((*self.mean).clone(), (*self.std).clone()) {
            (Some(mean), Some(std)) => Some(Range::MeanStd { mean, std }),
            (None, None) => self.range.0.clone(),
            (Some(_), None) => return Err(self.mean.error("`mean` needs `std` beside it", None).into()),
            (None, Some(_)) => return Err(self.std.error("`std` needs `mean` beside it", None).into()),
        };
        let engine = match *self.engine {
            Runner::Plain => Engine::Plain,
            Runner::Fast => Engine::Fast { exact: *self.exact, level: Level::best() },
            Runner::Onnxruntime => Engine::Onnxruntime(*self.device),
        };
        let library = self.library(build)?;
        Ok(LoadOptions { range, layout: self.layout.0, channels: None, size: None, engine, library })
    }

    /// The onnxruntime library, where that is the engine.
    fn library(&self, build: &mut Build<'_>) -> Result<Option<PathBuf>, Diagnostics> {
        if *self.engine != Runner::Onnxruntime {
            let message = |name: &str| format!("`{name}` is for `engine: onnxruntime`");
            let help = || Some("set `engine: onnxruntime`, or leave it out".to_string());
            let device = self.device.is_given().then(|| self.device.error(message("device"), help()));
            let library = self.engine_library.is_given();
            let library = library.then(|| self.engine_library.error(message("engine_library"), help()));
            let mistakes: Vec<_> = device.into_iter().chain(library).collect();
            return if mistakes.is_empty() { Ok(None) } else { Err(Diagnostics::new(mistakes)) };
        }
        if *self.exact {
            let message = "`exact` is for safelight's own kernels, not for `engine: onnxruntime`";
            return Err(self.exact.error(message, Some("leave one of them out".into())).into());
        }
        let library = Library::open(self.engine_library.as_deref(), *self.device).map_err(|error| {
            let place = match (&error, self.engine_library.is_some()) {
                (LibraryError::NoCuda { .. }, _) => self.device.place(),
                (_, true) => self.engine_library.place(),
                (_, false) => self.engine.place(),
            };
            Diagnostics::from(place.error(error.to_string(), None))
        })?;
        build.note(format!(
            "networks run by onnxruntime {} at {}",
            library.version(),
            library.path().shown()
        ));
        build.follows(&format!("onnxruntime {}", library.version()));
        Ok(Some(library.path().to_path_buf()))
    }
}
