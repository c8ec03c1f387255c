//! What the last run left of itself in `.safelight/run.json`: read as far as it is there, none of it is needed.

use crate::store::{STATE_FOLDER, look};
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

/// The last run, as it told.
#[derive(Debug, Default)]
pub(crate) struct RunFile(Value);

/// One run of the history.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Past {
    /// When it began.
    pub started: String,
    /// Items done.
    pub done: u64,
    /// Items that failed.
    pub failed: u64,
    /// How long it took.
    pub seconds: f64,
    /// Pixels of the items done.
    pub pixels: u64,
    /// Bytes of the items done.
    pub bytes: u64,
    /// How it ended; none where it is not told.
    pub exit: Option<i64>,
}

impl RunFile {
    /// Of an output folder; empty where there is none, or nothing that can be read as one.
    ///
    /// # Errors
    /// When the system can't tell.
    pub(crate) fn read(output: &Path) -> io::Result<RunFile> {
        let bytes = look::read(&output.join(STATE_FOLDER).join("run.json"))?;
        Ok(RunFile::parse(&bytes.unwrap_or_default()))
    }

    pub(super) fn parse(bytes: &[u8]) -> RunFile {
        RunFile(serde_json::from_slice(bytes).unwrap_or_default())
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.0.pointer(pointer).and_then(Value::as_str)
    }

    /// The text of the pipeline that ran.
    pub(crate) fn pipeline(&self) -> Option<&str> {
        self.text("/pipeline")
    }

    /// Where the pipeline's text came from.
    pub(crate) fn pipeline_file(&self) -> Option<&str> {
        self.text("/pipeline_file")
    }

    /// The folder that inputs are relative to.
    pub(crate) fn input(&self) -> Option<PathBuf> {
        self.text("/input/path").map(crate::shown::decode)
    }

    /// Whether its pictures were made and not read.
    pub(crate) fn made_inputs(&self) -> bool {
        self.text("/input/kind") == Some("synth")
    }

    /// The version that ran.
    pub(super) fn version(&self) -> Option<&str> {
        self.text("/safelight")
    }

    /// The machine.
    pub(super) fn host(&self) -> Option<&str> {
        self.text("/host")
    }

    /// Threads that it took.
    pub(super) fn threads(&self) -> Option<u64> {
        self.0.pointer("/threads").and_then(Value::as_u64)
    }

    /// When it began.
    pub(super) fn started(&self) -> Option<&str> {
        self.text("/started")
    }

    /// Names and hashes of the models.
    pub(super) fn models(&self) -> Vec<(String, String)> {
        let models = self.0.pointer("/models").and_then(Value::as_array).into_iter().flatten();
        let text =
            |model: &Value, key: &str| model.get(key).and_then(Value::as_str).unwrap_or_default().to_string();
        models.map(|model| (text(model, "name"), text(model, "hash"))).collect()
    }

    /// A number of the last run's summary.
    pub(super) fn summed(&self, key: &str) -> Option<f64> {
        self.0.pointer("/summary")?.get(key)?.as_f64()
    }

    /// The final figures of a training.
    pub(super) fn trained_figures(&self) -> Vec<Value> {
        self.0.pointer("/summary/figures").and_then(Value::as_array).cloned().unwrap_or_default()
    }

    /// Seconds of work by step, in the order of the pipeline.
    pub(super) fn steps(&self) -> Vec<(String, f64)> {
        let steps = self.0.pointer("/summary/step_seconds").and_then(Value::as_object).into_iter().flatten();
        let step = |(name, seconds): (&String, &Value)| {
            let (place, name) = name.split_once('.')?;
            Some((place.parse::<usize>().ok()?, name.to_string(), seconds.as_f64()?))
        };
        let mut steps: Vec<(usize, String, f64)> = steps.filter_map(step).collect();
        steps.sort_by_key(|(place, ..)| *place);
        steps.into_iter().map(|(_, name, seconds)| (name, seconds)).collect()
    }

    /// All runs that are remembered, the last one included, oldest first.
    pub(super) fn history(&self) -> Vec<Past> {
        let past = |run: &Value, sums: &Value| {
            let number = |key: &str| sums.get(key).and_then(Value::as_f64).unwrap_or_default();
            let whole = |key: &str| number(key).max(0.0) as u64;
            Past {
                started: run.get("started").and_then(Value::as_str).unwrap_or_default().to_string(),
                done: whole("done"),
                failed: whole("failed"),
                seconds: number("seconds"),
                pixels: whole("pixels"),
                bytes: whole("bytes"),
                exit: run.get("exit").and_then(Value::as_i64),
            }
        };
        let earlier = self.0.pointer("/history").and_then(Value::as_array).into_iter().flatten();
        let mut runs: Vec<Past> = earlier.map(|run| past(run, run)).collect();
        if let Some(summary) = self.0.get("summary").filter(|summary| summary.is_object()) {
            runs.push(past(&self.0, summary));
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_in_the_order_of_the_pipeline() {
        let text = br#"{"schema":1,"started":"2026-11-29T02:00:00Z","exit":10,"models":[{"name":"a.onnx","hash":"00"}],
            "summary":{"done":3,"failed":1,"seconds":2.5,"pixels":9,"bytes":7,
              "step_seconds":{"0.measure":1.0,"10.write":2.0,"2.restore":3.0}},
            "history":[{"started":"2026-11-28T02:00:00Z","done":5,"failed":0,"seconds":4,"pixels":1,"bytes":2,"exit":0}]}"#;
        let run = RunFile::parse(text);
        let names: Vec<String> = run.steps().into_iter().map(|s| s.0).collect();
        assert_eq!(names, ["measure", "restore", "write"]);
        let history = run.history();
        assert_eq!((history.len(), history[0].done, history[1].failed, history[1].exit), (2, 5, 1, Some(10)));
        assert_eq!(run.models(), [("a.onnx".to_string(), "00".to_string())]);
    }

    #[test]
    fn what_is_no_run_is_nothing() {
        for text in [&b""[..], b"{", b"[1]", b"{\"summary\":3,\"history\":{},\"models\":7}"] {
            let run = RunFile::parse(text);
            assert!(run.steps().is_empty() && run.history().is_empty() && run.models().is_empty());
            assert!(run.pipeline().is_none() && run.input().is_none());
        }
    }
}
