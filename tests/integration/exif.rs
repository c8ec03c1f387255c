//! EXIF and hashes as columns, through whole jobs.

use crate::support::{Job, picture, root, save};
use safelight::image::Depth;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

const WHAT: &str = "- measure: [taken, camera, lens, iso, exposure, gps, orientation, phash]";

/// The first pair of each source, by its path, as the job's list of pairs has it; paths without folders.
fn rows(job: &Job) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(job.output().join("pairs/pairs.csv")).unwrap();
    let header = reader.headers().unwrap().clone();
    let record = |record: csv::StringRecord| -> BTreeMap<String, String> {
        header.iter().zip(&record).map(|(name, cell)| (name.to_string(), cell.to_string())).collect()
    };
    let mut rows = BTreeMap::new();
    for row in reader.records().map(|r| record(r.unwrap())) {
        let name = Path::new(&row["source"]).file_name().unwrap().to_string_lossy().into_owned();
        rows.entry(name).or_insert(row);
    }
    rows
}

#[test]
fn values_are_those_of_the_file_whatever_steps_did() {
    let steps =
        |after: &str| format!("{after}\n{WHAT}\n- corrupt: [gaussian_noise]\n- pairs: {{layout: folders}}");
    let job = Job::new(&steps("- resize: {long_side: 64}"));
    for name in ["phone/rotated.jpg", "2019/lake.jpg", "art/sprite.png"] {
        let to = job.input().join(Path::new(name).file_name().unwrap());
        fs::copy(root().join("sample_data/archive").join(name), to).unwrap();
    }
    job.call(&["run"]).expect(0);
    let found = rows(&job);
    let turned = &found["rotated.jpg"];
    assert_eq!((turned["orientation"].as_str(), turned["taken_utc"].as_str()), ("6", ""));
    assert_eq!(found["lake.jpg"]["camera_model"], "Compact 7");
    // That is when it was changed.
    assert_eq!(found["lake.jpg"]["taken"], "");
    let sprite = &found["sprite.png"];
    for name in ["taken", "camera_make", "lens", "iso", "exposure_time", "gps_lat", "gps_alt", "orientation"]
    {
        assert_eq!(sprite[name], "", "{name}");
    }
    // A smaller picture hashes nearly alike, and one that no step has turned yet does too.
    let hash = |rows: &BTreeMap<String, BTreeMap<String, String>>, name: &str| {
        rows[name]["phash"].parse::<i64>().unwrap()
    };
    job.clear_output();
    job.steps(&steps("- grayscale"));
    job.call(&["run"]).expect(0);
    let whole = rows(&job);
    assert_eq!(whole["rotated.jpg"]["orientation"], "6");
    for name in ["rotated.jpg", "lake.jpg"] {
        let differ = |a: i64, b: i64| (a ^ b).count_ones();
        assert!(differ(hash(&found, name), hash(&whole, name)) <= 4, "{name}");
        assert!(differ(hash(&found, name), hash(&found, "sprite.png")) > 10, "{name}");
    }
    // Pieces and what is made of nothing have the columns too.
    job.clear_output();
    job.steps(&steps("- patches: {size: 32}"));
    job.call(&["run"]).expect(0);
    assert_eq!(rows(&job)["rotated.jpg"]["orientation"], "6");
    job.clear_output();
    job.steps(&format!("{WHAT}\n- embed: {{model: sample_data/models/embed.onnx}}\n- table"));
    let text = fs::read_to_string(job.pipeline()).unwrap();
    let path = format!("{{path: {}}}", job.input().display());
    fs::write(job.pipeline(), text.replace(&path, "{synth: dead_leaves, count: 3, size: 48}")).unwrap();
    job.call(&["run"]).expect(0);
}

#[test]
fn a_table_with_times_is_a_list() {
    let job = Job::new(&format!("{WHAT}\n- table"));
    save(&picture(40, 30, 3, Depth::U8, 1), &job.input().join("a.png"));
    job.call(&["run"]).expect(0);
    let part = fs::read_dir(job.output().join("table")).unwrap().next().unwrap().unwrap().path();
    let again = Job::new("- table");
    let set = [format!("input.path={}", part.display()), format!("input.root={}", job.input().display())];
    let ended = again.call(&["run", "--set", &set[0], "--set", &set[1]]).expect(0);
    assert!(ended.err.contains("taken (times)") || ended.out.contains("taken (times)"), "{ended:?}");
}

#[test]
fn every_container_s_exif_reads_as_exiftool_wrote_it() {
    let written = [
        ("-DateTimeOriginal=2024:02:29 23:59:58", "taken", "2024-02-29T23:59:58.120000"),
        ("-SubSecTimeOriginal=12", "taken_utc", "2024-02-29T18:29:58.120000Z"),
        ("-OffsetTimeOriginal=+05:30", "camera_make", "Lichtwerk"),
        ("-Make=Lichtwerk", "camera_model", "Größe 5"),
        ("-Model=Größe 5  ", "lens", "f/1.2 50 mm"),
        ("-LensModel=f/1.2 50 mm", "iso", "102400"),
        ("-ISO=65535", "exposure_time", "0.00125"),
        ("-SensitivityType#=2", "f_number", "1.2"),
        ("-RecommendedExposureIndex=102400", "focal_length", "50"),
        ("-ExposureTime=1/800", "gps_lat", "-33.75"),
        ("-FNumber=1.2", "gps_lon", "-151.5"),
        ("-FocalLength=50", "gps_alt", "-12.5"),
        ("-GPSLatitude=33.75", "orientation", "8"),
        ("-GPSLatitudeRef=S", "", ""),
        ("-GPSLongitude=151.5", "", ""),
        ("-GPSLongitudeRef=W", "", ""),
        ("-GPSAltitude=12.5", "", ""),
        ("-GPSAltitudeRef#=1", "", ""),
        ("-Orientation#=8", "", ""),
    ];
    if Command::new("exiftool").arg("-ver").output().is_err() {
        eprintln!("skipped: exiftool is not installed");
        return;
    }
    let job = Job::new(&format!("{WHAT}\n- corrupt: [gaussian_noise]\n- pairs: {{layout: folders}}"));
    for (index, extension) in ["jpg", "png", "tif", "webp"].iter().enumerate() {
        for order in ["II", "MM"] {
            let path = job.input().join(format!("{order}.{extension}"));
            save(&picture(64, 48, 3, Depth::U8, index as u32), &path);
            let mut command = Command::new("exiftool");
            command.args(["-q", "-overwrite_original", &format!("-ExifByteOrder={order}")]);
            command.args(written.iter().map(|(argument, ..)| argument)).arg(&path);
            assert!(command.status().unwrap().success(), "{path:?}");
        }
    }
    job.call(&["run"]).expect(0);
    let rows = rows(&job);
    assert_eq!(rows.len(), 8);
    for (file, row) in &rows {
        for (_, column, value) in written.iter().filter(|(_, column, _)| !column.is_empty()) {
            assert_eq!(row[*column], *value, "{file}: {column}");
        }
    }
}
