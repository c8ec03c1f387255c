//! What the page says of the runs: how long, of what, by what.

use super::chart;
use super::facts::Facts;
use super::numbers::{bytes, count, counted, duration, figure, moment, path, percent, round};
use super::pictures::Inputs;
use super::run_file::Past;
use crate::shown::Show;
use serde_json::{Value, json};

/// Runs that are listed, and drawn.
const RUNS: (usize, usize) = (14, 60);

/// Time by step, and the runs; nothing where no run told.
pub(super) fn time(facts: &Facts<'_>) -> Value {
    let run = facts.subject.run;
    let (steps, history) = (run.steps(), run.history());
    if steps.is_empty() && history.is_empty() {
        return Value::Null;
    }
    let whole: f64 = steps.iter().map(|s| s.1).sum();
    let most = steps.iter().map(|s| s.1).fold(0.0, f64::max).max(1e-9);
    let steps: Vec<Value> = steps
        .iter()
        .map(|(name, s)| json!({"name": name, "seconds": duration(*s), "share": percent(*s, whole), "bar": chart::bar(s / most)}))
        .collect();
    let about = run.summed("seconds").map(|seconds| {
        let threads =
            run.threads().map_or(String::new(), |n| format!(" on {}", counted(n as usize, "thread")));
        let items = run.summed("done").filter(|done| *done > 0.0 && seconds > 0.0);
        let rate =
            items.map_or(String::new(), |done| format!(", {} items a second", figure(round(done / seconds))));
        format!("The last run took {}{threads}{rate}. Work is summed over threads.", duration(seconds))
    });
    let speed = |past: &Past| {
        if past.seconds > 0.0 && past.pixels > 0 {
            figure(round(past.pixels as f64 / 1e6 / past.seconds)) + " MP/s"
        } else {
            String::new()
        }
    };
    let row = |past: &Past| {
        json!({"started": moment(&past.started), "done": count(past.done), "failed": count(past.failed),
               "seconds": duration(past.seconds), "speed": speed(past),
               "exit": past.exit.map_or(String::new(), |code| code.to_string())})
    };
    let runs: Vec<Value> = history.iter().rev().take(RUNS.0).map(row).collect();
    let drawn = &history[history.len().saturating_sub(RUNS.1)..];
    let told = |past: &Past| format!("{}: {} done", moment(&past.started), count(past.done));
    let bars: Vec<(f64, String)> = drawn.iter().map(|past| (past.done as f64, told(past))).collect();
    let label = format!("Items done in the last {}", counted(drawn.len(), "run"));
    let svg = (drawn.len() > 1).then(|| chart::columns(&bars, &label));
    let earlier =
        (history.len() > RUNS.0).then(|| format!("{} earlier runs are not listed.", history.len() - RUNS.0));
    json!({"about": about, "steps": steps, "runs": runs, "svg": svg, "svg_title": label, "earlier": earlier})
}

/// The pipeline's text.
pub(super) fn pipeline(facts: &Facts<'_>) -> Option<String> {
    let text = facts.subject.run.pipeline().or(facts.subject.pipeline)?;
    Some(crate::shown::text(text.trim_end()).into_owned())
}

/// The facts about the run, as a list.
pub(super) fn what_ran(facts: &Facts<'_>) -> Vec<Value> {
    let (subject, run) = (facts.subject, facts.subject.run);
    let mut found = Vec::new();
    let mut add = |label: &str, value: Option<String>, code: bool| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            found.push(json!({"label": label, "value": value, "code": code}));
        }
    };
    add("Job", Some(crate::shown::text(subject.name).into_owned()), false);
    add("Version", run.version().map(|version| format!("safelight {version}")), false);
    add("Began", run.started().map(moment), false);
    add("Took", run.summed("seconds").map(duration), false);
    let input = run.input().or(match &subject.inputs {
        Inputs::Below(root) => Some(root.clone()),
        _ => None,
    });
    add("Input", input.map(|root| root.shown().to_string()), true);
    add("Output", Some(subject.output.shown().to_string()), true);
    add("Pipeline file", run.pipeline_file().map(path), true);
    for (name, hash) in run.models() {
        add("Model", Some(format!("{} {}", path(&name), hash.get(..12).unwrap_or(&hash))), true);
    }
    add("Machine", run.host().map(|host| crate::shown::text(host).into_owned()), false);
    add("Threads", run.threads().map(count), false);
    let work = facts.tally.seconds;
    add("Work on all items", (work > 0.0).then(|| duration(work)), false);
    let (size, pixels) = facts.tally.inputs;
    let inputs = format!("{}, {} megapixels", bytes(size), figure(round(pixels as f64 / 1e6)));
    add("Inputs that are done", (size > 0).then_some(inputs), false);
    found
}
