//! The other commands, and mistakes in pipelines.

use crate::support::{Ended, Job, archive, picture, root, save};
use safelight::image::Depth;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let job = Job::new("- write");
    archive(&job.input(), 1);
    // Mistakes of the text, of the disk and of the models, in one go.
    let text = format!(
        "version: 1\ninput: {{path: {0}}}\noutput: {0}/x\nsteps:\n  - restroe: {{model: x}}\n  - resize: {{widht: 3}}\n\
         \x20 - restore: {{model: missing.onnx}}\n  - write: {{quality: 200}}\n  - embed: {{model: Cargo.toml, tensor: 3}}\n\
         \x20 - restore: {{model: Cargo.toml}}\n",
        job.input().display(),
    );
    fs::write(job.pipeline(), text).unwrap();
    let ended = job.call(&["check"]).expect(78);
    let wanted = [
        ("3:9", "originals are never"),
        ("5:5", "restore"),
        ("6:14", "width"),
        ("7:22", "no model missing.onnx"),
        ("8:22", "100"),
        ("9:40", "text"),
        ("10:22", "Cargo.toml"),
    ];
    for (place, part) in wanted {
        let found = ended.err.contains(&format!("job.yaml:{place}")) && ended.err.contains(part);
        assert!(found, "{place} {part}\n{}", ended.err);
    }
    assert!(!job.output().exists());
}

#[test]
fn the_output_never_reaches_the_input() {
    let job = Job::new("- write");
    archive(&job.input(), 2);
    let inside = job.input().join("cleaned");
    symlink(job.input(), job.dir.path().join("link")).unwrap();
    for output in [job.input(), inside, job.dir.path().join("link"), job.dir.path().join("link/x/../y")] {
        let ended = job.call(&["run", "--set", &format!("output={}", output.display())]).expect(78);
        assert!(ended.err.contains("originals are never written to"), "{}", ended.err);
    }
    // The output holds the input, and a folder of it would land on the originals.
    job.steps("- write: {folder: in}");
    let output = job.dir.path().display().to_string();
    let ended = job.call(&["run", "--set", &format!("output={output}")]).expect(78);
    assert!(ended.err.contains("reaches the input"), "{}", ended.err);
}

#[test]
fn plan_tells_and_touches_nothing() {
    let job = Job::new("- resize: {scale: 0.5}\n- measure: [mean]\n- write\n- table");
    archive(&job.input(), 7);
    let ended = job.call(&["plan"]).expect(0);
    assert!(ended.out.contains("7  new") && ended.out.contains("MiB"), "{}", ended.out);
    assert!(!job.output().exists());
    job.call(&["run"]).expect(0);
    let ended = job.call(&["plan", "--items"]).expect(0);
    assert!(ended.out.contains("7  up to date") && ended.out.contains("nothing to do"), "{}", ended.out);
    let ended = job.call(&["status"]).expect(0);
    assert!(ended.out.contains("done     7"), "{}", ended.out);
}

#[test]
fn only_one_run_works_on_an_output() {
    let job = Job::new("- resize: {scale: 16.0, enlarge: true}\n- write: {compression: small}");
    archive(&job.input(), 30);
    let mut first = job.start(&["run"]);
    let lock = job.output().join(".safelight/lock");
    while fs::read(&lock).map_or(true, |text| text.is_empty()) && first.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let second = job.call(&["run"]);
    if first.try_wait().unwrap().is_none() {
        assert_eq!(second.code, Some(1), "{}", second.err);
        assert!(second.err.contains("another run"), "{}", second.err);
    }
    first.kill().unwrap();
    first.wait().unwrap();
    job.call(&["run"]).expect(0);
}

#[test]
fn a_closed_pipe_does_not_stop_the_run() {
    let job = Job::new("- write");
    archive(&job.input(), 12);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_safelight"))
        .arg("run")
        .arg(job.pipeline())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    job.call(&["verify"]).expect(0);
    assert_eq!(job.manifest().len(), 12);
}

#[test]
fn json_lines_are_json() {
    let job = Job::new("- write");
    archive(&job.input(), 3);
    fs::write(job.input().join("bad.png"), b"x").unwrap();
    let ended = job.call(&["run", "--progress", "json"]).expect(10);
    let events: Vec<serde_json::Value> =
        ended.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let count = |name: &str| events.iter().filter(|e| e["event"] == name).count();
    assert_eq!((count("planned"), count("finished"), count("failed"), count("ended")), (1, 3, 1, 1));
}

#[test]
fn lists_schema_and_completions_are_printed() {
    let call = |arguments: &[&str]| {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_safelight")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(call(&["list"]).contains("restore"));
    assert!(call(&["list", "resize"]).contains("long_side"));
    assert!(call(&["list", "corruptions"]).contains("elastic_transform"));
    assert!(call(&["list", "jpeg_compression"]).contains("quality"));
    assert!(call(&["list", "synths"]).contains("dead_leaves"));
    assert!(call(&["completions", "bash"]).contains("safelight"));
    assert!(call(&["--help"]).contains("Exit codes"));
    serde_json::from_str::<serde_json::Value>(&call(&["schema"])).unwrap();
}

// The patterns of inputs are others with the feature.
#[cfg(not(feature = "raw"))]
#[test]
fn committed_docs_are_what_the_code_says() {
    let read = |name: &str| fs::read_to_string(crate::support::root().join(name)).unwrap();
    let words = safelight::train::vocabulary();
    let schema = format!("{:#}\n", safelight::spec::json_schema(&words));
    assert!(read("docs/pipeline.schema.json") == schema, "run `make docs`");
    let told = Command::new(env!("CARGO_BIN_EXE_safelight")).arg("reference").output().unwrap();
    let reference = Ended::from(told).expect(0).out;
    assert!(reference.len() > 10_000 && read("docs/pipeline.md").ends_with(&reference), "run `make docs`");
}

#[test]
fn engines_agree_and_each_can_be_asked_for() {
    let job = Job::new("- write");
    save(&picture(90, 70, 3, Depth::U16, 1), &job.input().join("a.png"));
    let model = root().join("sample_data/models/denoise.onnx");
    let restored = |settings: &str| {
        job.clear_output();
        job.steps(&format!("- restore: {{model: {}{settings}}}\n- write: {{format: pnm}}", model.display()));
        job.call(&["run"]).expect(0);
        let bytes = fs::read(job.output().join("images/a.ppm")).unwrap();
        let samples = &bytes[bytes.len() - 90 * 70 * 3 * 2..];
        samples.as_chunks::<2>().0.iter().map(|b| u16::from_be_bytes(*b)).collect::<Vec<_>>()
    };
    let plain = restored(", engine: plain");
    for settings in ["", ", exact: true", ", engine: fast, exact: false"] {
        let ours = restored(settings);
        let apart = ours.iter().zip(&plain).map(|(a, b)| a.abs_diff(*b)).max();
        // 1e-4 of the range, and the step of the rounding.
        assert!(apart.is_some_and(|d| d <= 7), "{settings}: {apart:?}");
    }

    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    let command = command.arg("model").arg(model).args(["--compare", "--size", "61", "--json"]);
    let ended = Ended::from(command.output().unwrap()).expect(0);
    let json: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let compared = &json["comparison"];
    assert_eq!((&compared["width"], &compared["height"]), (&64.into(), &64.into()));
    let number = |name: &str| compared[name].as_f64().unwrap();
    assert!(number("largest_difference") <= 1e-4 * number("output_range"), "{compared}");
    assert!(number("fast_seconds") > 0.0 && number("plain_seconds") > 0.0, "{compared}");
}

#[test]
fn a_full_standard_output_is_told_by_the_exit_code() {
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for arguments in [&["list"][..], &["schema"], &["reference"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
        let ended = Ended::from(command.args(arguments).stdout(full()).output().unwrap()).expect(30);
        assert!(ended.err.contains("cannot write to standard output"), "{}", ended.err);
    }
}

#[test]
fn a_recipe_without_a_corruption_is_a_mistake() {
    let job = Job::new("- corrupt: {recipe: []}\n- pairs");
    archive(&job.input(), 1);
    assert!(job.call(&["check"]).expect(78).err.contains("no corruption is named"));
}
