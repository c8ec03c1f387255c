//! What of a folder is an input: every format that is read, no litter of systems, and a word on what is left out.

use crate::support::{Job, Tree, originals, picture, save, shared, tree};
use safelight::codec::Format;
use safelight::image::Depth;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const STEPS: &str = "- measure: [mean]\n- write: {folder: images}\n- table: {folder: table, rows: 16}";

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

fn photo(path: &Path) {
    save(&picture(20, 20, 3, Depth::U8, 1), path);
}

/// The first event of a run with JSON lines.
fn planned(out: &str) -> serde_json::Value {
    let first: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!(first["event"], "planned");
    first
}

fn copy(from: &Path, job: &Job) {
    let files: Tree = tree(from);
    files.iter().for_each(|(path, bytes)| put(&job.input().join(path), bytes));
}

#[test]
fn pictures_under_rarer_endings_are_inputs() {
    let job = Job::new(STEPS);
    for format in Format::ALL {
        let usual = job.dir.path().join(format!("x.{}", format.extensions()[0]));
        let image = picture(20, 20, 3, Depth::U8, 1);
        let options = safelight::codec::EncodeOptions::new(format);
        let Ok(encoded) = safelight::codec::encode(&image, &Default::default(), None, &options) else {
            continue;
        };
        fs::write(&usual, encoded.bytes).unwrap();
        for (n, ending) in format.extensions().iter().enumerate() {
            let ending = if n % 2 == 0 { ending.to_uppercase() } else { (*ending).to_string() };
            fs::copy(&usual, job.input().join(format!("{}.{ending}", format.name()))).unwrap();
        }
    }
    let inputs = tree(&job.input()).len();
    assert!(inputs > 15);
    job.call(&["run", "--progress", "quiet"]).expect(0);
    assert_eq!(job.manifest().values().filter(|row| &row[2] == "done").count(), inputs);
}

#[test]
fn what_is_left_out_is_told_by_ending() {
    let job = Job::new(STEPS);
    photo(&job.input().join("a/b.png"));
    for n in 0..5 {
        put(&job.input().join(format!("a/{n}.{}", ["XCF", "xcf", "jp2", "psd", "xcf"][n])), b"x");
    }
    put(&job.input().join("README"), b"x");
    put(&job.input().join("skip/1.png"), b"x");
    put(&job.input().join("skip/2.psd"), b"x");
    let told = "6 files left out: 3 .xcf, 1 .jp2, 1 .psd, 1 without an ending\n";
    let apart = "2 files left out by input.exclude\n";
    let exclude = ["--set", "input.exclude=['skip/**']"];
    let ended = job.call(&["plan", exclude[0], exclude[1]]).expect(0);
    assert!(ended.out.contains(told) && ended.out.contains(apart), "{}", ended.out);
    let ended = job.call(&["run", "--progress", "json", exclude[0], exclude[1]]).expect(0);
    let event = planned(&ended.out);
    assert_eq!(event["left_out"], serde_json::json!({"xcf": 3, "jp2": 1, "psd": 1, "": 1}));
    assert_eq!((&event["excluded"], &event["hidden"]), (&2.into(), &0.into()));
    let ended = job.call(&["run", exclude[0], exclude[1]]).expect(0);
    assert!(ended.err.contains(told) && ended.err.contains(apart), "{}", ended.err);
    // A night without changes is silent.
    let ended = job.call(&["run", "--progress", "quiet", exclude[0], exclude[1]]).expect(0);
    assert_eq!(ended.out + &ended.err, "");
    // Where nothing is an input, it is said what there is.
    let other = Job::new(STEPS);
    ["a.xcf", ".b.png"].iter().for_each(|name| put(&other.input().join(name), b"x"));
    let ended = other.call(&["run"]).expect(78);
    assert!(ended.err.contains("1 file left out: 1 .xcf; 1 hidden file or folder"), "{}", ended.err);
}

#[test]
fn litter_is_skipped_and_counted_and_hidden_pictures_are_read_on_request() {
    let job = Job::new(STEPS);
    photo(&job.input().join("a/1.jpg"));
    let litter = [
        "a/._1.jpg",
        "._x.png",
        ".DS_Store",
        "a/Thumbs.db",
        "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg",
        "a/#recycle/2.jpg",
        "#snapshot/x/1.jpg",
        ".Trash-1000/files/3.jpg",
        ".Trashes/501/3.jpg",
        "$RECYCLE.BIN/S-1/$R1.jpg",
        "System Volume Information/x.png",
        "lost+found/#123.jpg",
        ".thumbnails/large/1.png",
        "__MACOSX/a/._1.jpg",
    ];
    litter.iter().for_each(|name| put(&job.input().join(name), b"no picture"));
    let hidden = [".private/1.jpg", ".2.jpg", "a/.cache/.3.jpg"];
    hidden.iter().for_each(|name| photo(&job.input().join(name)));
    let ended = job.call(&["run"]).expect(0);
    let told = format!("{} system files skipped\n", litter.len());
    assert!(ended.err.contains(&told), "{}", ended.err);
    assert!(ended.err.contains("3 hidden files and folders skipped"), "{}", ended.err);
    assert_eq!(job.manifest().len(), 1);
    let ended = job.call(&["run", "--set", "input.hidden=true", "--progress", "json"]).expect(0);
    let event = planned(&ended.out);
    assert_eq!((&event["system_files"], &event["hidden"]), (&litter.len().into(), &0.into()));
    let manifest = job.manifest();
    assert_eq!(manifest.len(), 4);
    assert!(hidden.iter().all(|name| &manifest[*name][2] == "done"));
}

#[test]
fn what_is_named_is_read_whatever_it_is_called() {
    let job = Job::new(STEPS);
    for name in [".hidden/#recycle/a.png", ".hidden/._b.png", ".hidden/c.png"] {
        photo(&job.input().join(name));
    }
    // A root.
    let path = |path: &Path| format!("input.path={}", path.display());
    job.call(&["run", "--set", &path(&job.input().join(".hidden/#recycle"))]).expect(0);
    assert_eq!(job.manifest().len(), 1);
    // A file.
    job.clear_output();
    job.call(&["run", "--set", &path(&job.input().join(".hidden/._b.png"))]).expect(0);
    assert_eq!(job.manifest().len(), 1);
    // The rows of a list.
    job.clear_output();
    let list = job.dir.path().join("list.csv");
    fs::write(&list, "path\nin/.hidden/._b.png\nin/.hidden/#recycle/a.png\nin/.hidden/c.png\n").unwrap();
    job.call(&["run", "--set", &path(&list)]).expect(0);
    assert_eq!(job.manifest().values().filter(|row| &row[2] == "done").count(), 3);
}

#[test]
fn known_inputs_that_count_as_litter_now_are_left_out_and_keep_their_outputs() {
    let job = Job::new(STEPS);
    for name in ["a.png", ".b/c.png", ".d.png"] {
        photo(&job.input().join(name));
    }
    job.call(&["run", "--set", "input.hidden=true"]).expect(0);
    let before = tree(&job.output());
    let ended = job.call(&["run", "--prune", "--progress", "quiet"]).expect(0);
    assert!(ended.out.contains("2 newly left out"), "{}", ended.out);
    assert_eq!(crate::resume::rows(&job.output().join("table")).height(), 1);
    let manifest = job.manifest();
    assert_eq!((&manifest[".b/c.png"][2], &manifest[".d.png"][2]), ("left_out", "left_out"));
    assert_eq!(tree(&job.output().join("images")).len(), 3);
    let ended = job.call(&["run", "--prune", "--progress", "quiet"]).expect(0);
    assert_eq!(ended.out + &ended.err, "");
    // They come back without work.
    let ended = job.call(&["run", "--set", "input.hidden=true"]).expect(0);
    assert!(ended.out.contains("nothing to do"), "{}", ended.out);
    assert!(tree(&job.output()) == before);
}

#[test]
fn litter_that_can_not_be_listed_is_no_error() {
    let job = Job::new(STEPS);
    photo(&job.input().join("a.png"));
    for name in ["#recycle", ".Trash-0", "lost+found"] {
        fs::create_dir(job.input().join(name)).unwrap();
        photo(&job.input().join(name).join("b.png"));
    }
    let folder = job.input().join("lost+found");
    let log = job.dir.path().join("strace.log");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o"]).arg(&log).arg("-P").arg(&folder);
    command.args(["-e", "trace=openat,open", "-e", "inject=openat,open:error=EACCES"]);
    command.arg(env!("CARGO_BIN_EXE_safelight")).arg("run").arg(job.pipeline());
    match command.output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            if text.contains("strace:") {
                eprintln!("skipped: {text}");
                return;
            }
            assert!(output.status.success() && text.contains("3 system files skipped"), "{text}");
        }
        Err(e) => eprintln!("skipped: strace: {e}"),
    }
    // Nor is a link that leads in a circle, or nowhere.
    symlink(job.input(), job.input().join("#snapshot")).unwrap();
    symlink("nowhere", job.input().join(".x.png")).unwrap();
    let before = originals(&job.input());
    job.call(&["run", "--set", "input.follow_symlinks=true"]).expect(0);
    assert_eq!((job.manifest().len(), originals(&job.input())), (1, before));
}

#[test]
fn a_pattern_of_hidden_names_is_doubted() {
    let job = Job::new(STEPS);
    photo(&job.input().join("a.png"));
    let include = "input.include=['*.png', '**/.cache/*.png']";
    let ended = job.call(&["check", "--set", include]).expect(0);
    assert!(ended.err.contains("`**/.cache/*.png`") && ended.err.contains("hidden: true"), "{}", ended.err);
    let ended = job.call(&["check", "--set", include, "--set", "input.hidden=true"]).expect(0);
    assert!(!ended.err.contains(".cache"), "{}", ended.err);
}

#[test]
fn the_case_of_rare_endings() {
    let job = Job::new(STEPS);
    match shared("data/cases/jfif-ignored") {
        Some(case) => copy(&case, &job),
        None => ["a.jfif", "a.jpe", "b.JPEG", "e.dib"]
            .iter()
            .for_each(|name| save(&picture(9, 8, 3, Depth::U8, 1), &job.input().join(name))),
    }
    put(&job.input().join("h.jp2"), b"x");
    // HEIC was not read when the case was made, and is now.
    let ending = |path: &Path| path.extension().unwrap().to_str().unwrap().to_string();
    let names: Vec<_> = tree(&job.input()).into_keys().collect();
    let (read, left): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| Format::from_extension(&ending(name)).is_some());
    let ended = job.call(&["plan"]).expect(0);
    assert!(ended.out.contains(&format!("{} images", read.len())), "{}", ended.out);
    assert_eq!(left.len(), 1);
    assert!(ended.out.contains("1 file left out: 1 .jp2"), "{}", ended.out);
    let ended = job.call(&["run"]);
    assert!(ended.err.contains("1 file left out: 1 .jp2"), "{}", ended.err);
    let manifest = job.manifest();
    assert_eq!(manifest.len(), read.len());
    let old = read.iter().filter(|name| ending(name) != "heic");
    assert!(old.clone().all(|name| &manifest[name.to_str().unwrap()][2] == "done") && old.count() >= 4);
}

#[test]
fn the_case_of_resource_forks() {
    let job = Job::new(STEPS);
    match shared("data/cases/appledouble") {
        Some(case) => copy(&case, &job),
        None => {
            for n in 0..3 {
                save(&picture(9, 8, 3, Depth::U8, n), &job.input().join(format!("{n}.jpg")));
                put(&job.input().join(format!("._{n}.jpg")), b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ");
            }
        }
    }
    let forks = tree(&job.input()).keys().filter(|path| path.to_string_lossy().starts_with("._")).count();
    let pictures = tree(&job.input()).len() - forks;
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.err.contains(&format!("{forks} system files skipped")), "{}", ended.err);
    assert_eq!(job.manifest().values().filter(|row| &row[2] == "done").count(), pictures);
    assert_eq!(job.manifest().len(), pictures);
}
