//! Reporters: they consume the runner's events and print. The runner knows none of them.

pub mod contact;
pub mod html;
mod json;
mod remaining;
mod reporter;
pub mod sheet;
mod text;
mod train;

pub use reporter::Reporter;

use crate::cli::args::Progress;
use crate::plan::Plan;
use crate::train::TrainPlan;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

/// The reporter for a choice of progress display.
pub fn reporter(progress: Progress, plan: &Plan) -> Box<dyn Reporter> {
    if progress == Progress::Json {
        return Box::new(json::Json::default());
    }
    Box::new(text::Text::new(plan, wants_bar(progress), progress == Progress::Quiet))
}

/// What consumes the events of a training job, for a choice of progress display.
pub fn training(progress: Progress, plan: &TrainPlan) -> Box<dyn Fn(crate::train::Event) + Sync> {
    if progress == Progress::Json {
        return Box::new(|event| train::json(&event));
    }
    let text = Mutex::new(train::Text::new(plan, wants_bar(progress), progress == Progress::Quiet));
    Box::new(move |event| text.lock().unwrap_or_else(PoisonError::into_inner).event(&event))
}

fn wants_bar(progress: Progress) -> bool {
    match progress {
        Progress::Auto => std::io::stderr().is_terminal(),
        Progress::Bar => true,
        Progress::Json | Progress::Lines | Progress::Quiet => false,
    }
}
