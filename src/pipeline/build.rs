//! What a step may use while it is compiled: model lookup, shared networks, a place for mistakes.

use super::Sample;
use crate::nn::{Door, LoadOptions, ModelBudget, Network};
use crate::random::seed_of;
use crate::shown::Show;
use crate::spec::{Args, Diagnostic};
use crate::store::look;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a step's random choices follow from, beside the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chance {
    /// Seed of the pipeline.
    pub seed: u64,
    /// Number of the step in the pipeline, from 0.
    pub step: usize,
}

impl Chance {
    /// The seed for this sample.
    pub fn seed(&self, sample: &Sample) -> u64 {
        seed_of(self.seed, sample.relative.as_os_str().as_bytes(), self.step, &sample.place.numbers)
    }
}

/// The compiler's state, handed to every step's build function.
#[derive(Debug)]
pub struct Build<'a> {
    /// Folder of the pipeline file, where models are looked up second.
    beside: &'a Path,
    /// What each model may take.
    budget: ModelBudget,
    models: HashMap<String, Option<Arc<Network>>>,
    errors: Vec<Diagnostic>,
    notes: Vec<String>,
    chance: Chance,
    random: bool,
}

impl<'a> Build<'a> {
    /// A compiler for a pipeline file in the folder `beside`, whose models may take `budget`.
    pub fn new(beside: &'a Path, seed: u64, budget: ModelBudget) -> Build<'a> {
        Build {
            beside,
            budget,
            models: HashMap::new(),
            errors: Vec::new(),
            notes: Vec::new(),
            chance: Chance { seed, step: 0 },
            random: false,
        }
    }

    /// Begins the step of this number.
    pub(crate) fn begin(&mut self, step: usize) {
        self.chance.step = step;
        self.random = false;
    }

    /// What the present step's random choices follow from. Asking makes its results depend on it.
    pub fn chance(&mut self) -> Chance {
        self.random = true;
        self.chance
    }

    /// What the present step's results depend on, if it makes random choices.
    pub(crate) fn asked(&self) -> Option<Chance> {
        self.random.then_some(self.chance)
    }

    /// Adds mistakes found elsewhere.
    pub fn errors(&mut self, mistakes: Vec<Diagnostic>) {
        self.errors.extend(mistakes);
    }

    /// Notes a mistake at a parameter.
    pub fn error(&mut self, args: &Args, name: &str, message: impl Into<String>, help: Option<String>) {
        self.errors.push(args.error(name, message, help));
    }

    /// Tells the user what was inferred; the same remark is kept once.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Mistakes and remarks collected.
    pub fn finish(self) -> (Vec<Diagnostic>, Vec<String>) {
        (self.errors, self.notes)
    }

    /// The path of a model parameter: as written, or beside the pipeline file.
    pub fn find_model(&mut self, args: &Args, name: &str) -> Option<PathBuf> {
        let found = find_model(self.beside, args, name)?;
        found.map_err(|mistake| self.errors.push(mistake)).ok()
    }

    /// Loads the model a parameter names; steps with equal options share one.
    pub fn network(&mut self, args: &Args, name: &str, options: &LoadOptions) -> Option<Arc<Network>> {
        let path = self.find_model(args, name)?;
        let key = format!("{} {options:?}", path.shown());
        if let Some(known) = self.models.get(&key) {
            return known.clone();
        }
        let loaded = match Door::usual().network(&path, options, &self.budget) {
            Ok(network) => {
                for note in &network.info().notes {
                    self.note(format!("{}: {note}", path.shown()));
                }
                Some(Arc::new(network))
            }
            Err(e) => {
                self.error(args, name, e.to_string(), None);
                None
            }
        };
        self.models.insert(key, loaded.clone());
        loaded
    }
}

/// The path of a model parameter, if it is given: as written, or in the folder `beside`, that of the pipeline file.
pub(crate) fn find_model(beside: &Path, args: &Args, name: &str) -> Option<Result<PathBuf, Diagnostic>> {
    let written = args.path(name)?.to_path_buf();
    let places = [written.clone(), beside.join(&written)];
    for place in &places {
        match look::is_file(place) {
            Ok(true) => return Some(Ok(place.clone())),
            Ok(false) => {}
            Err(e) => {
                let help = Some("check its folder and the mount".to_string());
                return Some(Err(args.error(name, format!("cannot look at {}: {e}", place.shown()), help)));
            }
        }
    }
    let (message, help) = crate::spec::missing_model(&written, &places);
    Some(Err(args.error(name, message, Some(help))))
}
