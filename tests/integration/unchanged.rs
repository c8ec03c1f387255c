//! Pictures that no step changed: their own bytes, nothing, or a second name.

use super::support::*;
use safelight::image::Depth;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

fn jpeg_with_noise(job: &Job, name: &str) {
    save(&picture(40, 30, 3, Depth::U8, 3), &job.input().join(name));
}

fn output(job: &Job, name: &str) -> Vec<u8> {
    fs::read(job.output().join("images").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn untouched_means_identical() {
    let job = Job::new("- grayscale: {when: width > 100}\n- write");
    jpeg_with_noise(&job, "a.jpg");
    jpeg_with_noise(&job, "b.tif");
    // What follows the end of the picture stays too.
    let mut odd = fs::read(job.input().join("a.jpg")).unwrap();
    odd.extend(b"trailing");
    fs::write(job.input().join("odd.jpg"), &odd).unwrap();
    let ended = job.call(&["run"]).expect(0);
    for name in ["a.jpg", "b.tif", "odd.jpg"] {
        assert_eq!(output(&job, name), fs::read(job.input().join(name)).unwrap(), "{name}");
    }
    assert!(ended.out.contains("3 that no step changed"), "{}", ended.out);
    assert!(ended.out.contains("3 by grayscale: width > 100"), "{}", ended.out);
    job.call(&["verify"]).expect(0);
    assert!(job.call(&["run"]).expect(0).out.contains("everything is up to date"));
}

#[test]
fn steps_that_do_nothing_leave_pictures_untouched() {
    let job =
        Job::new("- crop: {width: 40, height: 30}\n- resize: {width: 40, height: 30}\n- grayscale\n- write");
    save(&picture(40, 30, 1, Depth::U8, 3), &job.input().join("gray.jpg"));
    save(&picture(40, 30, 3, Depth::U8, 3), &job.input().join("colour.jpg"));
    job.call(&["run"]).expect(0);
    assert_eq!(output(&job, "gray.jpg"), fs::read(job.input().join("gray.jpg")).unwrap());
    assert_ne!(output(&job, "colour.jpg"), fs::read(job.input().join("colour.jpg")).unwrap());
}

#[test]
fn other_formats_stripped_metadata_and_encode_are_encoded() {
    for write in ["{format: png}", "{metadata: strip}", "{unchanged: encode}"] {
        let job = Job::new(&format!("- write: {write}"));
        jpeg_with_noise(&job, "a.jpg");
        let ended = job.call(&["run"]).expect(0);
        let name = if write.contains("png") { "a.png" } else { "a.jpg" };
        assert_ne!(output(&job, name), fs::read(job.input().join("a.jpg")).unwrap(), "{write}");
        assert!(!ended.out.contains("no step changed"), "{}", ended.out);
    }
}

#[test]
fn nothing_is_said_to_be_unchanged_that_is_encoded_now() {
    for write in ["{unchanged: encode}", "{metadata: strip}", "{format: png}"] {
        let job = Job::new("- measure: [mean]\n- write\n- table");
        jpeg_with_noise(&job, "a.jpg");
        job.call(&["run"]).expect(0);
        assert_eq!(job.manifest()["a.jpg"].get(5), Some("unchanged"));
        job.steps(&format!("- measure: [mean]\n- write: {write}\n- table"));
        assert!(!job.call(&["run"]).expect(0).out.contains("no step changed"), "{write}");
        assert_eq!(job.manifest()["a.jpg"].get(5), Some(""), "{write}");
    }
}

#[test]
fn skipped_ones_are_not_there_and_are_not_missed() {
    let job = Job::new("- write");
    jpeg_with_noise(&job, "a.jpg");
    job.call(&["run"]).expect(0);
    assert!(job.output().join("images/a.jpg").exists());
    job.steps("- write: {unchanged: skip}");
    job.call(&["run"]).expect(0);
    assert!(!job.output().join("images/a.jpg").exists());
    assert!(job.call(&["run"]).expect(0).out.contains("everything is up to date"));
    job.call(&["verify"]).expect(0);
}

fn inode(path: &Path) -> u64 {
    fs::metadata(path).unwrap().ino()
}

#[test]
fn hard_links_are_second_names_and_originals_survive_all_that_becomes_of_them() {
    let job = Job::new("- grayscale: {when: width > 100}\n- write: {unchanged: hardlink}");
    jpeg_with_noise(&job, "a.jpg");
    let (original, link) = (job.input().join("a.jpg"), job.output().join("images/a.jpg"));
    let before = originals(&job.input());
    job.call(&["run"]).expect(0);
    assert_eq!(inode(&original), inode(&link));
    assert!(job.call(&["run"]).expect(0).out.contains("everything is up to date"));
    job.call(&["verify"]).expect(0);
    // Other times and settings give it a file of its own; the original keeps its name, bytes and time.
    job.steps("- grayscale: {when: width > 100}\n- write: {unchanged: hardlink, times: keep}");
    job.call(&["run"]).expect(0);
    assert_eq!(originals(&job.input()), before);
    job.steps("- grayscale\n- write: {unchanged: hardlink}");
    job.call(&["run"]).expect(0);
    assert_ne!(inode(&original), inode(&link));
    assert_eq!(originals(&job.input()), before);
    // Back, and the original edited in place: the link follows, and nobody's edit is in the way.
    job.steps("- grayscale: {when: width > 100}\n- write: {unchanged: hardlink}");
    job.call(&["run"]).expect(0);
    assert_eq!(inode(&original), inode(&link));
    let other = Job::new("- write");
    save(&picture(44, 30, 3, Depth::U8, 9), &other.input().join("a.jpg"));
    let edited = fs::read(other.input().join("a.jpg")).unwrap();
    fs::write(&original, &edited).unwrap();
    job.call(&["run"]).expect(0);
    assert_eq!((fs::read(&original).unwrap(), fs::read(&link).unwrap()), (edited.clone(), edited.clone()));
    // Gone from the input and pruned: only the second name goes.
    fs::rename(&original, job.dir.path().join("kept.jpg")).unwrap();
    jpeg_with_noise(&job, "b.jpg");
    job.call(&["run", "--prune"]).expect(0);
    assert!(!link.exists());
    assert_eq!(fs::read(job.dir.path().join("kept.jpg")).unwrap(), edited);
}
