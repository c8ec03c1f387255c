//! Corruptions made of corruptions: a choice, a chance, an order, a shipped preset.

use super::RECIPE;
use crate::spec::{Descriptor, Fallback, Kind, Param, Role};

const OF: Param = Param { name: "of", kind: RECIPE, fallback: Fallback::Required, doc: "The corruptions." };

pub(super) static ONE_OF: Descriptor = Descriptor {
    name: "one_of",
    doc: "Applies one corruption of a list, drawn by weight.",
    role: Role::Image,
    params: &[
        OF,
        Param {
            name: "weights",
            kind: Kind::List(&Kind::Float { min: 0.0, max: 1.0e6 }),
            fallback: Fallback::Unset,
            doc: "A weight for each; equal when absent.",
        },
    ],
    shorthand: Some("of"),
    example: "- one_of: {of: [gaussian_noise: {sigma: [5, 50]}, shot_noise: {severity: [1, 3]}], weights: [2, 1]}",
};

pub(super) static SEQUENCE: Descriptor = Descriptor {
    name: "sequence",
    doc: "Applies all of a list in order; groups them inside `one_of` or `shuffle`. An empty list does nothing.",
    role: Role::Image,
    params: &[OF],
    shorthand: Some("of"),
    example: "- sequence: [gaussian_blur: {sigma: [0.5, 2]}, gaussian_noise: {sigma: 10}]",
};

pub(super) static MAYBE: Descriptor = Descriptor {
    name: "maybe",
    doc: "Applies all of a list in order with a probability, or none.",
    role: Role::Image,
    params: &[
        Param {
            name: "probability",
            kind: Kind::Float { min: 0.0, max: 1.0 },
            fallback: Fallback::Yaml("0.5"),
            doc: "The probability.",
        },
        OF,
    ],
    shorthand: Some("of"),
    example: "- maybe: {probability: 0.8, of: [jpeg_compression: {quality: [30, 95]}]}",
};

pub(super) static SHUFFLE: Descriptor = Descriptor {
    name: "shuffle",
    doc: "Applies all of a list in random order.",
    role: Role::Image,
    params: &[OF],
    shorthand: Some("of"),
    example: "- shuffle: [gaussian_noise: {sigma: 10}, jpeg_compression: {quality: 50}]",
};

pub(super) static REAL_ESRGAN: Descriptor = Descriptor {
    name: "real_esrgan",
    doc: "The second-order recipe of Real-ESRGAN x4plus: sharpened, then twice blurred, resized, noisy and \
          compressed; ends with the target size.",
    role: Role::Image,
    params: &[],
    shorthand: None,
    example: "- real_esrgan",
};

pub(super) static OLD_PHOTO: Descriptor = Descriptor {
    name: "old_photo",
    doc: "A scanned old photograph: slightly blurred, grainy, faded, stained, dusty, scratched and compressed.",
    role: Role::Image,
    params: &[],
    shorthand: None,
    example: "- old_photo",
};

/// All of them.
pub(super) static DESCRIPTORS: &[&Descriptor] =
    &[&ONE_OF, &SEQUENCE, &MAYBE, &SHUFFLE, &REAL_ESRGAN, &OLD_PHOTO];

/// The YAML that a preset stands for.
pub(super) fn preset(name: &str) -> Option<&'static str> {
    match name {
        "real_esrgan" => Some(include_str!("real_esrgan.yaml")),
        "old_photo" => Some(include_str!("old_photo.yaml")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::scene;
    use super::super::{Context, Recipe};
    use super::*;
    use crate::random::Rng;

    #[test]
    fn presets_are_sound_at_any_size() {
        for name in DESCRIPTORS.iter().map(|d| d.name).filter(|name| preset(name).is_some()) {
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
                assert!(log.len() >= 3 && (frame.width, frame.height) == target, "{name} {log:?}");
            }
        }
    }
}
