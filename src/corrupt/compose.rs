//! Parsed corruptions resolved, and what is made of several: a choice, a chance, an order, a shipped preset.

use super::corruption::Corruption;
use super::drawn::SEVERITY;
use super::op::{Op, Setting};
use super::registry::CORRUPTIONS;
use crate::spec::{
    Args, Descriptor, Diagnostics, Fallback, Given, Kind, Parameters, Role, StepSpec, Steps, Value, params,
    parse_steps,
};

/// The descriptors of all corruptions and compositions, for the parser.
pub fn descriptors() -> Vec<&'static Descriptor> {
    let compositions = COMPOSITIONS.iter().map(|c| c.descriptor);
    CORRUPTIONS.iter().map(|c| c.descriptor).chain(compositions).collect()
}

/// The kind of a parameter that takes a list of corruptions.
pub const RECIPE: Kind = Kind::Steps { noun: "corruption", registry: descriptors };

/// A registered composition.
pub(super) struct Composition {
    /// Name, documentation and parameters.
    pub descriptor: &'static Descriptor,
    /// Resolves it with what it holds.
    pub build: fn(&Args) -> Result<Op, Diagnostics>,
}

params! {
    /// Parameters of `sequence` and `shuffle`.
    struct All {
        /// The corruptions.
        of: Steps [RECIPE],
    }
}

params! {
    /// Parameters of `one_of`.
    struct OneOf {
        /// The corruptions.
        of: Steps [RECIPE],
        /// A weight for each; equal when absent.
        weights: Given<Option<Vec<f64>>> [Kind::List(&Kind::Float { min: 0.0, max: 1.0e6 })],
    }
}

params! {
    /// Parameters of `maybe`.
    struct Maybe {
        /// The probability.
        probability: f64 [Kind::Float { min: 0.0, max: 1.0 }] = "0.5",
        /// The corruptions.
        of: Steps [RECIPE],
    }
}

/// All of them.
pub(super) static COMPOSITIONS: &[Composition] = &[
    Composition {
        descriptor: &Descriptor {
            name: "one_of",
            version: 1,
            doc: "Applies one corruption of a list, drawn by weight.",
            role: Role::Image,
            params: OneOf::TABLE,
            shorthand: Some("of"),
            example: "- one_of: {of: [gaussian_noise: {sigma: [5, 50]}, shot_noise: {severity: [1, 3]}], weights: [2, 1]}",
        },
        build: |args| one_of(&OneOf::read(args)?),
    },
    Composition {
        descriptor: &Descriptor {
            name: "sequence",
            version: 1,
            doc: "Applies all of a list in order; groups them inside `one_of` or `shuffle`. An empty list does nothing.",
            role: Role::Image,
            params: All::TABLE,
            shorthand: Some("of"),
            example: "- sequence: [gaussian_blur: {sigma: [0.5, 2]}, gaussian_noise: {sigma: 10}]",
        },
        build: |args| Ok(Op::Sequence(ops(&All::read(args)?.of.0)?)),
    },
    Composition {
        descriptor: &Descriptor {
            name: "maybe",
            version: 1,
            doc: "Applies all of a list in order with a probability, or none.",
            role: Role::Image,
            params: Maybe::TABLE,
            shorthand: Some("of"),
            example: "- maybe: {probability: 0.8, of: [jpeg_compression: {quality: [30, 95]}]}",
        },
        build: |args| {
            let Maybe { probability, of } = Maybe::read(args)?;
            Ok(Op::Maybe { probability, ops: ops(&of.0)? })
        },
    },
    Composition {
        descriptor: &Descriptor {
            name: "shuffle",
            version: 1,
            doc: "Applies all of a list in random order.",
            role: Role::Image,
            params: All::TABLE,
            shorthand: Some("of"),
            example: "- shuffle: [gaussian_noise: {sigma: 10}, jpeg_compression: {quality: 50}]",
        },
        build: |args| Ok(Op::Shuffle(ops(&All::read(args)?.of.0)?)),
    },
    Composition {
        descriptor: &Descriptor {
            name: "real_esrgan",
            version: 3,
            doc: "The second-order recipe of Real-ESRGAN x4plus: sharpened, then twice blurred, resized, noisy and \
                  compressed; ends with the target size.",
            role: Role::Image,
            params: &[],
            shorthand: None,
            example: "- real_esrgan",
        },
        build: |_| preset("real_esrgan", include_str!("real_esrgan.yaml")),
    },
    Composition {
        descriptor: &Descriptor {
            name: "old_photo",
            version: 3,
            doc: "A scanned old photograph: slightly blurred, grainy, faded, stained, dusty, scratched and compressed.",
            role: Role::Image,
            params: &[],
            shorthand: None,
            example: "- old_photo",
        },
        build: |_| preset("old_photo", include_str!("old_photo.yaml")),
    },
    Composition {
        descriptor: &Descriptor {
            name: "camera_photo",
            version: 2,
            doc: "A camera's picture: the noise of its sensor at higher sensitivity, little smoothed, perhaps sharpened and \
                  compressed.",
            role: Role::Image,
            params: &[],
            shorthand: None,
            example: "- camera_photo",
        },
        build: |_| preset("camera_photo", include_str!("camera_photo.yaml")),
    },
    Composition {
        descriptor: &Descriptor {
            name: "phone_photo",
            version: 2,
            doc: "A telephone's picture: the noise of a small sensor, smoothed and sharpened again by the telephone, \
                  compressed.",
            role: Role::Image,
            params: &[],
            shorthand: None,
            example: "- phone_photo",
        },
        build: |_| preset("phone_photo", include_str!("phone_photo.yaml")),
    },
    Composition {
        descriptor: &Descriptor {
            name: "scan",
            version: 2,
            doc: "A scan of film or of a print: grain, gray or in colour, what the scanner adds, perhaps sharpened and \
                  compressed.",
            role: Role::Image,
            params: &[],
            shorthand: None,
            example: "- scan",
        },
        build: |_| preset("scan", include_str!("scan.yaml")),
    },
];

fn one_of(OneOf { of, weights }: &OneOf) -> Result<Op, Diagnostics> {
    let count = of.0.len();
    let mut mistakes = Vec::new();
    let list = (**weights).clone().unwrap_or_else(|| vec![1.0; count]);
    if list.len() != count || list.iter().sum::<f64>() <= 0.0 {
        let message = format!("`one_of` has {count} corruptions and {} weights", list.len());
        mistakes.push(weights.error(message, Some("give each a weight, at least one above 0".to_string())));
    }
    match ops(&of.0) {
        Ok(ops) if mistakes.is_empty() => Ok(Op::OneOf { ops, weights: list }),
        Ok(_) => Err(Diagnostics::new(mistakes)),
        Err(found) => Err(found.with(mistakes)),
    }
}

/// A shipped recipe, as YAML.
fn preset(name: &str, text: &str) -> Result<Op, Diagnostics> {
    Ok(Op::Sequence(ops(&parse_steps(text, name, &descriptors())?)?))
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
            Some(Value::Span(low, high)) => low.number().zip(high.number()).map(|(low, high)| {
                Setting::Number { low, high, whole: matches!(param.kind, Kind::Span(Kind::Int { .. })) }
            }),
            Some(Value::List(words)) if words.is_empty() => {
                let message = format!("`{}` is an empty list, from which nothing can be drawn", param.name);
                mistakes.push(args.place_of(param).error(message, Some("name one word or several".into())));
                continue;
            }
            Some(Value::List(words)) => {
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
fn whole(value: &Value) -> Option<(i64, i64)> {
    match value {
        Value::Span(low, high) => match (&**low, &**high) {
            (Value::Int(low), Value::Int(high)) => Some((*low, *high)),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::scene;
    use super::*;
    use crate::corrupt::{Context, Recipe};
    use crate::random::Rng;

    #[test]
    fn presets_are_sound_at_any_size() {
        for name in COMPOSITIONS.iter().map(|c| c.descriptor).filter(|d| d.params.is_empty()).map(|d| d.name)
        {
            let recipe =
                Recipe::parse(&format!("- {name}")).unwrap_or_else(|e| panic!("{name}: {}", e.render()));
            for (seed, (width, height)) in
                [(1, 1), (1, 9), (6, 5), (37, 52), (96, 64)].into_iter().cycle().take(60).enumerate()
            {
                let mut frame = scene(width, height);
                let clean = (width, height);
                let target =
                    if name == "real_esrgan" { (width.div_ceil(4), height.div_ceil(4)) } else { clean };
                let mut context = Context { rng: Rng::new(seed as u64), clean, target };
                let log = recipe.apply(&mut frame, &mut context).unwrap();
                assert!(log.len() >= 2 && (frame.width, frame.height) == target, "{name} {log:?}");
            }
        }
    }
}
