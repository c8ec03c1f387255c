//! The door through which models come in: what nobody has seen before is loaded and inspected in a process of its
//! own first, under limits of memory and time. Only what passed there is loaded into this process.

mod answer;
mod ask;
mod model;
mod verdicts;

pub use answer::{Inspection, inspect};
pub use ask::{COMMAND, Purpose};
pub use model::Model;

use super::budget::ModelBudget;
use super::error::ModelError;
use super::file::{exported, weights_of};
use super::load::Network;
use super::options::LoadOptions;
use super::passed::Passed;
use super::proto::Weights;
use crate::store::look;
use ask::{Answer, Question};
use model::rows_instead;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

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
        let options = &options.located()?;
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

    /// Lets in a weights file: the ONNX file that it amounts to.
    ///
    /// # Errors
    /// As [`Door::network`]; when the file is ONNX already.
    pub fn exported(&self, path: &Path, budget: &ModelBudget) -> Result<Vec<u8>, ModelError> {
        let options = LoadOptions::default();
        let passed = self.pass(&Question::new(path, Purpose::Weights, &options, budget))?.0;
        exported(path, passed.as_ref())
    }

    /// Lets in a model to be told about, as text or as JSON.
    ///
    /// # Errors
    /// As [`Door::network`], for the model as one on pictures.
    pub fn told(
        &self,
        path: &Path,
        options: &LoadOptions,
        budget: &ModelBudget,
        json: bool,
    ) -> Result<Told, ModelError> {
        let options = &options.located()?;
        let question =
            Question { describe: Some(json), ..Question::new(path, Purpose::Any, options, budget) };
        let (passed, text) = self.pass(&question)?;
        match text {
            Some(text) => Ok(Told::Text(text)),
            None => Network::load_passed(path, options, budget.run, passed.as_ref())
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
            Answer::Passed { passed, .. } if passed.hash != main => Err(ModelError::Changed { path: path() }),
            Answer::Passed { passed, text } => {
                let passed = Passed { seconds, ..*passed };
                if let Some(folder) = cache {
                    verdicts::remember(folder, &key, &passed);
                }
                Ok((Some(passed), text))
            }
        }
    }
}

#[cfg(test)]
mod tests;
