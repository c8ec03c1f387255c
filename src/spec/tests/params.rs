//! Parameters declared as a struct: the table made of it, what is read, and what does not fit.

use std::path::PathBuf;

use super::super::field::fits;
use super::super::units::{ByteSize, Failures};
use super::super::*;
use super::Vocabulary;

words! {
    /// What goes where the aspects differ.
    enum Fit {
        /// Squeezed.
        Stretch = "stretch",
        /// Cut.
        Crop = "crop",
    }
}

params! {
    /// A group.
    struct Shared {
        /// Whether it is exact.
        exact: bool = "false",
        /// How many at once.
        batch: Option<usize> [Kind::Int { min: 1, max: 64 }],
    }
}

params! {
    /// Keys of `size`.
    struct Size {
        /// In pixels.
        width: u32 [Kind::Int { min: 1, max: 99 }],
        /// In pixels.
        height: Given<u32> [Kind::Int { min: 1, max: 99 }] = "9",
    }
}

params! {
    /// Parameters of `paint`.
    struct Params {
        /// The model.
        model: Given<PathBuf> [Kind::Model],
        /// How the picture is brought to the network's size, a sentence
        /// of two lines.
        fit: Fit = "stretch",
        shared: Group<Shared>,
        /// Strength.
        strength: Given<Option<f64>> [Kind::Float { min: 0.0, max: 1.0 }],
        /// Means.
        mean: Option<Vec<f32>> [Kind::List(&Kind::Float { min: -1e6, max: 1e6 })],
        /// Ways.
        ways: Vec<Given<Fit>> = "[crop, stretch]",
        /// Size.
        size: Option<Size>,
        /// Sizes.
        sizes: Vec<Size> = "[]",
        /// Share.
        share: f64 [Kind::Share] = "5%",
        /// Limits.
        limits: Failures = "3",
        /// Bytes.
        bytes: ByteSize = "auto",
        /// Pixels.
        pixels: Pixels = "1MP",
        /// Text.
        text: String = "a",
        /// Patterns.
        globs: Vec<String> [Kind::List(&Kind::Glob)] = "[\"*.jpg\"]",
    }
}

static PAINT: Descriptor = Descriptor {
    name: "paint",
    version: 1,
    doc: "Paints.",
    role: Role::WriteImage,
    params: Params::TABLE,
    shorthand: Some("model"),
    example: "- paint: {model: a.onnx}",
};

pub(super) fn paint(parameters: &str) -> StepSpec {
    let steps = parse_steps(&format!("- paint: {{{parameters}}}"), "test", &[&PAINT]);
    steps.unwrap_or_else(|e| panic!("{parameters}: {e}")).remove(0)
}

fn read(parameters: &str) -> Params {
    Params::read(&paint(parameters).args).unwrap()
}

#[test]
fn the_table_has_names_sentences_kinds_and_defaults_in_order() {
    let names: Vec<&str> = Params::TABLE.iter().map(|param| param.name).collect();
    let all = [
        "model", "fit", "exact", "batch", "strength", "mean", "ways", "size", "sizes", "share", "limits",
        "bytes", "pixels", "text", "globs",
    ];
    assert_eq!(names, all);
    let of = |name: &str| Params::TABLE.iter().find(|param| param.name == name).unwrap();
    assert_eq!(of("fit").doc, "How the picture is brought to the network's size, a sentence of two lines.");
    assert!(matches!(of("fit").kind, Kind::Choice(["stretch", "crop"])));
    assert!(matches!(of("fit").fallback, Fallback::Yaml("stretch")));
    assert!(matches!((of("model").kind, of("model").fallback), (Kind::Model, Fallback::Required)));
    assert!(matches!(of("strength").fallback, Fallback::Unset));
    assert!(matches!(of("ways").kind, Kind::List(Kind::Choice(["stretch", "crop"]))));
    assert!(matches!(of("size").kind, Kind::Map(params) if params.len() == 2));
    assert!(matches!(of("batch").kind, Kind::Int { min: 1, max: 64 }));
    check_registry(&[&PAINT]).unwrap();
}

#[test]
fn values_are_read_with_their_types() {
    let bare = read("model: a.onnx");
    assert_eq!((bare.model.as_path(), bare.fit), (std::path::Path::new("a.onnx"), Fit::Stretch));
    assert_eq!((bare.shared.exact, bare.shared.batch, bare.mean.is_none()), (false, None, true));
    assert!(bare.strength.is_none() && !bare.strength.is_given() && bare.model.is_given());
    assert_eq!((bare.share, bare.limits, bare.bytes), (0.05, Failures::Count(3), ByteSize::Auto));
    assert_eq!(
        (bare.pixels, bare.text.as_str(), bare.globs),
        (Pixels(1_000_000), "a", vec!["*.jpg".to_owned()])
    );
    assert!(bare.size.is_none() && bare.sizes.is_empty());
    assert_eq!(bare.ways.iter().map(|way| **way).collect::<Vec<_>>(), [Fit::Crop, Fit::Stretch]);
    let full = read(
        "model: a.onnx, fit: crop, exact: true, batch: 3, strength: 1, mean: [0.5, 2], size: {width: 4}, \
         sizes: [{width: 5, height: 6}], bytes: 2KiB",
    );
    assert_eq!((full.fit, full.shared.exact, full.shared.batch), (Fit::Crop, true, Some(3)));
    assert_eq!((*full.strength, full.mean), (Some(1.0), Some(vec![0.5, 2.0])));
    let size = full.size.unwrap();
    assert_eq!((size.width, *size.height, size.height.is_given()), (4, 9, false));
    assert_eq!((full.sizes[0].width, full.sizes[0].height.clone().into_value()), (5, 6));
    assert_eq!(full.bytes, ByteSize::Exact(2048));
}

#[test]
fn later_mistakes_point_at_the_parameter_or_else_at_the_step() {
    let params = read("model: a.onnx, strength: 0.5, ways: [crop, stretch]");
    let at = |found: Diagnostic| (found.line, found.column, found.length);
    assert_eq!(at(params.model.error("no", None)), (1, 18, 6));
    assert_eq!(at(params.strength.error("no", None)), (1, 36, 3));
    assert_eq!(at(params.ways[1].error("no", None)), (1, 54, 7));
    assert_eq!(at(read("model: a.onnx").strength.error("no", None)), (1, 3, 5));
    assert_eq!(at(read("model: a.onnx").ways[0].error("no", None)), (1, 3, 5));
}

#[test]
fn what_was_dropped_for_a_mistake_is_no_value() {
    let words = Vocabulary { steps: vec![&PAINT], train: &super::TRAIN };
    let text = "version: 1\ninput: a\noutput: b\nsteps: [paint: {model: 3, size: {width: 4}}]\n";
    let (spec, mistakes) = draft(text, "test", &[], &|_| None, &words);
    let step = spec.unwrap().steps.remove(0);
    assert!(!step.sound && mistakes.count() == 1);
    let found = Params::read(&step.args).unwrap_err();
    assert_eq!(found.count(), 1, "{found}");
}

/// What does not compile in a table, here called at run time.
#[test]
fn a_field_whose_type_kind_and_default_don_t_fit_is_refused() {
    const SMALL: Option<Kind> = Some(Kind::Int { min: 0, max: 300 });
    let refused = |part: fn() -> Part| std::panic::catch_unwind(part).is_err();
    assert!(refused(|| Part::of::<u8>("a", "A.", SMALL, None)));
    assert!(refused(|| Part::of::<u8>("a", "A.", None, None)));
    assert!(refused(|| Part::of::<Option<u32>>("a", "A.", SMALL, Some("3"))));
    assert!(refused(|| Part::of::<Fit>("a", "A.", Some(Kind::Choice(&["pad"])), None)));
    assert!(!refused(|| Part::of::<u32>("a", "A.", SMALL, Some("3"))));
    assert!(!refused(|| Part::of::<Fit>("a", "A.", None, None)));
}

#[test]
fn a_type_holds_the_kinds_that_lie_within_it() {
    const SMALL: Kind = Kind::Int { min: 0, max: 255 };
    assert!(fits(&u8::HOLDS, &SMALL) && fits(&usize::HOLDS, &SMALL));
    assert!(!fits(&u8::HOLDS, &Kind::Int { min: 0, max: 256 }));
    assert!(!fits(&usize::HOLDS, &Kind::Int { min: -1, max: 9 }));
    assert!(!fits(&f64::HOLDS, &SMALL) && !fits(&bool::HOLDS, &Kind::Text));
    assert!(fits(&f64::HOLDS, &Kind::Share) && fits(&String::HOLDS, &Kind::Glob));
    assert!(!fits(&f32::HOLDS, &Kind::Float { min: 0.0, max: 1e300 }));
    assert!(fits(&PathBuf::HOLDS, &Kind::Folder) && !fits(&PathBuf::HOLDS, &Kind::Text));
    assert!(
        fits(&Fit::HOLDS, &Kind::Choice(&["crop"])) && !fits(&Fit::HOLDS, &Kind::Choice(&["crop", "pad"]))
    );
    assert!(fits(&Vec::<u8>::HOLDS, &Kind::List(&SMALL)) && !fits(&Vec::<u8>::HOLDS, &SMALL));
    assert!(fits(&Option::<Size>::HOLDS, &Kind::Map(Size::TABLE)));
    assert!(!fits(&Size::HOLDS, &Kind::Map(Shared::TABLE)));
}
