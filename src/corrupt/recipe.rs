//! A recipe: parsed corruptions resolved, and their application to a picture.

use super::compose::COMPOSITIONS;
use super::drawn::{Value, Values};
use super::{CORRUPTIONS, Corruption, Frame, RECIPE, SEVERITY};
use crate::random::Rng;
use crate::spec::{self, Args, Diagnostics, Fallback, Field, Kind, Place, StepSpec, Value as Checked};
use serde_json::{Map, json};

/// What a corruption may use beside the picture.
#[derive(Debug)]
pub struct Context {
    /// Its only source of chance.
    pub rng: Rng,
    /// Size of the picture before the recipe.
    pub clean: (usize, usize),
    /// Size the picture is to have in the end, for recipes that make it smaller.
    pub target: (usize, usize),
}

/// One corruption that was applied, with what was drawn for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub drawn: Values,
}

impl Applied {
    /// As JSON: `{"corruption": "gaussian_noise", "severity": 3, "sigma": 45.9}`.
    pub fn json(&self) -> serde_json::Value {
        let mut map = Map::new();
        map.insert("corruption".into(), json!(self.name));
        map.extend(self.drawn.severity.map(|s| ("severity".to_string(), json!(s))));
        map.extend(self.drawn.list.iter().map(|(name, value)| {
            let value = match value {
                Value::Number(number) => json!(number),
                Value::Word(word) => json!(word),
            };
            ((*name).to_string(), value)
        }));
        serde_json::Value::Object(map)
    }
}

/// Where a value of one application comes from.
#[derive(Clone, Debug)]
pub(super) enum Setting {
    /// Drawn uniformly.
    Number { low: f64, high: f64, whole: bool },
    /// Column of the table of severities.
    Constant(usize),
    /// Drawn from these.
    Word(Vec<String>),
}

/// A part of a recipe.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Leaf {
        corruption: &'static Corruption,
        severity: Option<(i64, i64)>,
        settings: Vec<(&'static str, Setting)>,
    },
    Sequence(Vec<Op>),
    OneOf {
        ops: Vec<Op>,
        weights: Vec<f64>,
    },
    Maybe {
        probability: f64,
        ops: Vec<Op>,
    },
    Shuffle(Vec<Op>),
}

/// Corruptions to apply in order.
#[derive(Clone, Debug)]
pub struct Recipe(Vec<Op>);

impl Recipe {
    /// Resolves parsed corruptions.
    ///
    /// # Errors
    /// Every mistake that single parameters don't show.
    pub fn build(steps: &[StepSpec]) -> Result<Recipe, Diagnostics> {
        ops(steps).map(Recipe)
    }

    /// Reads a YAML list of corruptions.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(text: &str) -> Result<Recipe, Diagnostics> {
        let steps = spec::parse_steps(text, "recipe", &super::descriptors())?;
        Recipe::build(&steps)
    }

    /// How many times the pixels of the picture its larger forms on the way may have.
    pub fn growth(&self) -> u64 {
        // `rescale` refuses more.
        if self.uses("rescale") { 4 } else { 1 }
    }

    /// Whether a corruption of this name stands anywhere in it.
    pub fn uses(&self, name: &str) -> bool {
        fn any(ops: &[Op], name: &str) -> bool {
            ops.iter().any(|op| match op {
                Op::Leaf { corruption, .. } => corruption.descriptor.name == name,
                Op::Sequence(ops) | Op::OneOf { ops, .. } | Op::Maybe { ops, .. } | Op::Shuffle(ops) => {
                    any(ops, name)
                }
            })
        }
        any(&self.0, name)
    }

    /// Applies all to the picture; gives what was applied, in order. Values stay within \[0, 1\].
    ///
    /// # Errors
    /// In words, when one can't work on this picture.
    pub fn apply(&self, frame: &mut Frame, context: &mut Context) -> Result<Vec<Applied>, String> {
        let log = self.apply_open(frame, context)?;
        if !log.is_empty() {
            frame.clamp();
        }
        Ok(log)
    }

    /// The same, but what the last corruption made is left as it is: noise may leave \[0, 1\].
    ///
    /// # Errors
    /// As [`Recipe::apply`].
    pub fn apply_open(&self, frame: &mut Frame, context: &mut Context) -> Result<Vec<Applied>, String> {
        let mut log = Vec::new();
        run_all(&self.0, frame, context, &mut log)?;
        Ok(log)
    }
}

impl Field for Recipe {
    const HOLDS: Kind = RECIPE;

    fn of(value: Option<&Checked>, place: &Place) -> Result<Recipe, Diagnostics> {
        match value {
            Some(Checked::Steps(steps)) => Recipe::build(steps),
            _ => Err(place.defect()),
        }
    }
}

/// Each corruption resolved, or the mistakes of all.
pub(super) fn ops(steps: &[StepSpec]) -> Result<Vec<Op>, Diagnostics> {
    let (mut ops, mut mistakes) = (Vec::new(), Vec::new());
    for step in steps {
        match op(step) {
            Ok(op) => ops.push(op),
            Err(found) => mistakes.extend(found.iter().cloned()),
        }
    }
    if mistakes.is_empty() { Ok(ops) } else { Err(Diagnostics::new(mistakes)) }
}

fn op(step: &StepSpec) -> Result<Op, Diagnostics> {
    let (name, args) = (step.descriptor.name, &step.args);
    if let Some(corruption) = CORRUPTIONS.iter().find(|c| c.descriptor.name == name) {
        return leaf(corruption, args);
    }
    match COMPOSITIONS.iter().find(|c| c.descriptor.name == name) {
        Some(composition) => (composition.build)(args),
        None => Err(args.own_place().defect()),
    }
}

fn leaf(corruption: &'static Corruption, args: &Args) -> Result<Op, Diagnostics> {
    let (mut settings, mut mistakes) = (Vec::new(), Vec::new());
    let (mut severity, mut column) = (None, 0);
    for param in corruption.descriptor.params {
        let value = args.of(param).map(|arg| &arg.value);
        if param.name == SEVERITY.name {
            severity = value.and_then(whole);
            continue;
        }
        let constant = matches!(param.fallback, Fallback::Unset);
        let setting = match value {
            Some(Checked::Span(low, high)) => low.number().zip(high.number()).map(|(low, high)| {
                Setting::Number { low, high, whole: matches!(param.kind, Kind::Span(Kind::Int { .. })) }
            }),
            Some(Checked::List(words)) if words.is_empty() => {
                let message = format!("`{}` is an empty list, from which nothing can be drawn", param.name);
                mistakes.push(args.place_of(param).error(message, Some("name one word or several".into())));
                continue;
            }
            Some(Checked::List(words)) => {
                Some(Setting::Word(words.iter().filter_map(|w| w.value.text()).map(str::to_string).collect()))
            }
            _ => constant.then_some(Setting::Constant(column)),
        };
        match setting {
            Some(setting) => settings.push((param.name, setting)),
            None => mistakes.extend(args.place_of(param).defect().iter().cloned()),
        }
        column += usize::from(constant);
    }
    if mistakes.is_empty() {
        Ok(Op::Leaf { corruption, severity, settings })
    } else {
        Err(Diagnostics::new(mistakes))
    }
}

/// A span of whole numbers.
fn whole(value: &Checked) -> Option<(i64, i64)> {
    match value {
        Checked::Span(low, high) => match (&**low, &**high) {
            (Checked::Int(low), Checked::Int(high)) => Some((*low, *high)),
            _ => None,
        },
        _ => None,
    }
}

fn run_all(
    ops: &[Op],
    frame: &mut Frame,
    context: &mut Context,
    log: &mut Vec<Applied>,
) -> Result<(), String> {
    ops.iter().try_for_each(|op| run(op, frame, context, log))
}

fn run(op: &Op, frame: &mut Frame, context: &mut Context, log: &mut Vec<Applied>) -> Result<(), String> {
    match op {
        Op::Leaf { corruption, severity, settings } => {
            let drawn = draw(corruption, *severity, settings, &mut context.rng);
            if !log.is_empty() {
                frame.clamp();
            }
            (corruption.apply)(frame, &drawn, context)
                .map_err(|e| format!("{}: {e}", corruption.descriptor.name))?;
            log.push(Applied { name: corruption.descriptor.name, drawn });
            Ok(())
        }
        Op::Sequence(ops) => run_all(ops, frame, context, log),
        Op::OneOf { ops, weights } => {
            let mut left = context.rng.unit() * weights.iter().sum::<f64>();
            let chosen = ops.iter().zip(weights).find(|(_, weight)| {
                left -= **weight;
                left < 0.0
            });
            chosen.map_or(Ok(()), |(op, _)| run(op, frame, context, log))
        }
        Op::Maybe { probability, ops } => {
            if context.rng.chance(*probability) {
                run_all(ops, frame, context, log)
            } else {
                Ok(())
            }
        }
        Op::Shuffle(ops) => {
            let mut order: Vec<&Op> = ops.iter().collect();
            context.rng.shuffle(&mut order);
            order.into_iter().try_for_each(|op| run(op, frame, context, log))
        }
    }
}

/// Draws the values of one application, in the order of the parameters.
fn draw(
    corruption: &Corruption,
    severity: Option<(i64, i64)>,
    settings: &[(&'static str, Setting)],
    rng: &mut Rng,
) -> Values {
    let needed = settings.iter().any(|(_, s)| matches!(s, Setting::Constant(_)));
    let severity = needed.then(|| severity.unwrap_or((1, 5))).map(|(low, high)| rng.int(low, high));
    let row = severity.and_then(|s| corruption.severities.get(s as usize - 1)).copied().unwrap_or_default();
    let mut draw = |setting: &Setting| match setting {
        Setting::Number { low, high, whole: true } => {
            Value::Number(rng.int(*low as i64, *high as i64) as f64)
        }
        Setting::Number { low, high, whole: false } => Value::Number(rng.uniform(*low, *high)),
        Setting::Constant(column) => Value::Number(row.get(*column).copied().unwrap_or(0.0)),
        Setting::Word(words) => Value::Word(words[rng.index(words.len())].clone()),
    };
    let list = settings.iter().map(|(name, setting)| (*name, draw(setting))).collect();
    Values { severity, list }
}
