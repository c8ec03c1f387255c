//! The inspector's side: confines the process it runs in, loads the model there, and tells what it found.

use super::ask::{Answer, OVER_MEMORY, Purpose, Words};
use super::model::{Model, rows_instead};
use crate::error::panic_text;
use crate::nn::error::ModelError;
use crate::nn::file::File;
use crate::nn::guard;
use crate::nn::load::Network;
use crate::nn::passed::Passed;
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getppid, getrlimit, set_parent_process_death_signal, setrlimit,
};
use std::path::{Path, PathBuf};

/// Stack of the thread that loads, in bytes: less than that of any thread that will load or run the model later, so
/// that what is nested too deeply for those fails here.
const STACK: usize = 1 << 20;
/// Exit code when the process can't be confined, or its question is none.
const UNFIT: u8 = 70;
/// What the text of a panic has in it when memory was refused.
const REFUSED: [&str; 4] = ["failed to allocate", "is_null()", "AllocError", "TryReserveError"];

/// An inspection to do, as the arguments of [`super::ask::COMMAND`] tell.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The question, as the parent wrote it.
    pub words: String,
    /// The model file.
    pub path: PathBuf,
}

/// Inspects a model: confines this process for good, so for a process of its own only. `describe` tells about a
/// model, as JSON or as text. Gives the exit code, and what is to be written to standard output.
pub fn inspect(inspection: &Inspection, describe: fn(&Path, &Model, bool) -> String) -> (u8, String) {
    let Ok(words) = serde_json::from_str::<Words>(&inspection.words) else { return (UNFIT, String::new()) };
    let Ok(before) = confine(&words) else { return (UNFIT, String::new()) };
    // No allocation can go on, or be told from another failure, once memory has been refused.
    guard::hush();
    std::panic::set_hook(Box::new(|info| {
        let text = panic_text(info.payload());
        if REFUSED.iter().any(|part| text.contains(part)) {
            std::process::exit(OVER_MEMORY);
        }
    }));
    let path = inspection.path.clone();
    let work = move || {
        let answer = match load(&path, &words, describe) {
            Ok((passed, text)) => {
                let memory = address_space("VmPeak:").saturating_sub(before);
                Answer::Passed { passed: Box::new(Passed { memory, ..passed }), text }
            }
            Err(error) if starved(&error) => std::process::exit(OVER_MEMORY),
            Err(error) => Answer::Refused(error.to_string()),
        };
        serde_json::to_string(&answer).unwrap_or_default()
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work);
    match thread.map(std::thread::JoinHandle::join) {
        Ok(Ok(text)) => (0, text),
        Ok(Err(_)) => (UNFIT, String::new()),
        // There was no room for a stack.
        Err(_) => (OVER_MEMORY as u8, String::new()),
    }
}

/// Loads the model as it is to be used. What it is by its hashes, and what is to be told about it.
fn load(
    path: &Path,
    words: &Words,
    describe: fn(&Path, &Model, bool) -> String,
) -> Result<(Passed, Option<String>), ModelError> {
    let file = File::open(path, None, words.options().engine)?;
    let mut passed = file.passed(path);
    let network = |file| Network::of_file(file, path, &words.options(), words.run).map(Box::new);
    let model = match words.purpose {
        Purpose::Weights => return Ok((passed, None)),
        Purpose::Pictures => Model::Pictures(network(file)?),
        Purpose::Any => match network(file) {
            Ok(mut network) => {
                network.measure();
                Model::Pictures(network)
            }
            Err(error) => rows_instead(error, path, Some(&passed))?,
        },
    };
    if let Model::Pictures(network) = &model {
        passed.found = Some(network.found());
    }
    let text = words.describe.map(|json| describe(path, &model, json));
    Ok((passed, text))
}

/// Whether an error says that memory was refused.
fn starved(error: &ModelError) -> bool {
    let text = error.to_string();
    ["out of memory", "Out of memory", "Cannot allocate memory", "bad_alloc", "Failed to allocate memory"]
        .iter()
        .any(|part| text.contains(part))
}

/// Limits this process to what the question allows, and to its parent's life. Address space that it has, in bytes.
fn confine(words: &Words) -> std::io::Result<u64> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have gone before that; what asks in its place is another one.
    let parent = getppid().map(Pid::as_raw_nonzero).map(|id| id.get().unsigned_abs());
    if parent.is_some_and(|parent| parent != words.parent) {
        return Err(std::io::Error::other("the parent is gone"));
    }
    let before = address_space("VmSize:");
    limit(Resource::Core, 0)?;
    // Beside the thread's own stack.
    limit(Resource::As, before.saturating_add(words.memory).saturating_add(2 * STACK as u64))?;
    limit(Resource::Cpu, words.seconds.max(1))?;
    Ok(before)
}

/// Lowers a limit for good.
fn limit(resource: Resource, to: u64) -> std::io::Result<()> {
    let most = getrlimit(resource).maximum.map_or(to, |most| most.min(to));
    // The soft limit of processor time ends with a signal that tells why.
    let hard = if resource == Resource::Cpu { getrlimit(resource).maximum } else { Some(most) };
    setrlimit(resource, Rlimit { current: Some(most), maximum: hard })?;
    Ok(())
}

/// A line of this process's status, in bytes; 0 where the system does not tell.
fn address_space(key: &str) -> u64 {
    crate::memory::of_process(key)
}
