//! The loop: steps, epochs, validation, the best parameters, early stopping, checkpoints.

use super::TrainError;
use super::adam::{clip, norm};
use super::agreement;
use super::checkpoint::{Past, State};
use super::data::{DrawError, Drawing, Known};
use super::event::Event;
use super::loss::Loss;
use super::net::Net;
use super::optimiser::Optimiser;
use super::order::{Order, Part};
use super::settings::TrainPlan;
use super::step::{Pair, Stepper};
use crate::random::seed_of;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What becomes of the model's file where training fails.
pub(super) const NOT_WRITTEN: &str = "no model is written";
/// Time between checkpoints within an epoch.
const BETWEEN: Duration = Duration::from_secs(60);

/// What the loop works on.
pub(super) struct Job<'a> {
    pub plan: &'a TrainPlan,
    pub examples: &'a [Known],
    /// Indices of the examples learned from, of each input.
    pub train: &'a [Part],
    /// Draws that it is judged by: example and seed.
    pub held: &'a [(usize, u64)],
    pub drawing: &'a Drawing,
}

impl Job<'_> {
    /// The pair of an example and a seed.
    pub(super) fn pair(&self, example: usize, seed: u64) -> Result<Pair, DrawError> {
        let known = &self.examples[example];
        let pair = self.drawing.pair(&known.example, seed);
        pair.map_err(|source| DrawError { name: known.name.clone(), source })
    }

    /// The pair of a draw; of its views, where it has some, that one.
    pub(super) fn view(&self, (example, seed): (usize, u64), view: usize) -> Result<Pair, DrawError> {
        self.pair(example, if view == 0 { seed } else { seed_of(seed, b"view", view, &[]) })
    }
}

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// All epochs are done, or nothing got better for a while.
    Over,
    /// It was asked to stop; the state is saved.
    Interrupted,
}

/// What is to be done with the state when an epoch is over, or in between (`None`).
pub(super) type Save<'a> = &'a mut dyn FnMut(&State, Option<&mut Stepper>) -> Result<(), TrainError>;

/// The first error of any thread.
#[derive(Default)]
pub(super) struct First(Mutex<Option<DrawError>>);

impl First {
    /// The pair, or nothing of the kind after an error.
    pub(super) fn or(&self, pair: Result<Pair, DrawError>, net: &Net) -> Pair {
        pair.unwrap_or_else(|e| {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(e);
            let scale = net.scale * net.scale;
            Pair { input: vec![0.0; net.input.len()], target: vec![0.0; net.input.len() * scale] }
        })
    }

    /// The error, if there was one.
    pub(super) fn check(self) -> Result<(), TrainError> {
        match self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

/// Trains until the end or until `stop` is set. `state` may come from a checkpoint.
pub(super) fn fit(
    job: &Job<'_>,
    stepper: &mut Stepper,
    state: &mut State,
    stop: &AtomicBool,
    emit: &(dyn Fn(Event) + Sync),
    save: Save<'_>,
) -> Result<Ended, TrainError> {
    let plan = job.plan;
    let total = (plan.epochs * plan.steps) as u64;
    let optimiser = Optimiser::new(&plan.net, plan.method);
    let mut gradient = vec![0.0; state.parameters.len()];
    let mut order = Order::new(plan.seed, job.train);
    let mut saved = Instant::now();
    while state.progress.history.len() < plan.epochs {
        let epoch = state.progress.history.len();
        if early(&state.progress.history, state.progress.best, plan.patience) {
            return Ok(Ended::Over);
        }
        while state.progress.step < plan.steps {
            if stop.load(Ordering::Relaxed) {
                save(state, None)?;
                return Ok(Ended::Interrupted);
            }
            let clock = Instant::now();
            let step = epoch * plan.steps + state.progress.step;
            let rate = plan.schedule.rate(plan.rate, step as u64, plan.warmup as u64, total);
            let seed = seed_of(plan.seed, b"step", step, &[]);
            let batch: Vec<usize> =
                (0..stepper.batch()).map(|i| order.at(step * stepper.batch() + i)).collect();
            let first = First::default();
            let views = stepper.views();
            let pair =
                |i: usize| first.or(job.pair(batch[i / views], seed_of(seed, b"pair", i, &[])), &plan.net);
            let measure = if epoch < plan.late { plan.loss } else { plan.late_loss };
            let loss = stepper.gradient(&state.parameters, measure, seed, pair, &batch, &mut gradient);
            first.check()?;
            let length = norm(&gradient);
            if !loss.is_finite() || !length.is_finite() {
                let (what, value) =
                    if loss.is_finite() { ("gradient's length", length) } else { ("loss", loss) };
                let (epoch, step) = (epoch + 1, state.progress.step + 1);
                return Err(TrainError::Diverged { what, value, epoch, step, rate, model: NOT_WRITTEN });
            }
            let scale = clip(plan.clip, length, &mut state.progress.length) as f32;
            optimiser.update(&mut state.adam, &mut state.parameters, &gradient, scale, (rate, plan.decay));
            state.follow(plan.average);
            state.progress.step += 1;
            state.progress.sum += loss;
            state.progress.seconds += clock.elapsed().as_secs_f64();
            emit(Event::Step {
                epoch: epoch + 1,
                step: state.progress.step,
                of_epochs: plan.epochs,
                of_steps: plan.steps,
                loss,
                rate,
            });
            if saved.elapsed() > BETWEEN {
                save(state, None)?;
                saved = Instant::now();
            }
        }
        let judged = match judge(job, stepper, state.standing_now(), job.held, stop) {
            Err(TrainError::Interrupted { .. }) => {
                save(state, None)?;
                return Ok(Ended::Interrupted);
            }
            judged => judged?,
        };
        let validation = mean_loss(&judged);
        let past = Past {
            train: state.progress.sum / plan.steps.max(1) as f64,
            validation,
            seconds: state.progress.seconds,
        };
        if !validation.is_finite() {
            let rate = plan.schedule.rate(plan.rate, (epoch * plan.steps) as u64, plan.warmup as u64, total);
            let (what, value) = ("loss on what is held out", validation);
            let (epoch, step, model) = (epoch + 1, plan.steps, NOT_WRITTEN);
            return Err(TrainError::Diverged { what, value, epoch, step, rate, model });
        }
        let known = state.progress.validation();
        let best = known.is_none_or(|known| validation < known);
        state.progress.history.push(past);
        state.progress.step = 0;
        state.progress.sum = 0.0;
        state.progress.seconds = 0.0;
        if best {
            state.progress.best = Some(epoch);
            let now = state.standing_now().to_vec();
            state.best = now;
        }
        save(state, Some(stepper))?;
        saved = Instant::now();
        let Past { train: train_loss, validation, seconds } = past;
        emit(Event::Epoch { epoch: epoch + 1, train_loss, validation, best, seconds });
    }
    Ok(Ended::Over)
}

/// Whether nothing got better for `patience` epochs.
fn early(history: &[Past], best: Option<usize>, patience: usize) -> bool {
    patience > 0 && best.is_some_and(|best| history.len() > best + patience)
}

/// How the network does on one draw.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    /// Mean loss.
    pub loss: f64,
    /// Mean squared error, the output brought to \[0, 1\].
    pub mse: f64,
}

/// Judges parameters by `draws`.
pub(super) fn judge(
    job: &Job<'_>,
    stepper: &mut Stepper,
    parameters: &[f32],
    draws: &[(usize, u64)],
    stop: &AtomicBool,
) -> Result<Vec<Judged>, TrainError> {
    let first = First::default();
    let (net, views) = (&job.plan.net, stepper.views());
    let pair = |i: usize| first.or(job.view(draws[i / views], i % views), net);
    let clamps = net.input.h * net.input.w > 1;
    let judged = stepper.evaluate(parameters, views * draws.len(), stop, pair, |pair, value| {
        let output = value(net.output());
        let mut unused = vec![0.0; output.len()];
        let count = output.len() as f64;
        let late = job.plan.late_loss;
        let sum = late.of(&output, &pair.target, 1.0, &mut unused);
        let loss = late.whole(sum, output.len()).0 / count;
        let inside = |v: f32| if clamps { v.clamp(0.0, 1.0) } else { v };
        let inside: Vec<f32> = output.iter().map(|v| inside(*v)).collect();
        let code = if views > 1 { value(net.bottleneck) } else { Vec::new() };
        (Judged { loss, mse: Loss::Mse.of(&inside, &pair.target, 1.0, &mut unused) / count }, code)
    });
    first.check()?;
    let judged = judged.ok_or(TrainError::STOPPED)?;
    let mean = |views: &[(Judged, Vec<f32>)]| {
        let of = |f: fn(&Judged) -> f64| views.iter().map(|(j, _)| f(j)).sum::<f64>() / views.len() as f64;
        Judged { loss: of(|j| j.loss), mse: of(|j| j.mse) }
    };
    let mut all: Vec<Judged> = judged.chunks(views).map(mean).collect();
    let Some(agreement) = &job.plan.agree else { return Ok(all) };
    for batch in agreement::batches(draws, job.plan.batch) {
        let of = |at: &usize| judged[at * views..][..views].iter().flat_map(|(_, code)| code).copied();
        let codes: Vec<f32> = batch.iter().flat_map(of).collect();
        let width = codes.len() / (batch.len() * views);
        let loss = agreement.of(&codes, width, &[], &mut vec![0.0; codes.len()]);
        batch.iter().for_each(|at| all[*at].loss += loss);
    }
    Ok(all)
}

/// Mean of the losses.
pub(super) fn mean_loss(judged: &[Judged]) -> f64 {
    judged.iter().map(|j| j.loss).sum::<f64>() / judged.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_counts_epochs_after_the_best() {
        let past = Past { train: 1.0, validation: 1.0, seconds: 0.0 };
        assert!(!early(&[past; 4], Some(1), 3) && early(&[past; 5], Some(1), 3));
        assert!(!early(&[past; 50], Some(1), 0) && !early(&[], None, 3));
    }
}
