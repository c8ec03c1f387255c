//! Training, for people and as JSON lines.

use super::reporter::Reporter;
use super::text::duration;
use crate::job::{Event as JobEvent, summary};
use crate::shown::Show;
use crate::train::TrainPlan;
use crate::train::event::{Event, Figure, Summary};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A plain line about preparations at most this often.
const EVERY: Duration = Duration::from_secs(10);

/// For people: a bar on a terminal, a line an epoch, and the final figures.
#[derive(Debug)]
pub(crate) struct Text {
    bar: ProgressBar,
    quiet: bool,
    name: String,
    notes: Vec<String>,
    epochs: usize,
    /// When the last line about preparations was written.
    last: Instant,
    training: bool,
    /// Whether there was anything to do.
    started: bool,
}

impl Text {
    /// A reporter for `plan`; with `bar`, on the terminal.
    pub(crate) fn new(plan: &TrainPlan, bar: bool, quiet: bool) -> Text {
        let target = if bar { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        style(&bar, "{bar:24} {pos}/{len} {wide_msg:.dim}");
        let (name, notes) = (plan.name.clone(), plan.notes.clone());
        Text {
            bar,
            quiet,
            name,
            notes,
            epochs: plan.epochs,
            last: Instant::now(),
            training: false,
            started: false,
        }
    }

    /// Tells of one event.
    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::Preparing { what, done, total } => self.preparing(what, *done, *total),
            Event::Started { parameters, macs_per_pixel, train, validation, resumed_at } => {
                self.started = true;
                let notes = std::mem::take(&mut self.notes);
                notes.iter().for_each(|note| self.say(&format!("note: {note}")));
                let from = resumed_at.map_or(String::new(), |(epoch, step)| {
                    format!("; going on from epoch {epoch}, step {step}")
                });
                self.say(&format!(
                    "{}: {parameters} parameters, {macs_per_pixel:.0} multiply-adds a pixel; {train} to learn from, \
                     {validation} held out{from}",
                    self.name
                ));
            }
            Event::Step { epoch, step, of_epochs, of_steps, loss, rate } => {
                let done = ((epoch - 1) * of_steps + step) as u64;
                if !self.training {
                    self.training = true;
                    style(&self.bar, "{bar:24} {prefix}  {wide_msg}  {per_sec}  ETA {eta}");
                    self.bar.set_length((of_epochs * of_steps) as u64);
                    self.bar.set_position(done);
                    self.bar.reset_eta();
                }
                self.bar.set_position(done);
                self.bar.set_prefix(format!("epoch {epoch}/{of_epochs} step {step}/{of_steps}"));
                self.bar.set_message(format!("loss {}  rate {rate:.2e}", shown(*loss)));
            }
            Event::Epoch { epoch, train_loss, validation, best, seconds } => {
                let best = if *best { " (best)" } else { "" };
                let left = self.epochs.saturating_sub(*epoch);
                let left = if left == 0 {
                    String::new()
                } else {
                    format!(", at most {} left", duration(left as f64 * seconds))
                };
                self.say(&format!(
                    "epoch {epoch}/{}: loss {}, held out {}{best}, {}{left}",
                    self.epochs,
                    shown(*train_loss),
                    shown(*validation),
                    duration(*seconds)
                ));
            }
            Event::Note(note) => self.say(note),
            // Quiet tells only what changed.
            Event::Finished(_) if self.quiet && !self.started => {}
            Event::Finished(summary) => {
                self.bar.finish_and_clear();
                // A closed pipe is no error.
                std::io::stdout().write_all(crate::shown::text(&ending(summary)).as_bytes()).ok();
            }
        }
    }

    fn say(&self, text: &str) {
        let text = crate::shown::text(text);
        if self.quiet {
        } else if self.bar.is_hidden() {
            // A closed pipe must not stop the run.
            writeln!(std::io::stderr(), "{text}").ok();
        } else {
            self.bar.println(text);
        }
    }

    fn preparing(&mut self, what: &str, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
        self.bar.set_message(what.to_string());
        if self.bar.is_hidden() && (self.last.elapsed() >= EVERY || done == total) {
            self.last = Instant::now();
            self.say(&format!("{what}: {done}/{total}"));
        }
    }
}

/// Also where training ends by an error, the bar must not stay.
impl Drop for Text {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

/// A figure with four significant digits.
fn shown(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    if digits > 9 { format!("{value:.3e}") } else { format!("{value:.*}", digits.max(0) as usize) }
}

/// The final figures as a table.
fn ending(summary: &Summary) -> String {
    let early = if summary.stopped_early { ", as it got no better" } else { "" };
    let mut text = format!("finished after {} epochs, {} steps{early}\n", summary.epochs, summary.steps);
    let beside = |other: &Option<(String, f64)>| {
        other.as_ref().map_or(String::new(), |(label, value)| format!("{} {label}", shown(*value)))
    };
    let row = |f: &Figure| [f.name.clone(), shown(f.value), beside(&f.baseline), beside(&f.beside)];
    let rows: Vec<[String; 4]> = summary.figures.iter().map(row).collect();
    if !rows.is_empty() {
        let titles = ["figure", "here", "without it", "elsewhere"].map(String::from);
        let rows: Vec<[String; 4]> = std::iter::once(titles).chain(rows).collect();
        // A column with nothing in it is left out.
        let filled: Vec<usize> =
            (0..4).filter(|&c| rows.iter().skip(1).any(|row| !row[c].is_empty())).collect();
        for row in &rows {
            let cell = |&c: &usize| {
                let width = rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0);
                format!("{:<width$}", row[c])
            };
            let line: Vec<String> = filled.iter().map(cell).collect();
            text.push_str(&format!("  {}\n", line.join("  ").trim_end()));
        }
    }
    text.push_str(&format!("  model  {}\n", summary.model.shown()));
    text
}

/// One JSON object a line, on standard output.
pub(super) struct Json;

impl Reporter for Json {
    fn event(&self, event: &JobEvent) {
        let JobEvent::Train(event) = event else { return };
        let mut line = render(event).to_string();
        line.push('\n');
        std::io::stdout().lock().write_all(line.as_bytes()).ok();
    }
}

impl Reporter for Mutex<Text> {
    fn event(&self, event: &JobEvent) {
        let JobEvent::Train(event) = event else { return };
        self.lock().unwrap_or_else(PoisonError::into_inner).event(event);
    }
}

fn render(event: &Event) -> Value {
    match event {
        Event::Preparing { what, done, total } => {
            json!({"event": "preparing", "what": what, "done": done, "total": total})
        }
        Event::Started { parameters, macs_per_pixel, train, validation, resumed_at } => {
            let from = resumed_at.map(|(epoch, step)| json!({"epoch": epoch, "step": step}));
            json!({"event": "started", "parameters": parameters, "macs_per_pixel": macs_per_pixel,
                   "train": train, "validation": validation, "resumed_at": from})
        }
        Event::Step { epoch, step, of_epochs, of_steps, loss, rate } => {
            json!({"event": "step", "epoch": epoch, "step": step, "of_epochs": of_epochs,
                   "of_steps": of_steps, "loss": loss, "rate": rate})
        }
        Event::Epoch { epoch, train_loss, validation, best, seconds } => {
            json!({"event": "epoch", "epoch": epoch, "train_loss": train_loss, "validation": validation,
                   "best": best, "seconds": seconds})
        }
        Event::Note(text) => json!({"event": "note", "text": text}),
        Event::Finished(ended) => summary::trained(ended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_beside_what_they_are_compared_with() {
        let figure = |name: &str, value, baseline: Option<f64>, beside: Option<f64>| Figure {
            name: name.into(),
            value,
            baseline: baseline.map(|v| ("noisy".into(), v)),
            beside: beside.map(|v| ("Keras".into(), v)),
        };
        let mut summary = Summary {
            epochs: 3,
            steps: 30,
            stopped_early: true,
            figures: vec![
                figure("psnr", 30.412_34, Some(20.2), None),
                figure("mse", 0.023_1, None, Some(0.0235)),
            ],
            model: "out/model.onnx".into(),
        };
        let text = "finished after 3 epochs, 30 steps, as it got no better\n  \
                    figure  here     without it   elsewhere\n  \
                    psnr    30.41    20.20 noisy\n  \
                    mse     0.02310               0.02350 Keras\n  \
                    model  out/model.onnx\n";
        assert_eq!(ending(&summary), text);
        let json = render(&Event::Finished(summary.clone()));
        assert_eq!(json["figures"][1]["beside"]["label"], "Keras");
        summary.figures.iter_mut().for_each(|f| (f.baseline, f.beside) = (None, None));
        assert!(ending(&summary).contains("  psnr    30.41\n"));
    }

    #[test]
    fn numbers_have_four_digits() {
        for (value, text) in [
            (0.0, "0"),
            (123_456.7, "123457"),
            (1.0, "1.000"),
            (0.000_123_46, "0.0001235"),
            (1e-9, "1.000e-9"),
        ] {
            assert_eq!(shown(value), text);
        }
        assert_eq!(shown(f64::NAN), "NaN");
    }
}
