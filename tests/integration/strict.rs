//! Files with faults: what can be read around is read and told, or refused where that was asked.

use crate::support::{Job, picture, save};
use safelight::image::Depth;
use std::fs;

#[test]
fn a_jpeg_without_its_end_is_read_with_a_note_and_refused_by_strict() {
    let job = Job::new("- write: {folder: images}");
    let path = job.input().join("a.jpg");
    save(&picture(40, 30, 3, Depth::U8, 1), &path);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 2]).unwrap();
    let output = job.command(&["run"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let manifest = fs::read_to_string(job.output().join(crate::support::MANIFEST)).unwrap();
    assert!(manifest.contains("its end marker is missing"), "{manifest}");
    // It is the same file, but no longer good enough.
    let output = job.command(&["run", "--set", "input.strict=true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(10));
    let manifest = fs::read_to_string(job.output().join(crate::support::MANIFEST)).unwrap();
    assert!(manifest.contains("damaged jpeg file") && manifest.contains("without `strict`"), "{manifest}");
}

#[test]
fn a_cut_jpeg_is_damaged_and_a_broken_one_just_not_readable() {
    let job = Job::new("- write: {folder: images}");
    let path = job.input().join("a.jpg");
    save(&picture(90, 70, 3, Depth::U8, 1), &path);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let mut broken = bytes.clone();
    // A second frame header where the first was: against the rules, but who knows what it was.
    let at = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    broken[at + 4] = 0;
    fs::write(job.input().join("b.jpg"), broken).unwrap();
    job.command(&["run"]).output().unwrap();
    let manifest = fs::read_to_string(job.output().join(crate::support::MANIFEST)).unwrap();
    let row = |name: &str| manifest.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(row("a.jpg").contains("restore it from a backup"), "{manifest}");
    assert!(!row("b.jpg").contains("backup") && row("b.jpg").contains("failed"), "{manifest}");
}
