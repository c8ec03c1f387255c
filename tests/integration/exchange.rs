//! Tables on file systems that can't exchange two names: readers see each row once, whenever a run is killed.

use crate::crash::{at_least, copy};
use crate::support::{Job, archive, differences, frame, picture, save, tree};
use safelight::image::Depth;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const STEPS: &str = "- measure: [mean]\n- table: {folder: table, rows: 16}";

/// What the file system is made to lack; nothing where it is one that can't exchange names by itself (`make
/// test-no-exchange`).
fn lacking() -> &'static str {
    match std::env::var_os("SAFELIGHT_TEST_NO_EXCHANGE") {
        Some(_) => "without@nothing",
        None => "without@exchange",
    }
}

fn run(job: &Job, arguments: &[&str]) {
    job.call_with_fault(arguments, lacking()).expect(0);
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}

/// The rows of a table in order: path and hash.
type Rows = Vec<(String, String)>;

/// What a reader meets that lists a table and reads it.
#[derive(Debug, PartialEq)]
enum Met {
    /// The table is not there, or something that it lists.
    Absent(String),
    /// It was replaced while it was read: the reader begins anew.
    Replaced,
    Rows(Rows),
}

fn is_absent(met: &Met) -> bool {
    matches!(met, Met::Absent(_))
}

/// Reads a table once, as `docs/filesystems.md` has it.
fn meet(table: &Path) -> Met {
    let place = || fs::read_link(table).ok();
    let before = place();
    let met = read(table);
    match met {
        _ if place() != before => Met::Replaced,
        Err(told) => Met::Absent(told),
        Ok(rows) => Met::Rows(rows),
    }
}

/// The rows of all parts; what is missing where the folder or a part that was listed is not there.
fn read(table: &Path) -> Result<Rows, String> {
    let mut rows = Rows::new();
    for entry in fs::read_dir(table).map_err(|e| format!("list: {e}"))? {
        let path = entry.map_err(|e| format!("list on: {e}"))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if hidden {
            continue;
        }
        let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let part = frame(&bytes).unwrap();
        let text = |column: &str| -> Vec<String> {
            let column = part.column(column).unwrap().str().unwrap();
            column.iter().map(|text| text.unwrap().to_string()).collect()
        };
        rows.extend(text("path").into_iter().zip(text("hash")));
    }
    rows.sort();
    Ok(rows)
}

/// Reads a table all the time while `act` acts; how often each thing was met.
fn watched(table: &Path, act: impl FnOnce()) -> Vec<(Met, usize)> {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut all: Vec<(Met, usize)> = Vec::new();
            loop {
                let last = ended.load(Ordering::Relaxed);
                let met = meet(table);
                match all.iter_mut().find(|(known, _)| *known == met) {
                    Some((_, count)) => *count += 1,
                    None => all.push((met, 1)),
                }
                if last {
                    return all;
                }
            }
        });
        act();
        ended.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    })
}

/// A job that has run, and has one changed, one missing and one new input; with the rows of then and of the end.
fn changed() -> (Job, [Rows; 2]) {
    let job = Job::new(STEPS);
    archive(&job.input(), 30);
    run(&job, &["run"]);
    let table = job.output().join("table");
    assert!(is_link(&table));
    let before = read(&table).unwrap();
    copy(&job.output(), &job.dir.path().join("first"));
    save(&picture(50, 20, 3, Depth::U8, 99), &job.input().join("0/0/img-000.png"));
    fs::remove_file(job.input().join("1/1/img-001.jpg")).unwrap();
    archive(&job.input().join("new"), 1);
    run(&job, &["run", "--prune"]);
    let after = read(&table).unwrap();
    assert!(before != after && before.len() == 30 && after.len() == 30);
    (job, [before, after])
}

fn begin(job: &Job) {
    job.clear_output();
    copy(&job.dir.path().join("first"), &job.output());
}

#[test]
fn readers_see_each_row_once_however_often_runs_are_killed() {
    let (job, rows) = changed();
    let wanted = tree(&job.output());
    let table = job.output().join("table");
    let kinds = ["part", "sync-folder", "swap", "move-folder", "link-folder", "drop-old"];
    let met = std::cell::RefCell::new(BTreeMap::<bool, usize>::new());
    let told = |all: Vec<(Met, usize)>, fault: &str| {
        for (one, count) in all {
            match one {
                Met::Replaced => {}
                Met::Rows(found) if rows.contains(&found) => {
                    *met.borrow_mut().entry(found == rows[1]).or_default() += count;
                }
                wrong => panic!("{fault}: {count} times {wrong:?}"),
            }
        }
    };
    let arguments = ["run", "--prune"];
    let mut reached = BTreeMap::new();
    for kind in kinds {
        let ended = std::cell::Cell::new(false);
        let at = std::cell::Cell::new(1);
        while !ended.get() {
            begin(&job);
            let fault = format!("{},kill@{kind}:{}", lacking(), at.get());
            let all = watched(&table, || {
                let killed = job.call_with_fault(&arguments, &fault);
                ended.set(killed.code == Some(0));
                assert!(
                    ended.get() || killed.err.contains(&format!("killed before `{kind}`")),
                    "{}",
                    killed.err
                );
            });
            told(all, &fault);
            if !ended.get() {
                *reached.entry(kind).or_insert(0) += 1;
                at.set(at.get() + 1);
            }
            // What is left of it stands in nobody's way, and the next run makes the same.
            told(watched(&table, || run(&job, &arguments)), &fault);
            let differing = differences(&tree(&job.output()), &wanted);
            assert!(differing.is_empty(), "{fault}: {differing:?}");
            let sets = || fs::read_dir(job.output().join(".safelight/folders")).unwrap().count();
            if sets() > 1 {
                // Some file systems keep what the reader still had open, and its folder, until the next run.
                run(&job, &arguments);
            }
            assert_eq!(sets(), 1, "{fault}");
        }
    }
    println!("killed before: {reached:?}; seen: {:?}", met.borrow());
    at_least(&reached, &kinds.map(|kind| (kind, 1)));
    assert!(met.borrow().len() == 2, "both states were seen");
}

#[test]
fn the_reader_sees_a_gap() {
    let (job, _) = changed();
    begin(&job);
    // As it was before, and is where there are no links: a real folder, which gives way in two steps.
    let table = job.output().join("table");
    let set = fs::canonicalize(&table).unwrap();
    fs::remove_file(&table).unwrap();
    fs::rename(set, &table).unwrap();
    let lacking = format!("{},without@links", lacking());
    let met = watched(&table, || {
        job.call_with_fault(&["run", "--prune"], &format!("{lacking},wait@gap:200")).expect(0);
    });
    assert!(!is_link(&table) && met.iter().any(|(met, _)| is_absent(met)), "{met:?}");
    // Killed in it, the table is missing until the next run.
    archive(&job.input().join("newer"), 1);
    let killed = job.call_with_fault(&["run"], &format!("{lacking},kill@gap:1"));
    assert!(killed.code.is_none() && is_absent(&meet(&table)));
    run(&job, &["run"]);
    assert!(is_link(&table) && read(&table).unwrap().len() == 31);
}

#[test]
fn all_that_reads_a_table_reads_through_the_link() {
    let steps = "- write: {folder: images}\n- measure: [mean]\n- table: {partition_by: [format]}\n\
                 - table: {folder: deep/csv, format: csv}";
    let job = Job::new(steps);
    archive(&job.input(), 12);
    job.call(&["run"]).expect(0);
    job.call(&["report"]).expect(0);
    let wanted = tree(&job.output());
    let folders = ["table", "deep/csv", "report"].map(|folder| job.output().join(folder));
    job.clear_output();
    for _ in 0..2 {
        run(&job, &["run"]);
        run(&job, &["report"]);
    }
    assert!(folders.iter().all(|folder| is_link(folder)));
    let differing = differences(&tree(&job.output()), &wanted);
    assert!(differing.iter().all(|line| line.contains("report/")), "{differing:?}");
    for command in ["status", "verify", "plan"] {
        job.call(&[command]).expect(0);
    }
    // Nothing to do: nothing is replaced.
    let texts = || folders.clone().map(|folder| fs::read_link(folder).unwrap());
    let before = texts();
    run(&job, &["run"]);
    assert_eq!(texts()[..2], before[..2]);
    // A part that was edited is seen, and one that is gone.
    let part = fs::read_dir(&folders[1]).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&part).unwrap();
    fs::write(&part, b"edited").unwrap();
    job.call(&["verify"]).expect(1);
    let refused = job.call_with_fault(&["run"], lacking());
    assert!(refused.code != Some(0) && refused.err.contains("edited"), "{}", refused.err);
    fs::write(&part, bytes).unwrap();
    job.call(&["verify"]).expect(0);
    // A copy of the whole output elsewhere, and one in place of it.
    let copied = job.dir.path().join("copy");
    copy(&job.output(), &copied);
    job.clear_output();
    assert_eq!(tree(&copied).len(), wanted.len());
    copy(&copied, &job.output());
    job.call(&["verify"]).expect(0);
    // Folders that no step writes any more.
    job.steps("- write: {folder: images}\n- measure: [mean]\n- table: {partition_by: [format]}");
    run(&job, &["run", "--prune"]);
    assert!(
        fs::symlink_metadata(&folders[1]).is_err()
            && fs::symlink_metadata(job.output().join("deep")).is_err()
    );
    job.steps("- write: {folder: images}");
    run(&job, &["run", "--prune"]);
    assert!(fs::symlink_metadata(&folders[0]).is_err());
    let left: Vec<_> = fs::read_dir(job.output().join(".safelight/folders")).unwrap().collect();
    assert_eq!(left.len(), 1, "the report's: {left:?}");
    // Back where names can be exchanged.
    if lacking() == "without@exchange" {
        job.steps(steps);
        run(&job, &["run"]);
        archive(&job.input().join("new"), 1);
        job.call(&["run"]).expect(0);
        job.call(&["report"]).expect(0);
        assert!(folders.iter().all(|folder| !is_link(folder)));
        assert_eq!(fs::read_dir(job.output().join(".safelight/folders")).unwrap().count(), 0);
        job.call(&["verify"]).expect(0);
    }
}

#[test]
fn a_link_of_somebodys_is_refused() {
    let job = Job::new(STEPS);
    archive(&job.input(), 3);
    run(&job, &["run"]);
    let (table, elsewhere) = (job.output().join("table"), job.dir.path().join("elsewhere"));
    let set = fs::canonicalize(&table).unwrap();
    fs::rename(&set, &elsewhere).unwrap();
    for text in [&elsewhere, &set] {
        fs::remove_file(&table).ok();
        std::os::unix::fs::symlink(text, &table).unwrap();
        let refused = job.call_with_fault(&["run"], lacking());
        assert!(refused.code != Some(0) && refused.err.contains("is a symbolic link"), "{}", refused.err);
        assert!(is_link(&table) && fs::read_dir(&elsewhere).unwrap().count() == 1);
    }
}
