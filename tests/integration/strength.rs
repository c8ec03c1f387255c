//! Strength, texture and guard of `restore`, from the pipeline file to the written picture.

use super::onnx;
use super::support::*;
use safelight::image::{Depth, Image};
use std::fs;
use std::path::Path;

/// A network that takes the mean of nine pixels of each channel.
fn smoother(path: &Path) {
    let mut kernel = vec![0.0; 81];
    for channel in 0..3 {
        kernel[channel * 36..channel * 36 + 9].fill(1.0 / 9.0);
    }
    let pads = vec![onnx::ints("pads", &[1, 1, 1, 1])];
    let conv = onnx::node("Conv", &["x", "k"], "y", pads);
    let net = onnx::net(&[1, 3, 32, 32], vec![conv], vec![onnx::floats("k", &[3, 3, 3, 3], &kernel)]);
    fs::write(path, onnx::file(net, &[])).unwrap();
}

/// Flat fields beside fine texture.
fn detailed() -> Image {
    let mut image = picture(160, 128, 3, Depth::U8, 1);
    for i in 0..image.samples().len() {
        let (x, y) = (i / 3 % 160, i / 3 / 160);
        let fine = if (x * 7919 + y * 104_729 + x * y * 31) % 17 < 8 { 0.08 } else { -0.08 };
        image.samples_mut().set(i, 0.3 + 0.3 * (y / 64) as f32 + if x < 80 { 0.0 } else { fine });
    }
    image
}

fn job(options: &str) -> Job {
    let job = Job::new("- write");
    smoother(&job.dir.path().join("smooth.onnx"));
    let model = job.dir.path().join("smooth.onnx");
    job.steps(&format!("- restore: {{model: {}{options}}}\n- write: {{folder: images}}", model.display()));
    save(&detailed(), &job.input().join("a.png"));
    job
}

fn run(options: &str) -> (Vec<u8>, String) {
    let job = job(options);
    job.call(&["run"]).expect(0);
    let manifest = job.manifest();
    let row = manifest["a.png"].iter().collect::<Vec<_>>().join("|");
    (fs::read(job.output().join("images/a.png")).unwrap(), row)
}

#[test]
fn a_guarded_picture_is_left_as_its_own_bytes() {
    let job = job(", guard: leave");
    let ended = job.call(&["run"]).expect(0);
    let original = fs::read(job.input().join("a.png")).unwrap();
    assert_eq!(fs::read(job.output().join("images/a.png")).unwrap(), original);
    assert!(ended.out.contains("1 that no step changed"), "{}", ended.out);
    let row = job.manifest()["a.png"].iter().collect::<Vec<_>>().join("|");
    assert!(row.contains("guard: left as it was (correlation 0."), "{row}");
    assert!(job.call(&["run"]).expect(0).out.contains("everything is up to date"));
}

#[test]
fn the_guard_lowers_by_default_and_says_so() {
    let (lowered, row) = run("");
    assert!(row.contains("guard: strength lowered to 0."), "{row}");
    assert_eq!(run(", guard: lower").0, lowered);
    let (free, row) = run(", guard: off");
    assert!(!row.contains("guard"), "{row}");
    assert_ne!(free, lowered);
    let (finite, row) = run(", check: finite");
    assert!(finite == free && !row.contains("guard"), "{row}");
}

#[test]
fn strength_and_texture_reach_the_picture() {
    let off = run(", guard: off").0;
    let nothing = job(", strength: 0");
    nothing.call(&["run"]).expect(0);
    let written = fs::read(nothing.output().join("images/a.png")).unwrap();
    assert_eq!(written, fs::read(nothing.input().join("a.png")).unwrap());
    assert_eq!(run(", guard: off, strength: 1, texture: 0").0, off);
    assert_ne!(run(", guard: off, strength: 0.5").0, off);
    assert_ne!(run(", guard: off, texture: 0.5").0, off);
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let job = Job::new(
        "- restore: {model: sample_data/models/upscale_x2.onnx, strength: 0.5, texture: 0.2, guard: leave}\n- write",
    );
    let ended = job.call(&["check"]).expect(78);
    for name in ["strength", "texture", "guard"] {
        let message = format!("`{name}` is for networks that keep the picture's size");
        assert!(ended.err.contains(&message), "{}", ended.err);
    }
    let job = Job::new("- restore: {model: sample_data/models/denoise.onnx, strength: 1.5}\n- write");
    job.call(&["check"]).expect(78);
    let job =
        Job::new("- restore: {model: sample_data/models/denoise.onnx, check: finite, guard: lower}\n- write");
    assert!(job.call(&["check"]).expect(78).err.contains("`guard` judges believable pictures"));
    let job = Job::new("- restore: {model: sample_data/models/upscale_x2.onnx}\n- write");
    save(&detailed(), &job.input().join("a.png"));
    job.call(&["check"]).expect(0);
}

#[test]
fn strength_may_follow_from_what_is_known_of_a_picture() {
    let job = |strength: &str| {
        let job = Job::new(&format!(
            "- restore: {{model: sample_data/models/denoise.onnx, guard: off, strength: '{strength}'}}\n- write"
        ));
        save(&picture(40, 30, 3, Depth::U8, 1), &job.input().join("a.png"));
        job.call(&["run"]).expect(0);
        (fs::read(job.output().join("images/a.png")).unwrap(), job.manifest()["a.png"][5].to_string())
    };
    // 40 / 80 is 0 in whole numbers.
    assert_eq!(job("width / 80.0"), job("0.5"));
    let steps = |strength: &str| {
        format!(
            "- restore: {{model: sample_data/models/denoise.onnx, guard: off, strength: '{strength}'}}\n- write"
        )
    };
    let blanks = Job::new(&steps("clamp(width/80.0,0,1)"));
    save(&picture(40, 30, 3, Depth::U8, 1), &blanks.input().join("a.png"));
    blanks.call(&["run"]).expect(0);
    blanks.steps(&steps("clamp( width / 80.0, 0, 1 )"));
    assert!(blanks.call(&["run"]).expect(0).out.contains("everything is up to date"));
    assert_eq!(job("width / 80"), job("0"));
    assert_eq!(job("width"), job("1"));
    let (bytes, notes) = job("iso / 100.0");
    assert_eq!(bytes, job("0").0);
    assert!(
        notes.contains("its strength has no value for this picture") && notes.contains("unchanged"),
        "{notes}"
    );
    let wrong = Job::new("- restore: {model: sample_data/models/denoise.onnx, strength: wdth / 80}\n- write");
    save(&picture(40, 30, 3, Depth::U8, 1), &wrong.input().join("a.png"));
    assert!(wrong.call(&["check"]).expect(78).err.contains("did you mean `width`?"));
}
