//! `run --metrics FILE.prom`: how a run ended, for the textfile collector of Prometheus' node_exporter.
//!
//! Gauges in the text format of Prometheus, one pipeline a file. Written in place of the former ones, also where the run
//! could not start.

use crate::job::{Ended, Job, Remembered, RunSummary, TrainSummary, exit};
use crate::shown::{self, Show};
use crate::store::Store;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What every such file begins with.
const FIRST: &str = "# HELP safelight_";
/// The metric that is read back from the former file.
const SUCCESS: &str = "safelight_last_success_timestamp_seconds";

/// How a run ended.
#[derive(Debug)]
pub(super) struct Told<'a> {
    /// The job, where it could be loaded.
    pub job: Option<&'a Job>,
    /// The pipeline's file.
    pub pipeline: &'a Path,
    /// Exit code.
    pub exit: u8,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// What came of it, where something did.
    pub ended: Option<&'a Ended>,
}

/// Writes the file. Its folder has to be there, and what stands there has to be such a file.
///
/// # Errors
/// What went wrong, in words.
pub(super) fn write(file: &Path, told: &Told<'_>) -> Result<(), String> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = Path::new(file.file_name().ok_or("it names no file")?);
    let store = Store::existing(folder).map_err(|e| e.to_string())?;
    let store = store.ok_or_else(|| format!("there is no folder {}", folder.shown()))?;
    let former = store.read(name).map_err(|e| e.to_string())?.unwrap_or_default();
    let former = String::from_utf8_lossy(&former);
    if !former.is_empty() && !former.starts_with(FIRST) {
        return Err("something else stands there, which is kept; give another name".into());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let text = text(told, &former, now);
    store.write_readable(name, text.as_bytes()).map(drop).map_err(|e| e.to_string())
}

fn text(told: &Told<'_>, former: &str, now: i64) -> String {
    // A pipeline that can't be read has no name; the former file has.
    let (stood, before) = former_success(former);
    let stem = || told.pipeline.file_stem().map(|stem| stem.shown().to_string()).unwrap_or_default();
    let pipeline = match told.job {
        Some(job) => job.name().to_string(),
        None => stood.clone().unwrap_or_else(stem),
    };
    let mut out = Gauges { pipeline: escape(&pipeline), text: String::new() };
    out.one(
        "exit_code",
        "Exit code of the last run; docs/nightly.md says what each means.",
        told.exit.into(),
    );
    out.one("last_run_timestamp_seconds", "When the last run ended.", now as f64);
    out.one("run_seconds", "Wall-clock time of the last run.", told.seconds);
    let before = before.filter(|_| stood.as_deref() == Some(&pipeline));
    if let Some(success) = success(told, now).or(before) {
        let help = "When a run last went through all items (exit codes 0, 10 and 12).";
        out.one("last_success_timestamp_seconds", help, success as f64);
    }
    match told.ended {
        Some(Ended::Run(summary)) => items(summary, &mut out),
        Some(Ended::Train(summary)) => training(summary, &mut out),
        None => {}
    }
    out.many("info", "Version of the program.", [(("version", env!("CARGO_PKG_VERSION")), 1.0)].into_iter());
    out.text
}

/// When the last run ended that went through all items: this one, or the last one that the output remembers.
fn success(told: &Told<'_>, now: i64) -> Option<i64> {
    let went_through = |code: u8| [exit::OK, exit::ITEMS_FAILED, exit::KNOWN_FAILURES].contains(&code);
    if went_through(told.exit) {
        return Some(now);
    }
    let job = told.job?;
    let last = Remembered::read(job.output()).filter(|run| run.job == job.name())?;
    let (own, earlier) = (last.past(), last.history);
    let ended = earlier.iter().chain([&own]).rev().find(|run| went_through(run.exit))?;
    Remembered::seconds_of(&ended.ended)
}

fn items(s: &RunSummary, out: &mut Gauges) {
    let outcomes = [
        ("done", s.done),
        ("failed", s.failed),
        ("failed_again", s.again),
        ("standing_failure", s.standing),
        ("acknowledged_failure", s.ignored),
        ("up_to_date", s.skipped),
        ("not_selected", s.not_selected),
    ];
    let outcomes = outcomes.into_iter().map(|(outcome, n)| (("outcome", outcome), n as f64));
    out.many("items", "Inputs by what came of them in the last run.", outcomes);
    out.one("inputs", "Inputs found by the last run.", s.total as f64);
    out.one("vanished", "Known inputs that the last run did not find.", s.vanished as f64);
    out.one("bytes", "Bytes of the inputs done in the last run.", s.bytes as f64);
    out.one("pixels", "Pixels of the inputs done in the last run.", s.pixels as f64);
    let steps: Vec<(String, f64)> =
        s.steps.iter().enumerate().map(|(at, (name, seconds))| (format!("{at}.{name}"), *seconds)).collect();
    let help = "Seconds of work by step in the last run, summed over workers.";
    out.many("step_seconds", help, steps.iter().map(|(name, seconds)| (("step", name.as_str()), *seconds)));
}

fn training(s: &TrainSummary, out: &mut Gauges) {
    out.one("training_epochs", "Epochs done, in all runs.", s.epochs as f64);
    out.one("training_steps", "Steps done, in all runs.", s.steps as f64);
    let figures = s.figures.iter().map(|figure| (("figure", figure.name.as_str()), figure.value));
    out.many("training_figure", "Final figures.", figures);
}

/// Metrics in the text format.
struct Gauges {
    /// Name of the job, escaped.
    pipeline: String,
    text: String,
}

impl Gauges {
    fn head(&mut self, name: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP safelight_{name} {help}\n# TYPE safelight_{name} gauge");
    }

    fn one(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help);
        let _ = writeln!(self.text, "safelight_{name}{{pipeline=\"{}\"}} {}", self.pipeline, number(value));
    }

    /// One for each value of a further label; nothing where there are none.
    fn many<'l>(&mut self, name: &str, help: &str, values: impl Iterator<Item = ((&'l str, &'l str), f64)>) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        self.head(name, help);
        for ((label, text), value) in values {
            let (pipeline, text, value) = (&self.pipeline, escape(text), number(value));
            let _ =
                writeln!(self.text, "safelight_{name}{{pipeline=\"{pipeline}\",{label}=\"{text}\"}} {value}");
        }
    }
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value => value.to_string(),
    }
}

/// A text within the quotes of a label.
fn escape(text: &str) -> String {
    shown::text(&text.replace('\n', "\u{fffd}")).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Whose the former file is, and when it says that a run last went through all items.
fn former_success(former: &str) -> (Option<String>, Option<i64>) {
    let value = |name: &str| {
        let mut lines =
            former.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix("{pipeline=\""));
        lines.find_map(|rest| rest.rsplit_once("\"} "))
    };
    let unescaped = |text: &str| text.replace("\\\"", "\"").replace("\\\\", "\\");
    let whose = value("safelight_exit_code").map(|(pipeline, _)| unescaped(pipeline));
    (whose, value(SUCCESS).and_then(|(_, seconds)| seconds.parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(exit: u8, ended: Option<&Ended>) -> Told<'_> {
        Told { job: None, pipeline: Path::new("a/night \"1\"\\.yaml"), exit, seconds: 1.5, ended }
    }

    /// Checks the grammar of each line: comments before their samples, names, labels, numbers.
    #[track_caller]
    fn check(text: &str) {
        let line = regex::Regex::new(
            r#"^(safelight_[a-z_]+)\{pipeline="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z]+="(?:[^"\\\n]|\\[\\"n])*")?\} (\S+)$"#,
        )
        .unwrap();
        let mut lines = text.lines().peekable();
        let mut seen = Vec::new();
        while let Some(head) = lines.next() {
            let name = head.strip_prefix("# HELP ").unwrap().split_once(' ').unwrap().0.to_string();
            assert_eq!(lines.next(), Some(format!("# TYPE {name} gauge").as_str()));
            let mut samples = 0;
            while let Some(sample) = lines.next_if(|line| !line.starts_with('#')) {
                let parts = line.captures(sample).unwrap_or_else(|| panic!("{sample}"));
                assert_eq!(&parts[1], name);
                assert!(
                    ["NaN", "+Inf", "-Inf"].contains(&&parts[2]) || parts[2].parse::<f64>().is_ok(),
                    "{sample}"
                );
                samples += 1;
            }
            assert!(samples > 0 && !seen.contains(&name), "{name}");
            seen.push(name);
        }
        assert!(text.ends_with('\n') && text.starts_with(FIRST));
    }

    #[test]
    fn each_line_is_of_the_format() {
        let steps = vec![("resize".to_string(), 0.25), ("write".to_string(), 1e-9)];
        let summary =
            RunSummary { total: 9, done: 5, failed: 1, bytes: u64::MAX, steps, ..RunSummary::default() };
        let run = Ended::Run(summary);
        let found = text(&told(10, Some(&run)), "", 1_700_000_000);
        check(&found);
        for line in [
            r#"safelight_items{pipeline="night \"1\"\\",outcome="failed"} 1"#,
            r#"safelight_exit_code{pipeline="night \"1\"\\"} 10"#,
            r#"safelight_last_success_timestamp_seconds{pipeline="night \"1\"\\"} 1700000000"#,
            r#"safelight_step_seconds{pipeline="night \"1\"\\",step="1.write"} 0.000000001"#,
        ] {
            assert!(found.lines().any(|found| found == line), "{line}\n{found}");
        }
        let figure =
            |value| crate::train::Figure { name: "psnr".into(), value, baseline: None, beside: None };
        for value in [f64::NAN, f64::INFINITY, 30.5] {
            let summary = TrainSummary { figures: vec![figure(value)], ..TrainSummary::default() };
            check(&text(&told(0, Some(&Ended::Train(summary))), "", 5));
        }
    }

    #[test]
    fn the_last_success_is_kept_through_failures() {
        let good = text(&told(12, None), "", 100);
        let bad = text(&told(78, None), &good, 200);
        check(&bad);
        assert!(
            bad.contains("safelight_last_success_timestamp_seconds{pipeline=\"night \\\"1\\\"\\\\\"} 100\n"),
            "{bad}"
        );
        assert!(bad.contains("safelight_exit_code{pipeline=\"night \\\"1\\\"\\\\\"} 78\n"), "{bad}");
        let worse = text(&told(30, None), &bad, 300);
        assert!(worse.contains("} 100\n") && worse.contains("} 300\n"), "{worse}");
        // There was none.
        let never = text(&told(30, None), "", 300);
        assert!(!never.contains(SUCCESS));
        check(&never);
        // The name of a job that could be loaded then stays.
        let named = good.replace("night \\\"1\\\"\\\\", "other");
        assert!(text(&told(78, None), &named, 400).contains("safelight_exit_code{pipeline=\"other\"} 78\n"));
    }
}
