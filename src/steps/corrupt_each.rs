//! `corrupt_each`: a picture at every severity of every corruption, as ImageNet-C is made.

use super::corrupt;
use crate::columns::{Column, ColumnType, Value};
use crate::corrupt::Recipe;
use crate::error::ItemError;
use crate::pipeline::{Action, Build, Built, Chance, ManyStep, Pieces, Sample, Shape};
use crate::spec::{Descriptor, Diagnostics, Given, Kind, Parameters, Role, Words, params};

/// ImageNet-C's 15 common corruptions, in its order.
pub(super) const COMMON: [&str; 15] = [
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
];
/// Its four for validation.
pub(super) const VALIDATION: [&str; 4] = ["speckle_noise", "gaussian_blur", "spatter", "saturate"];

/// Groups, then every corruption with severities.
const CHOICES: [&str; 22] = {
    let mut all = [""; 22];
    let (groups, names) = all.split_at_mut(3);
    groups.copy_from_slice(&["all", "common", "validation"]);
    let (common, validation) = names.split_at_mut(COMMON.len());
    common.copy_from_slice(&COMMON);
    validation.copy_from_slice(&VALIDATION);
    all
};

/// A word of `corruptions`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    All,
    Common,
    Validation,
    One(&'static str),
}

impl Words for Which {
    const WORDS: &'static [&'static str] = &CHOICES;

    fn of_word(word: &str) -> Option<Which> {
        Some(match word {
            "all" => Which::All,
            "common" => Which::Common,
            "validation" => Which::Validation,
            name => Which::One(COMMON.iter().chain(&VALIDATION).find(|known| **known == name)?),
        })
    }
}

params! {
    /// Parameters of `corrupt_each`.
    pub(super) struct Params {
        /// Which; `common` is ImageNet-C's 15, `validation` its other four, `all` the 19.
        corruptions: Given<Vec<Which>> = "[all]",
        /// At which severities.
        severities: Vec<i64> [Kind::List(&Kind::Int { min: 1, max: 5 })] = "[1, 2, 3, 4, 5]",
    }
}

/// Name, documentation and parameters.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    name: "corrupt_each",
    version: 3,
    doc: "Makes one sample for every corruption at every severity, with the clean picture as reference, and the \
          columns `corruption`, `severity`, `parameters` and `seed`. `write` puts them into folders such as \
          `gaussian_noise/3`.",
    role: Role::Many,
    params: Params::TABLE,
    shorthand: Some("corruptions"),
    example: "- corrupt_each: {corruptions: [common], severities: [1, 3, 5]}",
};

#[derive(Debug)]
struct Variant {
    name: &'static str,
    severity: i64,
    number: u32,
    recipe: Recipe,
}

#[derive(Debug)]
struct CorruptEach {
    variants: Vec<Variant>,
    chance: Chance,
}

/// Compiles the step.
pub(super) fn build(params: Params, build: &mut Build<'_>) -> Result<Built, Diagnostics> {
    let Params { corruptions, severities } = params;
    let names = corruptions.iter().flat_map(|which| match which {
        Which::All => COMMON.iter().chain(&VALIDATION).copied().collect(),
        Which::Common => COMMON.to_vec(),
        Which::Validation => VALIDATION.to_vec(),
        Which::One(name) => vec![*name],
    });
    let mut variants: Vec<Variant> = Vec::new();
    for name in names {
        for &severity in &severities {
            let recipe = Recipe::parse(&format!("- {name}: {{severity: {severity}}}"))?;
            variants.push(Variant { name, severity, number: number(name, severity), recipe });
        }
    }
    let mut unique: Vec<u32> = variants.iter().map(|v| v.number).collect();
    unique.sort_unstable();
    unique.dedup();
    if variants.is_empty() || unique.len() < variants.len() {
        let given = if severities.is_empty() || corruptions.is_empty() {
            "nothing to make"
        } else {
            "one is named twice"
        };
        return Err(corruptions.error(given, None).into());
    }
    Ok(Built::from(Action::Many(Box::new(CorruptEach { variants, chance: build.chance() }))))
}

/// A number that stays the same whatever else is in the list.
fn number(name: &str, severity: i64) -> u32 {
    let mut short = [0; 4];
    short.copy_from_slice(&blake3::hash(format!("{name} {severity}").as_bytes()).as_bytes()[..4]);
    u32::from_le_bytes(short)
}

impl ManyStep for CorruptEach {
    fn split(&self, sample: Sample) -> Result<Pieces<'_>, ItemError> {
        Ok(Box::new(self.variants.iter().map(move |variant| {
            let mut piece = sample.clone();
            piece.place.numbers.push(variant.number);
            piece.place.variant.extend([variant.name.to_string(), variant.severity.to_string()]);
            let seed = self.chance.seed(&piece);
            let applied = corrupt::corrupt(&mut piece, &variant.recipe, (1, false), seed)?;
            let mut row = corrupt::row(&applied, seed);
            row.insert(1, Value::Int(variant.severity));
            Ok((piece, row))
        })))
    }

    fn columns(&self) -> Vec<Column> {
        let mut columns = corrupt::columns("");
        columns.insert(1, Column::new("severity", ColumnType::Int));
        columns
    }

    fn keeps_reference(&self) -> bool {
        true
    }

    fn shape(&self, shape: Shape) -> Shape {
        shape
    }

    fn count(&self, _shape: Shape) -> u64 {
        self.variants.len() as u64
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        shape.bytes() + corrupt::working_bytes(shape, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corrupt::CORRUPTIONS;

    #[test]
    fn the_choices_are_the_groups_and_all_with_severities() {
        let mut known: Vec<&str> = CORRUPTIONS
            .iter()
            .filter(|c| !c.severities.is_empty())
            .map(|c| c.descriptor.name)
            .chain(["all", "common", "validation"])
            .collect();
        let mut choices = CHOICES.to_vec();
        known.sort_unstable();
        choices.sort_unstable();
        assert_eq!(known, choices);
        assert!(CHOICES.iter().all(|word| Which::of_word(word).is_some()));
    }
}
