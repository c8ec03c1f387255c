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

/// What the best parameters are worse at than no training, if anything.
pub(super) fn worse(
    job: &Job<'_>,
    stepper: &mut Stepper,
    best: &[f32],
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
        emit(Event::Note(format!(
            "nothing was learned: the loss on what is held out is {here:.5}, and was {before:.5}"
        )));
    }
    if plan.task == Task::Restore {
        let (of, unrestored) = unrestored(job)?;
        let mean = |squares: &[f64]| squares.iter().sum::<f64>() / squares.len().max(1) as f64;
        let psnr = |squares: &[f64]| mean_psnr(squares.iter().copied());
        let squares: Vec<f64> = judged.iter().map(|j| j.mse).collect();
        // Few pictures that are far off decide the one, many that are a little off the other.
        if mean(&squares) > mean(&unrestored) && psnr(&squares) < psnr(&unrestored) {
            let of = if of == "input" { "of the input itself" } else { "of bicubic enlargement" };
            let (here, before) = (psnr(&squares), psnr(&unrestored));
            return Ok(Some(Worse { figure: "PSNR", here, of, before }));
        }
    }
    Ok(None)
}
