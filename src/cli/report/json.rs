//! JSON lines on standard output, one event a line.

use super::remaining::Remaining;
use super::reporter::Reporter;
use crate::inputs::path_text;
use crate::job::{Event as JobEvent, RunEvent as Event, summary};
use serde_json::{Value, json};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
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
        let mut line = render(event);
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

fn path(path: &Path) -> String {
    path_text(path.as_os_str().as_bytes())
}

fn render(event: &Event) -> Value {
    match event {
        Event::Planned { total, todo, reasons, vanished, swept, beside, .. } => {
            let reasons: serde_json::Map<String, Value> =
                reasons.iter().map(|(r, n)| (r.name().to_string(), json!(n))).collect();
            json!({"event": "planned", "total": total, "todo": todo, "reasons": reasons,
                   "vanished": vanished, "swept": swept, "left_out": beside.left_out, "excluded": beside.excluded,
                   "system_files": beside.system, "hidden": beside.hidden})
        }
        Event::Started { path: p } => json!({"event": "started", "path": path(p)}),
        Event::Finished { path: p, bytes, pixels, seconds, notes } => {
            json!({"event": "finished", "path": path(p), "bytes": bytes, "pixels": pixels,
                   "seconds": seconds, "notes": notes})
        }
        Event::Failed { path: p, error, known, .. } => {
            json!({"event": "failed", "path": path(p), "error_kind": error.kind.name(), "message": error.message,
                   "known": known})
        }
        Event::Stopping { why } => json!({"event": "stopping", "why": summary::stop(*why)}),
        Event::Waiting { what, owner, seconds } => {
            json!({"event": "waiting", "what": what, "owner": owner, "seconds": seconds})
        }
        Event::Gathered { count, unfinished } => {
            let one = |(shard, state): &(u32, &str)| json!({"shard": shard, "state": state});
            json!({"event": "gathered", "shards": count, "unfinished": unfinished.iter().map(one).collect::<Vec<_>>()})
        }
        Event::Publishing => json!({"event": "publishing"}),
        Event::Ended(ended) => summary::ended(ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Loss;
    use crate::inputs::Beside;
    use crate::job::RunSummary as Summary;
    use crate::run::resume::Reason;

    /// All keys, those of objects within as well.
    fn keys(value: &Value) -> Vec<String> {
        let fields = value.as_object().into_iter().flatten();
        fields.flat_map(|(key, value)| std::iter::once(key.clone()).chain(keys(value))).collect()
    }

    #[test]
    fn keys_are_identifiers() {
        let reasons = [Reason::InputChanged, Reason::OutputUnseen, Reason::StandingFailure];
        let planned = render(&Event::Planned {
            total: 6,
            todo: 4,
            reasons: reasons.into_iter().map(|reason| (reason, 2)).collect(),
            vanished: 0,
            prunes: false,
            swept: 0,
            work: Default::default(),
            beside: Beside::default(),
        });
        assert_eq!(
            planned["reasons"],
            json!({"input_changed": 2, "output_unseen": 2, "standing_failure": 2})
        );
        let losses = Loss::ALL.into_iter().map(|loss| (loss, 1)).collect();
        let ended = render(&Event::Ended(Summary { losses, ..Summary::default() }));
        assert_eq!(ended["losses"].as_object().map(|losses| losses.len()), Some(Loss::ALL.len()));
        for key in [keys(&planned), keys(&ended)].concat() {
            assert!(key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{key}");
        }
    }
}
