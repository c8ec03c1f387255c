//! The resolved text gives the same pipeline, without overrides and without the environment.

use super::super::{PipelineSpec, parse};
use super::{GOOD, with_steps, words};
use proptest::prelude::*;

/// Parses, and parses what that resolved to, with another environment under another file's name.
#[track_caller]
fn twice(text: &str, overrides: &[&str], env: &dyn Fn(&str) -> Option<String>) -> PipelineSpec {
    let overrides: Vec<String> = overrides.iter().map(|text| (*text).to_owned()).collect();
    let first = parse(text, "jobs/first.yaml", &overrides, env, &words()).map_err(|e| e.render()).unwrap();
    let other = |name: &str| panic!("{name} is looked up in {}", first.resolved);
    let again = parse(&first.resolved, "second.yaml", &[], &other, &words());
    let again = again.unwrap_or_else(|e| panic!("{}\n{}", first.resolved, e.render()));
    assert_eq!(again.resolved, first.resolved);
    assert_eq!((&again.name, again.seed, &again.output), (&first.name, first.seed, &first.output));
    let canonical = |spec: &PipelineSpec| -> Vec<String> {
        let steps = spec.steps.iter().chain(&spec.train).map(|step| step.canonical(&|_| true));
        steps.chain([spec.input_args.canonical(&|_| true)]).collect()
    };
    assert_eq!(canonical(&again), canonical(&first));
    let limits = |spec: &PipelineSpec| {
        (*spec.limits.memory, spec.limits.threads, spec.limits.max_failures, spec.limits.pixels.0)
    };
    assert_eq!(limits(&again), limits(&first));
    again
}

#[test]
fn overrides_variables_and_the_files_name_are_put_in() {
    let env = |name: &str| match name {
        "ARCHIVE" => Some("/a b/${X}: #1 \"ä\\".to_owned()),
        "THREADS" => Some(" 3 ".to_owned()),
        "QUALITY" => Some("85".to_owned()),
        "SHARE" => Some("1".to_owned()),
        "YEAR" => Some("2024".to_owned()),
        _ => None,
    };
    let text =
        with_steps("- restore: {model: m.onnx, blend: true, range: 1}\n- write: {quality: \"${QUALITY}\"}\n")
            .replace("photos", "\"${ARCHIVE}\"");
    let spec = twice(
        &text,
        &["limits.threads=${THREADS}", "limits.max_failures=${SHARE}", "input.exclude=['2024', \"${YEAR}\"]"],
        &env,
    );
    assert_eq!(spec.name, "first");
    assert_eq!(spec.input_args.texts("exclude"), Some(vec!["2024", "2024"]));
    assert_eq!(spec.input_args.path("path").unwrap().to_str(), Some("/a b/${X}: #1 \"ä\\"));
    assert_eq!(spec.limits.threads, Some(3));
    twice(GOOD, &["name=2024", "seed=9"], &env);
    twice("version: 1\noutput: o\ntrain: {network: residual, validation: \"${SHARE}\"}\n", &[], &env);
}

#[test]
fn it_reads_like_a_pipeline() {
    let text =
        with_steps("- grayscale # gone\n- measure:\n  - sharpness\n- write: {folder: 'images'}\n- table:\n");
    let spec = twice(&text, &["name=x"], &|_| None);
    assert!(spec.resolved.contains("\nname: x\n"), "{}", spec.resolved);
    let steps =
        "steps:\n  - grayscale\n  - measure: [sharpness]\n  - write: {folder: images}\n  - table: null\n";
    assert!(spec.resolved.contains(steps), "{}", spec.resolved);
}

proptest! {
    #[test]
    fn any_text_comes_back(path in "\\PC{1,40}", pattern in "[ -~]{1,20}") {
        let env = |_: &str| Some(path.clone());
        let text = with_steps("- write\n").replace("photos", "{path: \"${P}\", column: \"${P}\"}");
        let overrides = [format!("name={pattern}")];
        if parse(&text, "f", &overrides, &env, &words()).is_ok() {
            let spec = twice(&text, &[&overrides[0]], &env);
            prop_assert_eq!(spec.input_args.path("path").unwrap().to_str(), Some(&path[..]));
        }
    }
}
