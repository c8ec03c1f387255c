//! A recipe: parsed corruptions resolved, and their application to a picture.

use super::{CORRUPTIONS, Corruption, Frame, SEVERITY, compose};
use crate::random::Rng;
use crate::spec::{self, Args, Diagnostic, Diagnostics, Fallback, Kind, StepSpec, Value};
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

/// The values drawn for one application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawn {
    severity: Option<i64>,
    numbers: Vec<(&'static str, f64)>,
    words: Vec<(&'static str, String)>,
}

impl Drawn {
    /// A number by the name of its parameter.
    pub fn number(&self, name: &str) -> f64 {
        let found = self.numbers.iter().find(|(known, _)| *known == name);
        debug_assert!(found.is_some(), "no number {name}");
        found.map_or(0.0, |(_, value)| *value)
    }

    /// A number that is whole and not negative.
    pub fn whole(&self, name: &str) -> usize {
        self.number(name) as usize
    }

    /// A word by the name of its parameter.
    pub fn word(&self, name: &str) -> &str {
        let found = self.words.iter().find(|(known, _)| *known == name);
        debug_assert!(found.is_some(), "no word {name}");
        found.map_or("", |(_, word)| word)
    }
}

/// One corruption that was applied, with what was drawn for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// Its name.
    pub name: &'static str,
    /// Its values.
    pub drawn: Drawn,
}

impl Applied {
    /// As JSON: `{"corruption": "gaussian_noise", "severity": 3, "sigma": 45.9}`.
    pub fn json(&self) -> serde_json::Value {
        let mut map = Map::new();
        map.insert("corruption".into(), json!(self.name));
        map.extend(self.drawn.severity.map(|s| ("severity".to_string(), json!(s))));
        map.extend(self.drawn.numbers.iter().map(|(name, v)| ((*name).to_string(), json!(v))));
        map.extend(self.drawn.words.iter().map(|(name, w)| ((*name).to_string(), json!(w))));
        serde_json::Value::Object(map)
    }
}

/// Where a value of one application comes from.
#[derive(Clone, Debug)]
enum Setting {
    /// Drawn uniformly.
    Number { low: f64, high: f64, whole: bool },
    /// Column of the table of severities.
    Constant(usize),
    /// Drawn from these.
    Word(Vec<String>),
}

#[derive(Clone, Debug)]
enum Op {
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
    pub fn build(steps: &[StepSpec]) -> Result<Recipe, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let ops = ops(steps, &mut errors);
        if errors.is_empty() { Ok(Recipe(ops)) } else { Err(errors) }
    }

    /// Reads a YAML list of corruptions.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(text: &str) -> Result<Recipe, Diagnostics> {
        let steps = spec::parse_steps(text, "recipe", &super::descriptors())?;
        Recipe::build(&steps).map_err(Diagnostics::new)
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

fn ops(steps: &[StepSpec], errors: &mut Vec<Diagnostic>) -> Vec<Op> {
    steps.iter().filter_map(|step| op(step, errors)).collect()
}

fn op(step: &StepSpec, errors: &mut Vec<Diagnostic>) -> Option<Op> {
    let (name, args) = (step.descriptor.name, &step.args);
    if let Some(corruption) = CORRUPTIONS.iter().find(|c| c.descriptor.name == name) {
        return Some(leaf(corruption, args));
    }
    if let Some(preset) = compose::preset(name) {
        return match spec::parse_steps(preset, name, &super::descriptors()) {
            Ok(steps) => Some(Op::Sequence(ops(&steps, errors))),
            // A defect of ours, which a test of all presets finds.
            Err(mistakes) => {
                errors.extend(mistakes.iter().cloned());
                None
            }
        };
    }
    let inner = ops(args.steps("of").unwrap_or_default(), errors);
    Some(match name {
        "one_of" => {
            let weights = match args.list("weights") {
                Some(weights) => weights.iter().filter_map(|w| w.value.number()).collect(),
                None => vec![1.0; inner.len()],
            };
            let count = args.steps("of").map_or(0, <[StepSpec]>::len);
            if weights.len() != count || weights.iter().sum::<f64>() <= 0.0 {
                let message = format!("`one_of` has {count} corruptions and {} weights", weights.len());
                let help = "give each a weight, at least one above 0".to_string();
                errors.push(args.error("weights", message, Some(help)));
            }
            Op::OneOf { ops: inner, weights }
        }
        "maybe" => Op::Maybe { probability: args.float("probability").unwrap_or(1.0), ops: inner },
        "shuffle" => Op::Shuffle(inner),
        _ => Op::Sequence(inner),
    })
}

fn leaf(corruption: &'static Corruption, args: &Args) -> Op {
    let mut settings = Vec::new();
    let mut column = 0;
    for param in corruption.descriptor.params.iter().filter(|p| p.name != SEVERITY.name) {
        let constant = matches!((param.kind, param.fallback), (Kind::Span(_), Fallback::Unset));
        let setting = match args.get(param.name).map(|a| &a.value) {
            Some(Value::Span(low, high)) => low.number().zip(high.number()).map(|(low, high)| {
                Setting::Number { low, high, whole: matches!(param.kind, Kind::Span(Kind::Int { .. })) }
            }),
            Some(Value::List(words)) => {
                Some(Setting::Word(words.iter().filter_map(|w| w.value.text()).map(str::to_string).collect()))
            }
            _ => constant.then_some(Setting::Constant(column)),
        };
        settings.extend(setting.map(|s| (param.name, s)));
        column += usize::from(constant);
    }
    Op::Leaf { corruption, severity: args.int_span(SEVERITY.name), settings }
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
) -> Drawn {
    let needed = settings.iter().any(|(_, s)| matches!(s, Setting::Constant(_)));
    let severity = needed.then(|| severity.unwrap_or((1, 5))).map(|(low, high)| rng.int(low, high));
    let row = severity.and_then(|s| corruption.severities.get(s as usize - 1)).copied().unwrap_or_default();
    let mut drawn = Drawn { severity, ..Drawn::default() };
    for (name, setting) in settings {
        match setting {
            Setting::Number { low, high, whole: true } => {
                drawn.numbers.push((name, rng.int(*low as i64, *high as i64) as f64));
            }
            Setting::Number { low, high, whole: false } => {
                drawn.numbers.push((name, rng.uniform(*low, *high)))
            }
            Setting::Constant(column) => drawn.numbers.push((name, row.get(*column).copied().unwrap_or(0.0))),
            Setting::Word(words) if words.is_empty() => {}
            Setting::Word(words) => drawn.words.push((name, words[rng.index(words.len())].clone())),
        }
    }
    drawn
}
