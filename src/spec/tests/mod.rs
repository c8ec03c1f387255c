//! The promises of the language, over a small set of steps.

mod canonical;
mod getters;
mod hostile;
mod mistakes;
mod overrides;
mod params;
mod resolved;
mod train;

use std::path::Path;

use super::language::{INPUT, LIMITS, SYNTH_INPUT, TOP};
use super::registry::check_params;
use super::units::{ByteSize, Failures};
use super::*;

const REAL: Kind = Kind::Float { min: 0.0, max: 10.0 };

const fn param(name: &'static str, kind: Kind, fallback: Fallback) -> Param {
    Param { name, kind, fallback, doc: "Something." }
}

static GRAYSCALE: Descriptor = Descriptor {
    name: "grayscale",
    version: 1,
    doc: "Removes the colour.",
    role: Role::Image,
    params: &[],
    shorthand: None,
    example: "- grayscale",
};

static RESTORE: Descriptor = Descriptor {
    name: "restore",
    version: 1,
    doc: "Runs a model.",
    role: Role::Image,
    params: &[
        param("model", Kind::Model, Fallback::Required),
        param("range", Kind::Span(&REAL), Fallback::Yaml("[0, 1]")),
        param("tile", Kind::Int { min: 16, max: 4096 }, Fallback::Unset),
        param("strength", REAL, Fallback::Yaml("1.0")),
        param("blend", Kind::Bool, Fallback::Yaml("false")),
        param("channels", Kind::Choice(&["luma", "each", "2"]), Fallback::Yaml("luma")),
    ],
    shorthand: Some("model"),
    example: "- restore: {model: models/denoise.onnx}",
};

static MEASURE: Descriptor = Descriptor {
    name: "measure",
    version: 1,
    doc: "Measures the image.",
    role: Role::Columns,
    params: &[param("columns", Kind::List(&Kind::Choice(&["sharpness", "noise_sigma"])), Fallback::Required)],
    shorthand: Some("columns"),
    example: "- measure: [sharpness]",
};

static WRITE: Descriptor = Descriptor {
    name: "write",
    version: 1,
    doc: "Writes the image.",
    role: Role::WriteImage,
    params: &[
        param("folder", Kind::Folder, Fallback::Yaml("images")),
        param("quality", Kind::Int { min: 1, max: 100 }, Fallback::Yaml("92")),
    ],
    shorthand: None,
    example: "- write: {folder: images}",
};

static TABLE: Descriptor = Descriptor {
    name: "table",
    version: 1,
    doc: "Writes the row.",
    role: Role::WriteRow,
    params: &[param("folder", Kind::Folder, Fallback::Yaml("table"))],
    shorthand: None,
    example: "- table: {folder: table}",
};

const STEPS: &[&Descriptor] = &[&GRAYSCALE, &RESTORE, &MEASURE, &WRITE, &TABLE];

static NETWORK: Descriptor = Descriptor {
    name: "residual",
    version: 1,
    doc: "Restores.",
    role: Role::Image,
    params: &[param("width", Kind::Int { min: 1, max: 99 }, Fallback::Yaml("48"))],
    shorthand: None,
    example: "- residual: {width: 48}",
};

const BLOBS: &[Param] = &[param("count", Kind::Int { min: 1, max: 99 }, Fallback::Yaml("20"))];

const BESIDE: &[Param] = &[
    param("figure", Kind::Text, Fallback::Required),
    param("value", Kind::Float { min: f64::MIN, max: f64::MAX }, Fallback::Required),
];

static TRAIN: Descriptor = Descriptor {
    name: "train",
    version: 1,
    doc: "Trains a network.",
    role: Role::Image,
    params: &[
        param("network", Kind::Step { noun: "network", registry: || vec![&NETWORK] }, Fallback::Required),
        param("blobs", Kind::Map(BLOBS), Fallback::Unset),
        param("validation", Kind::Share, Fallback::Yaml("5%")),
        param("beside", Kind::List(&Kind::Map(BESIDE)), Fallback::Yaml("[]")),
    ],
    shorthand: None,
    example: "- train: {network: {residual: {width: 48}}}",
};

fn words() -> Vocabulary {
    Vocabulary { steps: STEPS.to_vec(), train: &TRAIN }
}

const GOOD: &str = "\
version: 1
seed: 7
input:
  path: photos
  exclude: [\"**/.thumbs/**\"]
output: out/denoise
steps:
  - grayscale
  - restore: models/denoise.onnx
  - measure: [noise_sigma, sharpness]
  - write: {folder: ./images/, quality: 80}
  - table:
limits: {memory: 4GiB, max_failures: 5%}
";

fn env(name: &str) -> Option<String> {
    match name {
        "ARCHIVE" => Some("/archive".to_owned()),
        "QUALITY" => Some("55".to_owned()),
        "EVIL" => Some("a\nsteps: []\n- {x: [".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn read(text: &str, overrides: &[&str]) -> Result<PipelineSpec, Diagnostics> {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    parse(text, "pipelines/job.yaml", &overrides, &env, &words())
}

fn good(text: &str, overrides: &[&str]) -> PipelineSpec {
    read(text, overrides).unwrap_or_else(|found| panic!("{text}\n{found}"))
}

fn bad(text: &str, overrides: &[&str]) -> Diagnostics {
    match read(text, overrides) {
        Ok(_) => panic!("accepted:\n{text}"),
        Err(found) => found,
    }
}

/// A valid pipeline around the given steps, which begin in line 5.
fn with_steps(steps: &str) -> String {
    format!("version: 1\ninput: photos\noutput: out\nsteps:\n{steps}")
}

#[test]
fn a_good_pipeline_is_typed_with_defaults_and_places() {
    let spec = good(GOOD, &[]);
    assert_eq!((spec.version, spec.name.as_str(), spec.seed), (1, "job", 7));
    assert_eq!(spec.output, Path::new("out/denoise"));
    assert_eq!((spec.output_span.line, spec.output_span.column), (6, 9));
    assert_eq!(spec.input_args.path("path"), Some(Path::new("photos")));
    assert_eq!(spec.input_args.texts("exclude"), Some(vec!["**/.thumbs/**"]));
    assert_eq!(spec.input_args.list("include").map(<[Arg]>::len), Some(1));
    assert_eq!(spec.input_args.get("column").and_then(|arg| arg.value.text()), Some("path"));
    assert_eq!(spec.input_args.path("root"), None);
    assert_eq!(spec.input_args.bool("follow_symlinks"), Some(false));
    assert_eq!(*spec.limits.memory, ByteSize::Exact(4 << 30));
    assert_eq!(spec.limits.pixels, Pixels(500_000_000));
    assert_eq!(spec.limits.max_failures, Failures::Share(0.05));
    assert_eq!(spec.limits.threads, None);
    let names: Vec<&str> = spec.steps.iter().map(|step| step.descriptor.name).collect();
    assert_eq!(names, ["grayscale", "restore", "measure", "write", "table"]);
    let restore = &spec.steps[1].args;
    assert_eq!(restore.path("model"), Some(Path::new("models/denoise.onnx")));
    assert_eq!(restore.span("range"), Some((0.0, 1.0)));
    assert_eq!(restore.float("strength"), Some(1.0));
    assert_eq!((restore.span_of("model").line, restore.span_of("model").column), (9, 14));
    assert_eq!(restore.span_of("range"), spec.steps[1].span);
    assert!(restore.is_given("model") && !restore.is_given("range"));
    let write = &spec.steps[3].args;
    assert_eq!((write.path("folder"), write.int("quality")), (Some(Path::new("images")), Some(80)));
}

#[test]
fn later_checks_point_into_the_text() {
    let spec = good(GOOD, &[]);
    let args = &spec.steps[1].args;
    let models = args.paths(|kind| matches!(kind, Kind::Model));
    assert_eq!(
        models.iter().map(|model| model.as_path()).collect::<Vec<_>>(),
        [Path::new("models/denoise.onnx")]
    );
    let found = models[0].error("there is no such model", None).to_string();
    assert!(found.contains("job.yaml:9:14") && found.contains("^^^^^^^^^^^^^^^^^^^"), "{found}");
    let whole = args.own_place().error("it is too slow", None);
    assert_eq!((whole.line, whole.column, whole.length), (9, 5, 7));
    let late = spec.diagnostic(spec.output_span, "the disk is full", None);
    assert_eq!((late.line, late.column, late.length), (6, 9, 11));
}

#[test]
fn crlf_and_a_byte_order_mark_change_nothing() {
    let text = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(good(&text, &[]).steps[1].span, good(GOOD, &[]).steps[1].span);
}

#[test]
fn steps_that_lose_results_are_refused() {
    let table: &[(&str, usize, &str)] = &[
        ("- grayscale\n", 4, "no step writes anything"),
        ("- measure: [sharpness]\n- write\n", 5, "the columns of `measure` would be lost"),
        ("- table\n- measure: [sharpness]\n- write\n", 6, "the columns of `measure` would be lost"),
        ("- write\n- grayscale\n", 6, "`grayscale` has no effect"),
        ("- write\n- write: {folder: ./images}\n", 6, "as step 1 does"),
        ("- table: {folder: a}\n- table: {folder: a/}\n", 6, "as step 1 does"),
    ];
    for (steps, line, message) in table {
        let found = bad(&with_steps(steps), &[]);
        assert_eq!(found.count(), 1, "{steps}\n{found}");
        assert!(found.iter().all(|d| d.line == *line && d.message.contains(message)), "{steps}\n{found}");
    }
    for steps in [
        "- write\n",
        "- table\n",
        "- write: {folder: a}\n- grayscale\n- write: {folder: b}\n",
        "- measure: [sharpness]\n- table\n- write\n",
        "- write: {folder: a}\n- table: {folder: a}\n",
    ] {
        good(&with_steps(steps), &[]);
    }
}

#[test]
fn an_unknown_step_is_no_reason_to_doubt_the_order() {
    let found = bad(&with_steps("- wriet\n"), &[]);
    assert_eq!(found.count(), 1, "{found}");
}

#[test]
fn the_tables_are_sound() {
    let mut flaws = Vec::new();
    for (owner, params) in [("top", TOP), ("input", INPUT), ("made input", SYNTH_INPUT), ("limits", LIMITS)] {
        check_params(owner, params, &mut flaws);
    }
    assert_eq!(flaws, Vec::<String>::new());
    assert_eq!(check_registry(STEPS), Ok(()));
    assert_eq!(check_registry(&[&TRAIN]), Ok(()));
}

#[test]
fn unsound_tables_are_found() {
    static UNSOUND: Descriptor = Descriptor {
        name: "Bad Name",
        version: 1,
        doc: "no stop",
        role: Role::Image,
        params: &[
            param("width", Kind::Int { min: 1, max: 9 }, Fallback::Yaml("10")),
            param("width", Kind::Choice(&[]), Fallback::Unset),
            param("depth", Kind::Int { min: 2, max: 1 }, Fallback::Unset),
        ],
        shorthand: Some("height"),
        example: "- other: {}",
    };
    let flaws = check_registry(&[&UNSOUND, &WRITE, &WRITE]).err().unwrap_or_default().join("\n");
    for part in [
        "Bad Name: a name is lower case",
        "Bad Name: its doc",
        "width: its default is not valid",
        "width: the name is used twice",
        "a choice of nothing",
        "an empty range",
        "its shorthand `height`",
        "its example is not valid",
        "write: the name is used twice",
    ] {
        assert!(flaws.contains(part), "{part} is not in\n{flaws}");
    }
}

#[test]
fn the_schema_comes_from_the_tables() {
    let schema = json_schema(&words());
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["required"], serde_json::json!(["version", "output"]));
    let either = serde_json::json!([{"required": ["input", "steps"]}, {"required": ["train"]}]);
    assert_eq!(schema["oneOf"], either);
    let train = &schema["properties"]["train"]["properties"];
    assert_eq!(train["network"]["anyOf"][0]["$ref"], "#/$defs/network");
    assert_eq!(train["beside"]["items"]["required"], serde_json::json!(["figure", "value"]));
    assert_eq!(train["validation"]["default"], "5%");
    let network = &schema["$defs"]["network"]["anyOf"][0]["properties"]["residual"];
    assert_eq!(network["description"], NETWORK.doc);
    assert_eq!(schema["properties"]["seed"]["default"], 0);
    let write = &schema["$defs"]["step"]["anyOf"][0]["properties"]["write"];
    assert_eq!(write["description"], WRITE.doc);
    let quality = &write["anyOf"][0]["properties"]["quality"];
    assert_eq!(quality["anyOf"][0], serde_json::json!({"type": "integer", "minimum": 1, "maximum": 100}));
    assert_eq!((&quality["default"], &quality["description"]), (&92.into(), &"Something.".into()));
}

#[test]
fn the_reference_names_everything() {
    let text = reference_markdown(&words());
    for step in STEPS {
        assert!(text.contains(&format!("### {}\n", step.name)) && text.contains(step.example));
    }
    let train = TRAIN.params.iter().chain(BLOBS).chain(BESIDE).chain(NETWORK.params);
    for param in TOP.iter().chain(INPUT).chain(SYNTH_INPUT).chain(LIMITS).chain(train) {
        assert!(text.contains(&format!("| `{}` |", param.name)), "{}", param.name);
    }
    assert!(text.contains("| `quality` | whole number from 1 to 100 | `92` | Something. |"), "{text}");
}
