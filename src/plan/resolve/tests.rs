//! Nothing of a pipeline is left out of its plan without a mistake being told.

use super::*;
use crate::plan::{descriptors, words};
use crate::shown::Show;
use crate::spec::{Role, draft};
use std::fs;
use tempfile::TempDir;

/// A folder with an image's name in it, and a pipeline over it with these steps.
fn job(steps: &str) -> (TempDir, PipelineSpec, Diagnostics) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("a.png"), "no picture").unwrap();
    let (input, output) = (folder.path().shown(), folder.path().with_extension("out"));
    let text = format!("version: 1\ninput: {input}\noutput: {}\nsteps: [{steps}]\n", output.shown());
    let (spec, mistakes) = draft(&text, "job.yaml", &[], &|_| None, &words());
    (folder, spec.unwrap(), mistakes)
}

fn told(steps: &str) -> Vec<String> {
    let (_folder, spec, mistakes) = job(steps);
    let found = resolve(&spec, mistakes).expect_err(steps);
    assert!(found.count() > 0, "{steps}");
    found.iter().map(|mistake| mistake.message.clone()).collect()
}

#[test]
fn a_plan_has_a_step_for_every_step() {
    let steps = "resize: {width: 9}, crop: {width: 3, height: 3}, grayscale, corrupt: [gaussian_noise], \
                 measure: [mean], write, pairs, table";
    let (_folder, spec, mistakes) = job(steps);
    let plan = resolve(&spec, mistakes).unwrap_or_else(|e| panic!("{e}"));
    let names: Vec<&str> = plan.chain.iter().map(|step| step.name).collect();
    assert_eq!(names, ["resize", "crop", "grayscale", "corrupt", "measure", "write", "pairs", "table"]);
}

/// Every step by its example, with and without what can be left out, and with each parameter alone.
#[test]
fn every_step_is_compiled_or_told_of() {
    for descriptor in descriptors() {
        let (name, example) = (descriptor.name, descriptor.example.trim_start_matches("- "));
        let step = |text: &str| {
            let sink = if descriptor.role == Role::WriteRow { "" } else { ", table" };
            let (_folder, spec, mistakes) = job(&format!("{text}{sink}"));
            let asked = spec.steps.len();
            match resolve(&spec, mistakes) {
                Ok(plan) => assert_eq!(plan.chain.len(), asked, "{text}"),
                Err(found) => assert!(found.count() > 0, "{text}"),
            }
        };
        step(&format!("{{{example}}}"));
        step(name);
        for param in descriptor.params {
            step(&format!("{name}: {{{}: 3}}", param.name));
            step(&format!("{name}: {{{}: [1, 2]}}", param.name));
            step(&format!("{name}: {{{}: grid}}", param.name));
        }
    }
}

#[test]
fn a_mistyped_key_is_a_mistake_and_no_default() {
    let found = told("resize: {widht: 9}, write");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("unknown key `widht`"), "{found:?}");
}

#[test]
fn all_mistakes_of_all_steps_are_told_at_once() {
    let found = told(
        "resize: {enlarge: true}, crop: {width: 3, height: 3, x: 1}, corrupt: [one_of: {of: [fog], weights: [0]}], \
         restore: none.onnx, embed: {model: none.onnx, size: 1}, write: {suffix: /}, table",
    );
    for part in ["no size", "`x` needs `y`", "`one_of` has 1", "none.onnx", "out of range", "a suffix can't"]
    {
        assert!(found.iter().any(|message| message.contains(part)), "{part}: {found:?}");
    }
    // The model is missing twice.
    assert_eq!(found.len(), 7, "{found:?}");
}

/// What the parser never gives: a step with mistakes that nobody told of.
#[test]
fn a_step_that_is_left_out_is_told_of_even_without_its_mistakes() {
    let (_folder, mut spec, mistakes) = job("grayscale, write");
    spec.steps[0].sound = false;
    let found = resolve(&spec, mistakes).unwrap_err();
    assert_eq!(found.count(), 1, "{found}");
    let (_folder, mut spec, mistakes) = job("grayscale, write");
    spec.input = None;
    assert_eq!(resolve(&spec, mistakes).unwrap_err().count(), 1);
}

#[test]
fn columns_made_twice_are_told_at_the_parameter_that_names_them() {
    let (_folder, spec, mistakes) = job("measure: [mean], measure: [mean], table");
    let found = resolve(&spec, mistakes).unwrap_err();
    let mistake = found.iter().next().unwrap();
    assert!(mistake.message.contains("the column `mean` is made twice"), "{found}");
    assert_eq!((mistake.line, mistake.column), (4, 26));
}
