//! The final figures: how good the network is, and what it is compared with.

use super::TrainError;
use super::agreement::{VIEWS, batches, found};
use super::augment::Augment;
use super::data::{DrawError, Drawing, spread};
use super::event::{Event, Figure};
use super::fit::{First, Job, judge, mean_loss};
use super::knn::accuracy;
use super::loss::Loss;
use super::settings::{Start, Task};
use super::silhouette::silhouette;
use super::step::{Pair, Stepper};
use crate::image::Image;
use crate::image::resize::{Filter, resize};
use crate::random::seed_of;
use crate::vectors::Pca;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Examples that principal components are found of, at most, and that the figures of embeddings are of.
const FOR_PCA: usize = 60_000;
/// Bytes that their numbers may take.
const PCA_BYTES: usize = 1 << 30;
/// Most numbers of a bottleneck for which principal components are found: the time grows with their cube.
const COMPONENTS: usize = 256;
/// Names of all figures.
pub(super) const NAMES: [&str; 8] = [
    "psnr",
    "mse",
    "view_recall",
    "knn_accuracy",
    "silhouette",
    "pca_silhouette",
    "silhouette_of_input",
    "validation_loss",
];
/// Neighbours that vote.
const NEIGHBOURS: usize = 5;
/// Most points of a silhouette, which takes their square in time.
const POINTS: usize = 20_000;

/// All of them, the most telling first, of `parameters` whose loss on what is held out is `validation`. `test` draws
/// from `examples`, like `job.held`.
pub(super) fn figures(
    job: &Job<'_>,
    stepper: &mut Stepper,
    (parameters, validation): (&[f32], f64),
    test: Option<&Job<'_>>,
    (stop, emit): (&AtomicBool, &(dyn Fn(Event) + Sync)),
) -> Result<Vec<Figure>, TrainError> {
    // An embedding is of clean pictures as they stand, whatever it was made robust against.
    let plain = Drawing { recipe: None, augment: Augment::NOTHING, crop: None, ..job.drawing.clone() };
    let judged_by = test.unwrap_or(job);
    let drawing = if job.plan.task == Task::Embed { &plain } else { job.drawing };
    emit(Event::Preparing { what: "final figures".into(), done: 0, total: 1 });
    let judged = judge(&Job { drawing, ..*judged_by }, stepper, parameters, judged_by.held, stop)?;
    let mse = judged.iter().map(|j| j.mse).sum::<f64>() / judged.len().max(1) as f64;
    let mut figures = vec![];
    let mut add = |name: &str, value: f64, baseline: Option<(&str, f64)>| {
        // None where there is nothing to measure, such as groups of one.
        if !value.is_finite() {
            return;
        }
        let baseline = baseline.filter(|(_, v)| v.is_finite());
        let beside = job.plan.beside.iter().find(|b| b.figure == name).map(|b| (b.label.clone(), b.value));
        let baseline = baseline.map(|(name, value)| (name.to_string(), value));
        figures.push(Figure { name: name.into(), value, baseline, beside });
    };
    match job.plan.task {
        Task::Restore => {
            let (name, before) = unrestored(judged_by)?;
            add(
                "psnr",
                mean_psnr(judged.iter().map(|j| j.mse)),
                Some((name, mean_psnr(before.iter().copied()))),
            );
            let mean = before.iter().sum::<f64>() / before.len().max(1) as f64;
            add("mse", mse, Some((name, mean)));
        }
        Task::Embed => {
            let views = judged_by;
            let judged_by = &Job { drawing: &plain, ..*judged_by };
            let job = &Job { drawing: &plain, ..*job };
            embedding(job, judged_by, views, stepper, parameters, (mse, stop, emit), &mut add)?;
        }
    }
    let before = match &job.plan.start {
        Start::Random => None,
        Start::Model { parameters, .. } => Some(mean_loss(&judge(job, stepper, parameters, job.held, stop)?)),
    };
    add("validation_loss", validation, before.map(|loss| ("at the start", loss)));
    Ok(figures)
}

/// What takes a figure's name, value and baseline.
type Add<'a> = &'a mut dyn FnMut(&str, f64, Option<(&str, f64)>);

/// The figures of an embedding, beside those of as many principal components of what was learned from.
fn embedding(
    job: &Job<'_>,
    judged_by: &Job<'_>,
    views: &Job<'_>,
    stepper: &mut Stepper,
    parameters: &[f32],
    (mse, stop, emit): (f64, &AtomicBool, &(dyn Fn(Event) + Sync)),
    add: Add<'_>,
) -> Result<(), TrainError> {
    let width = job.plan.net.input.len();
    let latent = job.plan.net.sizes()?[job.plan.net.bottleneck].len();
    if latent > COMPONENTS {
        let text = format!("no figures of principal components: {latent} would take too long");
        emit(Event::Note(text));
        add("mse", mse, None);
        return Ok(());
    }
    let working = |what: &str| {
        emit(Event::Preparing { what: what.into(), done: 0, total: 1 });
        let stopped = stop.load(Ordering::Relaxed);
        if stopped { Err(TrainError::STOPPED) } else { Ok(()) }
    };
    working("principal components")?;
    let most = FOR_PCA.min(PCA_BYTES / (4 * width)).max(2);
    let train: Vec<usize> = job.train.iter().flat_map(|part| &part.members).copied().collect();
    let learned_from = every(job, &train, most);
    let learned = rows(job, &learned_from)?;
    let pca = Pca::fit(&learned, width, latent, job.plan.seed);
    // Fewer where the input has fewer numbers.
    let components = pca.components.len() / width;
    let held = spread(judged_by.held, most);
    let seen = rows(judged_by, &held)?;
    add("mse", mse, Some(("PCA", pca.mse(&seen))));
    if stepper.views() > 1 {
        working("views")?;
        let (own, theirs) = of_views(views, stepper, parameters, &pca, stop)?;
        add("view_recall", own, Some(("PCA", theirs)));
    }
    let groups = |job: &Job<'_>, draws: &[(usize, u64)]| -> Option<Vec<u32>> {
        let labels = || draws.iter().map(|(i, _)| job.examples[*i].label);
        let without = labels().filter(Option::is_none).count();
        if without > 0 && without < draws.len() {
            let text =
                format!("{without} of {} have no `label`: there are no figures of groups", draws.len());
            emit(Event::Note(text));
        }
        labels().collect()
    };
    let Some(of) = groups(judged_by, &held) else { return Ok(()) };
    let own = codes(judged_by, stepper, parameters, &held, stop)?;
    let theirs = project(&pca, &seen, width);
    if let Some(known) = groups(job, &learned_from) {
        working("nearest neighbours")?;
        let of_own = codes(job, stepper, parameters, &learned_from, stop)?;
        let score = accuracy(&of_own, &known, &own, &of, latent, NEIGHBOURS);
        let of_theirs = project(&pca, &learned, width);
        let of_pca = accuracy(&of_theirs, &known, &theirs, &of, components, NEIGHBOURS);
        add("knn_accuracy", score, Some(("PCA", of_pca)));
    }
    working("silhouettes")?;
    let some = of.len().min(POINTS);
    let mean = |points: &[f32], d: usize| silhouette(&points[..some * d], d, &of[..some]);
    let of_pca = mean(&theirs, components);
    add("silhouette", mean(&own, latent), Some(("PCA", of_pca)));
    add("pca_silhouette", of_pca, None);
    if width <= 256 {
        add("silhouette_of_input", mean(&seen, width), None);
    }
    Ok(())
}

/// Peak signal-to-noise ratio of each mean square, averaged; identical pictures count as 100 dB.
pub(super) fn mean_psnr(squares: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for mse in squares {
        sum += -10.0 * mse.max(1e-10).log10();
        count += 1.0;
    }
    sum / f64::max(count, 1.0)
}

/// Mean squared errors without a network: of the input itself, or of its bicubic enlargement.
pub(super) fn unrestored(job: &Job<'_>) -> Result<(&'static str, Vec<f64>), TrainError> {
    let net = &job.plan.net;
    let size = net.input;
    let squares: Result<Vec<f64>, DrawError> = job
        .held
        .par_iter()
        .map(|&(example, seed)| {
            let pair = job.pair(example, seed)?;
            let mut input = pair.input;
            if net.scale > 1 {
                let mut small = Image::new(size.w, size.h, size.c, crate::image::Depth::F32);
                input.iter().enumerate().for_each(|(i, v)| small.samples.set(i, *v));
                let large = resize(&small, size.w * net.scale, size.h * net.scale, Filter::Bicubic);
                input = (0..large.samples.len()).map(|i| large.samples.get(i)).collect();
            }
            input.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
            let mut unused = vec![0.0; input.len()];
            Ok(Loss::Mse.of(&input, &pair.target, 1.0, &mut unused) / input.len() as f64)
        })
        .collect();
    let name = if net.scale > 1 { "bicubic" } else { "input" };
    Ok((name, squares?))
}

/// One draw of each of `members`, or of `most` of them from all over.
fn every(job: &Job<'_>, members: &[usize], most: usize) -> Vec<(usize, u64)> {
    let draw = |i: usize| (i, seed_of(job.plan.seed, &job.examples[i].name, 0, &[2]));
    spread(members, most).into_iter().map(draw).collect()
}

/// What the draws' targets are, `[draw][number]`.
fn rows(job: &Job<'_>, draws: &[(usize, u64)]) -> Result<Vec<f32>, TrainError> {
    let width = job.plan.net.input.len();
    let mut rows = vec![0.0; draws.len() * width];
    let made: Result<(), DrawError> =
        rows.par_chunks_exact_mut(width).zip(draws).try_for_each(|(row, &(i, seed))| {
            row.copy_from_slice(&job.pair(i, seed)?.target);
            Ok(())
        });
    made?;
    Ok(rows)
}

fn project(pca: &Pca, rows: &[f32], width: usize) -> Vec<f32> {
    let codes: Vec<Vec<f32>> = rows.par_chunks_exact(width).map(|row| pca.project(row)).collect();
    codes.concat()
}

/// Share of the pictures of which one view finds the other by its vector; and by principal components.
fn of_views(
    job: &Job<'_>,
    stepper: &mut Stepper,
    parameters: &[f32],
    pca: &Pca,
    stop: &AtomicBool,
) -> Result<(f64, f64), TrainError> {
    let (net, first) = (&job.plan.net, First::default());
    // One draw of each picture.
    let draws: Vec<(usize, u64)> =
        batches(job.held, usize::MAX).first().into_iter().flatten().map(|at| job.held[*at]).collect();
    let pair = |i: usize| first.or(job.view(draws[i / VIEWS], i % VIEWS), net);
    let codes = stepper.evaluate(parameters, VIEWS * draws.len(), stop, pair, |pair, value| {
        (value(net.bottleneck), pca.project(&pair.input))
    });
    first.check()?;
    let (own, theirs): (Vec<_>, Vec<_>) = codes.ok_or(TrainError::STOPPED)?.into_iter().unzip();
    let of = |codes: Vec<Vec<f32>>| found(&codes.concat(), codes[0].len());
    Ok((of(own), of(theirs)))
}

/// The bottlenecks of the draws' clean pictures, `[draw][number]`.
fn codes(
    job: &Job<'_>,
    stepper: &mut Stepper,
    parameters: &[f32],
    draws: &[(usize, u64)],
    stop: &AtomicBool,
) -> Result<Vec<f32>, TrainError> {
    let (net, first) = (&job.plan.net, First::default());
    let pair = |i: usize| {
        let target = first.or(job.pair(draws[i].0, draws[i].1), net).target;
        Pair { input: target, target: Vec::new() }
    };
    let codes = stepper.evaluate(parameters, draws.len(), stop, pair, |_, value| value(net.bottleneck));
    first.check()?;
    Ok(codes.ok_or(TrainError::STOPPED)?.concat())
}
