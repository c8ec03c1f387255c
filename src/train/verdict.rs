//! Whether training came to anything: the best parameters against those at the start, and against no network at all.

use super::TrainError;
use super::event::Event;
use super::figures::{mean_psnr, unrestored};
use super::fit::{Job, judge, mean_loss};
use super::settings::{Start, Task};
use super::step::Stepper;
use std::sync::atomic::AtomicBool;

/// By how much a loss may be above that at the start by chance.
const NOISE: f64 = 1.05;

/// How many times the squared error without a network shows that training did not only end too early.
const FAR_OFF: f64 = 4.0;

/// A figure of what is held out that training made worse.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Worse {
    /// Its name.
    pub figure: &'static str,
    /// Its value with the best parameters.
    pub here: f64,
    /// What it is compared with.
    pub of: &'static str,
    /// The value of that.
    pub before: f64,
}

/// What the best parameters are worse at than no training, if anything. `improving` tells that the last epoch was the
/// best: then training may only have been too short, unless its result is far off.
pub(super) fn worse(
    job: &Job<'_>,
    stepper: &mut Stepper,
    (best, improving): (&[f32], bool),
    (stop, emit): (&AtomicBool, &(dyn Fn(Event) + Sync)),
) -> Result<Option<Worse>, TrainError> {
    emit(Event::Preparing { what: "comparison with the start".into(), done: 0, total: 1 });
    let plan = job.plan;
    let judged = judge(job, stepper, best, job.held, stop)?;
    let drawn;
    let start = match &plan.start {
        Start::Random => {
            drawn = plan.net.init(plan.seed);
            &drawn
        }
        Start::Model { parameters, .. } => parameters,
    };
    let (here, before) = (mean_loss(&judged), mean_loss(&judge(job, stepper, start, job.held, stop)?));
    // A start that gives no number is no measure.
    if here > before * NOISE {
        return Ok(Some(Worse { figure: "loss", here, of: "at the start", before }));
    }
    if here >= before {
        let text =
            format!("nothing was learned: the loss on what is held out is {here:.5}, and was {before:.5}");
        emit(Event::Note(text));
    }
    if plan.task == Task::Embed {
        return Ok(None);
    }
    let (of, unrestored) = unrestored(job)?;
    let of = if of == "input" { "of the input itself" } else { "of bicubic enlargement" };
    let squares: Vec<f64> = judged.iter().map(|j| j.mse).collect();
    let mean = |squares: &[f64]| squares.iter().sum::<f64>() / squares.len().max(1) as f64;
    let psnr = |squares: &[f64]| mean_psnr(squares.iter().copied());
    let (here, before) = (psnr(&squares), psnr(&unrestored));
    // Few pictures that are far off decide the one, many that are a little off the other.
    if mean(&squares) <= mean(&unrestored) || here >= before {
        return Ok(None);
    }
    if improving && mean(&squares) <= FAR_OFF * mean(&unrestored) {
        let text = format!(
            "the network is not yet better than none: PSNR {here:.2} dB on what is held out, and {before:.2} dB is that \
             {of}; give more epochs or steps"
        );
        emit(Event::Note(text));
        return Ok(None);
    }
    Ok(Some(Worse { figure: "PSNR", here, of, before }))
}
