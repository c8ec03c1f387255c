//! The parent's side of an inspection: starts the process, waits for its answer, and tells how it ended.

use crate::nn::axes::Layout;
use crate::nn::budget::ModelBudget;
use crate::nn::error::ModelError;
use crate::nn::fast::Engine;
use crate::nn::onnxruntime::Device;
use crate::nn::options::LoadOptions;
use crate::nn::passed::Passed;
use crate::nn::range::Range;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

const SIGABRT: i32 = Signal::ABORT.as_raw();
const SIGKILL: i32 = Signal::KILL.as_raw();
const SIGSEGV: i32 = Signal::SEGV.as_raw();
const SIGXCPU: i32 = Signal::XCPU.as_raw();

/// The name under which the program inspects a model for its parent.
pub const COMMAND: &str = "inspect-model";
/// Exit code of an inspector whose memory did not suffice.
pub(super) const OVER_MEMORY: i32 = 71;
/// What the process is asked to do is given up when it says more than this.
const LONGEST: usize = 64 << 20;
/// Of what it says on standard error so much is looked at.
const HEARD: usize = 64 << 10;

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

/// What is to be found out about a model.
#[derive(Clone, Debug)]
pub(super) struct Question<'a> {
    pub(super) path: &'a Path,
    pub(super) purpose: Purpose,
    pub(super) options: &'a LoadOptions,
    pub(super) budget: &'a ModelBudget,
    /// Whether the inspector is to tell about it, and that as JSON.
    pub(super) describe: Option<bool>,
}

impl<'a> Question<'a> {
    /// A question whose answer needs no words.
    pub(super) fn new(
        path: &'a Path,
        purpose: Purpose,
        options: &'a LoadOptions,
        budget: &'a ModelBudget,
    ) -> Question<'a> {
        Question { path, purpose, options, budget, describe: None }
    }
}

/// The question without its path, as the inspector's argument.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Words {
    pub(super) purpose: Purpose,
    pub(super) memory: u64,
    pub(super) seconds: u64,
    pub(super) run: u64,
    pub(super) describe: Option<bool>,
    /// The process that asks.
    pub(super) parent: u32,
    range: Option<Range>,
    layout: Option<Layout>,
    channels: Option<usize>,
    size: Option<(usize, usize)>,
    plain: bool,
    exact: bool,
    /// The library that runs it in place of our engine.
    onnxruntime: Option<PathBuf>,
}

impl Words {
    fn new(question: &Question<'_>) -> Words {
        let LoadOptions { range, layout, channels, size, engine, library } = question.options.clone();
        Words {
            purpose: question.purpose,
            memory: question.budget.memory,
            seconds: question.budget.seconds,
            run: question.budget.run,
            describe: question.describe,
            parent: std::process::id(),
            range,
            layout,
            channels,
            size,
            plain: engine == Engine::Plain,
            exact: matches!(engine, Engine::Fast { exact: true, .. }),
            onnxruntime: library.filter(|_| matches!(engine, Engine::Onnxruntime(_))),
        }
    }

    /// What the model is loaded with; on the best instructions there are, whatever the parent's. Never on a card: what its
    /// driver takes of address space says nothing about the model.
    pub(super) fn options(&self) -> LoadOptions {
        let engine = match (self.plain, Engine::default()) {
            _ if self.onnxruntime.is_some() => Engine::Onnxruntime(Device::Cpu),
            (false, Engine::Fast { level, .. }) => Engine::Fast { exact: self.exact, level },
            _ => Engine::Plain,
        };
        LoadOptions {
            range: self.range.clone(),
            layout: self.layout,
            channels: self.channels,
            size: self.size,
            engine,
            library: self.onnxruntime.clone(),
        }
    }
}

/// What the inspector found.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The model may come in.
    Passed {
        /// What is to be known of it; of the seconds that it took, the parent knows.
        passed: Box<Passed>,
        /// What is to be told about it, where that was asked.
        text: Option<String>,
    },
    /// It can't be used; why.
    Refused(String),
}

/// How an inspector ended.
#[derive(Debug)]
struct Ended {
    /// None when it was stopped for its time.
    status: Option<ExitStatus>,
    told: Vec<u8>,
    heard: Vec<u8>,
}

/// Has `program` inspect a model; the answer, and the seconds that it took.
pub(super) fn ask(program: &Path, question: &Question<'_>) -> Result<(Answer, f64), ModelError> {
    let path = question.path.to_path_buf();
    let start = Instant::now();
    let failed = |source| ModelError::Inspector { path: path.clone(), source };
    let words = serde_json::to_string(&Words::new(question)).map_err(|e| failed(e.into()))?;
    let child = Command::new(program)
        .args([COMMAND, &words, "--"])
        .arg(question.path)
        // Both allocators would reserve address space ahead of need, by the gigabyte and for each thread.
        .envs([("MIMALLOC_DISALLOW_ARENA_ALLOC", "1"), ("MALLOC_ARENA_MAX", "1")])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let ended = Running(child).watch(start + within(question.budget.seconds)).map_err(failed)?;
    answer(&ended, question).map(|answer| (answer, start.elapsed().as_secs_f64()))
}

/// When an inspector is stopped, so that all is over within `seconds`: ending a process takes its time.
fn within(seconds: u64) -> Duration {
    Duration::from_secs(seconds).mul_f64(0.95)
}

/// What the end of an inspector means.
fn answer(ended: &Ended, question: &Question<'_>) -> Result<Answer, ModelError> {
    let path = question.path.to_path_buf();
    let ModelBudget { memory, seconds, .. } = *question.budget;
    let mib = crate::memory::mib(memory);
    let Some(status) = ended.status else { return Err(ModelError::OverTime { path, seconds }) };
    let says = |text: &str| String::from_utf8_lossy(&ended.heard).contains(text);
    let crashed = |how: String| Err(ModelError::Crashed { path: path.clone(), how });
    match (status.code(), status.signal()) {
        (Some(0), _) => match serde_json::from_slice(&ended.told) {
            Ok(answer) => Ok(answer),
            Err(_) => crashed("gave no answer".into()),
        },
        (Some(OVER_MEMORY), _) => Err(ModelError::OverMemory { path, mib }),
        (_, Some(SIGXCPU)) => Err(ModelError::OverTime { path, seconds }),
        _ if says("overflowed its stack") => {
            crashed("ran out of stack: its graph is nested too deeply".into())
        }
        (_, Some(SIGABRT)) if says("memory allocation") => Err(ModelError::OverMemory { path, mib }),
        (_, Some(SIGKILL)) => crashed("was killed, by hand or because memory ran out".into()),
        (_, Some(SIGSEGV)) => crashed("failed on a wrong address".into()),
        (_, Some(signal)) => crashed(format!("was ended by signal {signal}")),
        (code, None) => crashed(format!("ended with code {}", code.unwrap_or_default())),
    }
}

/// A process that doesn't outlive its owner.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a process that has been waited for.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Running {
    /// Waits for the end, or stops the process at `deadline`.
    fn watch(mut self, deadline: Instant) -> std::io::Result<Ended> {
        let (mut out, mut err) = (self.0.stdout.take(), self.0.stderr.take());
        let mut ended = Ended { status: None, told: Vec::new(), heard: Vec::new() };
        while out.is_some() || err.is_some() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(ended);
            }
            let ready = {
                let out = out.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN));
                let err = err.iter().map(|pipe| PollFd::new(pipe, PollFlags::IN));
                let mut pipes: Vec<PollFd<'_>> = out.chain(err).collect();
                let timeout =
                    Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
                match poll(&mut pipes, Some(&timeout)) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(e) => return Err(e.into()),
                }
                pipes.iter().map(|pipe| !pipe.revents().is_empty()).collect::<Vec<_>>()
            };
            let first = out.is_some();
            if first && ready[0] {
                read(&mut out, &mut ended.told, LONGEST)?;
            }
            if err.is_some() && ready[usize::from(first)] {
                read(&mut err, &mut ended.heard, HEARD)?;
            }
            if ended.told.len() > LONGEST {
                return Err(std::io::Error::other("it says too much"));
            }
        }
        // It has closed both ends, as it does by ending.
        let mut pause = Duration::from_micros(100);
        loop {
            ended.status = self.0.try_wait()?;
            if ended.status.is_some() || Instant::now() >= deadline {
                return Ok(ended);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

/// Reads what is there; a pipe at its end is dropped. Of what goes beyond `most` bytes only one is kept.
fn read<P: Read>(pipe: &mut Option<P>, to: &mut Vec<u8>, most: usize) -> std::io::Result<()> {
    let mut part = [0; 16 << 10];
    let Some(open) = pipe else { return Ok(()) };
    match open.read(&mut part) {
        Ok(0) => *pipe = None,
        Ok(n) => to.extend_from_slice(&part[..n.min((most + 1).saturating_sub(to.len()))]),
        Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
        Err(e) => return Err(e),
    }
    Ok(())
}
