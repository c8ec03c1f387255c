//! The shipped pipelines on the shipped sample archive.

use crate::resume::rows;
use crate::support::{root, tree};
use polars::prelude::DataType;
use safelight::codec::{Decoded, Limits, decode};
use safelight::image::compare::psnr;
use safelight::image::measure::noise_sigma;
use safelight::image::orient::upright;
use std::fs;
use std::path::Path;
use std::process::Command;

fn run(pipeline: &str, output: &Path, codes: &[i32]) -> String {
    let ended = Command::new(env!("CARGO_BIN_EXE_safelight"))
        .args([
            "run",
            &format!("pipelines/{pipeline}.yaml"),
            "--set",
            &format!("output={}", output.display()),
        ])
        .current_dir(root())
        .env("ARCHIVE", "sample_data/archive")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        ended.status.code().is_some_and(|c| codes.contains(&c)),
        "{pipeline}: {:?}\n{text}",
        ended.status
    );
    text
}

fn open(path: &Path) -> Decoded {
    let limits = Limits { max_pixels: 1 << 30, max_bytes: 1 << 32, strict: false };
    decode(&fs::read(path).unwrap(), path, &limits).unwrap()
}

#[test]
fn denoise_cleans_the_sample_archive() {
    let output = tempfile::tempdir().unwrap();
    run("denoise", output.path(), &[10]);
    let archive = root().join("sample_data/archive");
    let images = tree(&output.path().join("images"));
    assert!(images.len() >= 12, "{}", images.len());
    let mut cleaner = 0;
    for path in images.keys() {
        let (before, after) = (open(&archive.join(path)), open(&output.path().join("images").join(path)));
        assert_eq!(before.source.format, after.source.format, "{}", path.display());
        assert_eq!(before.image.depth(), after.image.depth(), "{}", path.display());
        assert_eq!(
            (before.image.width(), before.image.height()),
            (after.image.width(), after.image.height())
        );
        assert_eq!(before.image.alpha().is_some(), after.image.alpha().is_some(), "{}", path.display());
        assert_eq!(before.meta.orientation, after.meta.orientation);
        assert!(psnr(&before.image, &after.image).unwrap() > 15.0, "{} is another picture", path.display());
        let (noisy, clean) = (noise_sigma(&before.image), noise_sigma(&after.image));
        cleaner += usize::from(noisy > 8.0 && clean < noisy / 2.0);
        assert!(clean < noisy + 2.0, "{}: {noisy} -> {clean}", path.display());
    }
    assert!(cleaner >= 6, "only {cleaner} images lost half of their noise");
    let turned = open(&archive.join("phone/rotated.jpg"));
    assert_ne!(turned.meta.orientation, 1);
    let kept = open(&output.path().join("images/phone/rotated.jpg"));
    assert!(kept.meta.exif.is_some());
    let upright = upright(kept.image, kept.meta.orientation);
    assert_eq!(upright.width(), turned.image.height());
    let table = rows(&output.path().join("table"));
    assert_eq!(table.height(), images.len());
    let manifest = fs::read_to_string(output.path().join(crate::support::MANIFEST)).unwrap();
    assert!(manifest.contains("broken/truncated.jpg") && manifest.contains("undecodable"), "{manifest}");
}

#[test]
fn pictures_are_made_twice_and_four_times_as_large() {
    for (pipeline, suffix, times) in [("upscale", "_x2", 2), ("upscale_x4", "_x4", 4)] {
        let output = tempfile::tempdir().unwrap();
        run(pipeline, output.path(), &[0]);
        let images = tree(&output.path().join("images"));
        assert!(images.len() >= 12);
        let small = open(&root().join("sample_data/archive/art/sprite.png")).image;
        let large = open(&output.path().join(format!("images/art/sprite{suffix}.png"))).image;
        assert_eq!((large.width(), large.height()), (times * small.width(), times * small.height()));
        assert!(large.alpha().is_some());
    }
}

#[test]
fn evaluate_puts_methods_side_by_side() {
    let output = tempfile::tempdir().unwrap();
    run("evaluate", output.path(), &[0]);
    let mut reader = csv::Reader::from_path(output.path().join("scores/scores.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    let psnr = |group: &str, method: &str| -> f64 {
        let row = rows.iter().find(|row| &row[1] == group && &row[2] == method).unwrap();
        row[4].parse().unwrap()
    };
    assert!(psnr("gaussian_noise", "denoise") > psnr("gaussian_noise", "input") + 5.0);
    assert!(psnr("jpeg_compression", "deblock") > psnr("jpeg_compression", "input"));
    // All, one folder, three corruptions; three methods each.
    assert_eq!(rows.len(), 5 * 3);
    assert_eq!(table_height(output.path()), 6);
}

#[test]
fn evaluate_upscale_measures_as_the_literature_does() {
    let output = tempfile::tempdir().unwrap();
    run("evaluate_upscale", output.path(), &[0]);
    let text = fs::read_to_string(output.path().join("scores/scores.md")).unwrap();
    assert!(
        ["bicubic", "lanczos", "upscale_x2"].iter().all(|method| text.contains(&format!("| {method} | 8 |"))),
        "{text}"
    );
}

fn table_height(output: &Path) -> usize {
    rows(&output.join("table")).height()
}

#[test]
fn features_fill_a_table() {
    let output = tempfile::tempdir().unwrap();
    run("features", output.path(), &[0]);
    let table = rows(&output.path().join("table"));
    assert!(table.height() >= 12);
    let DataType::Array(inner, width) = table.column("embedding").unwrap().dtype().clone() else { panic!() };
    assert_eq!((*inner, width), (DataType::Float32, 64));
    assert_eq!(table.column("embedding").unwrap().null_count(), 0);
    assert!(!output.path().join("images").exists());
}

#[test]
fn shipped_jobs_over_items_are_valid_without_a_warning() {
    let jobs = [
        "corruption_benchmark",
        "denoise",
        "evaluate",
        "evaluate_upscale",
        "features",
        "nightly",
        "pairs_denoise",
        "pairs_upscale",
        "synth",
        "upscale",
    ];
    for job in jobs {
        let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
        command.args(["check", &format!("pipelines/{job}.yaml")]).current_dir(root());
        let ended = command.env("ARCHIVE", "sample_data/archive").output().unwrap();
        let text = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && text.is_empty(), "{job}: {text}");
    }
    // A misspelt or missing variable is no archive.
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    command.args(["check", "pipelines/nightly.yaml"]).current_dir(root()).env_remove("ARCHIVE");
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&ended.stderr).contains("`ARCHIVE` is not set"));
}

#[test]
fn nightly_does_all_in_one_pass_and_nothing_twice() {
    let output = tempfile::tempdir().unwrap();
    run("nightly", output.path(), &[0]);
    let before = tree(output.path());
    let text = run("nightly", output.path(), &[0]);
    assert!(text.contains("0 to do"), "{text}");
    assert!(tree(output.path()) == before);
    let table = rows(&output.path().join("table"));
    assert!(table.column("embedding").is_ok() && table.column("noise_sigma").is_ok());
}
