//! One mistake each, with the place, the message and the help that it has to give.

use super::bad;

#[test]
fn every_mistake_is_reported_at_its_place() {
    // Text, line, column, part of the message, part of the help.
    let table: &[(&str, usize, usize, &str, &str)] = &[
        ("", 0, 0, "the file is empty", "version: 1"),
        ("# only a comment\n", 0, 0, "the file is empty", "version: 1"),
        ("just text\n", 1, 1, "a pipeline is a map of keys, found the text `just text`", "version: 1"),
        ("- a\n", 1, 1, "found a list", "version: 1"),
        ("version: 2\n", 1, 10, "`version`: `2` is out of range", "can only be 1"),
        ("vresion: 1\n", 1, 1, "unknown key `vresion` at the top level", "did you mean `version`?"),
        ("version:1\n", 1, 1, "a pipeline is a map of keys", "version: 1"),
        ("memory: 4GiB\n", 1, 1, "unknown key `memory`", "belongs under `limits`"),
        (
            "banana: 1\n",
            1,
            1,
            "unknown key `banana`",
            "`version`, `name`, `seed`, `output`, `state`, `input`",
        ),
        ("version: 1\n", 0, 0, "a pipeline needs `output`", "output: "),
        ("version: 1\n", 0, 0, "a pipeline needs `steps`", "- write"),
        ("version: 1\n", 0, 0, "a pipeline needs `input`", "input: photos"),
        ("version: 1\nversion: 1\n", 2, 1, "duplicate key `version`", "line 1"),
        ("name: 2024\n", 1, 7, "`name` wants text, found the number `2024`", "`\"2024\"`"),
        ("name:\n", 1, 1, "`name` has no value", "name: "),
        ("seed: -1\n", 1, 7, "out of range", "at least 0"),
        ("output: ~/x\n", 1, 9, "`~` does not stand for the home folder", "${HOME}/x"),
        ("input:\n  paht: x\n", 2, 3, "unknown key `paht` in `input`", "did you mean `path`?"),
        ("input:\n  exclude: []\n", 1, 1, "`input` needs `path`", "path: "),
        ("input: [a]\n", 1, 8, "`input` wants one path or a map, found a list", "without the brackets: `a`"),
        ("input: {path: x, include: ['a{b']}\n", 1, 28, "`a{b` is no glob pattern", "**/"),
        ("input: {path: x, include: '*.jpg'}\n", 1, 27, "wants a list", "`[\"*.jpg\"]`"),
        ("input: {path: x, follow_symlinks: yes}\n", 1, 35, "found the text `yes`", "write `true`"),
        (
            "input: {synth: dead_leafs, count: 5}\n",
            1,
            16,
            "one of `dead_leaves`",
            "did you mean `dead_leaves`?",
        ),
        ("input: {synth: dead_leaves}\n", 1, 1, "`input` needs `count`", "count: "),
        ("input: {synth: dead_leaves, count: 0}\n", 1, 36, "out of range", "from 1 to"),
        ("input: {synth: dead_leaves, count: 5, size: 8}\n", 1, 45, "out of range", "from 16 to 4096"),
        ("input: {synth: dead_leaves, count: 5, path: x}\n", 1, 39, "`path` is about files", "remove it"),
        ("input: {path: x, size: 64}\n", 1, 18, "`size` is about images that are made", "`synth` in place"),
        ("input: {snyth: dead_leaves, count: 5}\n", 1, 9, "unknown key `snyth`", "did you mean `synth`?"),
        ("input: {count: 5}\n", 1, 1, "`input` needs `synth`", "synth: dead_leaves"),
        ("limits: {memory: 4Gib}\n", 1, 18, "unknown unit `Gib`", "did you mean `GiB`?"),
        ("limits: {memory: lots}\n", 1, 18, "wants a size such as `4GiB`", "memory: auto"),
        ("limits: {max_failures: 0.05}\n", 1, 24, "neither a whole count nor a percentage", "`5%`"),
        ("limits: {max_failures: 120%}\n", 1, 24, "more than 100%", "max_failures"),
        ("limits: {pixels: 0}\n", 1, 18, "less than 1", "500MP"),
        ("limits: {threads: 1.5}\n", 1, 19, "`threads` wants a whole number from 1 to 1024", "threads: 1"),
        ("limits: {threads: \"4\"}\n", 1, 19, "found the text `4`", "remove the quotes"),
        ("limits: {threads: 4000}\n", 1, 19, "`4000` is out of range", "from 1 to 1024"),
        ("limits: {threads: 99999999999999999999}\n", 1, 19, "out of range", "from 1 to 1024"),
        ("limits: 5\n", 1, 9, "`limits` wants a map, found the number `5`", "memory"),
        ("limits: {threads:4}\n", 1, 10, "unknown key `threads:4`", "space after the colon: `threads: 4`"),
        ("steps: []\n", 1, 1, "`steps` is empty", "- write"),
        ("steps: write\n", 1, 8, "`steps` wants a list, found the text `write`", "- write"),
        ("steps:\n- restroe: {}\n", 2, 3, "unknown step `restroe`", "did you mean `restore`?"),
        ("steps:\n- sharpen\n", 2, 3, "unknown step `sharpen`", "`grayscale`, `restore`"),
        ("steps:\n- write: {qualty: 3}\n", 2, 11, "unknown key `qualty` in `write`", "`quality`?"),
        ("steps:\n- grayscale: {a: 1}\n", 2, 15, "unknown key `a`", "`grayscale` takes no parameters"),
        ("steps:\n- write: 5\n", 2, 10, "`write` wants a map of parameters", "- write: {folder"),
        ("steps:\n- restore:\n", 2, 3, "`restore` needs `model`", "model: "),
        (
            "steps:\n- write: {quality: high}\n",
            2,
            20,
            "whole number from 1 to 100, found the text `high`",
            "92",
        ),
        ("steps:\n- write: {folder: ../x}\n", 2, 19, "leaves the output folder", "below `output`"),
        ("steps:\n- write: {folder: /x}\n", 2, 19, "absolute path", "relative"),
        ("steps:\n- write: {folder: .safelight/x}\n", 2, 19, "kept for the ledger", "another"),
        ("steps:\n- write: {folder: true}\n", 2, 19, "found `true`", "`\"true\"`"),
        ("steps:\n- restore: {model: x, strength: .nan}\n", 2, 33, "not a finite number", "strength: 1.0"),
        ("steps:\n- restore: {model: x, strength: NaN}\n", 2, 33, "not a finite number", ""),
        ("steps:\n- restore: {model: x, strength: -.inf}\n", 2, 33, "not a finite number", ""),
        ("steps:\n- restore: {model: x, strength: 1e999}\n", 2, 33, "not a finite number", ""),
        ("steps:\n- restore: {model: x, strength: 11}\n", 2, 33, "out of range", "from 0 to 10"),
        ("steps:\n- restore: {model: x, range: [2, 1]}\n", 2, 30, "above its high end", "smaller"),
        ("steps:\n- restore: {model: x, range: [1]}\n", 2, 30, "wants two values `[low, high]`, found 1", ""),
        (
            "steps:\n- restore: {model: x, blend: on}\n",
            2,
            30,
            "`true` or `false`, found the text `on`",
            "`true`",
        ),
        ("steps:\n- restore: {model: x, channels: lum}\n", 2, 33, "one of `luma`, `each`", "`luma`?"),
        ("steps:\n- restore: {model: }\n", 2, 13, "`model` has no value", "model: "),
        ("steps:\n- restore: {model: null}\n", 2, 13, "`model` has no value", "model: "),
        ("steps:\n- measure: [sharpnes]\n", 2, 13, "found the text `sharpnes`", "`sharpness`?"),
        ("steps:\n- measure: [~]\n", 2, 13, "found nothing", ""),
        ("steps:\n- write:\n  quality: 3\n", 3, 3, "one step has 2 keys: `write` and `quality`", "indent"),
        ("steps:\n- write: {}\n  table: {}\n", 3, 3, "one step has 2 keys", "its own `-`: `- table"),
        ("steps:\n-\n- table\n", 2, 2, "a step is a name with its parameters, found nothing", ""),
        ("steps:\n- {}\n", 2, 3, "a step is missing here", ""),
        ("steps:\n- [a]\n", 2, 3, "found a list", ""),
        ("name: &x a\n", 1, 7, "anchors", "write the value out"),
        ("name: &x a\noutput: *x\n", 2, 9, "aliases", "write the value out"),
        ("include: **/*.jpg\n", 1, 10, "`*` and `&` begin an alias", "quotes around a pattern"),
        ("input: {<<: {path: x}}\n", 1, 9, "merge keys", "write the keys out"),
        ("name: !secret x\n", 1, 7, "tags", "remove"),
        ("name: !!str 1\n", 1, 7, "tags", "remove"),
        ("version: 1\n---\nversion: 1\n", 2, 1, "a second YAML document", "one pipeline"),
        ("version: 1\nsteps:\n\t- write\n", 3, 1, "a tab is used for indentation", "spaces"),
        ("version: 1\nname: a: b\n", 2, 8, "this is not valid YAML", "quotes around a value"),
        ("name: \"x\nseed: 1\n", 1, 7, "this is not valid YAML", "quote"),
        ("input: [a, b\nseed: 1\n", 2, 5, "this is not valid YAML", "closed"),
        ("steps:\n  - write: 1\n   table: 2\n", 3, 4, "this is not valid YAML", "same column"),
        ("limits: [\n", 2, 1, "this is not valid YAML", "closed"),
        ("name: @x\n", 1, 7, "this is not valid YAML", "begins with this character"),
        ("[a]: 1\n", 1, 1, "a key has to be a word", ""),
        (": 1\n", 1, 1, "a key is missing", ""),
        ("name: a\0b\n", 1, 8, "control character", "remove"),
        ("name: ${NOPE}\n", 1, 7, "environment variable `NOPE` is not set", "${NOPE:-default}"),
        ("input: \"${EMPTY}/x\"\n", 1, 8, "environment variable `EMPTY` is empty", "`${EMPTY:-}` if it may"),
        ("name: ${NOPE\n", 1, 7, "not closed", "$${"),
        ("name: ${1x}\n", 1, 7, "`1x` is not a variable name", "${NAME}"),
        ("input: {path: ${ARCHIVE}/x}\n", 1, 0, "this is not valid YAML", "quotes around a value with"),
    ];
    hold(table);
}

#[test]
fn slips_of_people_are_met_with_what_to_write() {
    let table: &[(&str, usize, usize, &str, &str)] = &[
        // Lists and patterns.
        ("input: {path: x, include: \"*.png\"}\n", 1, 27, "wants a list", "`[\"*.png\"]`"),
        ("input: {path: x, exclude: 'a \"b\"/*'}\n", 1, 27, "wants a list", "`['a \"b\"/*']`"),
        ("input: {path: x, include: jpg}\n", 1, 27, "wants a list", "`\"**/*.jpg\"`, in brackets"),
        (
            "input: {path: x, include: [jpg, png]}\n",
            1,
            28,
            "`jpg` matches only a file that is",
            "\"**/*.jpg\"",
        ),
        ("input: {path: x, include: [jpg, .PNG]}\n", 1, 33, "`.PNG` matches only", "\"**/*.png\""),
        ("input: {path: x, exclude: [/x/*.png]}\n", 1, 28, "relative to `path`", "`\"x/*.png\"`"),
        ("input: {path: x, exclude: [broken/]}\n", 1, 28, "patterns are of files", "`\"broken/**\"`"),
        ("input: {path: x, include: [{a: b}]}\n", 1, 28, "found a map", "quotes around a pattern"),
        ("input: [/a/b/, /a/c]\n", 1, 8, "one path", "{path: /a, include: [\"b/**/*.jpg\", \"c/**/*.jpg\"]}"),
        ("input: {path: [a b, c]}\n", 1, 15, "found a list", "{path: ., include: [\"a b/**/*.jpg\", \"c/"),
        ("input: {path: []}\n", 1, 15, "found a list", "one folder"),
        // What is no path of this machine.
        ("output: s3://bucket/x\n", 1, 9, "`s3://bucket/x` is an address, not a path", "mount it"),
        ("input: https://a.org/x.jpg\n", 1, 8, "is an address", "copy it"),
        ("input: file:///x/y\n", 1, 8, "is an address", "write `/x/y`"),
        ("input: $HOME/photos\n", 1, 8, "`$HOME` is not replaced", "`\"${HOME}/photos\"`"),
        ("output: $OUT\n", 1, 9, "`$OUT` is not replaced", "`\"${OUT}\"`"),
        ("output: $(pwd)/x\n", 1, 9, "is a command", "variable"),
        ("output: '%TEMP%\\x'\n", 1, 9, "`%TEMP%` is not replaced", "`\"${TEMP}/x\"`"),
        ("output: C:\\Users\\x\n", 1, 9, "a path of Windows", "`/mnt/c/Users/x`"),
        ("output: \"C:\\temp\"\n", 1, 9, "a path of Windows", "`/mnt/c/..."),
        ("output: \"C:\\Users\"\n", 1, 0, "begins an escape inside double quotes", "single quotes"),
        ("output: '\\\\nas\\x'\n", 1, 9, "network path of Windows", "mount"),
        ("steps:\n- write: {folder: ~/x}\n", 2, 19, "home folder", "${HOME}/x"),
        // Numbers.
        ("steps:\n- write: {quality: 9e1}\n", 2, 20, "found the number `9e1`", "write `90`"),
        ("limits: {threads: 4.0}\n", 1, 19, "found the number `4.0`", "write `4`"),
        ("limits: {threads: 1e9}\n", 1, 19, "out of range", "from 1 to 1024"),
        ("version: 1.0\n", 1, 10, "found the number `1.0`", "write `1`"),
        ("limits: {memory: 4G}\n", 1, 18, "unknown unit `G`", "`GB` or `GiB`"),
        ("limits: {memory: 1e9}\n", 1, 18, "unknown unit `e9`", "all digits"),
        ("limits: {memory: 4_000_000_000}\n", 1, 18, "unknown unit", "all digits"),
        ("limits: {memory: 50%}\n", 1, 18, "unknown unit `%`", "the units are"),
        (
            "steps:\n- write: {quality: ${Q:-90}}\n",
            2,
            0,
            "this is not valid YAML",
            "quotes around a value with",
        ),
        ("steps:\n- write: {quality: \"${Q:-many}\"}\n", 2, 20, "found the text `many`", "quality: 92"),
        // A picture that nothing uses.
        (
            "steps:\n- write\n- restore: x.onnx\n- table\n",
            3,
            3,
            "`restore` has no effect",
            "writes or measures",
        ),
        ("steps:\n- write\n- grayscale\n- restore: x.onnx\n- table\n", 3, 3, "`grayscale` has no effect", ""),
    ];
    hold(table);
}

/// Text, line, column (0 for any), part of the message, part of the help.
type Row = (&'static str, usize, usize, &'static str, &'static str);

fn hold(table: &[Row]) {
    let mut missed = Vec::new();
    for (text, line, column, message, help) in table {
        let found = bad(text, &[]);
        let hit = found.iter().any(|d| {
            d.line == *line
                && (d.column == *column || *column == 0)
                && d.message.contains(message)
                && d.help.as_deref().unwrap_or_default().contains(help)
        });
        if !hit {
            missed.push(format!("{text}\nexpected {line}:{column} {message} ({help}), found\n{found}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn all_mistakes_come_at_once_in_order() {
    let text = "\
version: 2
inptu: photos
output: 5
steps:
  - restroe: {}
  - write: {quality: 500, folder: ../x, colour: 1}
limits: {memory: 4Gib, threads: 0}
";
    let found = bad(text, &[]);
    let places: Vec<(usize, usize)> = found.iter().map(|d| (d.line, d.column)).collect();
    let expected = [(0, 0), (1, 10), (2, 1), (3, 9), (5, 5), (6, 22), (6, 35), (6, 41), (7, 18), (7, 33)];
    assert_eq!(places, expected, "{found}");
    let rendered = found.to_string();
    let part = "error: unknown step `restroe`\n --> pipelines/job.yaml:5:5\n  |\n5 |   - restroe: {}\n  |     \
                ^^^^^^^\n  = help: did you mean `restore`?\n\n";
    assert!(rendered.contains(part), "{rendered}");
}

#[test]
fn what_is_hardly_meant_is_a_warning_with_its_place() {
    let steps = "steps:\n- write\n";
    let table: &[Row] = &[
        ("limits: {max_failures: 5%, memory: 2048}\n", 1, 36, "`memory` is 2048 bytes", "`memory: 2048MiB`"),
        ("limits: {max_failures: 5%, pixels: 500}\n", 1, 36, "`pixels` is 500 pixels", "`pixels: 500MP`"),
        ("limits: {threads: 1}\n", 1, 1, "`max_failures` is not given", "max_failures: 5%"),
        ("\n", 0, 0, "`max_failures` is not given", "100%"),
        ("name: \"a\\tb\"\n", 1, 7, "control character `\\t`", "single quotes"),
    ];
    for (text, line, column, message, help) in table {
        let spec = super::good(&format!("{text}version: 1\ninput: x\noutput: y\n{steps}"), &[]);
        let hit = spec.warnings.iter().any(|d| {
            (d.line, d.column) == (*line, *column)
                && d.message.contains(message)
                && d.help.as_deref().unwrap_or_default().contains(help)
                && d.to_string().starts_with("warning: ")
        });
        assert!(hit, "{text}: {:?}", spec.warnings);
    }
    let plain = "version: 1\ninput: {path: x, exclude: [a.png]}\noutput: y\nlimits: {max_failures: 100%}\n";
    assert_eq!(super::good(&format!("{plain}{steps}"), &[]).warnings, []);
    let named = format!("{}steps:\n- write: {{quality: 3}}\n", plain.replace("a.png", "broken"));
    let places: Vec<_> = super::good(&named, &[]).warnings.iter().map(|d| (d.line, d.column)).collect();
    assert_eq!(places, [(2, 28), (6, 20)]);
}
