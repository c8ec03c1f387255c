//! A training job from its plan to the finished files.

use super::TrainError;
use super::checkpoint::State;
use super::curve;
use super::data::{Drawing, Known, Loaded, picture, validation};
use super::event::{Event, Figure, Summary};
use super::export::{self, Reference, Words};
use super::figures::figures;
use super::fit::{Ended, First, Job, NOT_WRITTEN, fit};
use super::inventory::{digests, list};
use super::load::load;
use super::net::Size;
use super::order::Part;
use super::outputs::Outputs;
use super::provenance::{recipe, score};
use super::resume::{Kept, checkpoint, digest, is_over, kept, outdated};
use super::settings::{Data, Start, TrainPlan};
use super::sheet::sheet;
use super::sides::{draws, sides};
use super::step::{Pair, Stepper};
use super::verdict::{Worse, worse};
use crate::codec::{self, EncodeOptions, Format, Metadata};
use crate::image::resize::{Filter, resize};
use crate::shown::Show;
use crate::store::{self, Store, look};
use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Folder of the curve and the sheets, below the output.
pub const PROGRESS: &str = "progress";
/// Most pictures that validation takes.
const HELD: usize = 4096;
/// Most pictures that the final figures are of.
const TESTED: usize = 20_000;
/// Rows of a sheet.
const SHOWN: usize = 6;
/// Pictures that an export is checked with.
const CHECKED: usize = 3;
/// For what is over at once.
static NEVER: AtomicBool = AtomicBool::new(false);

/// Trains, from the checkpoint if there is one, and writes the model. What is there of a finished job is kept.
///
/// # Errors
/// When there is nothing to learn from, the output can't be written, the loss leaves the numbers, or `stop` was set.
pub fn run(
    plan: &TrainPlan,
    outputs: &Outputs<'_>,
    emit: &(dyn Fn(Event) + Sync),
    stop: &AtomicBool,
) -> Result<Summary, TrainError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(plan.threads).build();
    let pool = pool.map_err(|e| TrainError::Threads(e.to_string()))?;
    pool.install(|| Run { plan, outputs, store: outputs.store(), emit, stop }.whole())
}

struct Run<'a> {
    plan: &'a TrainPlan,
    outputs: &'a Outputs<'a>,
    store: &'a Store,
    emit: &'a (dyn Fn(Event) + Sync),
    stop: &'a AtomicBool,
}

impl Run<'_> {
    fn whole(&self) -> Result<Summary, TrainError> {
        let plan = self.plan;
        let listed = list(&plan.data)?;
        let digests = digests(plan, &listed);
        let at = checkpoint(plan, &digests);
        let state = match kept(plan, &digests)? {
            Kept::Nothing => None,
            Kept::Other(why) => {
                let text = format!(
                    "{why}: training starts anew (with what was before, it would go on where it was)"
                );
                (self.emit)(Event::Note(text));
                None
            }
            Kept::State(state) => Some(*state),
        };
        if let Some(state) = &state
            && is_over(plan, state, &digests)?
        {
            (self.emit)(Event::Note("it is trained: nothing to do".into()));
            self.adopt()?;
            self.curve(state)?;
            let summary = self.summary(state, state.progress.figures.clone());
            (self.emit)(Event::Finished(summary.clone()));
            return Ok(summary);
        }
        for pictures in listed.inputs.iter().chain([&listed.test]) {
            pictures.beside.lines().into_iter().for_each(|line| (self.emit)(Event::Note(line)));
        }
        let drawing = drawing(plan);
        let loaded =
            load(plan, &listed, &drawing, self.stop, self.emit).map_err(|e| within(state.as_ref(), e))?;
        let used = loaded.digest();
        if let Some(state) = state.as_ref().filter(|state| state.progress.used != used) {
            let (epoch, _) = state.progress.at();
            return Err(TrainError::Data(format!(
                "other inputs can be used now than in the epochs before {epoch}, though the files look the same: make \
                 those readable that are named above, give as much memory as then (limits.memory), or delete {} to start \
                 anew",
                plan.output.join(&at).shown()
            )));
        }
        outdated(plan, &digests)?
            .iter()
            .try_for_each(|path| self.store.remove(path, &store::Known::anything()).map(drop))?;
        self.remove_sheets(state.as_ref().map_or(0, |state| state.progress.history.len()))?;
        let Loaded { mut examples, held: given, test, parts, scaling } = loaded;
        // Pairs bring their own validation.
        let (train, held) = match given.is_empty() {
            true => sides(&examples, &parts, plan.validation, plan.seed),
            false => {
                let first = examples.len();
                examples.extend(given);
                let part = |members: Range<usize>| vec![Part { members: members.collect(), weight: 1.0 }];
                (part(0..first), part(first..examples.len()))
            }
        };
        let count = |parts: &[Part]| parts.iter().map(|part| part.members.len()).sum();
        let draws = draws(&examples, &held, plan.seed, HELD);
        let job = Job { plan, examples: &examples, train: &train, held: &draws, drawing: &drawing };
        let mut stepper = Stepper::new(&plan.net, plan.net.input, plan.batch, plan.agree)?;
        let resumed_at = state.as_ref().map(|s| s.progress.at());
        let mut state = state.unwrap_or_else(|| {
            State::new(match &plan.start {
                Start::Random => plan.net.init(plan.seed),
                Start::Model { parameters, .. } => parameters.clone(),
            })
        });
        state.progress.data.clone_from(&digests.weights);
        state.progress.used = used;
        state.progress.over = false;
        (self.emit)(Event::Started {
            parameters: plan.net.parameters(),
            macs_per_pixel: plan.net.macs_per_pixel(),
            train: count(&train),
            validation: count(&held),
            resumed_at,
        });
        let shown = self.shown(&job);
        let mut save = |state: &State, stepper: Option<&mut Stepper>| {
            if let Some(stepper) = stepper {
                self.show(&job, &shown, state, stepper)?;
            }
            self.store.write(&at, &state.to_bytes(&plan.fingerprint))?;
            Ok(())
        };
        let ended = match fit(&job, &mut stepper, &mut state, self.stop, self.emit, &mut save) {
            Ok(ended) => ended,
            Err(TrainError::Diverged { what, value, epoch, step, rate, .. }) => {
                let mut model = self.standing_model();
                // What was good is worth having, where nothing better can stand.
                if model == NOT_WRITTEN
                    && state.progress.best.is_some()
                    && worse(
                        &job,
                        &mut stepper,
                        (&self.written(&state), state.improving()),
                        (self.stop, self.emit),
                    )?
                    .is_none()
                {
                    self.export(&job, &mut stepper, &state, &scaling, &[])?;
                    model = "the best model so far is written";
                }
                return Err(TrainError::Diverged { what, value, epoch, step, rate, model });
            }
            Err(error) => return Err(error),
        };
        if ended == Ended::Interrupted {
            return Err(within(Some(&state), TrainError::STOPPED));
        }
        let (written, improving) = (self.written(&state), state.improving());
        let found = worse(&job, &mut stepper, (&written, improving), (self.stop, self.emit));
        if let Some(Worse { figure, here, of, before }) = found.map_err(|e| within(Some(&state), e))? {
            let (epochs, model) = (state.progress.history.len(), self.standing_model());
            return Err(TrainError::Worse { epochs, figure, here, of, before, model });
        }
        // Before the figures, which take their time.
        self.export(&job, &mut stepper, &state, &scaling, &[])?;
        let figures =
            self.figures(&job, &test, &mut stepper, &state).map_err(|error| within(Some(&state), error))?;
        state.progress.model = self.export(&job, &mut stepper, &state, &scaling, &figures)?;
        state.progress.over = true;
        state.progress.besides = digests.besides;
        state.progress.figures = figures;
        self.store.write(&at, &state.to_bytes(&plan.fingerprint))?;
        // Where no epoch was left to do, nothing has written them.
        self.adopt()?;
        self.curve(&state)?;
        let summary = self.summary(&state, state.progress.figures.clone());
        (self.emit)(Event::Finished(summary.clone()));
        Ok(summary)
    }

    /// Records what is there of an earlier version, which did not, and forgets sheets that are gone.
    fn adopt(&self) -> Result<(), TrainError> {
        self.outputs.forget_gone(PROGRESS)?;
        self.outputs.adopt(Path::new(&self.plan.model))?;
        // A folder that can't be listed has nothing to record.
        let entries = look::list(&self.plan.output.join(PROGRESS)).ok().flatten().into_iter().flatten();
        for name in entries.map(|entry| entry.file_name()) {
            self.outputs.adopt(&Path::new(PROGRESS).join(name))?;
        }
        Ok(())
    }

    /// What becomes of the model's file where training comes to nothing: what is there stays, whatever made it.
    fn standing_model(&self) -> &'static str {
        match look::name(&self.plan.output.join(&self.plan.model)) {
            Ok(None) => NOT_WRITTEN,
            _ => "the model that is there is kept as it was",
        }
    }

    /// Removes the sheets of epochs after this one: they are of another job.
    fn remove_sheets(&self, after: usize) -> Result<(), TrainError> {
        // A sheet that can't be listed is none that does harm.
        let entries = look::list(&self.plan.output.join(PROGRESS)).ok().flatten();
        for name in entries.into_iter().flatten().map(|entry| entry.file_name()) {
            let number =
                name.to_str().and_then(|n| n.strip_prefix("epoch_")?.strip_suffix(".png")?.parse().ok());
            if number.is_some_and(|number: usize| number > after) {
                self.outputs.remove(&Path::new(PROGRESS).join(name))?;
            }
        }
        Ok(())
    }

    fn summary(&self, state: &State, figures: Vec<Figure>) -> Summary {
        Summary {
            epochs: state.progress.history.len(),
            steps: state.adam.updates,
            stopped_early: state.progress.history.len() < self.plan.epochs,
            figures,
            model: self.plan.output.join(&self.plan.model),
        }
    }

    fn figures(
        &self,
        job: &Job<'_>,
        test: &[Known],
        stepper: &mut Stepper,
        state: &State,
    ) -> Result<Vec<Figure>, TrainError> {
        let every: Vec<usize> = (0..test.len()).collect();
        let draws = validation(test, &every, self.plan.seed, TESTED);
        let judged = Job { examples: test, held: &draws, train: &[], ..*job };
        let written = self.written(state);
        let best = (&written[..], state.progress.validation().unwrap_or(f64::NAN));
        figures(job, stepper, best, (!test.is_empty()).then_some(&judged), (self.stop, self.emit))
    }

    /// The best parameters as the file holds them: these are judged.
    fn written<'s>(&self, state: &'s State) -> Cow<'s, [f32]> {
        match self.plan.half {
            true => Cow::Owned(export::rounded(&self.plan.net, &state.best)),
            false => Cow::Borrowed(&state.best),
        }
    }

    /// Writes the best parameters as ONNX, after checking that the file computes what they do; gives its digest.
    fn export(
        &self,
        job: &Job<'_>,
        stepper: &mut Stepper,
        state: &State,
        scaling: &Option<(Vec<f32>, Vec<f32>)>,
        figures: &[Figure],
    ) -> Result<String, TrainError> {
        let plan = self.plan;
        let scores: Vec<String> = figures.iter().map(score).collect();
        let words = Words {
            task: plan.task,
            range: if scaling.is_some() { "" } else { "0-1" },
            recipe: &recipe(plan, state),
            scores: &scores.join("; "),
            licence: &plan.licence,
        };
        // Vectors were scaled; the file takes and gives them as they are.
        let raw = |numbers: &mut [f32]| {
            if let Some((lows, spans)) = scaling {
                let columns = lows.iter().zip(spans).cycle();
                numbers.iter_mut().zip(columns).for_each(|(v, (low, span))| *v = *v * span + low);
            }
        };
        let best = &*self.written(state);
        let folded = scaling.as_ref().and_then(|s| export::unscaled(&plan.net, best, s));
        let parameters = folded.as_deref().unwrap_or(best);
        let bytes = export::onnx(&plan.net, parameters, &export::facts(&plan.net, &words), plan.half);
        let first = First::default();
        let draws = &job.held[..job.held.len().min(CHECKED)];
        let pair = |i: usize| first.or(job.pair(draws[i].0, draws[i].1), &plan.net);
        let net = &plan.net;
        let made = stepper.evaluate(best, draws.len(), &NEVER, pair, |pair, value| {
            (pair.input, value(net.output()), value(net.bottleneck))
        });
        let made = made.unwrap_or_default();
        first.check()?;
        let mut reference = Reference {
            size: plan.net.input,
            input: made.iter().flat_map(|m| m.0.clone()).collect(),
            output: made.iter().flat_map(|m| m.1.clone()).collect(),
            bottleneck: made.iter().flat_map(|m| m.2.clone()).collect(),
        };
        raw(&mut reference.input);
        raw(&mut reference.output);
        // Checked under another name first, so that a wrong file never has the model's.
        let staged = self.store.stage(Path::new(&plan.model), &bytes)?;
        let checked = export::verify(&self.store.staged_path(&staged), &plan.net, &[reference]);
        if let Err(error) = checked {
            self.store.discard(&[staged]);
            return Err(error.into());
        }
        self.outputs.put(staged)?;
        Ok(digest(&bytes))
    }

    /// The draws that sheets show.
    fn shown(&self, job: &Job<'_>) -> Vec<(usize, u64)> {
        if job.plan.net.input.h * job.plan.net.input.w == 1 {
            return vec![];
        }
        let every = (job.held.len() / SHOWN).max(1);
        job.held.iter().step_by(every).take(SHOWN).copied().collect()
    }

    /// Writes the curve and the history, where others stand there.
    fn curve(&self, state: &State) -> Result<(), TrainError> {
        let history = &state.progress.history;
        let series = |f: fn(&super::checkpoint::Past) -> f64| -> Vec<(f64, f64)> {
            history.iter().enumerate().map(|(i, past)| ((i + 1) as f64, f(past))).collect()
        };
        let (train, validation) = (series(|p| p.train), series(|p| p.validation));
        let (first, late) = (self.plan.loss.name(), self.plan.late_loss.name());
        let names = if first == late { first.to_string() } else { format!("{first}, then {late}") };
        let title = format!("{}: loss by epoch ({names})", self.plan.name);
        let svg = curve::svg(&title, &[("training", &train), ("validation", &validation)], true);
        let folder = Path::new(PROGRESS);
        self.outputs.write_other(&folder.join("loss.svg"), svg.as_bytes())?;
        let mut csv = String::from("epoch,train,validation,seconds\n");
        for (i, past) in history.iter().enumerate() {
            csv.push_str(&format!("{},{},{},{:.3}\n", i + 1, past.train, past.validation, past.seconds));
        }
        self.outputs.write_other(&folder.join("history.csv"), csv.as_bytes())?;
        Ok(())
    }

    /// Writes the curve and the sheet of the epoch that is over.
    fn show(
        &self,
        job: &Job<'_>,
        shown: &[(usize, u64)],
        state: &State,
        stepper: &mut Stepper,
    ) -> Result<(), TrainError> {
        self.curve(state)?;
        let history = &state.progress.history;
        let folder = Path::new(PROGRESS);
        if shown.is_empty() {
            return Ok(());
        }
        let first = First::default();
        let net = &self.plan.net;
        let pair = |i: usize| first.or(job.pair(shown[i].0, shown[i].1), net);
        let large = Size::new(net.input.h * net.scale, net.input.w * net.scale, net.input.c);
        let row = |pair: Pair, value: &dyn Fn(usize) -> Vec<f32>| {
            let mut input = picture(&pair.input, net.input);
            if net.scale > 1 {
                input = resize(&input, large.w, large.h, Filter::Nearest);
            }
            vec![input, picture(&value(net.output()), large), picture(&pair.target, large)]
        };
        let rows = stepper.evaluate(state.standing_now(), shown.len(), &NEVER, pair, row).unwrap_or_default();
        first.check()?;
        let image = sheet(&rows, &["input", "output", "clean"]);
        let name = folder.join(format!("epoch_{:04}.png", history.len()));
        let encoded = codec::encode(&image, &Metadata::default(), None, &EncodeOptions::new(Format::Png));
        let encoded = encoded.map_err(|e| TrainError::Data(format!("the sheet can't be made: {e}")))?;
        self.outputs.write(&name, &encoded.bytes)?;
        Ok(())
    }
}

/// An error where the job stands; only an interrupt depends on that.
fn within(state: Option<&State>, error: TrainError) -> TrainError {
    match (state, error) {
        (Some(state), TrainError::Interrupted { .. }) => {
            let (epoch, step) = state.progress.at();
            TrainError::Interrupted { epoch, step }
        }
        (_, error) => error,
    }
}

fn drawing(plan: &TrainPlan) -> Drawing {
    Drawing {
        input: plan.net.input,
        scale: plan.net.scale,
        whole: plan.patch == 0,
        zoom: plan.zoom,
        crop: plan.agree.map(|agreement| agreement.crop),
        augment: plan.augment.clone(),
        rounded: plan.rounded,
        recipe: match &plan.data {
            Data::Pictures { recipe, .. } => recipe.clone(),
            Data::Pairs { .. } | Data::Vectors { .. } => None,
        },
    }
}
