//! Reporters: they consume the runner's events and print. The runner knows none of them.

pub mod contact;
pub mod html;
mod json;
pub mod sheet;
mod text;

use crate::cli::Progress;
use crate::plan::Plan;
use crate::run::event::Event;
use std::io::IsTerminal;

/// Consumes events.
pub trait Reporter: Sync {
    /// Tells of one event.
    fn event(&self, event: &Event);
    /// Called once, when no event will follow.
    fn finish(&self) {}
}

/// The reporter for a choice of progress display.
pub fn reporter(progress: Progress, plan: &Plan) -> Box<dyn Reporter> {
    let bar = match progress {
        Progress::Json => return Box::new(json::Json),
        Progress::Auto => std::io::stderr().is_terminal(),
        Progress::Bar => true,
        Progress::Lines | Progress::Quiet => false,
    };
    Box::new(text::Text::new(plan, bar, progress == Progress::Quiet))
}
