//! Exit codes of the program, as `--help` and docs/runs.md promise them. A run remembers its own.

use crate::ledger::LedgerError;
use crate::run::RunError;
use crate::run::event::{Stop, Summary};
use crate::run::resume::Selection;
use crate::store::{LockError, StoreError};
use crate::train::TrainError;

/// All done.
pub(crate) const OK: u8 = 0;
/// A failure that has no code of its own, such as an output that does not verify.
pub(crate) const FAILURE: u8 = 1;
/// A command that does not fit what it is asked of.
pub(crate) const USAGE: u8 = 2;
/// Finished, some items failed that had not failed so before.
pub(crate) const ITEMS_FAILED: u8 = 10;
/// Stopped at `max_failures`.
pub(crate) const TOO_MANY_FAILURES: u8 = 11;
/// Finished; nothing new failed, but failures known before stand.
pub(crate) const KNOWN_FAILURES: u8 = 12;
/// The input is not the one that is known, or too much of it is gone; nothing has changed.
pub(crate) const OTHER_INPUT: u8 = 13;
/// Training ended worse than where it began; a better model was kept.
pub(crate) const DIVERGED: u8 = 14;
/// Interrupted, resumable.
pub(crate) const INTERRUPTED: u8 = 20;
/// The output could not be written, or the input could not be listed.
pub(crate) const STORAGE: u8 = 30;
/// Invalid pipeline.
pub(crate) const INVALID: u8 = 78;

/// What each means, as `--help` and docs/runs.md tell it.
#[cfg(any(feature = "cli", test))]
pub(crate) const MEANINGS: &[(u8, &str)] = &[
    (OK, "all done; failures that stand, if any, are acknowledged"),
    (
        FAILURE,
        "another run holds the output, `verify` found damage, threads could not be started, or an export failed",
    ),
    (USAGE, "a command that does not fit what it is asked of, such as `status` where nothing was run"),
    (ITEMS_FAILED, "something failed that had not failed so before (`retry`: something failed)"),
    (TOO_MANY_FAILURES, "stopped at `limits.max_failures`"),
    (
        KNOWN_FAILURES,
        "nothing new failed; old failures stand (`retry` tries them, `ignore` acknowledges them)",
    ),
    (OTHER_INPUT, "another input, or much of it gone: nothing was changed (`--accept-input` goes on)"),
    (DIVERGED, "training diverged or made it worse; the model that stands, if any, is kept"),
    (
        INTERRUPTED,
        "interrupted (SIGINT, SIGTERM, SIGHUP, SIGUSR1), or `gather` found that not all is done; run again to go on",
    ),
    (STORAGE, "the output could not be written, or the input not listed"),
    (INVALID, "the pipeline is invalid, or does not fit the output"),
];

/// All of them for `--help`.
#[cfg(feature = "cli")]
pub(crate) fn help() -> String {
    let lines: Vec<String> = MEANINGS.iter().map(|(code, text)| format!("  {code:>2}  {text}")).collect();
    format!("Exit codes (docs/nightly.md says what to do for each):\n{}", lines.join("\n"))
}

/// That of a run over items that ended so.
pub(crate) fn of_run(summary: &Summary, selection: Selection) -> u8 {
    let old = summary.again + summary.standing;
    match summary.stop {
        Some(Stop::Interrupted | Stop::ShardsMissing) => INTERRUPTED,
        Some(Stop::TooManyFailures) => TOO_MANY_FAILURES,
        Some(Stop::StorageFailed) => STORAGE,
        None if summary.failed > 0 => ITEMS_FAILED,
        // Whoever asks for another try wants to know what came of it, also of what was acknowledged.
        None if summary.again + summary.ignored > 0 && selection == Selection::FailedOnly => ITEMS_FAILED,
        None if old > 0 => KNOWN_FAILURES,
        None => OK,
    }
}

/// That of a run that could not start or could not go on.
pub(crate) fn of_run_error(error: &RunError) -> u8 {
    match error {
        RunError::NoInput(_) | RunError::Foreign(_) => INVALID,
        RunError::Ledger(LedgerError::Owner { .. }) => INVALID,
        RunError::OtherInput(_) => OTHER_INPUT,
        RunError::Lock(LockError::Held { .. }) | RunError::Shards(_) | RunError::Threads(_) => FAILURE,
        RunError::Store(StoreError::Refused(_)) => INVALID,
        RunError::Input(_)
        | RunError::Lock(_)
        | RunError::Store(_)
        | RunError::Ledger(_)
        | RunError::Table { .. } => STORAGE,
    }
}

/// That of a training job that did not come to its end.
pub(crate) fn of_train_error(error: &TrainError) -> u8 {
    match error {
        TrainError::Interrupted { .. } => INTERRUPTED,
        TrainError::NoInput(_) | TrainError::Data(_) | TrainError::Foreign(_) => INVALID,
        TrainError::Vectors(_) | TrainError::Draw(_) | TrainError::Layer(_) => INVALID,
        TrainError::Ledger(LedgerError::Owner { .. }) => INVALID,
        TrainError::Diverged { .. } | TrainError::Worse { .. } => DIVERGED,
        TrainError::Export(_) | TrainError::Threads(_) | TrainError::Lock(LockError::Held { .. }) => FAILURE,
        TrainError::Store(_) | TrainError::Ledger(_) | TrainError::Lock(_) => STORAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of the table of exit codes in a page: the first two cells.
    fn rows(page: &str) -> Vec<(String, String)> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
        let text = std::fs::read_to_string(path).unwrap();
        let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" | "));
        cells
            .filter(|(code, _)| code.parse::<u8>().is_ok())
            .map(|(code, text)| (code.to_string(), text.split(" |").next().unwrap().to_string()))
            .collect()
    }

    #[test]
    fn the_pages_tell_the_same_codes() {
        let told = |(code, text): &(u8, &str)| (code.to_string(), (*text).to_string());
        assert_eq!(rows("runs.md"), MEANINGS.iter().map(told).collect::<Vec<_>>());
        let codes = |rows: Vec<(String, String)>| rows.into_iter().map(|(code, _)| code).collect::<Vec<_>>();
        assert_eq!(codes(rows("nightly.md")), codes(MEANINGS.iter().map(told).collect()));
        // Every code that there is.
        let source = include_str!("exit.rs");
        let declared =
            source.lines().filter(|line| line.starts_with("pub(crate) const") && line.contains(": u8"));
        assert_eq!(declared.count(), MEANINGS.len());
    }

    #[test]
    fn the_code_tells_new_failures_from_old_ones() {
        let run = |failed, again, standing, ignored| Summary {
            failed,
            again,
            standing,
            ignored,
            ..Summary::default()
        };
        let cases = [
            (run(1, 2, 3, 4), ITEMS_FAILED, ITEMS_FAILED),
            (run(0, 1, 0, 0), KNOWN_FAILURES, ITEMS_FAILED),
            (run(0, 0, 1, 0), KNOWN_FAILURES, KNOWN_FAILURES),
            (run(0, 0, 0, 1), OK, ITEMS_FAILED),
            (run(0, 0, 0, 0), OK, OK),
        ];
        for (summary, once, again) in cases {
            assert_eq!(of_run(&summary, Selection::Outstanding), once, "{summary:?}");
            assert_eq!(of_run(&summary, Selection::FailedOnly), again, "{summary:?}");
        }
        for (stop, wanted) in
            [(Stop::Interrupted, 20), (Stop::TooManyFailures, 11), (Stop::StorageFailed, 30)]
        {
            let summary = Summary { stop: Some(stop), ..run(1, 1, 1, 1) };
            assert_eq!(of_run(&summary, Selection::Outstanding), wanted);
        }
    }
}
