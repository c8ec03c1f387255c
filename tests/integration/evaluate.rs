//! Pictures measured against clean ones from files: how these are found, what changes bring about, the tables of scores.

use crate::resume::rows;
use crate::support::{Ended, Job, differences, picture, save, shared, tree};
use safelight::codec::{Limits, decode};
use safelight::image::compare::{mae, ms_ssim, mse, psnr, ssim};
use safelight::image::{Depth, Image};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const ALL: &str = "- compare: {metrics: [psnr, ssim, ms_ssim, mae, mse]}";

fn open(path: &Path) -> Image {
    let limits = Limits { max_pixels: 1 << 30, max_bytes: 1 << 30, strict: false };
    decode(&fs::read(path).unwrap(), path, &limits).unwrap().image
}

/// A job of these steps behind `reference`, over noisy pictures in `in` with clean ones in `clean`.
fn job(reference: &str, steps: &str) -> Job {
    let job = Job::new("- table");
    let clean = job.dir.path().join("clean").display().to_string();
    job.steps(&format!("- reference: {}\n{steps}", reference.replace("CLEAN", &clean)));
    job
}

/// A picture and one that differs from it.
fn pair(job: &Job, (noisy, clean): (&str, &str), (width, height): (usize, usize), seed: u32) {
    save(&picture(width, height, 3, Depth::U8, seed), &job.dir.path().join("clean").join(clean));
    save(&picture(width, height, 3, Depth::U8, seed + 1), &job.input().join(noisy));
}

/// The rows of a CSV file of the folder `scores`.
fn table(job: &Job, name: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(job.output().join("scores").join(name)).unwrap();
    let names = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        names.iter().zip(record.iter()).map(|(n, c)| (n.to_string(), c.to_string())).collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column}: {row:?}"))
}

#[test]
fn metrics_are_those_of_the_two_files() {
    let job = job(
        "{path: CLEAN, from: \"*_x1\", to: \"*\"}",
        &format!("{ALL}\n- table\n- scores: {{by: [folder]}}"),
    );
    pair(&job, ("a/one_x1.png", "a/one.png"), (170, 161), 1);
    pair(&job, ("a/two_x1.png", "a/two.tif"), (40, 30), 3);
    pair(&job, ("three_x1.bmp", "three.png"), (163, 180), 5);
    job.call(&["run"]).expect(0);
    let pictures = table(&job, "pictures.csv");
    assert_eq!(pictures.len(), 3);
    let clean = ["a/one.png", "a/two.tif", "three.png"];
    for (row, clean) in pictures.iter().zip(clean) {
        let (a, b) = (open(&job.input().join(&row["path"])), open(&job.dir.path().join("clean").join(clean)));
        assert_eq!(row["method"], "input");
        for (name, wanted) in
            [("psnr", psnr(&a, &b)), ("ssim", ssim(&a, &b)), ("mae", mae(&a, &b)), ("mse", mse(&a, &b))]
        {
            assert_eq!(number(row, name), wanted.unwrap(), "{row:?}");
        }
        match ms_ssim(&a, &b).unwrap() {
            Some(wanted) => assert_eq!(number(row, "ms_ssim"), wanted),
            None => assert_eq!((row["ms_ssim"].as_str(), clean), ("", "a/two.tif")),
        }
    }
    let scores = table(&job, "scores.csv");
    let groups: Vec<(&str, &str, &str, &str)> = scores
        .iter()
        .map(|row| (&*row["by"], &*row["group"], &*row["pictures"], &*row["ms_ssim_pictures"]))
        .collect();
    assert_eq!(groups, [("", "", "3", "2"), ("folder", ".", "1", "1"), ("folder", "a", "2", "1")]);
    let mean = pictures.iter().map(|row| number(row, "psnr")).sum::<f64>() / 3.0;
    assert!((number(&scores[0], "psnr") - mean).abs() < 1e-12);
    let text = fs::read_to_string(job.output().join("scores/scores.md")).unwrap();
    for part in [
        "Means over 3 pictures.",
        "| method | pictures | psnr |",
        "## By folder",
        "| a/two_x1.png | a | input |",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // The table says the same, and which file it was.
    let frame = rows(&job.output().join("table"));
    let names: Vec<String> = frame.get_column_names().iter().map(ToString::to_string).collect();
    for column in ["reference", "psnr_input", "ms_ssim_input", "mse_input"] {
        assert!(names.iter().any(|name| name == column), "{column}: {names:?}");
    }
    let found: Vec<Option<&str>> = frame.column("reference").unwrap().str().unwrap().iter().collect();
    assert_eq!(found, [Some("a/one.png"), Some("a/two.tif"), Some("three.png")]);
}

#[test]
fn pictures_without_a_clean_one_that_fits_are_rows_of_the_manifest() {
    let job = job("{path: CLEAN}", &format!("{ALL}\n- scores"));
    pair(&job, ("good.png", "good.png"), (20, 20), 1);
    pair(&job, ("lone.png", "other.png"), (20, 20), 3);
    pair(&job, ("wide.png", "wide.png"), (20, 20), 5);
    save(&picture(50, 40, 3, Depth::U8, 1), &job.dir.path().join("clean/wide.png"));
    pair(&job, ("twice.png", "twice.bmp"), (20, 20), 7);
    save(&picture(20, 20, 3, Depth::U8, 1), &job.dir.path().join("clean/twice.tif"));
    pair(&job, ("broken.png", "broken.png"), (20, 20), 9);
    fs::write(job.dir.path().join("clean/broken.png"), "no picture").unwrap();
    let ended = job.call(&["run"]).expect(10);
    let manifest = job.manifest();
    for (name, kind, part) in [
        ("lone.png", "no_reference", "no picture"),
        ("wide.png", "no_reference", "50 x 40"),
        ("twice.png", "no_reference", "twice.bmp and twice.tif"),
        ("broken.png", "", "its reference"),
    ] {
        let row = &manifest[name];
        assert!(&row[2] == "failed" && row[3].contains(kind), "{row:?}");
        assert!(row.iter().any(|cell| cell.contains(part)), "{part}: {row:?}");
    }
    assert_eq!(&manifest["good.png"][2], "done", "{}", ended.err);
    let text = fs::read_to_string(job.output().join("scores/scores.md")).unwrap();
    assert!(text.contains("Means over 1 picture. 4 inputs have no scores"), "{text}");
    // They stay failed without being tried; a clean picture that comes is noticed.
    assert!(job.call(&["run"]).expect(12).err.contains("0 to do"));
    fs::rename(job.dir.path().join("clean/other.png"), job.dir.path().join("clean/lone.jpg.png")).unwrap();
    assert!(job.call(&["run"]).expect(12).err.contains("0 to do"));
    fs::rename(job.dir.path().join("clean/lone.jpg.png"), job.dir.path().join("clean/lone.png")).unwrap();
    job.call(&["run"]).expect(12);
    assert_eq!(table(&job, "pictures.csv").len(), 2);
}

#[test]
fn a_changed_clean_picture_makes_its_item_anew_and_nothing_else() {
    let steps = "- compare: {methods: [{name: input}, {name: gray, steps: [grayscale]}]}\n- table\n- scores\n- write: {folder: images}";
    let job = job("{path: CLEAN}", steps);
    for n in 0..4 {
        pair(&job, (&format!("{n}.png"), &format!("{n}.png")), (24, 20), 2 * n);
    }
    job.call(&["run"]).expect(0);
    let first = tree(&job.output());
    assert!(job.call(&["run"]).expect(0).err.contains("0 to do"));
    assert!(differences(&tree(&job.output()), &first).is_empty());
    // Of another size, so that no clock matters.
    save(&picture(24, 20, 1, Depth::U8, 90), &job.dir.path().join("clean/2.png"));
    let plan = job.call(&["plan"]).expect(0);
    assert!(plan.out.contains("the reference, or what a list says of it, changed"), "{}", plan.out);
    // Tables are published and the item is left alone: that must not pass for what the next run makes.
    job.call(&["retry"]).expect(0);
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.err.contains("1 to do"), "{}", ended.err);
    let second = tree(&job.output());
    assert!(!differences(&second, &first).is_empty());
    job.call(&["verify"]).expect(0);
    job.clear_output();
    job.call(&["run", "--set", "limits.threads=1"]).expect(0);
    assert_eq!(differences(&second, &tree(&job.output())), Vec::<String>::new());
    // Gone: its picture fails and leaves the tables.
    fs::remove_file(job.dir.path().join("clean/2.png")).unwrap();
    job.call(&["run"]).expect(10);
    assert_eq!(table(&job, "pictures.csv").len(), 2 * 3);
    assert_eq!(rows(&job.output().join("table")).height(), 3);
}

#[test]
fn pairs_that_were_written_are_evaluated_as_they_were_measured() {
    for metadata in ["csv", "parquet"] {
        let made = Job::new(&format!(
            "- corrupt: [one_of: [gaussian_noise: {{sigma: 20}}, gaussian_blur: {{severity: 2}}]]\n- measure: [psnr, ssim]\n\
             - pairs: {{validation: 0.3, test: 0.3, metadata: {metadata}}}"
        ));
        for n in 0..9 {
            save(&picture(40, 32, 3, Depth::U8, n), &made.input().join(format!("{n}.png")));
        }
        made.call(&["run"]).expect(0);
        let pairs = made.output().join("pairs").display().to_string();
        let job = Job::new(&format!(
            "- reference: {{pairs: {pairs}, columns: [corruption, psnr, ssim, source]}}\n- compare\n\
             - scores: {{by: [folder, corruption, corruption+folder]}}\n- table"
        ));
        let set = [format!("input.path={pairs}"), "input.include=['**/noisy/**']".to_string()];
        job.call(&["run", "--set", &set[0], "--set", &set[1]]).expect(0);
        let frame = rows(&job.output().join("table"));
        assert_eq!(frame.height(), 9);
        for metric in ["psnr", "ssim"] {
            let values = |name: &str| -> Vec<f64> {
                frame.column(name).unwrap().f64().unwrap().iter().map(Option::unwrap).collect()
            };
            let (then, now) = (values(metric), values(&format!("{metric}_input")));
            assert!(then.iter().zip(&now).all(|(a, b)| (a - b).abs() < 1e-9), "{metric}: {then:?} {now:?}");
        }
        let scores = table(&job, "scores.csv");
        let of =
            |by: &str| scores.iter().filter(|row| row["by"] == by).map(|row| row["group"].clone()).collect();
        let (corruptions, folders): (Vec<String>, Vec<String>) = (of("corruption"), of("folder"));
        assert_eq!(corruptions, ["gaussian_blur", "gaussian_noise"]);
        assert!(folders.contains(&"train/noisy".to_string()), "{folders:?}");
        // A list as the input carries its columns itself.
        let split = folders[0].split('/').next().unwrap().to_string();
        let list = format!("{pairs}/{split}/metadata.{metadata}");
        job.clear_output();
        job.steps("- reference: {column: clean_file_name}\n- compare\n- scores: {by: [corruption]}");
        let set = [format!("input.path={list}"), "input.column=noisy_file_name".to_string()];
        job.call(&["run", "--set", &set[0], "--set", &set[1]]).expect(0);
        let again = table(&job, "scores.csv");
        let mean = |rows: &[BTreeMap<String, String>], by: &str, group: &str| {
            rows.iter()
                .find(|row| row["by"] == by && row["group"] == group)
                .map(|row| number(row, "psnr"))
                .unwrap()
        };
        assert_eq!(mean(&again, "", ""), mean(&scores, "folder", &folders[0]));
    }
}

#[test]
fn bicubic_meets_the_published_figures_of_set5() {
    let Some(set5) = shared("data/set5") else { return };
    for (scale, wanted) in [(2, 33.66), (3, 30.39), (4, 28.42)] {
        let job = Job::new(&format!(
            "- reference: {{from: '*_LR', to: '*_HR'}}\n\
             - compare: {{methods: [{{name: bicubic, steps: [resize: {{scale: {scale}, filter: bicubic, enlarge: true}}]}}, \
             {{name: nearest, steps: [resize: {{scale: {scale}, filter: nearest, enlarge: true}}]}}], metrics: [psnr], colour: y, \
             border: scale}}\n- scores"
        ));
        let input = format!("input.path={}", set5.join(format!("x{scale}")).display());
        job.call(&["run", "--set", &input, "--set", "input.include=['*_LR.png']"]).expect(0);
        let scores = table(&job, "scores.csv");
        assert_eq!(
            (&*scores[0]["method"], &*scores[0]["pictures"], &*scores[1]["method"]),
            ("bicubic", "5", "nearest")
        );
        let found = number(&scores[0], "psnr");
        assert!((found - wanted).abs() < 0.05, "x{scale}: {found}");
        assert!(number(&scores[1], "psnr") < found - 1.0);
    }
}

#[test]
fn noise_that_is_not_rounded_has_its_sigma() {
    let job = Job::new(
        "- corrupt: {recipe: [gaussian_noise: {sigma: 50}], float: true}\n- compare: {metrics: [mse]}\n- scores",
    );
    // Black and white in turn, where rounding would halve the noise.
    let mut image = Image::new(100, 100, 3, Depth::U8);
    (0..30_000).filter(|i| i / 3 % 2 == 0).for_each(|i| image.samples_mut().set(i, 1.0));
    save(&image, &job.input().join("a.png"));
    job.call(&["run"]).expect(0);
    let clipped = number(&table(&job, "scores.csv")[0], "mse");
    assert!(
        (clipped / (50.0f64 / 255.0).powi(2) - 0.5).abs() < 0.02,
        "results are kept within black and white: {clipped}"
    );
    job.steps("- corrupt: {recipe: [gaussian_noise: {sigma: 50}], float: true}\n- measure: [mse]\n- scores");
    job.call(&["run"]).expect(0);
    let open = number(&table(&job, "scores.csv")[0], "mse");
    assert!((open / (50.0f64 / 255.0).powi(2) - 1.0).abs() < 0.03, "{open}");
}

#[test]
fn a_run_that_is_killed_anywhere_goes_on_to_the_same_tables() {
    let job = job("{path: CLEAN}", "- compare\n- scores: {by: [folder]}\n- table");
    for n in 0..3 {
        pair(&job, (&format!("{n}.png"), &format!("{n}.png")), (20, 20), 2 * n);
    }
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    let mut kills = 0;
    for kind in ["record", "recorded", "stage", "sync", "rename", "part", "swap"] {
        for place in 1.. {
            job.clear_output();
            let ended = job.call_with_fault(&["run"], &format!("kill@{kind}:{place}"));
            if ended.code == Some(0) {
                break;
            }
            kills += 1;
            job.call(&["run"]).expect(0);
            let found = differences(&tree(&job.output()), &wanted);
            assert!(found.is_empty(), "{kind}:{place}: {found:?}");
        }
    }
    assert!(kills > 20, "{kills}");
}

#[test]
fn every_mistake_is_told_at_once() {
    let told = |steps: &str| -> Ended {
        let job = Job::new(steps);
        save(&picture(20, 20, 3, Depth::U8, 1), &job.input().join("a.png"));
        job.call(&["check"]).expect(78)
    };
    let found = told(
        "- reference: {path: nowhere, pairs: none, from: 'a*', to: '*'}\n\
         - compare: {methods: [{name: a b}, {name: x}, {name: X, steps: [resize: {scale: 2}, blur]}], metrics: [psnr, psnr], \
         border: edge}\n\
         - scores: {by: [colour, '+']}",
    );
    for part in [
        "unknown change `blur`",
        "`border` wants a whole number from 0 to 1024, or `scale`",
        "job.yaml:7:",
        "^",
    ] {
        assert!(found.err.contains(part), "{part}\n{}", found.err);
    }
    let found = told(
        "- reference: {path: nowhere, pairs: none}\n\
         - compare: {methods: [{name: a b}, {name: x}, {name: X, steps: [restore: {model: no.onnx}]}], metrics: [psnr, psnr]}\n\
         - scores: {by: [corruption, folder, folder]}",
    );
    assert!(!found.err.contains("measures a metric"), "{}", found.err);
    for part in [
        "found in one way",
        "can't be the name of a method",
        "two methods are called `X`",
        "no.onnx",
        "a metric is named twice",
        "`folder` is named twice",
    ] {
        assert!(found.err.contains(part), "{part}\n{}", found.err);
    }
    let found = told(
        "- reference: {from: '*_a', to: '*'}\n- compare\n- scores: {by: [corruptoin, folder]}\n- corrupt: [fog]",
    );
    assert!(found.err.contains("makes the column `corruptoin`"), "{}", found.err);
    for (steps, part) in [
        ("- reference: {path: nowhere}\n- compare\n- table", "no folder nowhere is there"),
        ("- reference: {from: '*', to: '*_*'}\n- compare\n- table", "stands for the text of one in `from`"),
        ("- reference\n- compare\n- table", "does not say where the clean pictures are"),
        ("- reference: {to: '*'}\n- compare\n- table", "would be its own clean one"),
        ("- reference: {column: clean}\n- compare\n- table", "no column `clean`"),
        ("- reference: {pairs: src}\n- compare\n- table", "holds no list of pairs"),
        ("- reference: {path: src, columns: [a]}\n- compare\n- table", "`columns` is for `pairs`"),
        ("- reference: {path: src}\n- reference: {path: tests}\n- compare\n- table", "named twice"),
        ("- compare\n- table", "put `reference` before it"),
        ("- measure: [mean]\n- scores", "put `compare` before it"),
    ] {
        let found = told(steps);
        assert!(found.err.contains(part), "{steps}: {}", found.err);
    }
    let job = job("{path: CLEAN}", "- compare\n- table");
    pair(&job, ("a.png", "a.png"), (20, 20), 1);
    let output = format!("output={}", job.dir.path().join("clean/out").display());
    let ended = job.call(&["check", "--set", &output]).expect(78);
    assert!(ended.err.contains("the output reaches the clean pictures"), "{}", ended.err);
}
