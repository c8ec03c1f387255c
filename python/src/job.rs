//! `Job` and the tables that jobs publish.

use crate::{errors, options, threads};
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyString};
use safelight::{Event, JobError, RunOptions, Selection, Shard, ShardBy};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How often signals are looked for.
const LOOK: Duration = Duration::from_millis(50);
/// Stack of the thread that a run is led from, in bytes.
const STACK: usize = 16 << 20;

/// A pipeline, loaded and checked: models are loaded, nothing is written yet.
///
/// pipeline: a path; or YAML itself, as a str with line breaks or as a dict. set: values for keys, such as
/// {"input.path": "/archive", "limits.threads": 4}; a str is taken as what stands behind `--set key=`.
/// Relative paths refer to the working directory, as for the program.
///
/// Raises PipelineError with all mistakes.
///
/// Objects are pickled by these arguments.
#[pyclass(module = "safelight", frozen)]
pub(crate) struct Job {
    job: safelight::Job,
    pipeline: Py<PyAny>,
    set: Option<Py<PyDict>>,
}

#[pymethods]
impl Job {
    #[new]
    #[pyo3(signature = (pipeline, *, set = None))]
    fn new(pipeline: &Bound<'_, PyAny>, set: Option<&Bound<'_, PyDict>>) -> PyResult<Job> {
        let py = pipeline.py();
        let mut overrides = Vec::new();
        for (key, value) in set.into_iter().flatten() {
            overrides.push(format!("{}={}", key.extract::<String>()?, options::yaml(&value)?));
        }
        let text = match pipeline.cast::<PyString>() {
            Ok(text) if text.to_str()?.contains('\n') => Some(text.to_str()?.to_owned()),
            _ if pipeline.is_instance_of::<PyDict>() => Some(options::json(pipeline)?),
            _ => None,
        };
        let job = match text {
            Some(text) => threads::work(py, None, || safelight::Job::parse(&text, "pipeline", &overrides))?,
            None => {
                let path: PathBuf = pipeline.extract()?;
                threads::work(py, None, || safelight::Job::load(&path, &overrides))?
            }
        };
        let job = job.map_err(|found| errors::mistakes(py, "PipelineError", &found))?;
        let set = set.map(|set| set.copy()).transpose()?.map(Bound::unbind);
        // What the caller does to its dict afterwards is not this job's.
        let pipeline = match pipeline.is_instance_of::<PyDict>() {
            true => py.import("copy")?.call_method1("deepcopy", (pipeline,))?,
            false => pipeline.clone(),
        };
        Ok(Job { job, pipeline: pipeline.unbind(), set })
    }

    /// Its name.
    #[getter]
    fn name(&self) -> &str {
        self.job.name()
    }

    /// Its output folder, absolute.
    #[getter]
    fn output<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("pathlib")?.getattr("Path")?.call1((self.job.output(),))
    }

    /// What a run would do, as a dict: that of `safelight plan --json` (docs/machines.md). Where a run would be refused,
    /// `error` says why. items: also each item with the reason why it is done or not.
    ///
    /// Raises JobError where it can't be told.
    #[pyo3(signature = (*, items = false))]
    fn plan<'py>(&self, py: Python<'py>, items: bool) -> PyResult<Bound<'py, PyAny>> {
        self.told(py, || self.job.plan_json(items))
    }

    /// Runs it to its end. What is done already is kept; a run that was stopped or killed goes on where it was.
    ///
    /// progress: True tells on standard error how far it is; a function is called with each event as a dict, that of
    /// JSON lines (docs/machines.md), from the calling thread. shard: (3, 16), "3/16", "auto" or "auto/16": do this share
    /// of the items only, and leave what is made of all to gather(). shard_by: "path" or "size". retry: only items that
    /// failed before. prune: remove outputs of inputs that vanished and of earlier settings. accept_input: go on although
    /// the input is another one, or much of it is gone. replace_edited: replace outputs that somebody edited. patience:
    /// seconds without a sign of life after which another process that has the shard counts as dead.
    ///
    /// Returns a dict of the totals: done, failed, skipped, seconds, ..., stop (None, or why it ended early) and exit, the
    /// exit code that the program gives it: 0; 10 where items failed that had not failed before, 12 where only old
    /// failures stand, 11 where there were more than limits.max_failures.
    ///
    /// Raises JobError where it can't start, or the output can't be written. KeyboardInterrupt stops it: what is under
    /// way is finished and recorded, then it is raised. An exception of `progress` does the same.
    #[pyo3(signature = (*, progress = None, shard = None, shard_by = "path", retry = false, prune = false,
                        accept_input = false, replace_edited = false, patience = 60.0))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        progress: Option<Bound<'py, PyAny>>,
        shard: Option<Bound<'py, PyAny>>,
        shard_by: &str,
        retry: bool,
        prune: bool,
        accept_input: bool,
        replace_edited: bool,
        patience: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let stop = AtomicBool::new(false);
        let mut options = RunOptions::default();
        options.stop = &stop;
        options.prune = prune;
        options.accept_input = accept_input;
        options.replace_edited = replace_edited;
        options.patience = seconds(patience)?;
        options.shard = shard.map(|shard| asked(&shard, shard_by)).transpose()?;
        options.selection = if retry { Selection::FailedOnly } else { Selection::Outstanding };
        let selection = options.selection;
        let ended = self.attended(py, &stop, progress, |emit| {
            self.job.run(&options, emit).map(|ended| ended.json(&self.job, selection))
        })?;
        options::parsed(py, &ended.map_err(|e| failed(py, &e))?)
    }

    /// Puts together what shards have done, and publishes what is made of all items. It may be repeated. wait: wait for
    /// shards that are at work. The others: as of run().
    ///
    /// Returns a dict as run() does, with shards (how many there were) and unfinished (those that did not come to their
    /// end: run them, and gather again).
    ///
    /// Raises JobError where a shard is at work, and as run().
    #[pyo3(signature = (*, wait = false, progress = None, prune = false, accept_input = false,
                        replace_edited = false, patience = 60.0))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn gather<'py>(
        &self,
        py: Python<'py>,
        wait: bool,
        progress: Option<Bound<'py, PyAny>>,
        prune: bool,
        accept_input: bool,
        replace_edited: bool,
        patience: f64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let stop = AtomicBool::new(false);
        let mut options = RunOptions::default();
        options.stop = &stop;
        options.prune = prune;
        options.accept_input = accept_input;
        options.replace_edited = replace_edited;
        options.patience = seconds(patience)?;
        let gathered = self.attended(py, &stop, progress, |emit| {
            let gathered = self.job.gather(&options, wait, emit);
            gathered.map(|gathered| gathered.json(&self.job, Selection::Outstanding))
        })?;
        options::parsed(py, &gathered.map_err(|e| failed(py, &e))?)
    }

    /// How it stands, as a dict: that of `safelight status --json`. failures: also each failure with its message.
    /// shards: in place of all that, how the shards stand that are not gathered yet.
    ///
    /// Raises JobError where nothing has been run, or the ledger can't be read.
    #[pyo3(signature = (*, failures = false, shards = false))]
    fn status<'py>(&self, py: Python<'py>, failures: bool, shards: bool) -> PyResult<Bound<'py, PyAny>> {
        self.told(py, || if shards { self.job.shards_json() } else { self.job.status_json(failures) })
    }

    /// Compares every output with what was recorded when it was written; a dict as `safelight verify --json` has it,
    /// whose `problems` are empty where all is well.
    ///
    /// Raises JobError where nothing has been run, or the ledger can't be read.
    fn verify<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.told(py, || self.job.verify_json())
    }

    fn __getnewargs_ex__<'py>(&self, py: Python<'py>) -> PyResult<((Py<PyAny>,), Bound<'py, PyDict>)> {
        let named = PyDict::new(py);
        named.set_item("set", &self.set)?;
        Ok(((self.pipeline.clone_ref(py),), named))
    }

    fn __repr__(&self) -> String {
        format!("<safelight.Job {}>", self.job.name())
    }
}

impl Job {
    /// What the job tells as JSON.
    fn told<'py>(
        &self,
        py: Python<'py>,
        ask: impl FnOnce() -> Result<String, JobError> + Send,
    ) -> PyResult<Bound<'py, PyAny>> {
        let pool = threads::fresh(self.job.threads())?;
        let told = threads::alone(py, || pool.install(ask))?;
        options::parsed(py, &told.map_err(|e| failed(py, &e))?)
    }

    /// Does `work` on threads of its own, while this one tells what happens and looks for signals.
    fn attended<'py, T: Send>(
        &self,
        py: Python<'py>,
        stop: &AtomicBool,
        progress: Option<Bound<'py, PyAny>>,
        work: impl FnOnce(&(dyn Fn(Event) + Sync)) -> T + Send,
    ) -> PyResult<T> {
        let progress = told_to(py, progress)?;
        let pool = threads::fresh(self.job.threads())?;
        let (send, mut receive) = channel();
        let wanted = progress.is_some();
        std::thread::scope(|scope| {
            let lead = move || {
                let emit = |event: Event| {
                    if let Some(told) = wanted.then(|| event.json()).flatten() {
                        // Nobody listens any more where the call has failed.
                        send.send(told).ok();
                    }
                };
                catch_unwind(AssertUnwindSafe(|| pool.install(|| work(&emit))))
            };
            let leading = std::thread::Builder::new()
                .name("safelight-job".into())
                .stack_size(STACK)
                .spawn_scoped(scope, lead);
            let leading =
                leading.map_err(|e| PyRuntimeError::new_err(format!("threads can't be started: {e}")))?;
            let mut failure = None;
            loop {
                let (back, next) = py.detach(move || {
                    let next = receive.recv_timeout(LOOK);
                    (receive, next)
                });
                receive = back;
                let told = match (next, &progress) {
                    (Ok(text), Some(progress)) if failure.is_none() => {
                        options::parsed(py, &text).and_then(|event| progress.call1((event,))).map(drop)
                    }
                    (Err(RecvTimeoutError::Disconnected), _) => break,
                    _ => Ok(()),
                };
                if let Err(e) = told.and_then(|()| py.check_signals()) {
                    stop.store(true, Ordering::SeqCst);
                    failure.get_or_insert(e);
                }
            }
            let ended = py.detach(|| leading.join());
            match (failure, ended) {
                (Some(failure), _) => Err(failure),
                (None, Ok(Ok(ended))) => Ok(ended),
                (None, Ok(Err(panic)) | Err(panic)) => Err(errors::panic(&*panic)),
            }
        })
    }
}

/// Whom to tell what happens.
fn told_to<'py>(py: Python<'py>, progress: Option<Bound<'py, PyAny>>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match progress {
        None => Ok(None),
        Some(asked) if asked.is_instance_of::<PyBool>() => match asked.is_truthy()? {
            true => py.import("safelight._progress")?.getattr("Progress")?.call0().map(Some),
            false => Ok(None),
        },
        Some(asked) if asked.is_callable() => Ok(Some(asked)),
        Some(_) => Err(PyTypeError::new_err("progress is True, False or a function of one event")),
    }
}

fn seconds(patience: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(patience)
        .map_err(|_| PyValueError::new_err("patience is a number of seconds, at least 0"))
}

/// The shard that is asked for.
fn asked(shard: &Bound<'_, PyAny>, by: &str) -> PyResult<Shard> {
    let by = match by {
        "path" => ShardBy::Path,
        "size" => ShardBy::Size,
        _ => return Err(PyValueError::new_err("shard_by is \"path\" or \"size\"")),
    };
    let text = match shard.extract::<(u64, u64)>() {
        Ok((number, count)) => format!("{number}/{count}"),
        Err(_) => shard.extract::<String>().map_err(|_| {
            PyTypeError::new_err("shard is a pair such as (3, 16), or a text such as \"3/16\" or \"auto\"")
        })?,
    };
    safelight::shard(&text, by).map_err(|e| PyValueError::new_err(format!("shard: {e}")))
}

/// Why something could not be done with a job.
fn failed(py: Python<'_>, failure: &JobError) -> PyErr {
    match failure {
        JobError::Pipeline(found) => errors::mistakes(py, "PipelineError", found),
        _ => match failure.exit().into_pyobject(py) {
            Ok(exit) => errors::error(py, "JobError", &failure.to_string(), &[("exit", exit.into_any())]),
            Err(never) => match never {},
        },
    }
}

/// The tables in an output folder: a list of (name, folder, format).
#[pyfunction]
pub(crate) fn tables(py: Python<'_>, output: PathBuf) -> PyResult<Vec<(String, PathBuf, &'static str)>> {
    let found = threads::alone(py, || safelight::tables(&output))?.map_err(|e| failed(py, &e))?;
    Ok(found.into_iter().map(|table| (table.name, table.folder, table.format)).collect())
}
