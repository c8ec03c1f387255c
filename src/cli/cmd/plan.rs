//! `check` and `plan`: what is wrong with a pipeline, and what a run would do.

use super::code;
use super::print::{out, warn};
use super::refusal::Refusal;
use crate::inputs::Input;
use crate::inputs::Source;
use crate::ledger::Ledger;
use crate::memory::mib;
use crate::pipeline::{Action, Keeps, PlannedStep};
use crate::plan::Plan;
use crate::run::prepare::{self, Prepared};
use crate::run::refuse;
use crate::run::resume::Selection;
use crate::shown::Show;
use crate::store::Store;

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
pub(super) fn plan(plan: &Plan, items: bool) -> Result<u8, Refusal> {
    let ledger = Ledger::of_job(&plan.output, &plan.name)?;
    if let Some(ledger) = &ledger {
        ledger.read_renamed(&plan.former.products, (&plan.former.digest, &plan.products_digest))?;
    }
    let prepared = prepare::prepare(plan, ledger.as_ref(), Selection::Outstanding)?;
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
    for link in &plan.chain {
        let todo = prepared.tasks.iter().filter(|t| match link.product {
            Some(product) => t.make.contains(&product),
            None => matches!(link.action, Action::Image(_)),
        });
        let doing = match link.action {
            Action::Sink(ref sink) if sink.keeps() == Keeps::Nothing => {
                "brought in line at the end".to_string()
            }
            _ => format!("{} to do, {} to skip", todo.clone().count(), prepared.inputs.len() - todo.count()),
        };
        text.push_str(&format!("  {:<10} {doing}\n", link.name));
    }
    text.push_str(&estimates(plan, &prepared));
    plan.notes.iter().for_each(|n| text.push_str(&format!("  note     {n}\n")));
    if items {
        text.push('\n');
        for (input, reason) in prepared.inputs.iter().zip(&prepared.decisions) {
            text.push_str(&format!("{:<32} {}\n", reason.text(), input.key().shown()));
        }
    }
    text.push_str(&clashes(&prepared));
    let foreign: Vec<_> = prepared.tasks.iter().filter_map(|task| task.misplaced(&plan.output)).collect();
    if !foreign.is_empty() {
        text.push_str(&format!(
            "\n{} outputs can't be put in their places; those items will fail:\n",
            foreign.len()
        ));
        foreign.iter().take(10).for_each(|refusal| text.push_str(&format!("  {refusal}\n")));
    }
    warn(&plan.warnings);
    out(&text);
    if let Some(store) = Store::existing(&plan.output)? {
        refuse(plan, (&store, ledger.as_ref()), &prepared, (false, false))?;
    }
    Ok(code::OK)
}

fn estimates(plan: &Plan, prepared: &Prepared) -> String {
    let inputs: Vec<&Input> = prepared.tasks.iter().map(|t| &prepared.inputs[t.input]).collect();
    let threads = plan.limits.threads;
    if inputs.is_empty() {
        return "\nnothing to do\n".into();
    }
    let probed: Vec<&&Input> = inputs.iter().step_by(inputs.len().div_ceil(PROBES)).collect();
    let largest = probed.iter().map(|i| plan.estimate(i)).max().unwrap_or(0);
    let pixels =
        probed.iter().filter_map(|i| pixels(i)).sum::<f64>() / probed.len() as f64 * inputs.len() as f64;
    let budget = plan.item_budget(threads);
    let together = (budget / largest.max(1)).clamp(1, threads as u64);
    let past = prepared.past;
    let (seconds, basis) = if past.pixels > 0.0 {
        (past.seconds / past.pixels * pixels, "from earlier runs")
    } else {
        let guess = plan.macs(pixels) / MACS_PER_SECOND + pixels * SECONDS_PER_PIXEL;
        (guess, "a rough guess before the first run")
    };
    let sample =
        if probed.len() < inputs.len() { format!(", from {} headers", probed.len()) } else { String::new() };
    let mut text = format!(
        "\nestimates{sample}\n  pixels   {:.1} MP\n  time     about {:.0} s on {threads} threads ({basis})\n  \
         memory   largest item {} MiB, {} MiB for items under the limit of {} MiB, {together} at a time\n",
        pixels / 1e6,
        (seconds / threads as f64).ceil(),
        mib(largest),
        mib(budget),
        mib(plan.limits.memory),
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
