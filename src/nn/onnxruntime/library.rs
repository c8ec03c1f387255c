//! The user's own onnxruntime library: where it is, which version it is, and that it can be used.

use super::error::LibraryError;
use super::places::{self, Places};
use crate::nn::guard::guarded;
use crate::store::look;
use ort::environment::Environment;
use ort::ep::{CUDA, ExecutionProvider};
use ort::logging::LogLevel;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tract_onnx::prelude::TractError;

/// The first bytes of the name that the library's symbols carry as their version.
const VERSION: &[u8] = b"VERS_1.";
/// Longest version that is believed.
const LONGEST: usize = 32;

/// What a network is run on by onnxruntime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// The first NVIDIA card that the library sees.
    Cuda,
}

impl Device {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda => "cuda",
        }
    }
}

/// An onnxruntime library that was loaded into this process, for good.
#[derive(Clone, Debug)]
pub struct Library {
    path: PathBuf,
    version: String,
    environment: Environment,
}

/// The one library of this process. It is never let go: its threads and tables outlive what uses them.
static LOADED: Mutex<Option<Library>> = Mutex::new(None);

impl Library {
    /// Loads the library at `named` (a file, or a folder that holds it), or else the one that `ORT_DYLIB_PATH` names, or
    /// else the first of the usual places, and sees that it can run networks on `device`. Its own code runs on loading.
    ///
    /// # Errors
    /// Each with what to do: where there is none, it is of another kind or version, another is loaded already, or it
    /// can't use the device.
    pub fn open(named: Option<&Path>, device: Device) -> Result<Library, LibraryError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let library = match &*loaded {
            Some(library) if named.is_none() => library.clone(),
            Some(library) => {
                let wanted = places::find(named)?.files;
                let same = wanted.first().is_some_and(|path| real(path) == library.path);
                if !same {
                    return Err(LibraryError::Another { loaded: library.path.clone() });
                }
                library.clone()
            }
            None => loaded.insert(load(&places::find(named)?)?).clone(),
        };
        drop(loaded);
        if device == Device::Cuda && !has_cuda() {
            return Err(LibraryError::NoCuda { path: library.path, version: library.version });
        }
        Ok(library)
    }

    /// The file, links followed, where the system tells.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its version and what it was built from, such as `1.32.0 (git-commit-id=fab30a4)`: with the device it decides over
    /// the bits of what it makes.
    pub fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }
}

fn real(path: &Path) -> PathBuf {
    look::real_of(path).unwrap_or_else(|_| path.to_path_buf())
}

/// Loads the first that can be loaded; else the first file's error stands.
fn load(places: &Places) -> Result<Library, LibraryError> {
    let mut first = None;
    for path in &places.files {
        let environment = guarded(|| {
            let builder = ort::init_from(path).map_err(|e| TractError::msg(reason(&e)))?;
            let environment = builder.with_name("safelight").with_telemetry(false).build();
            let environment = environment.map_err(|e| TractError::msg(e.to_string()))?;
            // What fails is told by its error; the library itself prints nothing.
            environment.set_log_level(LogLevel::Fatal);
            Ok((environment, ort::info()))
        });
        match environment {
            Ok((environment, built)) => {
                let path = mapped(path).unwrap_or_else(|| real(path));
                return Ok(Library { version: version(&path, built), path, environment });
            }
            Err(reason) if path.is_absolute() => {
                first.get_or_insert(LibraryError::Unfit { path: path.clone(), reason });
            }
            // A name that the loader does not know either.
            Err(_) => {}
        }
    }
    Err(first.unwrap_or_else(|| LibraryError::NotFound { looked: places.looked.clone() }))
}

/// Why a library can't be loaded: what the system's loader said, where it refused.
fn reason(error: &ort::LoadDynamicError) -> String {
    match error {
        ort::LoadDynamicError::Dlopen { error, .. } => {
            error.source().map_or_else(|| error.to_string(), ToString::to_string)
        }
        error => error.to_string(),
    }
}

/// The file behind a name that the system's loader looked up.
fn mapped(name: &Path) -> Option<PathBuf> {
    if name.is_absolute() {
        return None;
    }
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps
        .lines()
        .find_map(|line| Some(&line[line.find('/')?..]).filter(|p| p.contains("libonnxruntime.so")))?;
    Some(PathBuf::from(path))
}

/// Version and commit: what the file's symbols carry, and what it says of its build.
fn version(path: &Path, built: &str) -> String {
    let number = std::fs::read(path).ok().and_then(|bytes| version_in(&bytes));
    let number = number.unwrap_or_else(|| "of unknown version".into());
    let commit = built.split([',', ' ']).find(|part| part.starts_with("git-commit-id="));
    match commit {
        Some(commit) => format!("{number} ({commit})"),
        None => number,
    }
}

fn version_in(bytes: &[u8]) -> Option<String> {
    let start = bytes.windows(VERSION.len()).position(|window| window == VERSION)? + VERSION.len() - 2;
    let digits = bytes[start..].iter().take(LONGEST).take_while(|b| b.is_ascii_digit() || **b == b'.');
    Some(digits.map(|b| char::from(*b)).collect())
}

fn has_cuda() -> bool {
    guarded(|| CUDA::is_available().map_err(|e| TractError::msg(e.to_string()))).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_the_symbols() {
        assert_eq!(version_in(b"\0abc\0VERS_1.32.0\0OrtGetApiBase\0").as_deref(), Some("1.32.0"));
        assert_eq!(version_in(b"no VERS_2.0 here"), None);
        assert_eq!(version_in(b"VERS_1."), Some("1.".into()));
    }

    #[test]
    fn what_is_no_library_is_refused_with_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("libonnxruntime.so");
        std::fs::write(&file, b"no library").expect("written");
        let error = load(&Places::named(file)).expect_err("refused").to_string();
        assert!(
            error.contains("can't be used as an onnxruntime library") && error.contains("1.17 or later"),
            "{error}"
        );
    }

    #[test]
    fn other_libraries_are_refused() {
        let Some(other) = ["/lib/x86_64-linux-gnu/libm.so.6", "/usr/lib/libm.so.6", "/lib64/libm.so.6"]
            .map(PathBuf::from)
            .into_iter()
            .find(|path| path.exists())
        else {
            return eprintln!("skipped: no libm.so.6 in the usual places");
        };
        let error = load(&Places::named(other)).expect_err("refused").to_string();
        assert!(error.contains("OrtGetApiBase"), "{error}");
    }
}
