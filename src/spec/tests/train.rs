//! The section `train`, and the kinds that it brings: maps, single steps, shares.

use super::super::language::InputKeys;
use super::{bad, good};

/// A valid training job; `train` begins in line 4.
fn with_train(keys: &str) -> String {
    format!("version: 1\ninput: photos\noutput: out\ntrain:\n{keys}")
}

#[test]
fn a_training_job_has_its_values_and_no_steps() {
    let text = with_train(
        "  network: {residual: {width: 16}}\n  validation: 0.1\n  beside: [{figure: mse, value: 0.02}]\n",
    );
    let spec = good(&text, &["train.network.residual.width=24", "train.blobs={count: 30}"]);
    assert!(spec.steps.is_empty() && spec.has_input);
    let train = spec.train.unwrap();
    assert!(train.sound);
    let network = train.args.step("network").unwrap();
    assert_eq!((network.descriptor.name, network.args.int("width")), ("residual", Some(24)));
    assert_eq!(train.args.float("validation"), Some(0.1));
    assert_eq!(train.args.map("blobs").and_then(|blobs| blobs.int("count")), Some(30));
    let beside = train.args.list("beside").unwrap()[0].value.map().unwrap();
    assert_eq!(
        (beside.get("figure").and_then(|arg| arg.value.text()), beside.float("value")),
        (Some("mse"), Some(0.02))
    );
    let bare = good("version: 1\noutput: out\ntrain: {network: residual}\n", &[]);
    assert!(!bare.has_input && bare.input.is_none());
    let train = bare.train.unwrap();
    assert_eq!(train.args.float("validation"), Some(0.05));
    assert_eq!(train.args.step("network").and_then(|network| network.args.int("width")), Some(48));
}

#[test]
fn mistakes_of_training_jobs_are_told_at_their_places() {
    // Keys of `train`, line, column, part of the message, part of the help.
    let table: &[(&str, usize, usize, &str, &str)] = &[
        ("  netwrok: residual\n", 5, 3, "unknown key `netwrok` in `train`", "did you mean `network`?"),
        ("  validation: 5%\n", 4, 1, "`train` needs `network`", "`network: {residual: {width: 48}}`"),
        ("  network: resdual\n", 5, 12, "unknown network `resdual`", "did you mean `residual`?"),
        ("  network: {residual: {wdith: 3}}\n", 5, 24, "unknown key `wdith` in `residual`", "`width`?"),
        ("  network: {residual: {}, dense: {}}\n", 5, 27, "one network has 2 keys", ""),
        ("  network: [residual]\n", 5, 12, "`network` wants a network with its parameters, found a list", ""),
        ("  network: 5\n", 5, 12, "unknown network `5`", "the networks are: `residual`"),
        ("  network: residual\n  validation: 120%\n", 6, 15, "more than 100%", "validation: 5%"),
        ("  network: residual\n  validation: 20\n", 6, 15, "out of range", "such as `5%`"),
        ("  network: residual\n  validation: some\n", 6, 15, "wants a share such as `5%`", ""),
        ("  network: residual\n  blobs: {cuont: 3}\n", 6, 11, "unknown key `cuont` in `blobs`", "`count`?"),
        ("  network: residual\n  blobs: 3\n", 6, 10, "`blobs` wants a map of `count`, found the number", ""),
        ("  network: residual\n  beside: [{figure: mse}]\n", 6, 12, "`beside` needs `value`", "value: 1"),
        ("  network: residual\nwidth: 3\n", 6, 1, "unknown key `width` at the top level", "a pipeline takes"),
        ("  network: residual\nvalidation: 3%\n", 6, 1, "unknown key `validation`", "belongs under `train`"),
        ("  network: residual\nsteps:\n- write\n", 4, 1, "either `steps` or `train`", "two pipelines"),
        ("", 4, 1, "`train` wants a map, found nothing", "network"),
    ];
    for (keys, line, column, message, help) in table {
        let found = bad(&with_train(keys), &[]);
        let hit = found.iter().any(|d| {
            (d.line, d.column) == (*line, *column)
                && d.message.contains(message)
                && d.help.as_deref().unwrap_or_default().contains(help)
        });
        assert!(hit, "{keys}\nexpected {line}:{column} {message} ({help}), found\n{found}");
    }
    let all = bad(&with_train("  network: {residual: {width: x}}\n  validation: -1\n  banana: 1\n"), &[]);
    assert_eq!(all.count(), 3, "{all}");
}

#[test]
fn a_training_job_takes_several_inputs_and_overrides_of_them() {
    let text = with_train("  network: residual\n")
        .replace("photos", "[photos, {synth: dead_leaves, count: 20, weight: 0.5}]");
    let mixed = |overrides: &[&str]| {
        let spec = good(&text, overrides);
        assert!(spec.has_input && spec.input.is_none());
        let one = |mixed: &super::super::language::Mixed| match mixed.keys.as_ref().unwrap() {
            InputKeys::Files(keys) => (keys.path.to_str().unwrap().to_string(), mixed.weight),
            InputKeys::Synthetic(keys) => (format!("{} {}", keys.synth.name, keys.count), mixed.weight),
        };
        spec.mixed.iter().map(one).collect::<Vec<_>>()
    };
    let of = |parts: &[(&str, f64)]| parts.iter().map(|(p, w)| ((*p).to_string(), *w)).collect::<Vec<_>>();
    assert_eq!(mixed(&[]), of(&[("photos", 1.0), ("dead_leaves 20", 0.5)]));
    let changed = ["input.0.path=/a", "input.1.weight=3", "input.1.count=9", "input.0.weight=2", "input.2=b"];
    assert_eq!(mixed(&changed), of(&[("/a", 2.0), ("dead_leaves 9", 3.0), ("b", 1.0)]));
    let whole = good(&text, &["input=/archive"]);
    assert!(whole.mixed.is_empty() && whole.input_args.path("path").is_some());
    assert_eq!(bad(&text, &["input.path=/archive"]).count(), 1);
    let steps = "version: 1\ninput: [a, b]\noutput: out\nsteps: [write]\n";
    assert!(bad(steps, &[]).to_string().contains("`input` wants one path or a map, found a list"));
    // The same once more, as a run remembers it.
    let again = good(&good(&text, &changed).resolved, &[]);
    assert_eq!((again.mixed.len(), again.mixed[1].weight), (3, 3.0));
}
