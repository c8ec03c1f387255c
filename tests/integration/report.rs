//! `report`: a folder that opens from disk, replaced as a whole, whatever the names of the pictures are.

use crate::support::{Ended, Job, archive, picture, root, save, tree};
use safelight::image::Depth;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

const STEPS: &str = "- measure: {what: [noise_sigma], prefix: before_}\n- corrupt: [gaussian_noise: {sigma: 20}]\n\
                     - measure: [noise_sigma, psnr]\n- write: {folder: images, format: png}\n- table: {folder: table}";
const HOSTILE: [&[u8]; 5] = [
    b"<img src=x onerror=alert(1)>.png",
    b"a\"b'&c.png",
    b"line\nbreak.png",
    b"no\xff8.png",
    "x\u{202e}gnp.png".as_bytes(),
];

/// A job over good and bad pictures, some with names that are markup, that has run.
fn job() -> Job {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    for (seed, name) in HOSTILE.iter().enumerate() {
        save(&picture(40, 30, 3, Depth::U8, seed as u32), &job.input().join("a.png"));
        fs::rename(job.input().join("a.png"), job.input().join(OsStr::from_bytes(name))).unwrap();
    }
    fs::write(job.input().join("<script>bad.png"), "<b>no picture").unwrap();
    job.call(&["run", "--set", "limits.max_failures=100%"]).expect(10);
    job
}

fn of_folder(job: &Job, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    Ended::from(command.arg("report").arg(job.output()).args(arguments).current_dir(root()).output().unwrap())
}

#[test]
fn a_report_opens_from_disk_and_names_are_text() {
    let job = job();
    let told = job.call(&["report"]).expect(0);
    assert!(told.out.contains("report/index.html") && told.out.contains("before-after.png"), "{}", told.out);
    let folder = tree(&job.output().join("report"));
    let text = |name: &str| String::from_utf8(folder[Path::new(name)].clone()).unwrap();
    let page = text("index.html");
    // Everything that the page names stands beside it, and nothing is named that is elsewhere.
    let mut named = BTreeSet::new();
    for attribute in ["src=\"", "href=\""] {
        for (at, _) in page.match_indices(attribute) {
            let value = page[at + attribute.len()..].split('"').next().unwrap();
            if !value.starts_with('#') && !value.starts_with("data:,") {
                assert!(folder.contains_key(Path::new(value)), "{value}");
                named.insert(value.to_string());
            }
        }
    }
    assert!(named.contains("data.js") && named.iter().any(|n| n.starts_with("sample-0-after")), "{named:?}");
    for (name, bytes) in &folder {
        let elsewhere = [&b"http://"[..], b"https://", b"//cdn"];
        let name = name.to_string_lossy();
        if [".html", ".js", ".css"].iter().any(|ending| name.ends_with(ending)) {
            assert!(!elsewhere.iter().any(|e| bytes.windows(e.len()).any(|w| w == *e)), "{name}");
        }
    }
    assert!(page.contains("default-src 'none'") && !page.contains("<script>") && !page.contains("style=\""));
    assert!(!page.contains("<img src=x") && page.contains("&lt;script&gt;bad.png"));
    assert!(!page.contains('\u{202e}') && !page.contains("{{") && !page.contains("{%"));
    let data = text("data.js");
    assert!(!data.contains('<') && data.contains("\\u003cscript\\u003ebad.png"));
    // Without scripts, what counts is there.
    assert!(page.contains("11 of 12 pictures are done, 1 failed.") && page.contains("unsupported"));
    for section in ["samples", "failures", "distributions", "about"] {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
    }
}

#[test]
fn a_report_says_the_same_of_the_pipeline_and_of_its_output() {
    let job = job();
    job.call(&["report"]).expect(0);
    let first = tree(&job.output().join("report"));
    job.call(&["report"]).expect(0);
    assert_eq!(tree(&job.output().join("report")), first);
    let told = of_folder(&job, &["--json"]).expect(0);
    let figures: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(
        (&figures["items"]["done"], &figures["failures"]["unsupported"]),
        (&11.into(), &1.into()),
        "{}",
        told.out
    );
    let columns: Vec<&str> =
        figures["columns"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    assert!(columns.contains(&"psnr") && columns.contains(&"before_noise_sigma"), "{columns:?}");
    let why = |why: &str| {
        figures["samples"]
            .as_array()
            .unwrap()
            .iter()
            .any(|s| s["why"].as_array().unwrap().contains(&why.into()))
    };
    assert!(["worst", "best", "most changed", "random"].into_iter().all(why), "{}", told.out);
    // The pictures are the same ones: the input is known without the pipeline.
    let second = tree(&job.output().join("report"));
    assert_eq!(second.keys().collect::<Vec<_>>(), first.keys().collect::<Vec<_>>());
    assert!(of_folder(&job, &["--set", "seed=1"]).expect(2).err.contains("--set"));
    job.call(&["verify"]).expect(0);
}

#[test]
fn files_of_others_are_kept_and_old_ones_of_a_report_go() {
    let job = job();
    job.call(&["report"]).expect(0);
    let folder = job.output().join("report");
    let whole = tree(&folder);
    fs::write(folder.join("sample-99-before.jpg"), "of an earlier report").unwrap();
    fs::write(folder.join("index.html"), "torn").unwrap();
    job.call(&["report"]).expect(0);
    assert_eq!(tree(&folder), whole);
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let told = job.call(&["report"]).expect(78);
    assert!(told.err.contains("notes.txt") && told.err.contains("move it out"), "{}", told.err);
    assert_eq!(fs::read(folder.join("notes.txt")).unwrap(), b"mine");
}

#[test]
fn a_report_that_is_killed_leaves_the_old_one_or_the_new_one() {
    let job = job();
    job.call(&["report"]).expect(0);
    let folder = job.output().join("report");
    let old = tree(&folder);
    // Another failure less, so that the two differ.
    fs::remove_file(job.input().join("<script>bad.png")).unwrap();
    job.call(&["run"]).expect(0);
    let mut killed = 0;
    for point in 1..400 {
        let ended = job.call_with_fault(&["report"], &format!("kill@{point}"));
        let now = tree(&folder);
        let new = now[Path::new("index.html")] != old[Path::new("index.html")];
        assert!(new || now == old, "torn at {point}");
        if ended.code.is_some() {
            break;
        }
        killed += 1;
    }
    assert!(killed > 0, "no point was hit");
    job.call(&["report"]).expect(0);
    let left: Vec<_> = fs::read_dir(job.output())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .filter(|n| n.to_string_lossy().starts_with(".safelight-tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
