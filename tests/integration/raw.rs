//! Camera RAW through whole runs, with the feature `raw` and without.

use crate::support::Job;
use dng::Dng;
use std::fs;

#[path = "../../src/codec/raw/tests/dng.rs"]
mod dng;

const STEPS: &str = "- write: {folder: images}";

fn job() -> Job {
    let job = Job::new(STEPS);
    fs::write(job.input().join("a.dng"), Dng::default().bytes()).unwrap();
    let turned = Dng { main: vec![(274, 3, vec![6])], big_endian: true, ..Dng::default() };
    // A name that tells nothing.
    fs::write(job.input().join("b.tif"), turned.bytes()).unwrap();
    job
}

#[cfg(not(feature = "raw"))]
#[test]
fn without_the_feature_it_is_named() {
    let job = job();
    let ended = job.call(&["plan"]).expect(0);
    assert!(ended.out.contains("1 .dng") || ended.err.contains("1 .dng"), "{ended:?}");
    job.call(&["run", "--set", "input.include=['*']"]).expect(10);
    for (name, row) in job.manifest() {
        let row: Vec<&str> = row.iter().collect();
        assert!(
            row.contains(&"failed") && row.iter().any(|cell| cell.contains("feature `raw`")),
            "{name}: {row:?}"
        );
    }
    assert!(crate::support::tree(&job.output().join("images")).is_empty());
}

#[cfg(feature = "raw")]
#[test]
fn with_the_feature_it_is_rendered_and_said() {
    let job = job();
    job.call(&["run"]).expect(0);
    let rows = job.manifest();
    assert_eq!(rows.len(), 2);
    for (name, row) in rows {
        assert!(
            row.iter().any(|cell| cell.contains("rendered from camera RAW as camera-wb-srgb16")),
            "{name}: {row:?}"
        );
        assert!(row.iter().any(|cell| cell.contains("lost further pictures")), "{name}: {row:?}");
    }
    let read = |name: &str| {
        let path = job.output().join("images").join(name);
        let bytes = fs::read(&path).unwrap();
        let limits = safelight::codec::Limits { max_pixels: 1 << 20, max_bytes: 1 << 28, strict: true };
        safelight::codec::decode(&bytes, &path, &limits).unwrap()
    };
    let upright = read("a.png");
    assert_eq!((upright.image.width, upright.image.height, upright.source.bit_depth), (32, 24, 16));
    // The name decides what is written where a format is only read; RAW named .tif keeps its name.
    let turned = read("b.tif");
    assert_eq!((turned.image.width, turned.image.height), (24, 32));
    // Nothing is left to do, and the outputs are what was recorded.
    job.call(&["verify"]).expect(0);
}

#[cfg(feature = "raw")]
#[test]
fn a_file_that_its_decoder_cannot_read_is_a_row() {
    let job = Job::new(STEPS);
    let whole = Dng::default().bytes();
    fs::write(job.input().join("whole.dng"), &whole).unwrap();
    fs::write(job.input().join("cut.nef"), &whole[..200]).unwrap();
    fs::write(job.input().join("none.raf"), b"FUJIFILMCCD-RAW 0201FF393101").unwrap();
    fs::write(job.input().join("box.cr3"), b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom\0\0\0\0moov").unwrap();
    let large = Dng { raw: vec![(256, 4, vec![60_000]), (257, 4, vec![60_000])], ..Dng::default() };
    fs::write(job.input().join("large.dng"), large.bytes()).unwrap();
    job.call(&["run"]).expect(10);
    let rows = job.manifest();
    assert_eq!(rows.values().filter(|row| row.iter().any(|cell| cell == "done")).count(), 1);
    assert_eq!(rows.values().filter(|row| row.iter().any(|cell| cell == "failed")).count(), 4);
}
