//! `--set` and `${NAME}`.

use std::path::Path;

use super::super::units::ByteSize;
use super::super::{Origin, parse};
use super::{GOOD, bad, good, with_steps, words};

#[test]
fn overrides_change_add_and_append() {
    let spec = good(
        GOOD,
        &[
            "input.path=/archive",
            "limits.memory=2GiB",
            "steps.1.restore.tile=64",
            "steps.restore.model=x.onnx",
            "steps.restore.range=[0, 2]",
            "steps.write.quality=10",
            "steps.5={write: {folder: copy}}",
            "steps.measure.columns.0=sharpness",
            "name=\"2024\"",
            "seed=9",
            "seed=10",
        ],
    );
    assert_eq!(spec.input_args.path("path"), Some(Path::new("/archive")));
    assert_eq!(*spec.limits.memory, ByteSize::Exact(2 << 30));
    let restore = &spec.steps[1].args;
    assert_eq!(restore.int("tile"), Some(64));
    assert_eq!(restore.path("model"), Some(Path::new("x.onnx")));
    assert_eq!(restore.span("range"), Some((0.0, 2.0)));
    assert_eq!(restore.span_of("model").origin, Origin::Override(3));
    assert_eq!(spec.steps[2].args.texts("columns"), Some(vec!["sharpness", "sharpness"]));
    assert_eq!(spec.steps[3].args.int("quality"), Some(10));
    assert_eq!(spec.steps[5].args.path("folder"), Some(Path::new("copy")));
    assert_eq!((spec.name.as_str(), spec.seed), ("2024", 10));

    let short = with_steps("- grayscale\n- write\n");
    let spec = good(&short, &["input.exclude=['a/**']", "limits.threads=2", "steps.write.quality=5"]);
    assert_eq!(spec.input_args.path("path"), Some(Path::new("photos")));
    assert_eq!(spec.input_args.texts("exclude"), Some(vec!["a/**"]));
    assert_eq!(spec.limits.threads, Some(2));
    assert_eq!(spec.steps[1].args.int("quality"), Some(5));
}

#[test]
fn mistakes_in_overrides_show_the_option() {
    // Override, column in the line that begins with `--set `, part of the message, part of the help.
    let table: &[(&str, usize, &str, &str)] = &[
        ("limits.memroy=2GiB", 14, "unknown key `memroy` in `limits`", "`memory`?"),
        ("limits.memory=2Gib", 21, "unknown unit `Gib`", "`GiB`?"),
        ("limits.threads=0", 22, "out of range", "from 1 to 1024"),
        ("limts.memory=1GiB", 7, "unknown key `limts`", "`limits`?"),
        ("seed", 7, "without `=`", "key=value"),
        ("=5", 7, "a key is empty", "key=value"),
        ("limits..memory=5", 14, "a key is empty", "key=value"),
        ("name=", 7, "`name` has no value", "name: "),
        ("input.exclude=[a", 21, "wants a list", "close every bracket"),
        ("input.exclude=[*x]", 21, "wants a list", "quotes around patterns"),
        ("limits=memory: 4GiB", 14, "wants a map, found the text", "{memory: 4GiB}"),
        ("name.first=x", 12, "is below", "replace the whole value"),
        ("steps.resotre.model=x", 13, "no step `resotre`", "`restore`?"),
        ("steps.0.restore.model=x", 15, "step 0 is `grayscale`, not `restore`", "count from 0"),
        ("steps.9.write.quality=1", 13, "not a place in a list of 5", "5 appends"),
        ("steps.write.quality=101", 27, "out of range", "from 1 to 100"),
        ("output=${NOPE}", 14, "`NOPE` is not set", ":-default"),
        ("name=a\nb", 7, "takes one line", ""),
    ];
    for (text, column, message, help) in table {
        let text_with_name = GOOD.replacen("seed: 7", "name: x", 1);
        let found = bad(&text_with_name, &[text]);
        let hit = found.iter().any(|d| {
            (d.file.as_str(), d.line) == ("command line", 0)
                && (d.column == *column || *column == 0)
                && d.message.contains(message)
                && d.help.as_deref().unwrap_or_default().contains(help)
                && d.to_string().contains("--set ")
        });
        assert!(hit, "{text}\nexpected {column} {message} ({help}), found\n{found}");
    }
    let twice = with_steps("- write: {folder: a}\n- write: {folder: b}\n");
    assert!(bad(&twice, &["steps.write.quality=5"]).to_string().contains("`steps.0.write...`"));
}

#[test]
fn texts_and_paths_are_taken_as_they_stand() {
    for path in [
        "/x/roll #2",
        "/x: y",
        "[2020] scans",
        "/x/{a",
        "2024",
        "true",
        "null",
        "*x",
        "&a",
        "!b",
        "- x",
        "@",
        "a, b",
        "'x",
        "\"",
        "%",
        " /x ",
        "#",
        "x:",
        "a\tb",
        "C: x",
        "? x",
        "| x",
        "> x",
        "-",
        "~x",
        "[a",
        "a=b",
    ] {
        let spec = good(GOOD, &[&format!("input.path={path}"), &format!("name={path}")]);
        assert_eq!(spec.input_args.path("path"), Some(Path::new(path)), "{path}");
        assert_eq!(spec.name, path);
        let short = with_steps("- restore: x.onnx\n- write\n");
        let spec = good(&short, &[&format!("steps.restore.model={path}"), &format!("input={path}")]);
        assert_eq!(spec.steps[0].args.path("model"), Some(Path::new(path)), "{path}");
        assert_eq!(spec.input_args.path("path"), Some(Path::new(path)), "{path}");
    }
    // Quotes around the whole are those of YAML.
    let spec = good(GOOD, &["input.path='/x # y'", "name=\"a \\\" b\"", "limits.threads= 2 "]);
    assert_eq!((spec.input_args.path("path"), spec.name.as_str()), (Some(Path::new("/x # y")), "a \" b"));
    assert_eq!(spec.limits.threads, Some(2));
}

#[test]
fn variables_change_values_and_never_the_structure() {
    let text = "\
version: 1
name: \"$${X} ${EVIL} $X\"
input: \"${ARCHIVE}/${NOPE:-2024}\"
output: ${EMPTY:-out}
steps:
- write: {quality: '80', folder: \"${NOPE:-images}\"}
limits:
  threads: ${QUALITY}
";
    let text = text.replace("'80'", "80");
    let spec = good(&text, &[]);
    assert_eq!(spec.name, "${X} a\nsteps: []\n- {x: [ $X");
    assert_eq!(spec.input_args.path("path"), Some(Path::new("/archive/2024")));
    assert_eq!(spec.output, Path::new("out"));
    assert_eq!(spec.limits.threads, Some(55));
    assert_eq!(spec.steps.len(), 1);
    // Quotes, which brackets demand, do not keep a variable from being a number, nor a number from being text.
    let flow = text.replace("threads: ${QUALITY}", "threads: \"${QUALITY}\"").replace("$${X}", "${QUALITY}");
    let spec = good(&flow.replace(" ${EVIL} $X", ""), &[]);
    assert_eq!((spec.limits.threads, spec.name.as_str()), (Some(55), "55"));
    // The override takes the place of the value before its variable is looked up.
    good(&text.replace("${QUALITY}", "${NOPE}"), &["limits.threads=3"]);
    let huge = |_: &str| Some("x".repeat(100_000));
    let flood = format!("name: [{}]", "\"${A}\",".repeat(100_000));
    assert!(parse(&flood, "f.yaml", &[], &huge, &words()).is_err());
    let flood = format!("name: [{}]", "\"${A}\",".repeat(1000));
    let found = parse(&flood, "f.yaml", &[], &huge, &words()).err().map(|found| found.to_string());
    assert!(found.is_some_and(|text| text.contains("more than 1 MiB")));
}
