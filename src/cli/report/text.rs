//! For people: a bar on a terminal, plain lines elsewhere, and the final summary.

use super::remaining::Remaining;
use super::reporter::Reporter;
use crate::job::{Event as JobEvent, RunEvent as Event, RunSummary as Summary, Stop};
use crate::plan::Plan;
use crate::run::resume::Reason;
use crate::shown::Show;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A plain line at most this often.
const EVERY: Duration = Duration::from_secs(10);

/// The reporter.
#[derive(Debug)]
pub(super) struct Text {
    bar: ProgressBar,
    lines: bool,
    quiet: bool,
    name: String,
    output: PathBuf,
    notes: Vec<String>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    start: Instant,
    last: Instant,
    todo: usize,
    done: usize,
    failed: usize,
    left: Remaining,
    /// Path of the item that was begun last.
    path: String,
}

impl Text {
    /// A reporter for `plan`; with `bar`, on the terminal.
    pub(super) fn new(plan: &Plan, bar: bool, quiet: bool) -> Text {
        let target = if bar { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let now = Instant::now();
        Text {
            bar: ProgressBar::with_draw_target(None, target),
            lines: !bar && !quiet,
            quiet,
            name: plan.name.clone(),
            output: plan.output.clone(),
            notes: plan.notes.clone(),
            state: Mutex::new(State {
                start: now,
                last: now,
                todo: 0,
                done: 0,
                failed: 0,
                left: Remaining::default(),
                path: String::new(),
            }),
        }
    }

    fn say(&self, text: &str) {
        let text = crate::shown::text(text);
        if self.bar.is_hidden() {
            // A closed pipe must not stop the run.
            writeln!(std::io::stderr(), "{text}").ok();
        } else {
            self.bar.println(text);
        }
    }

    fn advance(&self, failed: bool, count: impl FnOnce(&mut Remaining)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.done += 1;
        state.failed += usize::from(failed);
        count(&mut state.left);
        self.bar.set_position(state.done as u64);
        if state.failed > 0 {
            self.bar.set_prefix(format!("{} failed  ", state.failed));
        }
        self.show(&state);
        let finished = state.done == state.todo;
        if self.lines && (state.last.elapsed() >= EVERY || finished) {
            state.last = Instant::now();
            let rate = state.done as f64 / state.start.elapsed().as_secs_f64().max(1e-3);
            let left = state.seconds_left().filter(|_| !finished);
            let left = left.map_or(String::new(), |s| format!(", {} left", duration(s)));
            let (done, todo, failed) = (state.done, state.todo, state.failed);
            self.say(&format!("{done}/{todo} images, {failed} failed, {rate:.1}/s{left}"));
        }
    }

    fn started(&self, path: &Path) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.path = show(path);
        self.show(&state);
    }

    /// The end of the bar: the remaining time, which the bar would take from the count, and what is at work.
    fn show(&self, state: &State) {
        if !self.bar.is_hidden() {
            let left = state.seconds_left().map_or(String::new(), |s| format!("{} left  ", duration(s)));
            self.bar.set_message(format!("{left}{}", state.path));
        }
    }

    fn planned(
        &self,
        (total, todo): (usize, usize),
        reasons: &BTreeMap<Reason, usize>,
        (vanished, prunes, swept): (usize, bool, usize),
        work: &BTreeMap<String, u64>,
    ) {
        {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.todo = todo;
            state.left = Remaining::new(work);
            state.start = Instant::now();
        }
        if self.quiet {
            return;
        }
        self.notes.iter().for_each(|n| self.say(&format!("note: {n}")));
        if swept > 0 {
            self.say(&format!("removed {swept} leftovers of an interrupted run"));
        }
        let words: Vec<String> = reasons.iter().map(|(r, n)| format!("{n} {}", r.text())).collect();
        self.say(&format!("{}: {total} images, {todo} to do ({})", self.name, words.join(", ")));
        if vanished > 0 {
            self.say(&gone(vanished, prunes));
        }
        let style =
            ProgressStyle::with_template("{bar:24} {pos}/{len}  {prefix:.red}{per_sec}  {wide_msg:.dim}");
        if let Ok(style) = style {
            self.bar.set_style(style);
        }
        self.bar.set_length(todo as u64);
    }

    fn summary(&self, s: &Summary) {
        if self.quiet && !changed(s) {
            return;
        }
        // What was gathered was told to others, item by item.
        let gathered = s.done + s.failed + s.again;
        let tried = self.state.lock().unwrap_or_else(PoisonError::into_inner).done.max(gathered);
        let mut text = match s.stop {
            None if tried == 0 && s.standing + s.ignored + s.not_selected > 0 => "nothing to do".to_string(),
            None if tried == 0 => "nothing to do: everything is up to date".to_string(),
            None => "finished".to_string(),
            Some(Stop::Interrupted) => "interrupted; run again to go on".to_string(),
            Some(Stop::TooManyFailures) => {
                "stopped: more failures than limits.max_failures allows".to_string()
            }
            Some(Stop::ShardsMissing) => {
                "not all is done; run the shards again, then gather again".to_string()
            }
            Some(Stop::StorageFailed) => "stopped: the output could not be written".to_string(),
        };
        text.push_str(&format!("\n  images   {}\n", counts(s)));
        if s.done > 0 {
            let seconds = s.seconds.max(1e-3);
            text.push_str(&format!(
                "  speed    {}, {:.2} images/s, {:.1} MP/s, {:.1} MB/s\n",
                duration(s.seconds),
                s.done as f64 / seconds,
                s.pixels as f64 / 1e6 / seconds,
                s.bytes as f64 / 1e6 / seconds
            ));
            let total: f64 = s.steps.iter().map(|(_, t)| t).sum::<f64>().max(1e-9);
            let share = |(n, t): &(String, f64)| format!("{n} {t:.1} s ({:.0} %)", t / total * 100.0);
            let shares: Vec<_> = s.steps.iter().filter(|(_, t)| *t > 0.0).map(share).collect();
            if !shares.is_empty() {
                text.push_str(&format!("  work     {}\n", shares.join(", ")));
            }
        }
        if !s.losses.is_empty() {
            let losses: Vec<String> = s.losses.iter().map(|(loss, n)| format!("{n} lost {loss}")).collect();
            text.push_str(&format!("  losses   {} (notes in the manifest)\n", losses.join(", ")));
        }
        for (condition, count) in &s.refused {
            text.push_str(&format!("  refused  {count} by {condition}\n"));
        }
        if s.unchanged > 0 {
            text.push_str(&format!("  same     {} that no step changed, left as they are\n", s.unchanged));
        }
        for (folder, rows) in &s.tables {
            text.push_str(&format!("  table    {}: {rows} rows\n", self.output.join(folder).shown()));
        }
        text.push_str(&format!("  output   {}", self.output.shown()));
        if s.failed + s.again + s.standing > 0 {
            text.push_str(&format!(
                "\n  failures {}",
                self.output.join(crate::store::names::MANIFESTS[0]).shown()
            ));
        }
        writeln!(std::io::stdout(), "{}", crate::shown::text(&text)).ok();
    }
}

/// Whether a run changed anything that somebody who is called by cron wants to know.
fn changed(s: &Summary) -> bool {
    s.done + s.failed + s.newly_vanished + s.newly_left_out + s.pruned > 0 || s.stop.is_some()
}

/// What became of the images, in words.
fn counts(s: &Summary) -> String {
    let mut counts = vec![format!("{} done", s.done)];
    let mut count = |n: usize, what: &str| {
        if n > 0 {
            counts.push(format!("{n} {what}"));
        }
    };
    count(s.failed, "failed");
    count(s.again, "failed again as before");
    count(s.standing, "failed before and unchanged (see `retry`, `ignore`)");
    count(s.ignored, "failed before and acknowledged");
    count(s.skipped, "skipped");
    count(s.not_selected, "not failed and left alone");
    match s.newly_vanished {
        0 => count(s.vanished, "gone from the input"),
        new if new == s.vanished => count(new, "newly gone from the input"),
        new => count(s.vanished, &format!("gone from the input ({new} newly)")),
    }
    count(s.newly_left_out, "newly left out by the patterns or the list");
    count(s.pruned, "outputs pruned");
    counts.join(", ")
}

impl State {
    fn seconds_left(&self) -> Option<f64> {
        self.left.seconds(self.start.elapsed().as_secs_f64())
    }
}

fn show(path: &Path) -> String {
    path.shown().to_string()
}

pub(super) fn duration(seconds: f64) -> String {
    if seconds < 10.0 {
        format!("{seconds:.1} s")
    } else {
        HumanDuration(Duration::from_secs_f64(seconds)).to_string()
    }
}

impl Reporter for Text {
    fn event(&self, event: &JobEvent) {
        let JobEvent::Run(event) = event else { return };
        match event {
            Event::Planned { total, todo, reasons, vanished, prunes, swept, work, beside } => {
                self.planned((*total, *todo), reasons, (*vanished, *prunes, *swept), work);
                if !self.quiet {
                    beside.lines().iter().for_each(|line| self.say(line));
                }
            }
            Event::Started { .. } if self.bar.is_hidden() => {}
            Event::Started { path } => self.started(path),
            Event::Finished { path, notes, bytes, pixels, .. } => {
                if self.lines && !notes.is_empty() {
                    self.say(&format!("{}: {}", show(path), notes.join("; ")));
                }
                self.advance(false, |left| left.finished(path, *bytes, *pixels));
            }
            Event::Failed { path, error, bytes, known } => {
                if !(self.quiet && *known) {
                    let again = if *known { " (as before)" } else { "" };
                    self.say(&format!("failed: {}: {error}{again}", show(path)));
                }
                self.advance(true, |left| left.failed(path, *bytes));
            }
            Event::Stopping { why: Stop::Interrupted } => {
                self.say("stopping: finishing the images under way (interrupt again to stop at once)");
            }
            Event::Waiting { what, owner, seconds } => self.say(&format!(
                "{what} belongs to {owner}; it is taken over once that gives no sign of life for {seconds} s"
            )),
            Event::Gathered { count, unfinished, outstanding } => {
                if *outstanding > 0 {
                    let since =
                        if *count > 0 { " that came or changed after their shard had looked" } else { "" };
                    self.say(&format!(
                        "{outstanding} outstanding{since}; run the shards again, then gather again"
                    ));
                }
                for (number, state) in unfinished {
                    self.say(&format!("shard {number}/{count} is {state}; run it again, then gather again"));
                }
            }
            Event::Stopping { .. } | Event::Publishing => {}
            Event::Ended(summary) => {
                self.bar.finish_and_clear();
                self.summary(summary);
            }
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// What becomes of the outputs of inputs that are gone.
fn gone(vanished: usize, prunes: bool) -> String {
    let what = if prunes {
        "their outputs are removed when the run is through (--prune)"
    } else {
        "their outputs are kept (--prune removes them)"
    };
    format!("{vanished} images are gone from the input; {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_the_images_is_all_told() {
        let summary = Summary {
            done: 1,
            failed: 2,
            again: 3,
            standing: 4,
            ignored: 5,
            skipped: 6,
            not_selected: 7,
            vanished: 9,
            newly_vanished: 8,
            pruned: 10,
            ..Summary::default()
        };
        let words = "1 done, 2 failed, 3 failed again as before, 4 failed before and unchanged (see `retry`, `ignore`), \
                     5 failed before and acknowledged, 6 skipped, 7 not failed and left alone, 9 gone from the input (8 \
                     newly), 10 outputs pruned";
        assert_eq!(counts(&summary), words);
        assert_eq!(counts(&Summary { vanished: 2, ..Summary::default() }), "0 done, 2 gone from the input");
    }

    #[test]
    fn nothing_new_is_no_news() {
        let old =
            Summary { again: 1, standing: 1, ignored: 1, skipped: 1, vanished: 1, ..Summary::default() };
        assert!(!changed(&old));
        let news: [fn(&mut Summary); 5] = [
            |s| s.done = 1,
            |s| s.failed = 1,
            |s| s.newly_vanished = 1,
            |s| s.pruned = 1,
            |s| s.stop = Some(Stop::Interrupted),
        ];
        for tell in news {
            let mut summary = old.clone();
            tell(&mut summary);
            assert!(changed(&summary), "{summary:?}");
        }
    }

    #[test]
    fn outputs_are_said_to_be_kept_only_where_they_are() {
        assert!(gone(2, false).contains("2 images are gone") && gone(2, false).contains("are kept (--prune"));
        assert!(gone(1, true).contains("removed when the run is through") && !gone(1, true).contains("kept"));
    }
}
