//! Reporters: they consume the runner's events and print. The runner knows none of them.

pub(super) mod contact;
mod json;
mod remaining;
mod reporter;
pub(super) mod sheet;
mod text;
mod train;

pub(super) use reporter::Reporter;

use crate::cli::args::Progress;
use crate::job::{Job, Kind};
use std::io::IsTerminal;
use std::sync::Mutex;

/// The reporter of a job for a choice of progress display.
pub(super) fn reporter(progress: Progress, job: &Job) -> Box<dyn Reporter> {
    let (bar, quiet) = (wants_bar(progress), progress == Progress::Quiet);
    match (job.kind(), progress) {
        (Kind::Items(_), Progress::Json) => Box::new(json::Json::default()),
        (Kind::Items(plan), _) => Box::new(text::Text::new(plan, bar, quiet)),
        (Kind::Training(_), Progress::Json) => Box::new(train::Json),
        (Kind::Training(plan), _) => Box::new(Mutex::new(train::Text::new(plan, bar, quiet))),
    }
}

fn wants_bar(progress: Progress) -> bool {
    match progress {
        Progress::Auto => std::io::stderr().is_terminal(),
        Progress::Bar => true,
        Progress::Json | Progress::Lines | Progress::Quiet => false,
    }
}
