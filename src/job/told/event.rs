//! What happens in a run over items, as JSON lines tell it.

use super::words::path;
use crate::job::summary;
use crate::run::event::Event;
use serde_json::{Value, json};

/// One of them.
pub(crate) fn event(event: &Event) -> Value {
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
        Event::Gathered { count, unfinished, outstanding } => {
            let one = |(shard, state): &(u32, &str)| json!({"shard": shard, "state": state});
            json!({"event": "gathered", "shards": count, "outstanding": outstanding,
                   "unfinished": unfinished.iter().map(one).collect::<Vec<_>>()})
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
        let planned = event(&Event::Planned {
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
        let ended = event(&Event::Ended(Summary { losses, ..Summary::default() }));
        assert_eq!(ended["losses"].as_object().map(|losses| losses.len()), Some(Loss::ALL.len()));
        for key in [keys(&planned), keys(&ended)].concat() {
            assert!(key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{key}");
        }
    }
}
