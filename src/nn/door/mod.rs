//! The door through which models come in: what nobody has seen before is loaded and inspected in a process of its
//! own first, under limits of memory and time. Only what passed there is loaded into this process.

mod answer;
mod ask;
mod verdicts;

pub use answer::{Inspection, inspect};

use super::error::ModelError;
use super::load::{LoadOptions, Network, Weights, weights_of};
use super::rows::Rows;
use crate::store::look;
use ask::{Answer, Question};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
pub(super) use verdicts::Passed;

/// The name under which the program inspects a model for its parent.
pub const COMMAND: &str = "inspect-model";

/// What a model may take. The first two hold while it is loaded for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelBudget {
    /// Bytes, as address space beside the program's own.
    pub memory: u64,
    /// Seconds, by the clock and of processor time.
    pub seconds: u64,
    /// Bytes that the tensors of one run of the network may take, on each worker.
    pub run: u64,
}

impl Default for ModelBudget {
    fn default() -> ModelBudget {
        ModelBudget { memory: 4 << 30, seconds: 60, run: 4 << 30 }
    }
}

/// What a model is to be used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Purpose {
    /// A network on pictures.
    Pictures,
    /// Nothing but its weights are read.
    Weights,
    /// To be told about: a network on pictures, else on rows.
    Any,
}

/// A model that takes pictures, or one that takes rows.
#[derive(Debug)]
pub enum Model {
    /// Pictures.
    Pictures(Box<Network>),
    /// Rows of numbers.
    Rows(Box<Rows>),
}

/// What the door lets in to be told about.
#[derive(Debug)]
pub enum Told {
    /// The model: it passed before.
    Model(Model),
    /// What the process that inspected it tells.
    Text(String),
}

/// Where models are inspected and where it is remembered.
///
/// A program that is not safelight has nobody to send: without `program` each model is loaded in this process at
/// once, without limits of time or address space. That is what unit tests and users of the library get unless they
/// name a safelight program here.
#[derive(Clone, Debug, Default)]
pub struct Door {
    /// The safelight program that inspects.
    pub program: Option<PathBuf>,
    /// Folder where it is remembered which models passed; without one each is inspected every time.
    pub cache: Option<PathBuf>,
}

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

impl Door {
    /// Makes the running program the one that inspects, from now on and for the whole process. Only for a program
    /// that understands [`COMMAND`].
    pub fn install() {
        // Behind this name the running program stays even when its file is replaced.
        let own = Path::new("/proc/self/exe");
        let program = match look::name(own) {
            Ok(Some(_)) => own.to_path_buf(),
            _ => std::env::current_exe().unwrap_or_default(),
        };
        PROGRAM.get_or_init(|| program);
    }

    /// The door of this process: as installed, with the user's cache folder.
    pub fn usual() -> Door {
        match PROGRAM.get() {
            Some(program) => Door { program: Some(program.clone()), cache: verdicts::folder() },
            None => Door::default(),
        }
    }

    /// Lets in a network on pictures.
    ///
    /// # Errors
    /// Those of [`Network::load`]; [`ModelError::OverMemory`], [`ModelError::OverTime`] and others of an inspection.
    pub fn network(
        &self,
        path: &Path,
        options: &LoadOptions,
        budget: &ModelBudget,
    ) -> Result<Network, ModelError> {
        let passed = self.pass(&Question::new(path, Purpose::Pictures, options, budget))?.0;
        Network::load_passed(path, options, budget.run, passed.as_ref())
    }

    /// Lets in the weights of single precision that a file itself holds, with the file's BLAKE3 in hexadecimal.
    ///
    /// # Errors
    /// As [`Door::network`].
    pub fn weights(&self, path: &Path, budget: &ModelBudget) -> Result<(Weights, String), ModelError> {
        let options = LoadOptions::default();
        let passed = self.pass(&Question::new(path, Purpose::Weights, &options, budget))?.0;
        weights_of(path, passed.as_ref())
    }

    /// Lets in a model to be told about, as text or as JSON.
    ///
    /// # Errors
    /// As [`Door::network`], for the model as one on pictures.
    pub fn told(&self, path: &Path, budget: &ModelBudget, json: bool) -> Result<Told, ModelError> {
        let options = LoadOptions::default();
        let question =
            Question { describe: Some(json), ..Question::new(path, Purpose::Any, &options, budget) };
        let (passed, text) = self.pass(&question)?;
        match text {
            Some(text) => Ok(Told::Text(text)),
            None => Network::load_passed(path, &options, budget.run, passed.as_ref())
                .map(|network| Model::Pictures(Box::new(network)))
                .or_else(|error| rows_instead(error, path, passed.as_ref()))
                .map(Told::Model),
        }
    }

    /// Finds out whether the model may come in: what is known of it, and what its inspector tells. None of both
    /// without an inspector.
    fn pass(&self, question: &Question<'_>) -> Result<(Option<Passed>, Option<String>), ModelError> {
        let Some(program) = &self.program else { return Ok((None, None)) };
        let main = verdicts::hash(question.path)?;
        let key = verdicts::key(program, question, &main);
        let cache = self.cache.as_deref();
        if let Some(passed) = cache.and_then(|folder| verdicts::find(folder, &key, question, &main)) {
            return Ok((Some(passed), None));
        }
        let (answer, seconds) = ask::ask(program, question)?;
        let path = || question.path.to_path_buf();
        match answer {
            Answer::Refused(message) => Err(ModelError::Refused { message }),
            Answer::Passed { hash, .. } if hash != main => Err(ModelError::Changed { path: path() }),
            Answer::Passed { hash, all, files, memory, text } => {
                let passed = Passed { hash, all, files, memory, seconds };
                if let Some(folder) = cache {
                    verdicts::remember(folder, &key, &passed);
                }
                Ok((Some(passed), text))
            }
        }
    }
}

/// Loads a model that takes no pictures, if it takes rows of numbers; else the error stands.
fn rows_instead(error: ModelError, path: &Path, passed: Option<&Passed>) -> Result<Model, ModelError> {
    match error {
        ModelError::NotAnImageModel { .. } => {
            Rows::load_passed(path, passed).map(|rows| Model::Rows(Box::new(rows))).map_err(|_| error)
        }
        error => Err(error),
    }
}

impl Passed {
    /// A file of these hashes and weight files; what it takes is not known yet.
    pub(in crate::nn) fn new(hash: String, all: String, files: Vec<String>) -> Passed {
        Passed { hash, all, files, memory: 0, seconds: 0.0 }
    }

    /// Whether these are the bytes that passed.
    pub(in crate::nn) fn is_of(&self, bytes: &[u8]) -> bool {
        blake3::hash(bytes).to_hex().as_str() == self.hash
    }
}

#[cfg(test)]
mod tests;
