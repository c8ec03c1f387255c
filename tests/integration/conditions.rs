//! Conditions of steps, choices between them, and what becomes of the pictures they refuse.

use super::support::*;
use safelight::image::Depth;
use std::fs;
use std::path::Path;

const GRAY: &str = "- write: {format: png}";

/// Whether a written picture has one channel.
fn is_gray(job: &Job, name: &str) -> bool {
    let bytes = fs::read(job.output().join("images").join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let limits = safelight::codec::Limits::default();
    safelight::codec::decode(&bytes, Path::new(name), &limits).unwrap().image.channels() == 1
}

fn three(job: &Job) {
    for (name, width) in [("a.png", 20), ("b.png", 30), ("scans/c.png", 40)] {
        save(&picture(width, 16, 3, Depth::U8, 1), &job.input().join(name));
    }
}

#[test]
fn conditions_decide_picture_by_picture_and_refusals_are_told() {
    let job =
        Job::new(&format!("- grayscale: {{when: 'width > 25 && !path.startsWith(\"scans/\")'}}\n{GRAY}"));
    three(&job);
    let ended = job.call(&["run"]).expect(0);
    assert!(
        ended.out.contains("refused  2 by grayscale: width > 25 && !path.startsWith(\"scans/\")"),
        "{}",
        ended.out
    );
    assert_eq!(["a.png", "b.png", "scans/c.png"].map(|name| is_gray(&job, name)), [false, true, false]);
    let manifest = job.manifest();
    let refused = |path: &str| manifest[path].get(13).unwrap().to_string();
    assert_eq!(refused("a.png"), "grayscale: width > 25 && !path.startsWith(\"scans/\")");
    assert_eq!(refused("b.png"), "");
    // The same again is nothing to do; blanks are no other condition.
    job.steps(&format!("- grayscale: {{when: 'width>25 && !(path.startsWith(\"scans/\"))'}}\n{GRAY}"));
    assert!(job.call(&["run"]).expect(0).out.contains("everything is up to date"), "spelling");
    // Another one is.
    job.steps(&format!("- grayscale: {{when: width > 15}}\n{GRAY}"));
    job.call(&["run"]).expect(0);
    assert_eq!(["a.png", "b.png", "scans/c.png"].map(|name| is_gray(&job, name)), [true; 3]);
    assert!(job.manifest().values().all(|row| row.get(13) == Some("")));
}

#[test]
fn measurements_made_before_decide_also_where_no_table_wants_them() {
    let steps = |limit: &str| {
        format!(
            "- measure: [mean]\n- grayscale: {{when: mean > {limit}}}\n- write: {{format: png}}\n- table: {{folder: table}}"
        )
    };
    let job = Job::new(&steps("0.9"));
    three(&job);
    job.call(&["run"]).expect(0);
    assert!(!is_gray(&job, "a.png"));
    // Only the pictures are wanted anew: what they depend on is measured again and nothing else recorded.
    job.steps(&steps("0.1"));
    job.call(&["run"]).expect(0);
    assert!(is_gray(&job, "a.png"));
    fs::remove_dir_all(job.output().join("images")).unwrap();
    job.call(&["run"]).expect(0);
    assert!(is_gray(&job, "a.png"));
    let again = tree(&job.output());
    job.clear_output();
    job.call(&["run"]).expect(0);
    let (again, fresh) = (again, tree(&job.output()));
    let manifest =
        |tree: &Tree| String::from_utf8_lossy(&tree[Path::new(crate::support::MANIFEST)]).into_owned();
    assert_eq!(manifest(&again), manifest(&fresh));
    assert_eq!(differences(&again, &fresh), [""; 0]);
}

#[test]
fn choices_take_the_first_branch_that_holds() {
    let job = Job::new(
        "- choose: [{when: width == 20, steps: [grayscale]}, {when: width < 35, steps: [{resize: {width: 10}}]}, {else: [{resize: {width: 5}}, grayscale]}]\n- write: {format: png}",
    );
    three(&job);
    let ended = job.call(&["run"]).expect(0);
    let size = |name: &str| {
        let bytes = fs::read(job.output().join("images").join(name)).unwrap();
        u32::from_be_bytes(bytes[16..20].try_into().unwrap())
    };
    assert_eq!(["a.png", "b.png", "scans/c.png"].map(size), [20, 10, 5]);
    assert_eq!(["a.png", "b.png", "scans/c.png"].map(|name| is_gray(&job, name)), [true, false, true]);
    assert!(
        ended.out.contains("2 by choose: width == 20") && ended.out.contains("1 by choose: width < 35"),
        "{}",
        ended.out
    );
    assert_eq!(job.manifest()["scans/c.png"].get(13), Some("choose: width < 35; choose: width == 20"));
}

#[test]
fn what_is_not_to_be_written_is_not_and_goes_when_it_was() {
    let job = Job::new("- grayscale\n- write");
    three(&job);
    job.call(&["run"]).expect(0);
    job.steps("- grayscale\n- write: {when: width > 25}");
    job.call(&["run"]).expect(0);
    let written = |job: &Job| {
        tree(&job.output().join("images")).into_keys().map(|p| p.display().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(written(&job), ["b.png", "scans/c.png"]);
    assert!(job.call(&["run"]).expect(0).out.contains("everything is up to date"));
    job.call(&["verify"]).expect(0);
}

#[test]
fn pairs_that_are_refused_are_in_no_list() {
    for layout in ["imagefolder", "webdataset"] {
        let job = Job::new(&format!(
            "- corrupt: [{{gaussian_noise: {{sigma: 20}}}}]\n- patches: {{size: 8, stride: 8}}\n- pairs: {{layout: {layout}, when: width > 25}}"
        ));
        three(&job);
        job.call(&["run"]).expect(0);
        let lists: String = tree(&job.output())
            .iter()
            .filter(|(p, _)| p.starts_with("pairs") && p.extension().is_some_and(|e| e == "csv"))
            .map(|(_, b)| String::from_utf8_lossy(b).into_owned())
            .collect();
        let counted = job.call(&["run"]).expect(0);
        assert!(!lists.contains(",a.png,") || layout == "webdataset", "{lists}");
        assert!(counted.out.contains("everything is up to date"), "{}", counted.out);
        let other = Job::new(&format!(
            "- corrupt: [{{gaussian_noise: {{sigma: 20}}}}]\n- patches: {{size: 8, stride: 8}}\n- pairs: {{layout: {layout}}}"
        ));
        for (name, width) in [("b.png", 30), ("scans/c.png", 40)] {
            save(&picture(width, 16, 3, Depth::U8, 1), &other.input().join(name));
        }
        other.call(&["run"]).expect(0);
        let count = |job: &Job| tree(&job.output().join("pairs")).len();
        assert_eq!(count(&job), count(&other), "{layout}");
    }
}

#[test]
fn a_refused_corruption_keeps_the_picture_as_its_own_clean_one() {
    let job = Job::new(
        "- corrupt: {recipe: [{gaussian_noise: {sigma: 20}}], when: width > 25}\n- measure: [psnr]\n- table",
    );
    three(&job);
    job.call(&["run"]).expect(0);
    assert_eq!(job.manifest()["a.png"].get(2), Some("done"));
}

#[test]
fn values_of_a_list_decide_and_other_values_do_it_again() {
    let job = Job::new("");
    three(&job);
    let list = job.dir.path().join("list.csv");
    let write = |keep: &str| fs::write(&list, format!("path,keep\nin/a.png,{keep}\nin/b.png,2\n")).unwrap();
    write("1");
    let text = format!(
        "version: 1\ninput: {}\noutput: {}\nsteps:\n  - grayscale: {{when: keep == 1}}\n  - write: {{format: png}}\n",
        list.display(),
        job.output().display()
    );
    fs::write(job.pipeline(), text).unwrap();
    job.call(&["run"]).expect(0);
    assert_eq!(["in/a.png", "in/b.png"].map(|name| is_gray(&job, name)), [true, false]);
    assert!(job.call(&["run"]).expect(0).out.contains("everything is up to date"));
    // Also where the file has another time, which alone would change nothing.
    write("3");
    let touched = fs::File::options().write(true).open(job.input().join("a.png")).unwrap();
    touched.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(9)).unwrap();
    let ended = job.call(&["run"]).expect(0);
    assert!(ended.out.contains("1 skipped"), "{}", ended.out);
    assert_eq!(["in/a.png", "in/b.png"].map(|name| is_gray(&job, name)), [false, false]);
    assert!(job.call(&["run"]).expect(0).out.contains("everything is up to date"));
}

#[test]
fn mistakes_in_conditions_are_told_at_once_each_with_its_caret() {
    let job = Job::new(
        "- grayscale: {when: noise_sigm > 2 && format > 3}\n- resize: {width: 8, when: 'noise_sigma > '}\n- measure: {what: [mean], when: true}\n- choose: [{when: mean > 1, steps: [table]}, {else: [], when: true}]\n- choose: []\n- write: {when: noise_sigma}\n- table: {when: true}",
    );
    three(&job);
    let told = job.call(&["check"]).expect(78);
    let text = format!("{}{}", told.out, told.err);
    for part in [
        "unknown name `noise_sigm`",
        "a text can't be compared with a number",
        "the expression ends too early",
        "`measure` takes no `when`",
        "`table` can't stand in a branch of `choose`",
        "`else` has no condition",
        "`choose` wants a list of branches",
        "`table` takes no `when`",
        "measure it before: `- measure: [noise_sigma]`",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(
        text.contains(
            "  - grayscale: {when: noise_sigm > 2 && format > 3}\n  |                       ^^^^^^^^^^"
        ),
        "{text}"
    );
    assert!(!job.output().exists());
}

#[test]
fn draws_do_not_change_with_conditions_of_others() {
    let steps = |when: &str| {
        format!("- grayscale{when}\n- corrupt: [{{gaussian_noise: {{sigma: 20}}}}]\n- write: {{format: png}}")
    };
    let run = |steps: &str| {
        let job = Job::new(steps);
        three(&job);
        job.call(&["run"]).expect(0);
        tree(&job.output().join("images"))
    };
    assert_eq!(run(&steps("")), run(&steps(": {when: width > 1}")));
}

#[test]
fn what_is_not_done_again_is_not_asked_again() {
    let steps = |pairs: &str| {
        format!(
            "- patches: {{size: 8, stride: 8}}\n- corrupt: [{{gaussian_noise: {{sigma: 20}}}}]\n- measure: [mse]\n- write: {{when: mse > 0.0001}}\n- pairs: {{{pairs}}}"
        )
    };
    let job = Job::new(&steps("format: png"));
    three(&job);
    let first = job.call(&["run"]).expect(0).out;
    assert!(!first.contains("refused"), "{first}");
    job.steps(&steps("compression: small"));
    let again = job.call(&["run"]).expect(0).out;
    assert!(!again.contains("refused"), "{again}");
    assert!(job.manifest().values().all(|row| row.get(13) == Some("")));
}

#[test]
fn a_condition_never_mixes_pairs_of_two_scales() {
    let job =
        Job::new("- corrupt: {recipe: [{gaussian_noise: {sigma: 20}}], scale: 2, when: width > 25}\n- pairs");
    three(&job);
    let told = job.call(&["check"]).expect(78).err;
    assert!(told.contains("would have another scale"), "{told}");
}

#[test]
fn carets_stand_right_behind_escaped_quotes() {
    let job = Job::new(
        "- grayscale: {when: 'path == ''a'' && nose > 1'}\n- resize: {width: 8, when: \"path == \\\"a\\\" && nase > 1\"}\n- write",
    );
    three(&job);
    let told = job.call(&["check"]).expect(78).err;
    let under = |word: &str| {
        let lines: Vec<&str> = told.lines().collect();
        let at = lines.iter().position(|line| line.contains(" | ") && line.contains(word)).unwrap();
        lines[at + 1].find('^').unwrap() == lines[at].find(word).unwrap()
    };
    assert!(under("nose") && under("nase"), "{told}");
}

#[test]
fn a_list_without_a_value_is_another_than_one_with_an_empty_text_and_takes_failures_off() {
    let job = Job::new("");
    save(&picture(20, 16, 3, Depth::U8, 1), &job.input().join("a.png"));
    fs::write(job.input().join("b.png"), b"no picture").unwrap();
    let list = job.dir.path().join("list.csv");
    let write = |keep: [&str; 2]| {
        fs::write(&list, format!("path,keep\nin/a.png,{}\nin/b.png,{}\n", keep[0], keep[1])).unwrap()
    };
    let text = format!(
        "version: 1\ninput: {}\noutput: {}\nsteps:\n  - grayscale: {{when: has(keep) && keep > 0}}\n  - write: {{format: png}}\n",
        list.display(),
        job.output().display()
    );
    fs::write(job.pipeline(), text).unwrap();
    write(["1", "1"]);
    job.call(&["run"]).expect(10);
    job.call(&["run"]).expect(12);
    assert!(is_gray(&job, "in/a.png"));
    // The failure is tried again, since what is asked of it is another thing now.
    write(["", "2"]);
    let ended = job.call(&["run"]).expect(12);
    assert!(!is_gray(&job, "in/a.png"));
    assert!(ended.out.contains("1 done") && ended.out.contains("failed again"), "{}", ended.out);
}
