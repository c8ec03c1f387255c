//! What a step may use while it is compiled: model lookup, shared networks, a place for mistakes.

use super::{Formula, Sample, Scope};
use crate::columns::Column;
use crate::expr::Wanted;
use crate::ledger::Fingerprint;
use crate::nn::{Door, LoadOptions, ModelBudget, ModelError, Network};
use crate::random::seed_of;
use crate::shown::Show;
use crate::spec::{Diagnostic, Diagnostics, Given};
use crate::store::look;
use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a step's random choices follow from, beside the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chance {
    /// Seed of the pipeline.
    pub seed: u64,
    /// Number of the step among those that draw, from 0: one that draws nothing changes no other's draws.
    pub ordinal: usize,
}

impl Chance {
    /// The seed for this sample.
    pub(crate) fn seed(&self, sample: &Sample) -> u64 {
        seed_of(self.seed, sample.relative.as_os_str().as_bytes(), self.ordinal, &sample.place.numbers)
    }
}

/// The compiler's state, handed to every step's build function.
#[derive(Debug)]
pub(crate) struct Build<'a> {
    /// Folder of the pipeline file, where models are looked up second.
    beside: &'a Path,
    /// What each model may take.
    budget: ModelBudget,
    models: HashMap<String, Result<Arc<Network>, Arc<ModelError>>>,
    notes: Vec<String>,
    chance: Chance,
    random: bool,
    scope: Scope,
    /// What would measure a name that is not known.
    unmeasured: fn(&str) -> Option<String>,
    /// The present step's expressions.
    formulas: Vec<Formula>,
    /// What its results follow from beside its settings.
    follows: Vec<String>,
    /// Those of the list and of the steps before.
    columns: Vec<Column>,
    /// Folders of the Parquet tables that steps before write.
    tables: Vec<PathBuf>,
}

impl<'a> Build<'a> {
    /// A compiler for a pipeline file in the folder `beside`, whose models may take `budget`.
    pub(crate) fn new(beside: &'a Path, seed: u64, budget: ModelBudget, scope: Scope) -> Build<'a> {
        Build {
            beside,
            budget,
            models: HashMap::new(),
            notes: Vec::new(),
            chance: Chance { seed, ordinal: 0 },
            random: false,
            scope,
            unmeasured: |_| None,
            formulas: Vec::new(),
            follows: Vec::new(),
            columns: Vec::new(),
            tables: Vec::new(),
        }
    }

    /// The pipeline's seed, for steps that draw for all samples together.
    pub(crate) fn seed(&self) -> u64 {
        self.chance.seed
    }

    /// Folders of the Parquet tables that steps before write, relative to the output.
    pub(crate) fn tables(&self) -> &[PathBuf] {
        &self.tables
    }

    /// Adds one.
    pub(crate) fn writes_table(&mut self, folder: &Path) {
        self.tables.push(folder.to_path_buf());
    }

    /// The columns that stand in a row here: those of the list, then those of the steps before.
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Adds columns to those that stand in a row from here on.
    pub(crate) fn stand(&mut self, columns: impl IntoIterator<Item = Column>) {
        self.columns.extend(columns);
    }

    /// With help for names that are not known, of what would measure them.
    pub(crate) fn with_help(self, unmeasured: fn(&str) -> Option<String>) -> Build<'a> {
        Build { unmeasured, ..self }
    }

    /// Begins the next step.
    pub(crate) fn begin(&mut self) {
        self.chance.ordinal += usize::from(std::mem::take(&mut self.random));
        self.formulas.clear();
        self.follows.clear();
    }

    /// What the present step's random choices follow from. Asking makes its results depend on it.
    pub(crate) fn chance(&mut self) -> Chance {
        self.random = true;
        self.chance
    }

    /// What the present step's results depend on, if it makes random choices.
    pub(crate) fn asked(&self) -> Option<Chance> {
        self.random.then_some(self.chance)
    }

    /// Compiles an expression of the present step, over what is known before it. The step's results then depend on it.
    ///
    /// # Errors
    /// Its mistakes, each with its place.
    pub(crate) fn formula(&mut self, text: &Given<String>, wanted: Wanted) -> Result<Formula, Diagnostics> {
        let formula = self.compiled(text, wanted)?;
        self.formulas.push(formula.clone());
        self.follows.push(format!("by {}", formula.identity()));
        Ok(formula)
    }

    /// The same of a condition, which is no expression of the step itself.
    ///
    /// # Errors
    /// Its mistakes, each with its place.
    pub(crate) fn compiled(&self, text: &Given<String>, wanted: Wanted) -> Result<Formula, Diagnostics> {
        self.scope.formula(text, wanted, &self.unmeasured)
    }

    /// Adds to what the present step's results follow from, where its settings alone don't say it.
    pub(crate) fn follows(&mut self, what: &str) {
        self.follows.push(what.to_string());
    }

    /// All of that.
    pub(crate) fn followed(&self) -> &[String] {
        &self.follows
    }

    /// The expressions that the present step compiled.
    pub(crate) fn formulas(&self) -> &[Formula] {
        &self.formulas
    }

    /// The place of a column of the list, and all that there are.
    pub(crate) fn listed(&self, name: &str) -> Result<usize, Vec<String>> {
        self.scope.listed(name)
    }

    /// Names of what has been measured before.
    pub(crate) fn measured_names(&self) -> impl Iterator<Item = &str> {
        self.scope.measured_names()
    }

    /// Adds what a step measures to what is known behind it.
    pub(crate) fn measured(&mut self, number: usize, columns: Vec<Column>, product: Fingerprint) {
        self.scope.measured(number, columns, product);
    }

    /// Tells the user what was inferred; the same remark is kept once.
    pub(crate) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Remarks collected.
    pub(crate) fn finish(self) -> Vec<String> {
        self.notes
    }

    /// The path of a model parameter: as written, or beside the pipeline file.
    ///
    /// # Errors
    /// When no file is there, or it can't be told.
    pub(crate) fn find_model(&self, model: &Given<PathBuf>) -> Result<PathBuf, Diagnostic> {
        find_model(self.beside, model)
    }

    /// The file at `path` as written, or in the folder of the pipeline file; none where none is there.
    ///
    /// # Errors
    /// When it can't be told.
    pub(crate) fn find_beside(&self, path: &Path) -> std::io::Result<Option<PathBuf>> {
        for place in [path.to_path_buf(), self.beside.join(path)] {
            if look::is_file(&place)? {
                return Ok(Some(place));
            }
        }
        Ok(None)
    }

    /// Loads the model a parameter names; steps with equal options share one.
    ///
    /// # Errors
    /// When it is not there or can't be loaded.
    pub(crate) fn network(
        &mut self,
        model: &Given<PathBuf>,
        options: &LoadOptions,
    ) -> Result<Arc<Network>, Diagnostics> {
        let path = self.find_model(model)?;
        let key = format!("{} {options:?}", path.shown());
        let loaded = match self.models.get(&key) {
            Some(known) => known.clone(),
            None => {
                let loaded = Door::usual().network(&path, options, &self.budget).map(Arc::new);
                for note in loaded.iter().flat_map(|network| &network.info().notes) {
                    self.note(format!("{}: {note}", path.shown()));
                }
                let loaded = loaded.map_err(Arc::new);
                self.models.insert(key, loaded.clone());
                loaded
            }
        };
        loaded.map_err(|e| model.error(e.to_string(), None).into())
    }
}

/// The path of a model parameter: as written, or in the folder `beside`, that of the pipeline file.
///
/// # Errors
/// When no file is there, or it can't be told.
pub(crate) fn find_model(beside: &Path, model: &Given<PathBuf>) -> Result<PathBuf, Diagnostic> {
    let written: &PathBuf = model;
    let places = [written.clone(), beside.join(written)];
    for place in &places {
        match look::is_file(place) {
            Ok(true) => return Ok(place.clone()),
            Ok(false) => {}
            Err(e) => {
                let help = Some("check its folder and the mount".to_string());
                return Err(model.error(format!("cannot look at {}: {e}", place.shown()), help));
            }
        }
    }
    let (message, help) = crate::spec::missing_model(written, &places);
    Err(model.error(message, Some(help)))
}
