//! One step of training on a batch: the parts' gradients, computed by all threads and added in a fixed order.

use super::agreement::{Agreement, VIEWS};
use super::engine::{Engine, Workspace};
use super::net::{Id, LayerError, Net, Size};
use crate::random::seed_of;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::loss::Loss;

/// Most parts of a batch, each with gradients of its own: enough for as many threads, few enough that each does much with
/// the weights while they are in its cache.
const PARTS: usize = 8;

/// A network on its way through training.
#[derive(Debug)]
pub struct Stepper {
    engine: Engine,
    /// Node whose numbers are to agree, and how.
    agreement: Option<(Id, Agreement)>,
    parts: usize,
    idle: Mutex<Vec<Workspace>>,
    gradients: Vec<Vec<f32>>,
}

/// A pair of a batch: the network's input and what it should make of it, `[row][column][channel]`.
#[derive(Clone, Debug, Default)]
pub struct Pair {
    /// Input.
    pub input: Vec<f32>,
    /// Wanted output.
    pub target: Vec<f32>,
}

impl Stepper {
    /// For batches of `batch` examples of inputs of size `input`, each a pair, or a pair for each of its views where these are
    /// to agree. The batch is rounded up to whole parts: see [`Stepper::batch`].
    ///
    /// # Errors
    /// When the network doesn't fit the size.
    pub fn new(
        net: &Net,
        input: Size,
        batch: usize,
        agreement: Option<Agreement>,
    ) -> Result<Stepper, LayerError> {
        let (count, parts) = parts(batch);
        let engine = Engine::new(net, input, count * views(agreement))?;
        let gradients = vec![vec![0.0; net.parameters()]; parts];
        let agreement = agreement.map(|agreement| (net.bottleneck, agreement));
        Ok(Stepper { engine, agreement, parts, idle: Mutex::default(), gradients })
    }

    /// Examples in a step.
    pub fn batch(&self) -> usize {
        self.parts * self.engine.count() / self.views()
    }

    /// Pairs of an example.
    pub fn views(&self) -> usize {
        views(self.agreement.map(|(_, agreement)| agreement))
    }

    /// Examples in a step where `batch` were asked for.
    pub fn rounded(batch: usize) -> usize {
        let (count, parts) = parts(batch);
        count * parts
    }

    /// Bytes that a step takes on `threads` threads.
    ///
    /// # Errors
    /// As [`Stepper::new`].
    pub fn bytes(
        net: &Net,
        input: Size,
        batch: usize,
        agreement: Option<Agreement>,
        threads: usize,
    ) -> Result<usize, LayerError> {
        let (count, parts) = parts(batch);
        let engine = Engine::new(net, input, count * views(agreement))?;
        // The loss of views wants all parts at once.
        let spaces = if agreement.is_some() { parts.max(threads) } else { threads };
        // Of each view its cosine to every other, its code, that code's direction and gradient.
        let seen = if agreement.is_some() { VIEWS * count * parts } else { 0 };
        let codes = net.sizes_for(input)?[net.bottleneck].len();
        let beside = seen.saturating_mul(8).saturating_mul(seen + 3 * codes);
        Ok((engine.workspace_bytes() * spaces + parts * net.parameters() * 4).saturating_add(beside))
    }

    /// Computes the mean loss of a batch, that of the views' agreement with it, and its gradient, which is left in `gradient`.
    /// `pair(i)` makes the pair at `i`, an example's views one after the other; it is called by any thread, once for each. Of
    /// `examples`, the batch's, those that come twice are not held away from themselves.
    pub fn gradient(
        &mut self,
        parameters: &[f32],
        loss: Loss,
        seed: u64,
        pair: impl Fn(usize) -> Pair + Sync,
        examples: &[usize],
        gradient: &mut [f32],
    ) -> f64 {
        self.engine.pack(parameters, true);
        let (engine, idle, count) = (&self.engine, &self.idle, self.engine.count());
        let scale = 1.0 / (self.parts * count * engine.lens().1) as f32;
        let dropout = |part| Some(seed_of(seed, b"dropout", part, &[]));
        let forward = |part| {
            let mut workspace = take(idle).unwrap_or_else(|| engine.workspace());
            let targets: Vec<Vec<f32>> = (0..count)
                .map(|i| {
                    let Pair { input, target } = pair(part * count + i);
                    engine.set_input(&mut workspace, i, &input);
                    target
                })
                .collect();
            engine.forward(&mut workspace, dropout(part));
            (workspace, targets)
        };
        let backward =
            |part, (mut workspace, targets): Forward, beside: Option<&[f32]>, gradients: &mut [f32]| {
                let mut sum = 0.0;
                for (i, target) in targets.iter().enumerate() {
                    let mut numbers = 0.0;
                    engine.with_output(&mut workspace, i, |at, output, gradient| {
                        numbers += loss.of(output, &target[at..][..output.len()], scale, gradient);
                    });
                    let (whole, factor) = loss.whole(numbers, engine.lens().1);
                    sum += whole;
                    if factor != 1.0 {
                        engine.with_output(&mut workspace, i, |_, _, gradient| {
                            gradient.iter_mut().for_each(|g| *g *= factor);
                        });
                    }
                }
                gradients.fill(0.0);
                engine.backward(&mut workspace, dropout(part), beside, gradients);
                give(idle, workspace);
                sum
            };
        let all = self.gradients.par_iter_mut().map(Vec::as_mut_slice).enumerate();
        let (apart, losses): (f64, Vec<f64>) = match self.agreement {
            None => {
                let one = |(part, gradients)| backward(part, forward(part), None, gradients);
                (0.0, all.map(one).collect())
            }
            Some((node, agreement)) => {
                let made: Vec<Forward> = (0..self.parts).into_par_iter().map(forward).collect();
                let of = |(space, _): &Forward| -> Vec<f32> {
                    (0..count).flat_map(|i| engine.value(space, node, i)).collect()
                };
                let codes: Vec<f32> = made.iter().flat_map(of).collect();
                let width = codes.len() / (self.parts * count);
                let mut slopes = vec![0.0; codes.len()];
                let apart = agreement.of(&codes, width, examples, &mut slopes);
                let parts = all.zip(made).zip(slopes.par_chunks_exact(count * width));
                let one = |(((part, gradients), made), slopes)| backward(part, made, Some(slopes), gradients);
                (apart, parts.map(one).collect())
            }
        };
        let parts = &self.gradients;
        let block = 1 << 14;
        gradient.par_chunks_mut(block).enumerate().for_each(|(index, to)| {
            let at = index * block;
            to.copy_from_slice(&parts[0][at..][..to.len()]);
            for part in &parts[1..] {
                to.iter_mut().zip(&part[at..]).for_each(|(t, p)| *t += p);
            }
        });
        losses.iter().sum::<f64>() / (self.parts * self.engine.count() * self.engine.lens().1) as f64 + apart
    }

    /// Runs the network on the inputs of `total` pairs without changing anything; `use_it(pair, value)` gets each pair
    /// with what reads a node's tensor. Results come in order; none when `stop` was set before the end.
    pub fn evaluate<T: Send>(
        &mut self,
        parameters: &[f32],
        total: usize,
        stop: &AtomicBool,
        pair: impl Fn(usize) -> Pair + Sync,
        use_it: impl Fn(Pair, &dyn Fn(Id) -> Vec<f32>) -> T + Sync,
    ) -> Option<Vec<T>> {
        self.engine.pack(parameters, false);
        let (engine, idle, count) = (&self.engine, &self.idle, self.engine.count());
        let parts: Option<Vec<Vec<T>>> = (0..total.div_ceil(count))
            .into_par_iter()
            .map(|part| {
                if stop.load(Ordering::Relaxed) {
                    return None;
                }
                let mut workspace = take(idle).unwrap_or_else(|| engine.workspace());
                let pairs: Vec<Pair> = (part * count..((part + 1) * count).min(total)).map(&pair).collect();
                pairs
                    .iter()
                    .enumerate()
                    .for_each(|(i, pair)| engine.set_input(&mut workspace, i, &pair.input));
                engine.forward(&mut workspace, None);
                let one = |(i, pair)| use_it(pair, &|id| engine.value(&workspace, id, i));
                let results = pairs.into_iter().enumerate().map(one).collect();
                give(idle, workspace);
                Some(results)
            })
            .collect();
        parts.map(|parts| parts.into_iter().flatten().collect())
    }
}

/// A part of a batch after the way forward: where its tensors are, and its targets.
type Forward = (Workspace, Vec<Vec<f32>>);

/// Pairs of an example.
fn views(agreement: Option<Agreement>) -> usize {
    if agreement.is_some() { VIEWS } else { 1 }
}

/// Examples in a part of a batch, and parts.
fn parts(batch: usize) -> (usize, usize) {
    let count = batch.div_ceil(PARTS).max(1);
    (count, batch.div_ceil(count))
}

fn take(idle: &Mutex<Vec<Workspace>>) -> Option<Workspace> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

fn give(idle: &Mutex<Vec<Workspace>>, workspace: Workspace) {
    idle.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
}
