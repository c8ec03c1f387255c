//! `check` and `plan`: what is wrong with a pipeline, and what a run would do.

use super::code;
use super::machine::{self, Form};
use super::print::{out, warn};
use super::refusal::Refusal;
use crate::inputs::Source;
use crate::job::told::{self, Basis};
use crate::ledger::Ledger;
use crate::memory::mib;
use crate::pipeline::PlannedStep;
use crate::plan::Plan;
use crate::run::prepare::{self, Prepared};
use crate::run::resume::Selection;
use crate::shown::Show;

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
        let found = told::plan(plan, &prepared, items);
        return Ok(match told::may_run(plan, ledger.as_ref(), &prepared) {
            Ok(()) => machine::tell(command, found, code::OK),
            Err(error) => machine::tell_refused(command, &error.into(), found),
        });
    }
    let text = text(plan, &prepared, items);
    warn(&plan.warnings);
    out(&text);
    told::may_run(plan, ledger.as_ref(), &prepared)?;
    Ok(code::OK)
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
        let doing = match told::todo(step, prepared) {
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

fn estimates_text(plan: &Plan, prepared: &Prepared) -> String {
    let Some(found) = told::estimates(plan, prepared) else { return "\nnothing to do\n".into() };
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
