//! The commands on a training job.

use super::code;
use super::machine::{self, Form};
use super::opened::ledger_of;
use super::print::{err, out, warn};
use super::refusal::Refusal;
use crate::cli::args::PipelineArgs;
use crate::inputs::{self, Listing, Outside};
use crate::inputs::{InputPlan, Source};
use crate::job::told;
use crate::ledger::Ledger;
use crate::memory::mib;
use crate::shown::Show;
use crate::train::net::Size;
use crate::train::{self, Data, Mixed, ResumePoint, Start, Task, TrainError, TrainPlan, Vectors};

/// Prints that the pipeline is valid, with what was inferred.
pub(super) fn check(plan: &TrainPlan, args: &PipelineArgs) -> Result<u8, Refusal> {
    told::refuse_empty(plan)?;
    warn(&plan.warnings);
    let mut text = format!("{}: valid\n{}", args.pipeline.shown(), network(plan));
    plan.notes.iter().for_each(|note| text.push_str(&format!("  note     {note}\n")));
    Ok(out(&text))
}

/// Prints what a run would do.
pub(super) fn plan(plan: &TrainPlan, form: Form) -> Result<u8, Refusal> {
    Ledger::of_job(&plan.output, &plan.name).map_err(TrainError::from)?;
    told::refuse_empty(plan)?;
    if let Form::Json(command) = form {
        return Ok(machine::tell(command, told::training_plan(plan)?, code::OK));
    }
    let mut text = format!("{}\n{}", plan.name, data(plan));
    text.push_str(&format!("  output   {}\n", plan.output.join(&plan.model).shown()));
    text.push_str(&network(plan));
    if let Start::Model { path, .. } = &plan.start {
        text.push_str(&format!("  start    the weights of {}\n", path.shown()));
    }
    let steps = plan.epochs as u64 * plan.steps as u64;
    let what = if matches!(plan.data, Data::Vectors { .. }) { "vectors" } else { "patches" };
    text.push_str(&format!(
        "  steps    at most {} epochs of {} steps of {} {what}: {} steps, {} {what}\n",
        plan.epochs,
        plan.steps,
        plan.batch,
        grouped(steps),
        grouped(steps * plan.batch as u64),
    ));
    text.push_str(&format!(
        "  memory   about {} MiB to train on {} threads, {} MiB left for data\n",
        mib(train::memory_needed(&plan.net, plan.batch, plan.agree, plan.threads)),
        plan.threads,
        mib(plan.memory)
    ));
    let point = train::resume_point(plan).map_err(TrainError::from)?;
    text.push_str(&match point {
        ResumePoint::Anew(why) => format!("  resume   {why}: training would start anew\n"),
        ResumePoint::Trained => {
            "  resume   it is trained: the figures and the file's metadata would be written anew\n"
                .to_string()
        }
        ResumePoint::Within(epoch, step) => format!("  resume   from epoch {epoch}, step {step}\n"),
        ResumePoint::New => "  resume   nothing to go on from\n".to_string(),
        ResumePoint::Over => "  resume   it is trained: nothing to do\n".to_string(),
    });
    plan.notes.iter().for_each(|note| text.push_str(&format!("  note     {note}\n")));
    warn(&plan.warnings);
    Ok(out(&text))
}

fn network(plan: &TrainPlan) -> String {
    let net = &plan.net;
    let sizes = net.sizes().unwrap_or_default();
    let shown = |size: Option<&Size>| match size {
        Some(Size { h: 1, w: 1, c }) => c.to_string(),
        Some(Size { h, w, c }) => format!("{w} x {h} x {c}"),
        None => "?".to_string(),
    };
    let wanted = match plan.task {
        Task::Restore => "",
        Task::Embed => ", which is what is wanted",
    };
    let per = if net.input.h * net.input.w == 1 { "vector" } else { "pixel" };
    format!(
        "  network  {}: {} parameters, {} multiply-adds a {per}\n           {} in, {} out, bottleneck {}{wanted}\n",
        net.name,
        grouped(net.parameters() as u64),
        grouped(net.macs_per_pixel().round() as u64),
        shown(sizes.first()),
        shown(sizes.get(net.output())),
        shown(sizes.get(net.bottleneck)),
    )
}

fn data(plan: &TrainPlan) -> String {
    let held = (plan.validation * 1e4).round() / 1e2;
    match &plan.data {
        Data::Pictures { inputs, test, .. } => {
            let listed = |input: &InputPlan| inputs::listing(input, &Outside::default()).unwrap_or_default();
            let place = |mixed: &Mixed| match &mixed.input.source {
                Source::File { absolute, .. } => absolute.shown().to_string(),
                Source::Made(_) if inputs.len() > 1 => mixed.name(),
                _ => mixed.input.root.shown().to_string(),
            };
            let counted = |text: String, listing: &Listing| {
                let lines = listing.beside.lines().into_iter().map(|line| format!("           {line}\n"));
                text + &lines.collect::<String>()
            };
            let weights: f64 = inputs.iter().map(|mixed| mixed.weight).sum();
            let mut text = String::new();
            for mixed in inputs {
                let found = listed(&mixed.input);
                let count = grouped(found.inputs.len() as u64);
                let share = (mixed.weight / weights * 1e3).round() / 10.0;
                let share =
                    if inputs.len() > 1 { format!(", {share} % of the examples") } else { String::new() };
                let line =
                    format!("  input    {}: {count} pictures{share}, {held} % held out\n", place(mixed));
                text = counted(text + &line, &found);
            }
            if let Some(test) = test {
                let found = listed(test);
                let count = grouped(found.inputs.len() as u64);
                text = counted(format!("{text}  test     {}: {count} pictures\n", test.root.shown()), &found);
            }
            text
        }
        Data::Pairs { pairs, validation, test, root } => {
            let held = match validation.len() {
                0 => format!("{held} % held out"),
                n => format!("{} to validate", grouped(n as u64)),
            };
            let (train, test) = (grouped(pairs.len() as u64), grouped(test.len() as u64));
            format!("  input    {}: {train} pairs to learn from, {held}, {test} to test\n", root.shown())
        }
        Data::Vectors { source: Vectors::Parquet { files, column, .. } } => {
            let first = files.first().map(|file| file.shown().to_string()).unwrap_or_default();
            let more = match files.len() {
                0 | 1 => String::new(),
                n => format!(" and {} more", n - 1),
            };
            format!("  input    `{column}` of {first}{more}, {held} % held out\n")
        }
        Data::Vectors { source: Vectors::Blobs(blobs) } => format!(
            "  input    {} points in {} blobs, {held} % held out\n",
            grouped(blobs.count as u64),
            blobs.centres
        ),
    }
}

/// A number with a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Tells how far it is.
pub(super) fn status(plan: &TrainPlan) -> Result<u8, Refusal> {
    drop(ledger_of(&plan.output, &plan.name)?);
    let model = plan.output.join(&plan.model);
    let point = train::resume_point(plan).map_err(TrainError::from)?;
    Ok(out(&match point {
        ResumePoint::Anew(why) => format!("{}: {why}; run it to start anew\n", plan.name),
        ResumePoint::Trained => {
            format!("{}: trained; run it to write its figures and the file's metadata anew\n", plan.name)
        }
        ResumePoint::Within(epoch, step) => format!(
            "{}: in epoch {epoch} of {}, after step {step} of {}; run it to go on\n",
            plan.name, plan.epochs, plan.steps
        ),
        ResumePoint::Over => format!("{}: trained, see {}\n", plan.name, model.shown()),
        ResumePoint::New => format!("{}: ended before its first checkpoint; run it to start\n", plan.name),
    }))
}

/// There is nothing to acknowledge.
pub(super) fn ignore(plan: &TrainPlan) -> u8 {
    err(&format!("error: {} is a training job, which has no failed items\n", plan.name));
    code::USAGE
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_told_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(super::grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
