//! Parts of a recipe, and their application.

use super::corruption::{Context, Corruption};
use super::drawn::{Value, Values};
use super::error::RecipeError;
use super::frame::Frame;
use crate::random::Rng;
use serde_json::{Map, json};

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

pub(super) fn run_all(
    ops: &[Op],
    frame: &mut Frame,
    context: &mut Context,
    log: &mut Vec<Applied>,
) -> Result<(), RecipeError> {
    ops.iter().try_for_each(|op| run(op, frame, context, log))
}

fn run(op: &Op, frame: &mut Frame, context: &mut Context, log: &mut Vec<Applied>) -> Result<(), RecipeError> {
    match op {
        Op::Leaf { corruption, severity, settings } => {
            let drawn = draw(corruption, *severity, settings, &mut context.rng);
            if !log.is_empty() {
                frame.clamp();
            }
            let name = corruption.descriptor.name;
            (corruption.apply)(frame, &drawn, context)
                .map_err(|source| RecipeError { corruption: name, source })?;
            log.push(Applied { name, drawn });
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
