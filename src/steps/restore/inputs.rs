//! What a network takes beside the picture: numbers and expressions by the names of its inputs.

use crate::expr::Wanted;
use crate::pipeline::{Build, Formula, Sample};
use crate::spec::{Diagnostics, ExpressionText, Given, NamedExpressions};
use std::path::PathBuf;

/// The word for a picture's alpha.
const ALPHA: &str = "alpha";

type Inputs = Given<Option<NamedExpressions>>;

/// One number.
#[derive(Debug)]
enum Level {
    Fixed(f32),
    Of(Formula),
}

/// Numbers in the network's order.
#[derive(Debug)]
pub(super) struct Levels(Vec<Level>);

fn find<'a>(inputs: &'a Inputs, name: &str) -> Option<&'a Given<ExpressionText>> {
    let NamedExpressions(entries) = (**inputs).as_ref()?;
    entries.iter().find(|(known, _)| known == name).map(|(_, text)| text)
}

/// Whether the channel behind the colours, called `name`, is said to be the picture's alpha; none where nothing is said.
pub(super) fn alpha(name: &Option<String>, inputs: &Inputs) -> Option<bool> {
    find(inputs, name.as_deref()?).map(|text| text.0.trim() == ALPHA)
}

impl Levels {
    /// Compiles what is given for the inputs `names` of `model`. `alpha` is what is said of the channel behind the
    /// colours.
    ///
    /// # Errors
    /// For names that are missing or not the model's, and for mistakes in expressions.
    pub(super) fn new(
        names: &[String],
        alpha: Option<bool>,
        inputs: &Inputs,
        model: &Given<PathBuf>,
        build: &mut Build<'_>,
    ) -> Result<Levels, Diagnostics> {
        let mut mistakes = Vec::new();
        for (name, text) in (**inputs).iter().flat_map(|given| &given.0) {
            let is_alpha = alpha == Some(true) && text.0.trim() == ALPHA;
            if !names.contains(name) && !is_alpha {
                let help = match names {
                    [] => "it takes the picture alone; leave this out".to_string(),
                    names => format!("it takes {} beside the picture", listed(names)),
                };
                mistakes.push(text.error(format!("the model has no input {name:?}"), Some(help)));
            }
        }
        let missing: Vec<String> =
            names.iter().filter(|name| find(inputs, name).is_none()).cloned().collect();
        if !missing.is_empty() {
            let message = format!("the model takes {} beside the picture", listed(&missing));
            let entries: Vec<String> =
                missing.iter().map(|name| format!("{name}: {}", example(name))).collect();
            let help = format!(
                "say what goes in there, in the network's own numbers: a number or an expression, for example \
                 `inputs: {{{}}}`{}",
                entries.join(", "),
                if missing.iter().any(|name| name.starts_with("channel_")) {
                    "; a channel behind the colours may also be `alpha`"
                } else {
                    ""
                }
            );
            mistakes.push(match inputs.is_given() {
                true => inputs.error(message, Some(help)),
                false => model.error(message, Some(help)),
            });
        }
        if alpha == Some(true) {
            build.follows("inputs: alpha");
        }
        let mut levels = Vec::new();
        for name in names {
            let Some(text) = find(inputs, name) else { continue };
            match Level::new(name, text, build) {
                Ok(level) => levels.push(level),
                Err(found) => mistakes.extend(found.iter().cloned()),
            }
        }
        if mistakes.is_empty() { Ok(Levels(levels)) } else { Err(Diagnostics::new(mistakes)) }
    }

    /// Those of a picture; none where an expression has no value for it.
    pub(super) fn of(&self, sample: &Sample) -> Option<Vec<f32>> {
        self.0.iter().map(|level| level.of(sample)).collect()
    }

    /// Whether they are the same for every picture.
    pub(super) fn are_fixed(&self) -> bool {
        self.0.iter().all(|level| matches!(level, Level::Fixed(_)))
    }
}

impl Level {
    fn new(name: &str, text: &Given<ExpressionText>, build: &mut Build<'_>) -> Result<Level, Diagnostics> {
        match text.0.trim().parse::<f64>() {
            Ok(number) if (number as f32).is_finite() => {
                build.follows(&format!("inputs: {name}={number}"));
                Ok(Level::Fixed(number as f32))
            }
            Ok(number) => {
                Err(text.error(format!("an input is a finite number, found {number}"), None).into())
            }
            Err(_) => {
                build.follows(&format!("inputs: {name}"));
                Ok(Level::Of(build.formula(&text.with(text.0.clone()), Wanted::Number)?))
            }
        }
    }

    fn of(&self, sample: &Sample) -> Option<f32> {
        match self {
            Level::Fixed(number) => Some(*number),
            Level::Of(formula) => formula.number(sample).map(|v| v as f32).filter(|v| v.is_finite()),
        }
    }
}

fn listed(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

/// What might be meant by a name.
fn example(name: &str) -> &'static str {
    let noise = ["sigma", "noise", "level", "channel"].iter().any(|word| name.to_lowercase().contains(word));
    if noise { "noise_sigma / 255" } else { "1" }
}
