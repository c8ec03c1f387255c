//! JSON lines on standard output, one event a line.

use super::remaining::Remaining;
use super::reporter::Reporter;
use crate::job::{Event as JobEvent, RunEvent as Event, told};
use serde_json::json;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The reporter.
#[derive(Debug, Default)]
pub(super) struct Json {
    /// What is left, since when.
    left: Mutex<Option<(Instant, Remaining)>>,
}

impl Reporter for Json {
    fn event(&self, event: &JobEvent) {
        let JobEvent::Run(event) = event else { return };
        let mut line = told::event(event);
        // Held while writing, so that the lines' order is that of the figures.
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Planned { work, .. } => *left = Some((Instant::now(), Remaining::new(work))),
            Event::Finished { path, bytes, pixels, .. } => {
                let seconds = left.as_mut().and_then(|(start, left)| {
                    left.finished(path, *bytes, *pixels);
                    left.seconds(start.elapsed().as_secs_f64())
                });
                // To the tenth: it is no more than an estimate.
                line["seconds_left"] = json!(seconds.map(|s| (s * 10.0).round() / 10.0));
            }
            Event::Failed { path, bytes, .. } => {
                if let Some((_, left)) = left.as_mut() {
                    left.failed(path, *bytes);
                }
            }
            _ => {}
        }
        let text = format!("{line}\n");
        std::io::stdout().lock().write_all(text.as_bytes()).ok();
    }
}
