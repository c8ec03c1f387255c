//! Permissions and times of outputs.

use crate::support::{Job, archive, picture, save, tree};
use safelight::image::Depth;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const NOW: &str = "- write: {folder: images}\n- table";
const KEEP: &str = "- write: {folder: images, times: keep}\n- table";

fn meta(path: &Path) -> fs::Metadata {
    fs::metadata(path).unwrap()
}

/// Modification time in seconds and nanoseconds.
fn mtime(path: &Path) -> (i64, i64) {
    (meta(path).mtime(), meta(path).mtime_nsec())
}

/// Gives a file a time some days ago, another for each number.
fn age(path: &Path, number: u32) {
    let then = SystemTime::now() - Duration::new(86_400 * (3 + u64::from(number)), 123_456_000 + number);
    let times = FileTimes::new().set_modified(then).set_accessed(then + Duration::from_secs(60));
    File::options().append(true).open(path).unwrap().set_times(times).unwrap();
}

fn aged(job: &Job) -> Vec<PathBuf> {
    archive(&job.input(), 6);
    let names: Vec<PathBuf> = tree(&job.input()).into_keys().collect();
    names.iter().zip(0..).for_each(|(name, number)| age(&job.input().join(name), number));
    names
}

fn inodes(job: &Job, names: &[PathBuf]) -> Vec<u64> {
    names.iter().map(|name| meta(&job.output().join("images").join(name)).ino()).collect()
}

fn times_agree(job: &Job, names: &[PathBuf]) -> bool {
    let agrees =
        |name: &&PathBuf| mtime(&job.input().join(name)) == mtime(&job.output().join("images").join(name));
    names.iter().all(|name| agrees(&name))
}

#[test]
fn outputs_are_no_more_open_than_their_originals() {
    let steps = "- write: {folder: images}\n- write: {folder: other, format: png}\n- patches: {size: 10}\n\
                 - corrupt: [gaussian_noise]\n- pairs: {folder: pairs}";
    let job = Job::new(steps);
    let new = job.dir.path().join("new");
    fs::write(&new, b"").unwrap();
    // What the process may give.
    let open = meta(&new).mode() & 0o777;
    let modes = [0o600, 0o640, 0o644, 0o444, 0o755, 0o777, 0o700, 0o4711];
    for mode in modes {
        let path = job.input().join(format!("{mode:o}.tif"));
        save(&picture(20, 20, 3, Depth::U8, mode), &path);
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
    job.call(&["run"]).expect(0);
    for mode in modes {
        for name in [format!("images/{mode:o}.tif"), format!("other/{mode:o}.png")] {
            let found = meta(&job.output().join(&name)).mode() & 0o7777;
            assert_eq!(found, mode & open, "{name}");
        }
    }
    let allowed = |mode: u32| modes.iter().any(|m| m & open == mode & 0o7777);
    let pairs: Vec<PathBuf> = tree(&job.output().join("pairs")).into_keys().collect();
    let pictures = pairs.iter().filter(|name| name.extension().is_some_and(|e| e == "png" || e == "tif"));
    let closed =
        pictures.clone().filter(|name| meta(&job.output().join("pairs").join(name)).mode() & 0o7777 == 0o600);
    assert!(closed.count() > 0);
    assert!(pictures.clone().all(|name| allowed(meta(&job.output().join("pairs").join(name)).mode())));
    assert!(job.call(&["run"]).expect(0).out.contains("nothing to do"));
}

#[test]
fn times_are_those_of_writing_unless_asked_for() {
    let job = Job::new(NOW);
    let names = aged(&job);
    let before = SystemTime::now() - Duration::from_secs(5);
    job.call(&["run"]).expect(0);
    for name in &names {
        assert!(meta(&job.output().join("images").join(name)).modified().unwrap() > before);
    }
    let job = Job::new(KEEP);
    let names = aged(&job);
    let accessed: Vec<i64> = names.iter().map(|name| meta(&job.input().join(name)).atime()).collect();
    job.call(&["run"]).expect(0);
    assert!(times_agree(&job, &names));
    let outputs = names.iter().map(|name| meta(&job.output().join("images").join(name)).atime());
    assert_eq!(outputs.collect::<Vec<_>>(), accessed);
    // No output looks edited, and an edited one does.
    for _ in 0..2 {
        assert!(job.call(&["run"]).expect(0).out.contains("nothing to do: everything"));
    }
    job.call(&["verify"]).expect(0);
    let edited = job.output().join("images").join(&names[0]);
    fs::write(&edited, b"edited").unwrap();
    save(&picture(33, 21, 3, Depth::U8, 4711), &job.input().join(&names[0]));
    job.call(&["run"]).expect(10);
    assert_eq!(&job.manifest()[names[0].to_str().unwrap()][3], "edited");
}

#[test]
fn another_setting_of_times_makes_nothing_again() {
    let job = Job::new(NOW);
    let names = aged(&job);
    job.call(&["run"]).expect(0);
    let (first, made) = (tree(&job.output().join("images")), inodes(&job, &names));
    job.steps(KEEP);
    job.call(&["run"]).expect(0);
    assert!(times_agree(&job, &names) && inodes(&job, &names) == made);
    assert!(job.call(&["run", "--prune"]).expect(0).out.contains("nothing to do: everything"));
    job.call(&["verify"]).expect(0);
    // Back again: the times stay.
    job.steps(NOW);
    job.call(&["run", "--prune"]).expect(0);
    assert!(times_agree(&job, &names) && inodes(&job, &names) == made);
    assert!(job.call(&["run"]).expect(0).out.contains("nothing to do: everything"));
    assert!(tree(&job.output().join("images")) == first);
    // One that is gone, or has another name in a snapshot, is made again.
    let output = |at: usize| job.output().join("images").join(&names[at]);
    fs::remove_file(output(0)).unwrap();
    let snapshot = job.dir.path().join("snapshot");
    fs::hard_link(output(1), &snapshot).unwrap();
    age(&job.input().join(&names[1]), 99);
    let then = mtime(&snapshot);
    job.steps(KEEP);
    job.call(&["run"]).expect(0);
    assert!(times_agree(&job, &names) && mtime(&snapshot) == then);
    assert!(tree(&job.output().join("images")) == first);
    job.call(&["verify"]).expect(0);
    assert!(job.call(&["run"]).expect(0).out.contains("nothing to do: everything"));
}

#[test]
fn a_touched_input_takes_its_output_along() {
    let job = Job::new(KEEP);
    let names = aged(&job);
    job.call(&["run"]).expect(0);
    let made = inodes(&job, &names);
    age(&job.input().join(&names[2]), 50);
    job.call(&["run"]).expect(0);
    assert!(times_agree(&job, &names) && inodes(&job, &names) == made);
    assert!(job.call(&["run"]).expect(0).out.contains("nothing to do: everything"));
}

/// As a backup without times gives it back, or a copy that took its place.
#[test]
fn an_output_that_was_restored_has_its_original_s_time_again() {
    let job = Job::new(KEEP);
    let names = aged(&job);
    job.call(&["run"]).expect(0);
    assert!(times_agree(&job, &names));
    let output = |name: &PathBuf| job.output().join("images").join(name);
    fs::copy(output(&names[0]), job.dir.path().join("copy")).unwrap();
    fs::rename(job.dir.path().join("copy"), output(&names[0])).unwrap();
    age(&output(&names[1]), 40);
    fs::remove_file(output(&names[2])).unwrap();
    assert!(!times_agree(&job, &names[..1]) && !times_agree(&job, &names[1..2]));
    job.call(&["run"]).expect(0);
    assert!(times_agree(&job, &names));
    job.call(&["verify"]).expect(0);
    assert!(job.call(&["run"]).expect(0).out.contains("nothing to do: everything"));
}

#[test]
fn samples_of_one_input_have_its_time() {
    let job = Job::new("- patches: {size: 10}\n- write: {folder: images}");
    let names = aged(&job);
    job.call(&["run"]).expect(0);
    job.steps("- patches: {size: 10}\n- write: {folder: images, times: keep}");
    job.call(&["run", "--prune"]).expect(0);
    let outputs = tree(&job.output().join("images"));
    assert!(outputs.len() > names.len());
    let times: Vec<_> = names.iter().map(|name| mtime(&job.input().join(name))).collect();
    assert!(outputs.keys().all(|name| times.contains(&mtime(&job.output().join("images").join(name)))));
    job.call(&["verify"]).expect(0);
    assert!(job.call(&["run"]).expect(0).out.contains("nothing to do: everything"));
}

#[test]
fn pictures_that_are_made_have_no_time_to_keep() {
    let job = Job::new(KEEP);
    let text = fs::read_to_string(job.pipeline()).unwrap();
    let input = format!("input: {{path: {}}}", job.input().display());
    fs::write(job.pipeline(), text.replace(&input, "input: {synth: dead_leaves, count: 2, size: 32}"))
        .unwrap();
    job.call(&["run"]).expect(0);
    assert!(job.call(&["run"]).expect(0).out.contains("nothing to do: everything"));
}

/// Outputs of equal sizes and times are told apart by what was announced: after a kill between a file's new name and its
/// record, going back to the settings before must give their bytes.
#[test]
fn a_kill_leaves_no_doubt_about_outputs_of_one_size_and_time() {
    let steps = |severity: u32| {
        format!(
            "- corrupt: [gaussian_noise: {{sigma: {severity}0}}]\n- write: {{folder: images, format: bmp, times: keep}}"
        )
    };
    let job = Job::new(&steps(1));
    for n in 0..3 {
        let path = job.input().join(format!("{n}.png"));
        save(&picture(24, 24, 3, Depth::U8, n), &path);
        age(&path, n);
    }
    job.call(&["run"]).expect(0);
    let first = tree(&job.output().join("images"));
    let mut other = 0;
    for point in 1..60 {
        job.steps(&steps(2));
        let ended = job.call_with_fault(&["run"], &format!("kill@{point}"));
        if ended.code == Some(0) {
            break;
        }
        let left = tree(&job.output().join("images"));
        other += usize::from(left != first && left.values().map(Vec::len).eq(first.values().map(Vec::len)));
        job.steps(&steps(1));
        job.call(&["run"]).expect(0);
        assert!(tree(&job.output().join("images")) == first, "kill@{point}");
        job.call(&["verify"]).expect(0);
        assert!(job.call(&["run"]).expect(0).out.contains("nothing to do: everything"), "kill@{point}");
    }
    assert!(other > 0);
}
