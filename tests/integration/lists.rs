//! Lists, names and what is hardly meant, from the command line.

use crate::support::{Job, archive, picture, save};
use safelight::image::Depth;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

#[test]
fn a_manifest_is_a_list_of_the_names_it_was_written_from() {
    let job = Job::new("- grayscale\n- write");
    archive(&job.input(), 2);
    let names: [&[u8]; 5] = [b"=1+1.png", b"'=b.png", b"@a.png", b"caf\xe9.png", b"\\xE9\x1b[2J.png"];
    for (n, name) in names.iter().enumerate() {
        let plain = job.input().join(format!("{n}.png"));
        save(&picture(20, 20, 3, Depth::U8, n as u32), &plain);
        fs::rename(&plain, job.input().join(OsStr::from_bytes(name))).unwrap();
    }
    job.call(&["run"]).expect(0);
    let manifest = fs::read_to_string(job.output().join(crate::support::MANIFEST)).unwrap();
    for cell in [",'=1+1.png,", ",''=b.png,", ",'@a.png,", ",caf\\xE9.png,", ",\\x5CxE9"] {
        assert!(manifest.contains(cell), "{cell}\n{manifest}");
    }
    for list in [".safelight/manifest.csv", ".safelight/manifest.parquet"] {
        let again = Job::new("- write");
        let list_at = again.dir.path().join(Path::new(list).file_name().unwrap());
        fs::copy(job.output().join(list), &list_at).unwrap();
        let (input, root) =
            (format!("input.path={}", list_at.display()), format!("input.root={}", job.input().display()));
        again.call(&["run", "--set", &input, "--set", &root]).expect(0);
        let images = again.output().join("images");
        for name in names {
            assert!(images.join(OsStr::from_bytes(name)).symlink_metadata().is_ok(), "{name:?}");
        }
    }
}

#[test]
fn values_on_the_command_line_are_taken_as_they_stand() {
    let job = Job::new("- write");
    for folder in ["roll #2", "a: b"] {
        let input = job.dir.path().join(folder);
        save(&picture(20, 20, 3, Depth::U8, 1), &input.join("x.png"));
        let output = job.dir.path().join(format!("out {folder}"));
        let set = [format!("input.path={}", input.display()), format!("output={}", output.display())];
        job.call(&["run", "--set", &set[0], "--set", &set[1]]).expect(0);
        assert!(output.join("images/x.png").is_file());
    }
}

#[test]
fn doubtful_values_are_told_and_run() {
    let job = Job::new("- write: {quality: 3}");
    archive(&job.input(), 2);
    let ended = job.call(&["check"]).expect(0);
    for part in ["warning: `quality: 3` is out of 100", "job.yaml:6:", "^", "warning: a run goes on even if"]
    {
        assert!(ended.err.contains(part), "{part}\n{}", ended.err);
    }
    assert!(job.call(&["plan"]).expect(0).err.contains("warning: "));
    let quiet = job.call(&["run", "--progress", "quiet"]).expect(0);
    assert!(quiet.err.is_empty(), "{}", quiet.err);
}

#[test]
fn what_matches_nothing_is_told_with_the_pattern() {
    let job = Job::new("- write");
    archive(&job.input(), 2);
    let ended = job.call(&["check", "--set", "input.include=[\"*.png\"]"]).expect(78);
    assert!(ended.err.contains("`**/*.png` below it too"), "{}", ended.err);
    let path = format!("input.path={}/*.png", job.input().display());
    let ended = job.call(&["check", "--set", &path]).expect(78);
    assert!(ended.err.contains("include: [\"*.png\"]"), "{}", ended.err);
    job.steps("- restore: {model: .}\n- write");
    let ended = job.call(&["check"]).expect(78);
    assert!(ended.err.contains(". is a folder, not a model"), "{}", ended.err);
}

#[test]
fn a_list_over_the_limit_is_refused_before_it_takes_memory() {
    let job = Job::new("- write");
    let list = job.dir.path().join("l.csv");
    let rows: String = (0..400_000).map(|i| format!("{i}.png\n")).collect();
    fs::write(&list, format!("path\n{rows}")).unwrap();
    let ended = job.call(&[
        "check",
        "--set",
        &format!("input.path={}", list.display()),
        "--set",
        "limits.memory=200MiB",
    ]);
    let ended = ended.expect(78);
    assert!(ended.err.contains("has 400000 rows") && ended.err.contains("over the 200 MiB"), "{}", ended.err);
}

#[test]
fn pairs_that_cannot_fit_are_found_by_check() {
    let job =
        Job::new("- corrupt: [gaussian_noise: {sigma: 20}]\n- pairs: {layout: folders, validation: 0.4}");
    for n in 0..6 {
        save(&picture(40, 36, 3, Depth::U8, n), &job.input().join(format!("{n}.png")));
    }
    job.call(&["run"]).expect(0);
    let check = |keys: &str| {
        let text = format!(
            "version: 1\ninput: {{path: {0}/pairs}}\noutput: {0}-trained\ntrain:\n  pairs: true\n{keys}",
            job.output().display()
        );
        let file = job.dir.path().join("train.yaml");
        fs::write(&file, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
        let ended = command.arg("check").arg(&file).output().unwrap();
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let (code, text) = check("  network: {residual: {scale: 2}}\n  patch: 32\n");
    assert!(code == Some(78) && text.contains("give the network `scale: 1`"), "{text}");
    let (code, text) = check("  network: residual\n  patch: 64\n");
    assert!(code == Some(78) && text.contains("train.yaml:7:") && text.contains("`patch: 36`"), "{text}");
    let (code, text) = check("  network: residual\n  patch: 32\n");
    assert_eq!(code, Some(0), "{text}");
}
