//! Bad input: every file ends as a row of the manifest, and the run goes on.

use crate::support::{Job, archive, picture, save, shared, tree};
use safelight::image::Depth;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

const STEPS: &str =
    "- resize: {long_side: 64}\n- measure: [mean, noise_sigma]\n- write: {format: png}\n- table";

#[test]
fn every_kind_of_bad_input_is_a_row() {
    let job = Job::new("- measure: [mean]\n- write\n- table");
    let at = |name: &str| job.input().join(name);
    archive(&job.input(), 3);
    let good = fs::read(at("0/0/img-000.png")).unwrap();
    fs::write(at("truncated.png"), &good[..good.len() * 2 / 3]).unwrap();
    fs::write(at("empty.jpg"), b"").unwrap();
    fs::write(at("text.jpg"), b"this is no image").unwrap();
    fs::write(at("named-wrongly.jpg"), &good).unwrap();
    fs::write(at("new\nline.png"), &good).unwrap();
    fs::write(job.input().join(OsStr::from_bytes(b"latin-\xe9.png")), &good).unwrap();
    fs::write(at("bomb.png"), bomb()).unwrap();
    symlink(at("nowhere.png"), at("dangling.png")).unwrap();
    symlink(at("loop.png"), at("loop.png")).unwrap();
    fs::create_dir(at("folder.png")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(at("pipe.png")).status().unwrap();
    assert!(fifo.success());

    job.call(&["run"]).expect(10);
    let manifest = job.manifest();
    let kind =
        |name: &str| manifest.get(name).map(|r| r[3].to_string()).unwrap_or_else(|| panic!("no row {name}"));
    assert_eq!(kind("truncated.png"), "undecodable");
    assert_eq!(kind("empty.jpg"), "undecodable");
    assert!(["undecodable", "unsupported"].contains(&kind("text.jpg").as_str()));
    assert_eq!(kind("bomb.png"), "too_large");
    // Links are not followed, wherever they lead.
    assert!(!manifest.contains_key("dangling.png") && !manifest.contains_key("loop.png"));
    assert_eq!(kind("pipe.png"), "not_a_file");
    assert_eq!(&manifest["named-wrongly.jpg"][2], "done");
    assert!(manifest["named-wrongly.jpg"][5].contains("png"), "{:?}", &manifest["named-wrongly.jpg"]);
    assert_eq!(&manifest["new\nline.png"][2], "done");
    assert_eq!(&manifest["latin-\\xE9.png"][2], "done");
    assert!(manifest.values().filter(|r| &r[2] == "failed").all(|r| !r[4].is_empty()));
    assert_eq!(manifest.values().filter(|r| &r[2] == "done").count(), 6);
    job.call(&["run", "--set", "input.follow_symlinks=true"]);
    let manifest = job.manifest();
    assert_eq!((&manifest["dangling.png"][3], &manifest["loop.png"][3]), ("vanished", "unreadable"));
}

/// A small PNG that claims 60,000 x 60,000 pixels.
fn bomb() -> Vec<u8> {
    let chunk = |name: &[u8], data: &[u8]| {
        let mut bytes = (data.len() as u32).to_be_bytes().to_vec();
        bytes.extend(name);
        bytes.extend(data);
        let crc = bytes[4..].iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { c >> 1 ^ 0xEDB8_8320 } else { c >> 1 })
        });
        bytes.extend((!crc).to_be_bytes());
        bytes
    };
    let mut header = [60_000u32.to_be_bytes(), 60_000u32.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 0]);
    // An empty zlib stream stands in for the pixels: it must not come to decoding them.
    let data = [0x78, 0x01, 0x01, 0, 0, 0xff, 0xff, 0, 0, 0, 1];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunk(b"IHDR", &header), chunk(b"IDAT", &data), chunk(b"IEND", b"")]
        .concat()
}

#[test]
fn too_many_failures_stop_the_run() {
    let job = Job::new("- write");
    for n in 0..40 {
        fs::write(job.input().join(format!("{n:02}.png")), b"no").unwrap();
    }
    let ended = job.call(&["run", "--set", "limits.max_failures=3", "--set", "limits.threads=1"]).expect(11);
    assert!(ended.out.contains("more failures than"), "{}", ended.out);
    let failed = job.manifest().values().filter(|r| &r[2] == "failed").count();
    assert!((4..40).contains(&failed), "{failed}");
    job.call(&["run", "--set", "limits.max_failures=100%"]).expect(10);
    assert!(job.manifest().values().all(|r| &r[2] == "failed"));
}

#[test]
fn an_item_over_the_memory_limit_fails_alone() {
    let job = Job::new("- write");
    save(&picture(16, 16, 3, Depth::U8, 1), &job.input().join("small.png"));
    save(&picture(6000, 5000, 3, Depth::U8, 2), &job.input().join("large.png"));
    job.call(&["run", "--set", "limits.memory=200MiB"]).expect(10);
    assert_eq!(&job.manifest()["large.png"][3], "over_memory");
    assert_eq!(&job.manifest()["small.png"][2], "done");
    job.call(&["run", "--set", "limits.memory=2GiB"]).expect(0);
}

#[test]
fn the_resident_set_stays_under_the_memory_limit() {
    let job = Job::new("- resize: {scale: 0.5}\n- measure: [noise_sigma]\n- write: {format: png}\n- table");
    for n in 0..6 {
        save(&picture(3000, 2500, 3, Depth::U8, n), &job.input().join(format!("{n}.jpg")));
    }
    let mut child = job.start(&["run", "--set", "limits.memory=320MiB", "--set", "limits.threads=4"]);
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0u64;
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or("");
        let kib = line.split_whitespace().nth(1).and_then(|k| k.parse().ok()).unwrap_or(0);
        peak = peak.max(kib);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    println!("peak resident set {} MiB of 320 MiB", peak / 1024);
    assert!((30 * 1024..320 * 1024).contains(&peak), "{peak} KiB");
}

#[test]
fn odd_files_and_their_mutations_never_panic_or_hang() {
    let Some(odd) = shared("data/odd") else { return };
    let mutations: usize =
        std::env::var("SAFELIGHT_MUTATIONS").ok().and_then(|m| m.parse().ok()).unwrap_or(200);
    let job = Job::new(STEPS);
    let files: Vec<_> = tree(&odd).into_iter().collect();
    for (path, bytes) in &files {
        put(&job.input().join("as-is").join(path), bytes);
    }
    let mut state = 7u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    for n in 0..mutations {
        let (path, bytes) = &files[random(files.len())];
        let mut bytes = bytes.clone();
        match random(3) {
            0 => bytes.truncate(random(bytes.len())),
            1 => (0..1 + random(8)).for_each(|_| {
                if !bytes.is_empty() {
                    let at = random(bytes.len());
                    bytes[at] ^= 1 << random(8);
                }
            }),
            _ => {
                let other = &files[random(files.len())].1;
                let (from, to) = (random(bytes.len()), random(other.len()));
                bytes.truncate(from);
                bytes.extend(&other[to..]);
            }
        }
        put(&job.input().join(format!("mutated/{n}")).join(path.file_name().unwrap()), &bytes);
    }
    let start = Instant::now();
    // The stub extension list is opened up: every file is an item, `README` included.
    let ended = job.call(&["run", "--progress", "quiet", "--set", "input.include=['**']"]).expect(10);
    let manifest = job.manifest();
    let inputs = tree(&job.input()).len();
    assert_eq!(manifest.len(), inputs);
    assert!(
        manifest
            .values()
            .all(|r| &r[2] == "done" || (&r[2] == "failed" && !r[3].is_empty() && !r[4].is_empty()))
    );
    let panics: Vec<_> =
        manifest.values().filter(|r| &r[3] == "panic").map(|r| format!("{}: {}", &r[1], &r[4])).collect();
    println!("{inputs} files in {:.0} s, {} panics caught", start.elapsed().as_secs_f64(), panics.len());
    assert!(panics.is_empty(), "{panics:#?}\n{}", ended.err);
    let done = manifest.values().filter(|r| &r[2] == "done").count();
    assert!(done > 250, "only {done} files were read");
}

fn put(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
