//! Identities and draws of the shipped pipelines, pinned: whoever changes one makes everything anew for everybody.
//!
//! Where that is meant, count up the `version` of the step and write the file anew: `SAFELIGHT_GOLDEN=1 cargo test golden`.

use super::super::{Plan, resolve, words};
use crate::ledger::hex;
use crate::shown::Show;
use crate::spec::draft;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const GOLDEN: &str = "src/plan/tests/golden.txt";

fn shipped() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("pipelines").unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    found.sort();
    found
}

/// The plan of a pipeline, with all that makes it run on any machine; none of one that trains.
fn plan(text: &str, file: &Path, overrides: &[&str]) -> Option<Plan> {
    let overrides: Vec<String> = overrides.iter().map(|set| (*set).to_string()).collect();
    let (spec, mistakes) = draft(text, &file.shown().to_string(), &overrides, &|_| None, &words());
    let spec = spec.filter(|spec| spec.train.is_none())?;
    Some(resolve(&spec, mistakes).unwrap_or_else(|mistakes| panic!("{}", mistakes.render())))
}

fn lines(name: &str, plan: &Plan) -> String {
    let mut text = String::new();
    for step in &plan.chain {
        let Some(product) = step.product else { continue };
        let before = plan.former.products.iter().find(|(_, now)| **now == product);
        let before = before.map_or_else(|| "-".to_string(), |(before, _)| hex(before));
        writeln!(text, "{name} {} {} {before}", step.name, hex(&product)).unwrap();
    }
    text
}

#[test]
fn identities_of_the_shipped_pipelines_are_as_they_were() {
    let mut text = String::new();
    for path in shipped() {
        let pipeline = std::fs::read_to_string(&path).unwrap();
        // Wherever the input is, it decides nothing.
        let sets: &[&str] =
            if pipeline.contains("synth:") { &[] } else { &["input.path=sample_data/archive"] };
        if let Some(plan) = plan(&pipeline, &path, sets) {
            text.push_str(&lines(path.file_stem().unwrap().to_str().unwrap(), &plan));
        }
    }
    if std::env::var_os("SAFELIGHT_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &text).unwrap();
    }
    let wanted = std::fs::read_to_string(GOLDEN).unwrap();
    for (now, then) in text.lines().zip(wanted.lines()) {
        assert_eq!(now, then);
    }
    assert_eq!(text.lines().count(), wanted.lines().count());
}

fn products(steps: &str) -> Vec<(&'static str, String)> {
    let text =
        format!("version: 1\nseed: 7\ninput: sample_data/archive\noutput: out/golden\nsteps:\n{steps}");
    let plan = plan(&text, Path::new("golden.yaml"), &[]).unwrap();
    plan.chain.iter().filter_map(|step| Some((step.name, hex(&step.product?)))).collect()
}

#[test]
fn only_what_decides_the_bytes_decides_the_identity() {
    let base =
        products("  - resize: {width: 64}\n  - corrupt: [gaussian_noise: {sigma: [5, 50]}]\n  - write\n");
    let same = [
        // Defaults that are written out, numbers in other notations, another order of keys.
        "  - resize: {enlarge: false, width: 64, filter: lanczos}\n  - corrupt: {scale: 1, recipe: [gaussian_noise: {sigma: [5.0, 5e1]}]}\n  - write: {folder: images}\n",
        // Steps that change no picture.
        "  - measure: [mean]\n  - resize: {width: 64}\n  - measure: {what: [mean], prefix: b_}\n  - corrupt: [gaussian_noise: {sigma: [5, 50]}]\n  - write\n  - table\n",
    ];
    for steps in same {
        let found = products(steps);
        assert!(base.iter().all(|product| found.contains(product)), "{steps}\n{base:?}\n{found:?}");
    }
    let others = [
        "  - resize: {width: 65}\n  - corrupt: [gaussian_noise: {sigma: [5, 50]}]\n  - write\n",
        "  - resize: {width: 64}\n  - corrupt: [gaussian_noise: {sigma: [5, 51]}]\n  - write\n",
        "  - corrupt: [gaussian_noise: {sigma: [5, 50]}]\n  - resize: {width: 64}\n  - write\n",
        "  - corrupt: [speckle_noise]\n  - resize: {width: 64}\n  - corrupt: {recipe: [gaussian_noise: {sigma: [5, 50]}], prefix: b_}\n  - write\n",
    ];
    let write = |found: &[(&'static str, String)]| found.iter().find(|(name, _)| *name == "write").cloned();
    for steps in others {
        assert_ne!(write(&products(steps)), write(&base), "{steps}");
    }
}

#[test]
fn what_was_made_before_is_known_where_its_draws_are_the_same() {
    let known = |steps: &str| {
        let text =
            format!("version: 1\nseed: 7\ninput: sample_data/archive\noutput: out/golden\nsteps:\n{steps}");
        let plan = plan(&text, Path::new("golden.yaml"), &[]).unwrap();
        let former: Vec<_> = plan.former.products.values().copied().collect();
        plan.chain
            .iter()
            .filter_map(|step| Some((step.name, former.contains(&step.product?))))
            .collect::<Vec<_>>()
    };
    let first = known("  - corrupt: [gaussian_noise]\n  - write\n");
    assert_eq!(first, [("corrupt", true), ("write", true)]);
    // Its draws were those of the second step; they are those of the first that draws.
    let second = known("  - measure: [mean]\n  - corrupt: [gaussian_noise]\n  - write\n  - table\n");
    assert_eq!(second, [("measure", true), ("corrupt", false), ("write", false)]);
}
