//! `corrupt_each`: a picture at every severity of every corruption, as ImageNet-C is made.

use super::corrupt;
use crate::columns::{Column, ColumnType, Value};
use crate::corrupt::{CORRUPTIONS, Recipe};
use crate::error::ItemError;
use crate::pipeline::{Action, Build, Built, Chance, ManyStep, Pieces, Sample, Shape};
use crate::spec::{Args, Descriptor, Fallback, Kind, Param, Role};

/// ImageNet-C's 15 common corruptions, in its order.
pub const COMMON: [&str; 15] = [
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
pub const VALIDATION: [&str; 4] = ["speckle_noise", "gaussian_blur", "spatter", "saturate"];

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

/// Name, documentation and parameters.
pub static DESCRIPTOR: Descriptor = Descriptor {
    name: "corrupt_each",
    doc: "Makes one sample for every corruption at every severity, with the clean picture as reference, and the \
          columns `corruption`, `severity`, `parameters` and `seed`. `write` puts them into folders such as \
          `gaussian_noise/3`.",
    role: Role::Many,
    params: &[
        Param {
            name: "corruptions",
            kind: Kind::List(&Kind::Choice(&CHOICES)),
            fallback: Fallback::Yaml("[all]"),
            doc: "Which; `common` is ImageNet-C's 15, `validation` its other four, `all` the 19.",
        },
        Param {
            name: "severities",
            kind: Kind::List(&Kind::Int { min: 1, max: 5 }),
            fallback: Fallback::Yaml("[1, 2, 3, 4, 5]"),
            doc: "At which severities.",
        },
    ],
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
pub fn build(args: &Args, build: &mut Build<'_>) -> Option<Built> {
    let words = args.texts("corruptions")?;
    let names = words.iter().flat_map(|word| match *word {
        "all" => COMMON.iter().chain(&VALIDATION).copied().collect(),
        "common" => COMMON.to_vec(),
        "validation" => VALIDATION.to_vec(),
        name => vec![name],
    });
    let severities: Vec<i64> =
        args.list("severities")?.iter().filter_map(|s| s.value.number()).map(|s| s as i64).collect();
    let mut variants: Vec<Variant> = Vec::new();
    for name in names {
        let name = CORRUPTIONS.iter().map(|c| c.descriptor.name).find(|known| *known == name)?;
        for &severity in &severities {
            let recipe = match Recipe::parse(&format!("- {name}: {{severity: {severity}}}")) {
                Ok(recipe) => recipe,
                Err(mistakes) => {
                    build.errors(mistakes.iter().cloned().collect());
                    return None;
                }
            };
            variants.push(Variant { name, severity, number: number(name, severity), recipe });
        }
    }
    let mut unique: Vec<u32> = variants.iter().map(|v| v.number).collect();
    unique.sort_unstable();
    unique.dedup();
    if variants.is_empty() || unique.len() < variants.len() {
        let given =
            if severities.is_empty() || words.is_empty() { "nothing to make" } else { "one is named twice" };
        build.error(args, "corruptions", given, None);
        return None;
    }
    Some(Built::from(Action::Many(Box::new(CorruptEach { variants, chance: build.chance() }))))
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
            let applied = corrupt::corrupt(&mut piece, &variant.recipe, 1, seed)?;
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
    }
}
