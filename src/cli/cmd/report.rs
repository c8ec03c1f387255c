//! `report`: a folder with a page of what has been done.

use super::code;
use super::machine;
use super::opened::{Given, ledger_of, open_locked};
use super::print::{err, out};
use super::refusal::{Refusal, unwritable};
use crate::cli::html::{self, Inputs, Report, ReportError, RunFile, SHEET_NAME, Subject};
use crate::codec::Limits;
use crate::inputs::Source;
use crate::job::{Job, Kind, Output};
use crate::ledger::{Ledger, hex};
use crate::run::RunError;
use crate::shown::{self, Show};
use crate::store::names::{REPORT_FOLDER, is_of_report};
use crate::store::{Part, Store, StoreError, look};
use crate::train;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is written.
const WHAT: &str = "the report";

/// Writes `report/` into the output.
///
/// # Errors
/// When nothing has been run, the ledger can't be read or is another job's, or the report can't be written.
pub(super) fn report(given: &Given, json: bool) -> Result<u8, Refusal> {
    match given {
        Given::Job(job) => of_job(job, json),
        Given::Output(output) => of_output(output, json),
    }
}

/// Of a job, whose pipeline says where everything is.
fn of_job(job: &Job, json: bool) -> Result<u8, Refusal> {
    let ledger = ledger_of(job.output(), job.name())?;
    if let Kind::Items(plan) = job.kind() {
        ledger.read_renamed(&plan.former.products, (&plan.former.digest, &plan.products_digest))?;
    }
    let run = run_of(job.output())?;
    let subject = Subject {
        name: job.name(),
        output: job.output(),
        run: &run,
        inputs: inputs_of(job),
        limits: limits_of(job),
        pipeline: text_of(job),
        asked: asked_of(job),
        trains: job.trains(),
    };
    write(&subject, &ledger, json)
}

/// Of an output folder, which tells what ran there.
fn of_output(output: &Output, json: bool) -> Result<u8, Refusal> {
    let run = run_of(output.folder())?;
    // Pictures that were made can be made again, if the pipeline can still be read.
    let job = if run.made_inputs() { job_of(output) } else { None };
    let inputs = match &job {
        Some(job) => inputs_of(job),
        None => run.input().or(remembered(output.ledger())?).map_or(Inputs::Unknown, Inputs::Below),
    };
    let subject = Subject {
        name: output.name(),
        output: output.folder(),
        run: &run,
        inputs,
        limits: job.as_ref().map_or(Limits::default(), limits_of),
        pipeline: None,
        asked: output.remembered().map(|run| run.asked.clone()).filter(|asked| !asked.is_empty()),
        trains: output.trains()?,
    };
    write(&subject, output.ledger(), json)
}

/// The job that ran there last, if it can still be loaded. Goes into the directory that it ran in, for relative paths.
fn job_of(output: &Output) -> Option<Job> {
    let run = output.remembered()?;
    std::env::set_current_dir(shown::decode(&run.directory)).ok();
    Job::parse(&run.pipeline, run.pipeline_file.as_deref().unwrap_or("pipeline"), &[]).ok()
}

fn run_of(output: &Path) -> Result<RunFile, Refusal> {
    let unseen = |e| RunError::Input(format!("cannot look at {}: {e}; check the mount", output.shown()));
    Ok(RunFile::read(output).map_err(unseen)?)
}

fn inputs_of(job: &Job) -> Inputs<'_> {
    match job.kind() {
        Kind::Items(plan) => match &plan.input.source {
            Source::Made(series) => Inputs::Made(series),
            _ => Inputs::Below(plan.input.root.clone()),
        },
        Kind::Training(_) => Inputs::Unknown,
    }
}

fn limits_of(job: &Job) -> Limits {
    match job.kind() {
        Kind::Items(plan) => {
            Limits { max_pixels: plan.limits.pixels, max_bytes: plan.limits.memory, strict: false }
        }
        Kind::Training(_) => Limits::default(),
    }
}

fn asked_of(job: &Job) -> Option<String> {
    match job.kind() {
        Kind::Items(plan) => Some(hex(&plan.products_digest)),
        Kind::Training(_) => None,
    }
}

fn text_of(job: &Job) -> Option<&str> {
    match job.kind() {
        Kind::Items(plan) => Some(plan.sources.text()),
        Kind::Training(_) => None,
    }
}

/// The folder of the last run's inputs, as the ledger remembers it.
fn remembered(ledger: &Ledger) -> Result<Option<PathBuf>, Refusal> {
    #[derive(serde::Deserialize)]
    struct Remembered {
        kind: String,
        path: Vec<u8>,
    }
    let Some(text) = ledger.input()? else { return Ok(None) };
    let Ok(input) = serde_json::from_str::<Remembered>(&text) else { return Ok(None) };
    let path = PathBuf::from(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(input.path));
    Ok(match input.kind.as_str() {
        "folder" => Some(path),
        "file" => path.parent().map(Path::to_path_buf),
        // The root of a list is not remembered.
        _ => None,
    })
}

/// Makes the report and puts it in place of an earlier one, as a whole.
fn write(subject: &Subject<'_>, ledger: &Ledger, json: bool) -> Result<u8, Refusal> {
    if subject.trains {
        progress(subject.output)?;
    }
    let (store, _lock) = open_locked(subject.output, WHAT)?;
    // Before the work, so that it is not in vain.
    let folder = Path::new(REPORT_FOLDER);
    let present = store.parts(folder, is_of_report).map_err(|e| RunError::Foreign(e.to_string()))?;
    let report = html::report(subject, ledger).map_err(|error| match error {
        ReportError::Ledger(error) => Refusal::from(error),
        ReportError::Run(error) => error.into(),
    })?;
    if !json {
        report.warnings.iter().for_each(|warning| err(&format!("warning: {warning}\n")));
    }
    put(&store, &report, &present).map_err(|error| match error {
        StoreError::Io { source, .. } => unwritable(subject.output, WHAT, &source),
        other => other.into(),
    })?;
    if json {
        return Ok(machine::tell("report", report.figures, code::OK));
    }
    let mut told = String::new();
    let place = subject.output.join(folder);
    if report.files.contains_key(SHEET_NAME) {
        told.push_str(&format!("before/after  {}\n", place.join(SHEET_NAME).shown()));
    }
    told.push_str(&format!("report        {}\n", place.join("index.html").shown()));
    out(&told);
    Ok(code::OK)
}

/// Replaces the folder by these files, in one exchange: whoever opens it sees the old report or the new one.
fn put(store: &Store, report: &Report, present: &BTreeMap<String, (u64, i64)>) -> Result<(), StoreError> {
    store.sweep()?;
    let files = report.files.iter().map(|(name, bytes)| Ok((name.clone(), Part::New(bytes.clone()))));
    let built = store.build_folder(Path::new(REPORT_FOLDER), files)?;
    store.put_folder(built, present).map(drop)
}

/// Refuses where a training has lost what it shows.
fn progress(output: &Path) -> Result<(), Refusal> {
    let folder = output.join(train::PROGRESS);
    match look::at(&folder) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            Err(Refusal::Usage(format!("there is no {}; `run` writes what belongs there", folder.shown())))
        }
        Err(e) => {
            Err(Refusal::Unwritable(format!("cannot look at {}: {e}; check the mount", folder.shown())))
        }
    }
}
