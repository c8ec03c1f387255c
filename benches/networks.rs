//! Runs networks for `make bench-peers`: reads one JSON object a line, answers with one a line.
//!
//! `{"cmd": "load", "model": FILE, "batch": 1, "height": 256, "width": 256, "threads": 2, "engine": "fast",
//! "level": "auto", "input": FILE}`, then `{"cmd": "run", "iterations": 3, "output": FILE}` as often as wanted:
//! each of the threads runs the input so often, and the answer is the wall time divided by all runs.
//! `{"cmd": "peak"}` tells the process's peak memory, `{"cmd": "quit"}` ends it.

use safelight::kernels::Level;
use safelight::nn::{Engine, LoadOptions, Network, Trial};
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

struct Loaded {
    trials: Vec<Trial>,
    /// A thread for each trial; they stay, as a run's workers do.
    pool: rayon::ThreadPool,
    input: Vec<f32>,
    /// Memory that each thread's runs share.
    results: Vec<Mutex<Vec<f32>>>,
}

fn main() {
    let mut loaded = None;
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let request: Value = serde_json::from_str(&line).unwrap_or_default();
        let answer = match request["cmd"].as_str() {
            Some("load") => load(&request).map(|l| {
                let shape = l.trials[0].output().to_vec();
                loaded = Some(l);
                json!({"ok": true, "shape": shape})
            }),
            Some("run") => {
                loaded.as_ref().ok_or("nothing is loaded".to_string()).and_then(|l| run(l, &request))
            }
            Some("peak") => peak(),
            Some("quit") => break,
            other => Err(format!("unknown command {other:?}")),
        };
        let answer = answer.unwrap_or_else(|error| json!({"ok": false, "error": error}));
        println!("{answer}");
        let _ = std::io::stdout().flush();
    }
}

fn load(request: &Value) -> Result<Loaded, String> {
    let number = |name: &str| request[name].as_u64().map(|v| v as usize).ok_or(format!("{name} is missing"));
    let text = |name: &str| request[name].as_str().ok_or(format!("{name} is missing"));
    let level = match request["level"].as_str() {
        None | Some("auto") => Level::best(),
        Some(name) => Level::of(name).ok_or_else(|| format!("this machine has no level `{name}`"))?,
    };
    let engine = match text("engine")? {
        "plain" => Engine::Plain,
        "exact" => Engine::Fast { exact: true, level },
        _ => Engine::Fast { exact: false, level },
    };
    let network =
        Network::load(Path::new(text("model")?), &LoadOptions::default()).map_err(|e| e.to_string())?;
    let size = (number("height")?, number("width")?);
    let batch = number("batch")?;
    let trials = (0..number("threads")?)
        .map(|_| Trial::new(&network, engine, batch, size).map_err(|e| e.to_string()))
        .collect::<Result<Vec<_>, _>>()?;
    let bytes = std::fs::read(text("input")?).map_err(|e| e.to_string())?;
    let input: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(trials.len()).build().map_err(|e| e.to_string())?;
    let results = trials.iter().map(|_| Mutex::default()).collect();
    Ok(Loaded { trials, pool, input, results })
}

fn run(loaded: &Loaded, request: &Value) -> Result<Value, String> {
    let iterations = request["iterations"].as_u64().unwrap_or(1).max(1);
    let start = Instant::now();
    let ended: Vec<Result<(), String>> = loaded.pool.broadcast(|thread| {
        let trial = &loaded.trials[thread.index()];
        let mut result = loaded.results[thread.index()].lock().map_err(|e| e.to_string())?;
        for _ in 0..iterations {
            trial.run(&loaded.input, &mut result).map_err(|e| e.to_string())?;
        }
        Ok(())
    });
    let seconds = start.elapsed().as_secs_f64() / (iterations as f64 * loaded.trials.len() as f64);
    ended.into_iter().collect::<Result<(), _>>()?;
    let result = loaded.results[0].lock().map_err(|e| e.to_string())?;
    if let Some(path) = request["output"].as_str() {
        let bytes: Vec<u8> = result.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(path, bytes).map_err(|e| e.to_string())?;
    }
    Ok(json!({"ok": true, "seconds": seconds}))
}

fn peak() -> Result<Value, String> {
    let status = std::fs::read_to_string("/proc/self/status").map_err(|e| e.to_string())?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: u64 = line.split_whitespace().next().and_then(|v| v.parse().ok()).ok_or("no number")?;
    Ok(json!({"ok": true, "rss": kib * 1024}))
}
