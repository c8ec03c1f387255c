//! Training pairs: the same bytes whatever happens, splits that don't leak, lists that name what is there.

use crate::support::{Job, Tree, archive, differences, originals, picture, root, save, tree};
use safelight::codec::{Limits, decode};
use safelight::image::{Depth, Image};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const STEPS: &str = "- patches: {size: 12, mode: random, max: 5, min_contrast: 2}\n\
    - corrupt: [one_of: [gaussian_noise: {sigma: [5, 50]}, shot_noise, jpeg_compression], maybe: [scratches, stains]]\n\
    - measure: [psnr, ssim]\n- pairs: {validation: 0.3, test: 0.2}\n- table";

fn webdataset() -> String {
    STEPS.replace("pairs: {", "pairs: {layout: webdataset, shard_size: 64KiB, ")
}

fn open(path: &Path) -> Image {
    let limits = Limits { max_pixels: 1 << 30, max_bytes: 1 << 30, strict: false };
    decode(&fs::read(path).unwrap(), path, &limits).unwrap().image
}

/// Rows of all metadata files: split, then the cells by column.
fn metadata(job: &Job) -> Vec<(String, BTreeMap<String, String>)> {
    let mut rows = Vec::new();
    for split in ["train", "validation", "test"] {
        let path = job.output().join("pairs").join(split).join("metadata.csv");
        let Ok(mut reader) = csv::Reader::from_path(path) else { continue };
        let names = reader.headers().unwrap().clone();
        for record in reader.records() {
            let record = record.unwrap();
            let cells = names.iter().zip(record.iter()).map(|(n, c)| (n.to_string(), c.to_string()));
            rows.push((split.to_string(), cells.collect()));
        }
    }
    rows
}

/// Files on disk that no metadata names, and names without a file.
fn unlisted(job: &Job) -> Vec<String> {
    let mut named = BTreeSet::new();
    for (split, row) in metadata(job) {
        for column in ["noisy_file_name", "clean_file_name"] {
            named.insert(format!("{split}/{}", row[column]));
        }
    }
    let files = tree(&job.output().join("pairs"));
    let there: BTreeSet<String> =
        files.keys().map(|p| p.display().to_string()).filter(|p| !p.ends_with("metadata.csv")).collect();
    named.symmetric_difference(&there).cloned().collect()
}

#[test]
fn threads_subsets_and_order_do_not_matter() {
    for steps in [STEPS.to_string(), webdataset()] {
        let job = Job::new(&steps);
        archive(&job.input(), 12);
        let before = originals(&job.input());
        job.call(&["run", "--set", "limits.threads=1"]).expect(0);
        let wanted = tree(&job.output());
        assert!(wanted.len() > 4, "{:?}", wanted.keys());
        job.clear_output();
        job.call(&["run", "--set", "limits.threads=8"]).expect(0);
        assert!(differences(&tree(&job.output()), &wanted).is_empty());
        // In two runs, of which the first knows a part only: as an archive grows.
        job.clear_output();
        job.call(&["run", "--set", "input.include=['**/*.png']"]).expect(0);
        let part = tree(&job.output());
        let single = |t: &Tree| -> Tree {
            t.iter()
                .filter(|(p, _)| p.extension().is_some_and(|e| e == "png"))
                .map(|(p, b)| (p.clone(), b.clone()))
                .collect()
        };
        assert!(single(&part).iter().all(|(path, bytes)| wanted.get(path) == Some(bytes)));
        job.call(&["run"]).expect(0);
        assert!(differences(&tree(&job.output()), &wanted).is_empty());
        job.call(&["verify"]).expect(0);
        assert_eq!(originals(&job.input()), before);
    }
}

#[test]
fn another_seed_gives_other_noise_and_the_same_split() {
    let job = Job::new(STEPS);
    archive(&job.input(), 8);
    job.call(&["run"]).expect(0);
    let first = metadata(&job);
    let plan = job.call(&["plan", "--set", "seed=1"]).expect(0);
    assert!(plan.out.contains("8"), "{}", plan.out);
    job.call(&["run", "--set", "seed=1"]).expect(0);
    let second = metadata(&job);
    let split = |rows: &[(String, BTreeMap<String, String>)]| -> BTreeMap<String, String> {
        rows.iter().map(|(split, row)| (row["source"].clone(), split.clone())).collect()
    };
    assert_eq!(split(&first), split(&second));
    let seeds = |rows: &[(String, BTreeMap<String, String>)]| -> BTreeSet<String> {
        rows.iter().map(|(_, row)| row["seed"].clone()).collect()
    };
    assert!(seeds(&first).is_disjoint(&seeds(&second)));
    assert_eq!(seeds(&first).len(), first.len());
    assert_eq!(unlisted(&job), Vec::<String>::new());
}

#[test]
fn no_source_is_in_two_splits_and_copies_go_along() {
    let job = Job::new(STEPS);
    archive(&job.input(), 30);
    fs::copy(job.input().join("0/0/img-000.png"), job.input().join("copy.png")).unwrap();
    job.call(&["run"]).expect(0);
    let rows = metadata(&job);
    let mut splits: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (split, row) in &rows {
        splits.entry(row["source"].clone()).or_default().insert(split.clone());
        let parameters: serde_json::Value = serde_json::from_str(&row["parameters"]).unwrap();
        assert!(parameters.as_array().is_some_and(|p| !p.is_empty() && p[0]["corruption"].is_string()));
        assert!(row["psnr"].parse::<f64>().unwrap() > 3.0 && row["ssim"].parse::<f64>().unwrap() <= 1.0);
    }
    assert!(splits.values().all(|s| s.len() == 1));
    assert_eq!(splits["copy.png"], splits["0/0/img-000.png"]);
    let used: BTreeSet<&String> = splits.values().flatten().collect();
    assert_eq!(used.len(), 3, "{splits:?}");
    assert_eq!(unlisted(&job), Vec::<String>::new());
}

#[test]
fn the_pairs_follow_changed_settings_and_a_planted_stray_is_seen() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    fs::write(job.dir.path().join("readme"), "mine").unwrap();
    job.call(&["run"]).expect(0);
    // The checker sees a stray.
    let stray = job.output().join("pairs/train/noisy/stray.png");
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, "x").unwrap();
    assert_eq!(unlisted(&job), ["train/noisy/stray.png"]);
    fs::remove_file(&stray).unwrap();
    // Somebody's own file stays; pairs of the old settings go.
    fs::write(job.output().join("pairs/README.md"), "a data set card").unwrap();
    job.steps(&STEPS.replace("max: 5", "max: 2"));
    job.call(&["run"]).expect(0);
    let changed = tree(&job.output().join("pairs"));
    fs::remove_file(job.output().join("pairs/README.md")).unwrap();
    assert_eq!(unlisted(&job), Vec::<String>::new());
    job.clear_output();
    job.call(&["run"]).expect(0);
    let mut fresh = tree(&job.output().join("pairs"));
    fresh.insert("README.md".into(), b"a data set card".to_vec());
    assert!(differences(&changed, &fresh).is_empty(), "{:?}", differences(&changed, &fresh));
}

#[test]
fn vanished_inputs_leave_the_lists_and_their_files_stay_until_pruned() {
    let job = Job::new(STEPS);
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    let all = tree(&job.output().join("pairs"));
    fs::remove_file(job.input().join("0/0/img-000.png")).unwrap();
    job.call(&["run"]).expect(0);
    assert!(metadata(&job).iter().all(|(_, row)| row["source"] != "0/0/img-000.png"));
    let lost = differences(&tree(&job.output().join("pairs")), &all);
    assert!(lost.iter().all(|line| line.contains("metadata")), "{lost:?}");
    job.call(&["run", "--prune"]).expect(0);
    assert_eq!(unlisted(&job), Vec::<String>::new());
    assert!(metadata(&job).iter().all(|(_, row)| row["source"] != "0/0/img-000.png"));
    assert!(tree(&job.output().join("pairs")).len() < all.len());
}

#[test]
fn a_renamed_folder_does_not_double_the_pairs() {
    for layout in ["imagefolder", "folders", "webdataset"] {
        let job = Job::new(&STEPS.replace("layout: imagefolder", &format!("layout: {layout}")));
        archive(&job.input(), 6);
        job.call(&["run"]).expect(0);
        fs::rename(job.input().join("1"), job.input().join("renamed")).unwrap();
        job.call(&["run"]).expect(0);
        let renamed = tree(&job.output());
        job.clear_output();
        job.call(&["run"]).expect(0);
        let differing = differences(&renamed, &tree(&job.output()));
        assert!(differing.iter().all(|line| line.contains("manifest")), "{layout}: {differing:?}");
    }
}

#[test]
fn a_folder_of_somebody_elses_is_refused() {
    let write = "- patches: 12\n- write: {folder: pairs}".to_string();
    let cases = [
        (STEPS.to_string(), "train/noisy/mine.png"),
        (webdataset(), "mine.txt"),
        // As other tools name their shards.
        (webdataset(), "train-000000.tar"),
        (write, "0/0/mine.png"),
    ];
    for (steps, name) in cases {
        let job = Job::new(&steps);
        archive(&job.input(), 2);
        let mine = job.output().join("pairs").join(name);
        fs::create_dir_all(mine.parent().unwrap()).unwrap();
        fs::write(&mine, "mine").unwrap();
        let ended = job.call(&["run"]);
        assert!(ended.code != Some(0) && ended.err.contains("move it"), "{steps}: {}", ended.err);
        assert_eq!(fs::read(&mine).unwrap(), b"mine");
    }
}

#[test]
fn pairs_survive_a_kill_before_every_write() {
    for steps in [STEPS.to_string(), webdataset()] {
        let job = Job::new(&steps.replace("max: 5", "max: 2"));
        archive(&job.input(), 4);
        job.call(&["run"]).expect(0);
        let wanted = tree(&job.output());
        let mut points = 0;
        for point in 1.. {
            job.clear_output();
            let ended = job.call_with_fault(&["run"], &format!("kill@{point}"));
            if ended.code == Some(0) {
                break;
            }
            assert_eq!(ended.code, None, "{}", ended.err);
            points += 1;
            // Every other time the settings change before the next run, and back.
            if point % 2 == 0 {
                job.call(&["run", "--set", "steps.patches.max=1"]).expect(0);
            }
            job.call(&["run"]).expect(0);
            let differing = differences(&tree(&job.output()), &wanted);
            assert!(differing.is_empty(), "kill@{point}: {differing:?}");
            job.call(&["verify"]).expect(0);
        }
        assert!(points > 20, "only {points} points");
    }
}

#[test]
fn shards_are_bounded_and_a_new_source_changes_few() {
    let job = Job::new(&webdataset().replace("max: 5", "max: 20"));
    archive(&job.input(), 40);
    job.call(&["run"]).expect(0);
    let shards = |job: &Job| -> BTreeMap<String, BTreeSet<Vec<u8>>> {
        let mut found: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for (path, bytes) in tree(&job.output().join("pairs")) {
            let name = path.display().to_string();
            assert!(bytes.len() <= 64 << 10, "{name} has {} bytes", bytes.len());
            let mut tar = tar::Archive::new(&bytes[..]);
            let names: Vec<String> =
                tar.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
            assert!(names.len().is_multiple_of(3) && !names.is_empty(), "{name}");
            for three in names.chunks(3) {
                let key = three[0].strip_suffix(".noisy.png").unwrap();
                assert_eq!(three[1..], [format!("{key}.clean.png"), format!("{key}.json")]);
            }
            found.entry(name.split('-').next().unwrap().to_string()).or_default().insert(bytes);
        }
        found
    };
    let before = shards(&job);
    assert!(before["train"].len() > 5);
    save(&picture(45, 33, 3, Depth::U8, 77), &job.input().join("0/0/img-000a.png"));
    job.call(&["run"]).expect(0);
    let after = shards(&job);
    let count = |s: &BTreeMap<String, BTreeSet<Vec<u8>>>| s.values().map(BTreeSet::len).sum::<usize>();
    let kept: usize = before.iter().map(|(split, old)| old.intersection(&after[split]).count()).sum();
    assert!(kept + 3 >= count(&before), "{kept} of {} kept", count(&before));
    // A lost shard is made again from what is kept.
    let wanted = tree(&job.output());
    fs::remove_file(job.output().join("pairs/train-000001.tar")).unwrap();
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output()), &wanted).is_empty());
}

#[test]
fn another_layout_takes_its_lists_and_shards_along() {
    let job = Job::new(&webdataset());
    archive(&job.input(), 6);
    job.call(&["run"]).expect(0);
    let folders = STEPS.replace("pairs: {", "pairs: {layout: folders, ");
    for steps in [folders.as_str(), STEPS, folders.as_str()] {
        job.steps(steps);
        job.call(&["run"]).expect(0);
        job.call(&["verify"]).expect(0);
        let found = tree(&job.output().join("pairs"));
        job.clear_output();
        job.call(&["run"]).expect(0);
        let wanted = tree(&job.output().join("pairs"));
        assert!(differences(&found, &wanted).is_empty(), "{:?}", differences(&found, &wanted));
    }
    // A folder that no step writes any more goes when asked.
    job.steps(&STEPS.replace("pairs: {", "pairs: {folder: other, "));
    job.call(&["run", "--prune"]).expect(0);
    assert!(!job.output().join("pairs").exists());
    job.call(&["verify"]).expect(0);
}

#[test]
fn a_list_never_names_what_is_being_made_anew() {
    let job = Job::new(STEPS);
    archive(&job.input(), 4);
    job.call(&["run"]).expect(0);
    let before = tree(&job.output().join("pairs"));
    for point in [12, 20, 30] {
        job.call_with_fault(&["run", "--set", "seed=5"], &format!("kill@{point}"));
        // Everything the old lists name is there and is what it was.
        let now = tree(&job.output().join("pairs"));
        assert!(before.iter().all(|(path, bytes)| now.get(path) == Some(bytes)), "kill@{point}");
    }
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output().join("pairs")), &before).is_empty());
}

#[test]
fn patches_written_as_files_survive_kills_and_changes() {
    let job = Job::new("- patches: {size: 12}\n- write");
    archive(&job.input(), 3);
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output());
    for point in (1..).step_by(3) {
        job.clear_output();
        if job.call_with_fault(&["run", "--set", "steps.patches.size=8"], &format!("kill@{point}")).code
            == Some(0)
        {
            break;
        }
        // A run alone leaves what was recorded for the other size, as it does for every `write`.
        job.call(&["run", "--prune"]).expect(0);
        let differing = differences(&tree(&job.output()), &wanted);
        assert!(differing.is_empty(), "kill@{point}: {differing:?}");
    }
}

#[test]
fn a_resize_between_is_refused_and_pairs_leave_the_sample_alone() {
    let job = Job::new("- corrupt: [fog]\n- resize: {width: 33}\n- pairs");
    archive(&job.input(), 1);
    let ended = job.call(&["run"]).expect(10);
    assert!(ended.err.contains("no longer fits its clean one"), "{}", ended.err);
    // What follows `pairs` is the same whether it runs or not.
    let file = root().join("sample_data/archive/phone/rotated.jpg");
    let written = |steps: &str| {
        let job = Job::new(steps);
        fs::copy(&file, job.input().join("turned.jpg")).unwrap();
        job.call(&["run"]).expect(0);
        fs::read(job.output().join("images/turned.jpg")).unwrap()
    };
    assert_eq!(written("- corrupt: [fog]\n- pairs\n- write"), written("- corrupt: [fog]\n- write"));
}

#[test]
fn super_resolution_pairs_fit_each_other() {
    let job = Job::new(
        "- corrupt: {scale: 3, recipe: [gaussian_blur: {sigma: 1}]}\n- pairs: {layout: folders, validation: 0}",
    );
    save(&picture(50, 32, 3, Depth::U16, 1), &job.input().join("a.png"));
    save(&picture(31, 47, 1, Depth::U8, 2), &job.input().join("b.png"));
    job.call(&["run"]).expect(0);
    let mut reader = csv::Reader::from_path(job.output().join("pairs/pairs.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let (noisy, clean) = (
            open(&job.output().join("pairs").join(&row[1])),
            open(&job.output().join("pairs").join(&row[2])),
        );
        assert_eq!((noisy.width() * 3, noisy.height() * 3), (clean.width(), clean.height()));
        assert_eq!((noisy.channels(), noisy.depth()), (clean.channels(), clean.depth()));
        assert_eq!(Path::new(&row[1]).file_name(), Path::new(&row[2]).file_name());
    }
    assert_eq!(open(&job.output().join("pairs").join(&rows[0][2])).width(), 48);
}

#[test]
fn a_table_after_patches_has_a_row_for_each() {
    let job = Job::new("- patches: {size: 16}\n- measure: [mean]\n- write\n- table");
    archive(&job.input(), 5);
    job.call(&["run"]).expect(0);
    let files = tree(&job.output().join("images")).len();
    let ended = job.call(&["run"]).expect(0);
    assert!(files > 10 && ended.out.contains(&format!("{files} rows")), "{files}: {}", ended.out);
    // An image too small for a patch gives no rows and is no failure.
    save(&picture(9, 9, 3, Depth::U8, 1), &job.input().join("tiny.png"));
    job.call(&["run"]).expect(0);
    assert_eq!(tree(&job.output().join("images")).len(), files);
    assert_eq!(&job.manifest()["tiny.png"][2], "done");
}

#[test]
fn mistakes_in_recipes_are_told_with_their_place() {
    let job = Job::new(
        "- patches: {size: 16, mode: random, stride: 4}\n- measure: [psnr]\n\
         - corrupt: [gausian_noise, one_of: {of: [snow, fog], weights: [1]}, jpeg_compression: {quality: 0}]\n\
         - corrupt_each\n- pairs: {validation: 0.7, test: 0.7}",
    );
    archive(&job.input(), 1);
    let ended = job.call(&["check"]).expect(78);
    for part in [
        "did you mean `gaussian_noise`",
        "quality",
        "`corrupt_each` comes after",
        "more than everything",
        "no stride",
    ] {
        assert!(ended.err.contains(part), "{part}: {}", ended.err);
    }
    job.steps("- corrupt: [one_of: {of: [snow, fog], weights: [1]}]\n- pairs");
    let ended = job.call(&["check"]).expect(78);
    assert!(ended.err.contains("2 corruptions and 1 weights"), "{}", ended.err);
    job.steps("- measure: [psnr]\n- corrupt: [fog]\n- pairs");
    let ended = job.call(&["check"]).expect(78);
    assert!(ended.err.contains("needs a clean picture"), "{}", ended.err);
}

#[test]
fn a_kill_while_lists_change_and_then_other_settings_leave_nothing_edited() {
    for steps in [STEPS.to_string(), webdataset()] {
        let job = Job::new(&steps);
        archive(&job.input(), 6);
        job.call(&["run"]).expect(0);
        fs::remove_file(job.input().join("0/0/img-000.png")).unwrap();
        save(&picture(40, 30, 3, Depth::U8, 77), &job.input().join("new.png"));
        for point in (1..).step_by(5) {
            let ended = job.call_with_fault(&["run"], &format!("kill@{point}"));
            job.steps("- measure: [mean]\n- table");
            job.call(&["run", "--prune"]).expect(0);
            job.call(&["verify"]).expect(0);
            job.steps(&steps);
            job.call(&["run"]).expect(0);
            if ended.code == Some(0) {
                break;
            }
        }
    }
}
