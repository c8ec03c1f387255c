//! `check` and `plan`: what is wrong with a pipeline, and what a run would do.

use super::code;
use super::machine::{self, Form};
use super::print::{out, warn};
use super::refusal::Refusal;
use crate::inputs::{Input, Source, path_text};
use crate::ledger::{Fingerprint, Ledger};
use crate::memory::mib;
use crate::pipeline::{Action, Keeps, PlannedStep};
use crate::plan::Plan;
use crate::run::begin::refuse;
use crate::run::prepare::{self, Prepared};
use crate::run::resume::Selection;
use crate::shown::Show;
use crate::store::Store;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Headers read for the estimates.
const PROBES: usize = 256;
/// Multiply-adds a second and core assumed before the first run tells better.
const MACS_PER_SECOND: f64 = 20e9;
/// Seconds a pixel assumed for decoding, encoding and writing before the first run tells better.
const SECONDS_PER_PIXEL: f64 = 60e-9;

/// Prints that the pipeline is valid, with what was inferred.
///
/// # Errors
/// When no input matches.
pub(super) fn check(plan: &Plan) -> Result<u8, Refusal> {
    let prepared = prepare::prepare(plan, None, Selection::Outstanding)?;
    warn(&plan.warnings);
    // A question mark stands behind what not every picture goes through.
    let name = |step: &PlannedStep| format!("{}{}", step.name, if step.gate.is_open() { "" } else { "?" });
    let steps: Vec<_> = plan.chain.iter().map(name).collect();
    let mut text = format!("{}: valid\n  steps    {}\n", plan.sources.file(), steps.join(" > "));
    plan.notes.iter().for_each(|n| text.push_str(&format!("  note     {n}\n")));
    text.push_str(&clashes(&prepared));
    Ok(out(&text))
}

/// Inputs whose outputs' names other inputs have.
fn clashes(prepared: &Prepared) -> String {
    let clashes: Vec<&String> = prepared.tasks.iter().filter_map(|task| task.clash.as_ref()).collect();
    if clashes.is_empty() {
        return String::new();
    }
    let mut text =
        format!("\n{} output names belong to other inputs; those items will fail:\n", clashes.len());
    clashes.iter().take(10).for_each(|message| text.push_str(&format!("  {message}\n")));
    text
}

/// Prints what a run would do.
///
/// # Errors
/// When the ledger can't be read or is another job's, or no input matches.
pub(super) fn plan(plan: &Plan, items: bool, form: Form) -> Result<u8, Refusal> {
    let ledger = Ledger::of_job(&plan.output, &plan.name)?;
    if let Some(ledger) = &ledger {
        ledger.read_renamed(&plan.former.products, (&plan.former.digest, &plan.products_digest))?;
    }
    let prepared = prepare::prepare(plan, ledger.as_ref(), Selection::Outstanding)?;
    if let Form::Json(command) = form {
        let told = as_json(plan, &prepared, items);
        return Ok(match may_run(plan, ledger.as_ref(), &prepared) {
            Ok(()) => machine::tell(command, told, code::OK),
            Err(refusal) => machine::tell_refused(command, &refusal, told),
        });
    }
    let text = text(plan, &prepared, items);
    warn(&plan.warnings);
    out(&text);
    may_run(plan, ledger.as_ref(), &prepared)?;
    Ok(code::OK)
}

/// Fails where a run would be refused.
fn may_run(plan: &Plan, ledger: Option<&Ledger>, prepared: &Prepared) -> Result<(), Refusal> {
    if let Some(store) = Store::existing(&plan.output)? {
        refuse(plan, (&store, ledger), prepared, (false, false))?;
    }
    Ok(())
}

fn text(plan: &Plan, prepared: &Prepared, items: bool) -> String {
    let input = match &plan.input.source {
        Source::Folder => format!("{} (folder)", plan.input.root.shown()),
        Source::File { absolute, .. } => format!("{} (file)", absolute.shown()),
        Source::List { rows } => format!("a list of {} below {}", rows.len(), plan.input.root.shown()),
        Source::Made(series) => {
            let size = series.params.size;
            format!("{} (made, {size} x {size} pixels each)", series.synth.name)
        }
    };
    let mut text = format!("{}\n  input    {input}: {} images\n", plan.name, prepared.inputs.len());
    text.push_str(&format!("  output   {}\n\nitems\n", plan.output.shown()));
    for (reason, count) in &prepared.reasons {
        text.push_str(&format!("  {count:>8}  {}\n", reason.text()));
    }
    if !prepared.vanished.is_empty() {
        let count = prepared.vanished.len();
        text.push_str(&format!(
            "  {count:>8}  gone from the input, outputs kept (run --prune removes them)\n"
        ));
    }
    let mut count = |n: usize, what: &str| {
        if n > 0 {
            text.push_str(&format!("  {n:>8}  {what}\n"));
        }
    };
    count(prepared.left_out.len(), "known and left out by the patterns or the list");
    count(prepared.unseen.len(), "known and in a folder that can't be read");
    count(prepared.links, "symbolic links, not followed (input.follow_symlinks)");
    prepared.beside.lines().iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    text.push_str("\nsteps\n");
    for step in &plan.chain {
        let doing = match todo(step, prepared) {
            Some(todo) => format!("{todo} to do, {} to skip", prepared.inputs.len() - todo),
            None => "brought in line at the end".to_string(),
        };
        text.push_str(&format!("  {:<10} {doing}\n", step.name));
    }
    text.push_str(&estimates_text(plan, prepared));
    plan.notes.iter().for_each(|n| text.push_str(&format!("  note     {n}\n")));
    if items {
        text.push('\n');
        for (input, reason) in prepared.inputs.iter().zip(&prepared.decisions) {
            text.push_str(&format!("{:<32} {}\n", reason.text(), input.key().shown()));
        }
    }
    text.push_str(&clashes(prepared));
    let foreign: Vec<_> = prepared.tasks.iter().filter_map(|task| task.misplaced(&plan.output)).collect();
    if !foreign.is_empty() {
        text.push_str(&format!(
            "\n{} outputs can't be put in their places; those items will fail:\n",
            foreign.len()
        ));
        foreign.iter().take(10).for_each(|refusal| text.push_str(&format!("  {refusal}\n")));
    }
    text
}

/// What the items to do may take.
struct Estimates {
    /// Items to do, and how many headers were read.
    items: (usize, usize),
    pixels: f64,
    seconds: f64,
    basis: Basis,
    /// Bytes: of the largest item, of all that are worked on at a time.
    memory: (u64, u64),
    /// Items at a time.
    together: u64,
}

/// What a time is estimated from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basis {
    Earlier,
    Guess,
}

/// None where there is nothing to do.
fn estimates(plan: &Plan, prepared: &Prepared) -> Option<Estimates> {
    let inputs: Vec<&Input> = prepared.tasks.iter().map(|t| &prepared.inputs[t.input]).collect();
    let threads = plan.limits.threads;
    if inputs.is_empty() {
        return None;
    }
    let probed: Vec<&&Input> = inputs.iter().step_by(inputs.len().div_ceil(PROBES)).collect();
    let largest = probed.iter().map(|i| plan.estimate(i)).max().unwrap_or(0);
    let pixels =
        probed.iter().filter_map(|i| pixels(i)).sum::<f64>() / probed.len() as f64 * inputs.len() as f64;
    let budget = plan.item_budget(threads);
    let past = prepared.past;
    let (seconds, basis) = if past.pixels > 0.0 {
        (past.seconds / past.pixels * pixels, Basis::Earlier)
    } else {
        (plan.macs(pixels) / MACS_PER_SECOND + pixels * SECONDS_PER_PIXEL, Basis::Guess)
    };
    Some(Estimates {
        items: (inputs.len(), probed.len()),
        pixels,
        seconds: (seconds / threads as f64).ceil(),
        basis,
        memory: (largest, budget),
        together: (budget / largest.max(1)).clamp(1, threads as u64),
    })
}

fn estimates_text(plan: &Plan, prepared: &Prepared) -> String {
    let Some(found) = estimates(plan, prepared) else { return "\nnothing to do\n".into() };
    let ((items, probed), (largest, budget)) = (found.items, found.memory);
    let sample = if probed < items { format!(", from {probed} headers") } else { String::new() };
    let basis = match found.basis {
        Basis::Earlier => "from earlier runs",
        Basis::Guess => "a rough guess before the first run",
    };
    let mut text = format!(
        "\nestimates{sample}\n  pixels   {:.1} MP\n  time     about {:.0} s on {} threads ({basis})\n  \
         memory   largest item {} MiB, {} MiB for items under the limit of {} MiB, {} at a time\n",
        found.pixels / 1e6,
        found.seconds,
        plan.limits.threads,
        mib(largest),
        mib(budget),
        mib(plan.limits.memory),
        found.together,
    );
    if largest > budget {
        text.push_str("  warning  the largest items do not fit into limits.memory and will fail; raise it\n");
    }
    text
}

fn pixels(input: &Input) -> Option<f64> {
    input.identity.as_ref().ok()?;
    let header = input.header()?;
    Some(f64::from(header.width) * f64::from(header.height))
}

/// The same as text and JSON tell.
fn as_json(plan: &Plan, prepared: &Prepared, items: bool) -> Value {
    let (path, kind) = match &plan.input.source {
        Source::Folder => (Some(&plan.input.root), "folder"),
        Source::File { absolute, .. } => (Some(absolute), "file"),
        Source::List { .. } => (Some(&plan.input.root), "list"),
        Source::Made(_) => (None, "synth"),
    };
    let reasons: Map<String, Value> =
        prepared.reasons.iter().map(|(reason, n)| (reason.name().to_string(), json!(n))).collect();
    let steps: Vec<Value> = plan
        .chain
        .iter()
        .map(|step| {
            let todo = todo(step, prepared);
            json!({"name": step.name, "todo": todo, "skip": todo.map(|todo| prepared.inputs.len() - todo)})
        })
        .collect();
    let estimates = estimates(plan, prepared).map(|found| {
        let basis = if found.basis == Basis::Earlier { "earlier_runs" } else { "guess" };
        json!({"pixels": found.pixels, "seconds": found.seconds, "basis": basis, "threads": plan.limits.threads,
               "largest_item_bytes": found.memory.0, "items_bytes": found.memory.1,
               "limit_bytes": plan.limits.memory, "at_a_time": found.together, "headers_read": found.items.1})
    });
    let each = prepared.inputs.iter().zip(&prepared.decisions);
    let each = each.map(|(input, reason)| json!({"path": path_text(input.key()), "reason": reason.name()}));
    let clashes: Vec<&String> = prepared.tasks.iter().filter_map(|task| task.clash.as_ref()).collect();
    let misplaced = prepared.tasks.iter().filter_map(|task| task.misplaced(&plan.output));
    let beside = &prepared.beside;
    json!({"kind": "items", "job": plan.name, "output": machine::path(&plan.output),
           "input": {"path": path.map(|path| machine::path(path)), "kind": kind},
           "total": prepared.inputs.len(), "todo": prepared.tasks.len(), "reasons": reasons,
           "vanished": prepared.vanished.len(), "known_left_out": prepared.left_out.len(),
           "unseen": prepared.unseen.len(), "links": prepared.links, "left_out": beside.left_out,
           "excluded": beside.excluded, "system_files": beside.system, "hidden": beside.hidden,
           "steps": steps, "estimates": estimates, "notes": plan.notes,
           "warnings": plan.warnings.iter().map(machine::diagnostic).collect::<Vec<_>>(),
           "collisions": clashes, "misplaced": misplaced.map(|refusal| refusal.to_string()).collect::<Vec<_>>(),
           "items": items.then(|| each.collect::<Vec<_>>())})
}

/// How many items go through a step; none for what is brought in line at the end.
fn todo(step: &PlannedStep, prepared: &Prepared) -> Option<usize> {
    if matches!(&step.action, Action::Sink(sink) if sink.keeps() == Keeps::Nothing) {
        return None;
    }
    let goes = |make: &BTreeSet<Fingerprint>| match step.product {
        Some(product) => make.contains(&product),
        None => matches!(step.action, Action::Image(_)),
    };
    Some(prepared.tasks.iter().filter(|task| goes(&task.make)).count())
}
