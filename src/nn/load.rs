//! A network on pictures: its file is checked, its graph read and inspected, and plans made for the sizes in use.

use super::budget::ModelBudget;
use super::error::ModelError;
use super::fast::Engine;
use super::file::File;
use super::graph::Graph;
use super::guard::{EngineError, guarded};
use super::info::ModelInfo;
use super::inspect;
use super::normalise::border;
use super::options::LoadOptions;
use super::passed::{Found, Passed};
use super::plan::{self, Plan, PlanCache};
use super::speed;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A loaded, inspected network. Immutable in effect: share it between workers behind an `Arc`.
pub struct Network {
    path: PathBuf,
    info: ModelInfo,
    graph: Graph,
    /// Which of the file's outputs is the result.
    output: usize,
    engine: Engine,
    plans: PlanCache,
}

impl Network {
    /// Reads, checks and inspects the model at `path`, at once and in this process: for files that are trusted, such
    /// as those that this program wrote. All others come in by [`super::Door`]. Takes up to some seconds for large
    /// networks.
    ///
    /// # Errors
    /// Any [`ModelError`] but `NotARestorer` and `NoSuchTensor`, which come with use.
    pub fn load(path: &Path, options: &LoadOptions) -> Result<Network, ModelError> {
        Network::load_passed(path, options, ModelBudget::default().run, None)
    }

    /// As [`Network::load`], for the file that `passed`; runs may take `memory` bytes.
    pub(super) fn load_passed(
        path: &Path,
        options: &LoadOptions,
        memory: u64,
        passed: Option<&Passed>,
    ) -> Result<Network, ModelError> {
        let file = File::open(path, passed)?;
        match passed.and_then(|passed| passed.found.as_ref()) {
            Some(found) => Network::of_found(file, path, options, memory, found),
            None => Network::of_file(file, path, options, memory),
        }
    }

    /// A file of which all is known by an earlier inspection.
    fn of_found(
        mut file: File,
        path: &Path,
        options: &LoadOptions,
        memory: u64,
        found: &Found,
    ) -> Result<Network, ModelError> {
        let Found { info, output } = found.clone();
        let name = file.proto.graph.as_ref().and_then(|g| g.output.get(output)).map(|o| o.name.clone());
        if let (Some(border), Some(name)) = (info.border, name) {
            border::lay(&mut file.proto, info.layout, border, &name);
        }
        let mut template = file.graph(path)?;
        template.outputs = template.outputs.get(output).copied().into_iter().collect();
        let (channels, levels, layout) = (info.in_channels, info.levels.len(), info.layout);
        let graph = Graph { template, channels, levels, layout, memory };
        let plans = PlanCache::new(info.parameters);
        Ok(Network { path: path.to_path_buf(), info, graph, output, engine: options.engine, plans })
    }

    /// Inspects a file that passed the checks.
    pub(super) fn of_file(
        mut file: File,
        path: &Path,
        options: &LoadOptions,
        memory: u64,
    ) -> Result<Network, ModelError> {
        let parse = |e: EngineError| ModelError::Parse { path: path.to_path_buf(), reason: e.to_string() };
        let (channels, layout, notes) = inspect::image_input(&file.proto, &file.normal, path, options)?;
        let levels = file.normal.levels.len();
        let graph = |file: &File| Ok(Graph { template: file.graph(path)?, channels, levels, layout, memory });
        let mut of = graph(&file)?;
        let outputs = of.template.outputs.clone();
        let try_out = |of: &mut Graph, file: &File, notes| {
            guarded(|| Ok(inspect::try_out(of, &file.proto, path, options.engine, notes))).map_err(parse)?
        };
        let mut tried = try_out(&mut of, &file, notes.clone())?;
        let output = outputs.iter().position(|o| of.template.outputs.first() == Some(o)).unwrap_or(0);
        let border = tried.trial.picture.as_ref().ok().and_then(|picture| picture.border);
        let name = file.proto.graph.as_ref().and_then(|g| g.output.get(output)).map(|o| o.name.clone());
        if let (Some(border), Some(name)) = (border, name) {
            border::lay(&mut file.proto, layout, border, &name);
            of = graph(&file)?;
            of.template.outputs = of.template.outputs.get(output).copied().into_iter().collect();
            tried = try_out(&mut of, &file, notes)?;
        }
        let File { proto, normal, hash, .. } = file;
        let info = guarded(|| Ok(inspect::inspect(&of, &proto, &normal, path, options, (hash, tried))));
        let mut info = info.map_err(parse)??;
        info.border = border;
        let graph = of;
        let plans = PlanCache::new(info.parameters);
        Ok(Network { path: path.to_path_buf(), info, graph, output, engine: options.engine, plans })
    }

    /// What an inspection is to be remembered by.
    pub(super) fn found(&self) -> Found {
        Found { info: self.info.clone(), output: self.output }
    }

    /// Measures how fast it runs, for those who want to be told.
    pub(super) fn measure(&mut self) {
        self.info.seconds_per_megapixel = speed::per_megapixel(self);
    }

    /// What is known about the network.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// The file that it came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The parsed graph.
    pub(super) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Names of all tensors that the graph makes.
    pub(super) fn tensor_names(&self) -> impl Iterator<Item = &String> {
        self.graph.template.outlet_labels.values()
    }

    /// Whether the graph makes a tensor of this name.
    pub(super) fn has_tensor(&self, name: &str) -> bool {
        self.tensor_names().any(|n| n == name)
    }

    /// The plan for inputs of `height` x `width` that yields tensor `tap`, or the model's output.
    pub(super) fn plan(
        &self,
        height: usize,
        width: usize,
        tap: Option<&str>,
    ) -> Result<Arc<Plan>, ModelError> {
        self.batch_plan(1, height, width, tap)
    }

    /// As [`Network::plan`], for `batch` pictures at once. Whether each has the result that it has alone is
    /// for the caller to find out.
    pub(super) fn batch_plan(
        &self,
        batch: usize,
        height: usize,
        width: usize,
        tap: Option<&str>,
    ) -> Result<Arc<Plan>, ModelError> {
        self.plans.get((batch, height, width, tap.map(str::to_owned)), || {
            plan::build_batch(&self.graph, batch, height, width, tap)
                .and_then(|typed| Plan::new(typed, self.engine, self.graph.memory))
                .map_err(|unfit| unfit.error(&self.path, width, height))
        })
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("path", &self.path).field("info", &self.info).finish_non_exhaustive()
    }
}
