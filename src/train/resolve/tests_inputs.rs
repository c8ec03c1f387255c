//! Several inputs with weights, how patches are varied, and the mistakes of both.

use super::super::augment::Augment;
use super::super::settings::Data;
use super::tests::{in_place_of_input, job, pictures, read};
use crate::shown::Show;

/// A job on a list of inputs, which stands in line 2.
fn mixed(dir: &tempfile::TempDir, list: &str, keys: &str) -> String {
    let list = list.replace("DIR", &dir.path().shown().to_string());
    in_place_of_input(&job(dir.path(), keys), &format!("input: {list}"))
}

#[test]
fn several_inputs_have_weights() {
    let dir = pictures();
    let keys = "network: {residual: {width: 16, latent: 16}}\ncorrupt: [gaussian_noise]";
    let of = |list: &str| read(&mixed(&dir, list, keys)).unwrap();
    let plan = of("[DIR/in, {synth: dead_leaves, count: 3, weight: 0.5}]");
    let Data::Pictures { inputs, .. } = &plan.data else { panic!("{:?}", plan.data) };
    let found: Vec<_> = inputs.iter().map(|mixed| (mixed.name(), mixed.weight)).collect();
    assert_eq!(found, [("in".to_string(), 1.0), ("dead_leaves".to_string(), 0.5)]);
    let listed = super::super::inventory::list(&plan.data).unwrap();
    assert_eq!(listed.inputs.iter().map(|p| p.inputs.len()).collect::<Vec<_>>(), [2, 3]);
    assert!(plan.notes.iter().all(|note| !note.contains("lies in the input")));
    let twice = of("[{path: DIR/in, include: [\"a*\"]}, {path: DIR/in, weight: 2}]").notes;
    assert_eq!(twice.iter().filter(|note| note.contains("lies in the input")).count(), 1, "{twice:?}");
    // The weights decide the results; how one input is written does not.
    let others = [
        "[DIR/in, {synth: dead_leaves, count: 3, weight: 0.6}]",
        "[{path: DIR/in, weight: 2}, {synth: dead_leaves, count: 3, weight: 0.5}]",
        "[{synth: dead_leaves, count: 3, weight: 0.5}, DIR/in]",
    ];
    assert!(others.iter().all(|list| of(list).fingerprint != plan.fingerprint));
    let same = "[{path: DIR/in, weight: 1}, {synth: dead_leaves, count: 3, weight: 0.50}]";
    assert_eq!(of(same).fingerprint, plan.fingerprint);
    assert_eq!(of("[{path: DIR/in, weight: 3}]").fingerprint, of("DIR/in").fingerprint);
}

#[test]
fn mistakes_of_lists_are_told_at_their_places() {
    let dir = pictures();
    let found = |list: &str, keys: &str| {
        let found = read(&mixed(&dir, list, keys)).err().unwrap_or_else(|| panic!("{list} is no mistake"));
        found.iter().map(|d| format!("{}: {}", d.line, d.message)).collect::<Vec<_>>().join("\n")
    };
    let keys = "network: {residual: {width: 16, latent: 16}}\ncorrupt: [gaussian_noise]";
    let all = found(
        "[{path: DIR/in, weight: 0}, {path: DIR/nowhere}, {path: DIR/in, wieght: 2}, 7, {weight: -1}]",
        keys,
    );
    for part in [
        "`weight`: `0` is out of range",
        "nowhere",
        "unknown key `wieght`",
        "found the number",
        "`weight`: `-1`",
    ] {
        assert!(all.contains(part), "{part} is not in\n{all}");
    }
    assert!(all.lines().all(|line| line.starts_with("2: ")) && all.lines().count() == 6, "{all}");
    let out = found("[{synth: dead_leaves, count: 2}, DIR]", keys);
    assert!(out.contains("lies inside the input"), "{out}");
    assert!(found("[]", keys).starts_with("2: `input` is an empty list"));
    for data in ["pairs: true", "vectors: embedding"] {
        let network = if data.starts_with('p') { "residual: {}" } else { "dense: {latent: 2}" };
        let one = found("[DIR/in, DIR/in]", &format!("network: {{{network}}}\n{data}"));
        assert_eq!(one, "2: this job takes one input");
    }
    let late = |keys: &str| {
        found(
            "[DIR/in]",
            &format!("network: {{residual: {{width: 16, latent: 16}}}}\ncorrupt: [gaussian_noise]\n{keys}"),
        )
    };
    assert!(late("late: 50%").contains("`late` has no meaning without `late_loss`"));
    assert!(late("late_loss: psnr\nlate: 0").contains("no epoch would learn by `late_loss`"));
    let unet = |widths: &str| {
        found(
            "[DIR/in]",
            &format!("network: {{unet: {{widths: {widths}, blocks: {widths}}}}}\ncorrupt: [gaussian_noise]"),
        )
    };
    assert!(unet("[]").contains("`unet` has 1 to 11 levels, not 0"), "{}", unet("[]"));
    assert!(unet("[4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4]").contains("not 12"));
    let narrow = found("[DIR/in]", "network: {embedding: {latent: 8, hidden: 1}}\npatch: 32\nwhole: true");
    assert!(narrow.contains("a dense layer of 1 number"), "{narrow}");
    let label = found("[DIR/in, DIR/in]", "network: {embedding: {latent: 8}}\nlabel: group\npatch: 28");
    assert!(label.contains("the input has no column `group`"), "{label}");
}

#[test]
fn patches_are_varied_as_the_keys_say() {
    let dir = pictures();
    let base = "network: {residual: {width: 16, latent: 16}}\ncorrupt: [gaussian_noise]\naugment: ";
    let of = |augment: &str| read(&job(dir.path(), &format!("{base}{augment}"))).unwrap();
    let plan = of("{rescale: [1, 2], gamma: [0.8, 1.25], channels: true}");
    let wanted = Augment { turn: true, rescale: (1.0, 2.0), gamma: (0.8, 1.25), channels: true };
    assert_eq!(plan.augment, wanted);
    assert_ne!(plan.fingerprint, of("true").fingerprint);
    assert_eq!(of("{turn: false}").augment, Augment::NOTHING);
    let mistakes = |keys: &str| read(&job(dir.path(), keys)).err().unwrap().to_string();
    let all = mistakes(&format!("{base}{{rescale: [2, 1], gamma: 9, chanels: true}}"));
    for part in ["low end of `rescale` is above", "`gamma`: `9` is out of range", "unknown key `chanels`"] {
        assert!(all.contains(part), "{part} is not in\n{all}");
    }
    assert!(mistakes(&format!("{base}3")).contains("`augment` wants `true`, `false` or a map"));
    let all = mistakes(&format!("{base}{{rescale: 2, channels: true}}\nzoom: true\ncolour: gray"));
    assert!(all.contains("`rescale` has no meaning beside `zoom`") && all.contains("one channel"), "{all}");
    let pairs = "network: {residual: {width: 16}}\npairs: true\naugment: {gamma: [0.5, 2]}";
    assert!(mistakes(pairs).contains("pairs are only turned"));
}
