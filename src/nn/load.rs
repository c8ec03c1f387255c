//! A network on pictures: its file is checked, its graph read and inspected, and plans made for the sizes in use.

use super::budget::ModelBudget;
use super::error::ModelError;
use super::fast::Engine;
use super::file::File;
use super::graph::{Graph, Source};
use super::guard::{EngineError, guarded};
use super::info::ModelInfo;
use super::inspect;
use super::normalise::border;
use super::onnxruntime::{self, Library, Sessions};
use super::options::LoadOptions;
use super::passed::{Found, Passed};
use super::plan::{self, Plan, PlanCache, Unfit};
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
        let file = File::open(path, passed, options.engine)?;
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
        let Found { mut info, output } = found.clone();
        let name = file.proto.graph.as_ref().and_then(|g| g.output.get(output)).map(|o| o.name.clone());
        if let (Some(border), Some(name)) = (info.border, name) {
            border::lay(&mut file.proto, info.layout, border, &name);
        }
        let (channels, levels, layout) = (info.in_channels, info.levels.len(), info.layout);
        let source = source(&file, path, options, false)?;
        let mut graph = Graph { source, channels, levels, layout, memory };
        graph.choose(&graph.outputs(), output);
        if let (Source::Onnxruntime { sessions, .. }, Some(name)) = (&graph.source, graph.result()) {
            // It was inspected on the processor, in another process: here and on its device it has to open, too.
            let refused = |reason: EngineError| ModelError::Refusal {
                path: path.to_path_buf(),
                reason: reason.to_string(),
            };
            sessions.prepare(name).map_err(refused)?;
            info.outside = Some(sessions.describe());
        }
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
        let (channels, layout, mut notes) = inspect::image_input(&file.proto, &file.normal, path, options)?;
        notes.extend(file.left_out.iter().map(|left| {
            format!(
                "output {} is left out: it needs {} beside the picture",
                left.tensor,
                left.needs.join(", ")
            )
        }));
        let levels = file.normal.levels.len();
        // What is found is remembered for runs that may take more, or less.
        let most = ModelBudget::default().run;
        let graph = |file: &File| -> Result<Graph, ModelError> {
            Ok(Graph { source: source(file, path, options, true)?, channels, levels, layout, memory: most })
        };
        let mut of = graph(&file)?;
        let outputs = of.outputs();
        let try_out = |of: &mut Graph, file: &File, notes| {
            guarded(|| Ok(inspect::try_out(of, &file.proto, path, options, notes))).map_err(parse)?
        };
        let mut tried = try_out(&mut of, &file, notes.clone())?;
        let output = outputs.chosen(&of);
        let border = tried.trial.picture.as_ref().ok().and_then(|picture| picture.border);
        let name = file.proto.graph.as_ref().and_then(|g| g.output.get(output)).map(|o| o.name.clone());
        if let (Some(border), Some(name)) = (border, name) {
            border::lay(&mut file.proto, layout, border, &name);
            of = graph(&file)?;
            of.choose(&of.outputs(), output);
            tried = try_out(&mut of, &file, notes)?;
        }
        let File { proto, normal, hash, left_out, .. } = file;
        let info = guarded(|| Ok(inspect::inspect(&of, &proto, &normal, path, options, (hash, tried))));
        let info = ModelInfo { left_out, border, ..info.map_err(parse)?? };
        let mut graph = Graph { memory, ..of };
        if let Source::Onnxruntime { template, .. } = &mut graph.source {
            *template = None;
        }
        let plans = PlanCache::new(info.parameters);
        Ok(Network { path: path.to_path_buf(), info, graph, output, engine: options.engine, plans })
    }

    /// What an inspection is to be remembered by.
    pub(super) fn found(&self) -> Found {
        Found { info: self.info.clone(), output: self.output }
    }

    /// Measures how fast it runs, for those who want to be told.
    pub(super) fn measure(&mut self) {
        let (height, width) = speed::size(&self.info);
        let plan = self.plan(height, width, None).ok();
        self.info.seconds_per_megapixel = plan.and_then(|plan| speed::per_megapixel(&plan, (height, width)));
    }

    /// What is known about the network.
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// What runs it.
    pub(super) fn engine(&self) -> Engine {
        self.engine
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
    pub(super) fn tensor_names(&self) -> Box<dyn Iterator<Item = &String> + '_> {
        match &self.graph.source {
            Source::Tract(template) => Box::new(template.outlet_labels.values()),
            Source::Onnxruntime { tensors, .. } => Box::new(tensors.iter()),
        }
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

    /// The shape of the output picture, where it is one.
    fn picture(
        &self,
        (batch, height, width): (usize, usize, usize),
        tap: Option<&str>,
    ) -> Option<Vec<usize>> {
        let scale = self.info.scale.filter(|_| tap.is_none())?;
        let mut shape = self.info.layout.shape(self.info.out_channels, height * scale, width * scale);
        shape[0] = batch;
        Some(shape.to_vec())
    }

    /// Whether onnxruntime may have the memory that a run is taken to need; our own engine tells by itself.
    fn affordable(&self, (batch, height, width): (usize, usize, usize)) -> Result<(), Unfit> {
        let Engine::Onnxruntime(_) = self.engine else { return Ok(()) };
        let pixels = (batch as u64).saturating_mul(height as u64).saturating_mul(width as u64);
        let needed = pixels.saturating_mul(self.info.memory_per_pixel as u64);
        let needed = needed.saturating_add(self.info.scratch_bytes as u64);
        if needed > self.graph.memory { Err(Unfit::Memory(needed, self.graph.memory)) } else { Ok(()) }
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
            let size = (batch, height, width);
            self.affordable(size)
                .and_then(|()| plan::plan(&self.graph, self.engine, size, tap, self.picture(size, tap)))
                .map_err(|unfit| unfit.error(&self.path, width, height))
        })
    }
}

/// What runs the file. To be inspected, it is given to tract in any case.
fn source(file: &File, path: &Path, options: &LoadOptions, inspected: bool) -> Result<Source, ModelError> {
    let Engine::Onnxruntime(device) = options.engine else { return Ok(Source::Tract(file.graph(path)?)) };
    let library = Library::open(options.library.as_deref(), device)?;
    let sessions = Arc::new(Sessions::new(&file.proto, path, library, device)?);
    let graph = file.proto.graph.as_ref();
    let outputs: Vec<String> =
        graph.iter().flat_map(|graph| &graph.output).map(|output| output.name.clone()).collect();
    let nodes = graph.iter().flat_map(|graph| &graph.node);
    let tensors = nodes.flat_map(|node| &node.output).filter(|name| !name.is_empty()).cloned().collect();
    let known = inspected && onnxruntime::is_short(&file.proto);
    let template = known.then(|| file.known_graph(path)).flatten();
    Ok(Source::Onnxruntime {
        sessions,
        template,
        result: outputs.first().cloned().unwrap_or_default(),
        outputs,
        tensors,
    })
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("path", &self.path).field("info", &self.info).finish_non_exhaustive()
    }
}
