//! The same bytes at any number of threads, in any order, for any subset.

use crate::support::{Job, differences, picture, save, tree};
use safelight::image::Depth;

fn job() -> Job {
    let job = Job::new(
        "- restore: {model: sample_data/models/denoise.onnx, tile: 96}\n- measure: [noise_sigma, sharpness]\n\
         - embed: {model: sample_data/models/embed.onnx}\n- write\n- table",
    );
    // The first is larger than a tile, so that tiles run in parallel too.
    for (n, (w, h)) in [(301, 203), (64, 48), (33, 95), (1, 1), (17, 130)].into_iter().enumerate() {
        let (channels, depth) = if n % 2 == 0 { (3, Depth::U8) } else { (1, Depth::U16) };
        save(&picture(w, h, channels, depth, n as u32), &job.input().join(format!("{n}.png")));
    }
    job
}

#[test]
fn thread_counts_and_listing_order_do_not_matter() {
    let job = job();
    job.call(&["run", "--set", "limits.threads=1"]).expect(0);
    let wanted = tree(&job.output());
    for threads in [2, 8] {
        job.clear_output();
        job.call(&["run", "--set", &format!("limits.threads={threads}")]).expect(0);
        assert!(differences(&tree(&job.output()), &wanted).is_empty(), "{threads} threads");
    }
    // Files made in another order are listed in another order by most file systems.
    let files: Vec<_> = tree(&job.input()).into_iter().collect();
    let times: Vec<_> = files
        .iter()
        .map(|(p, _)| std::fs::metadata(job.input().join(p)).unwrap().modified().unwrap())
        .collect();
    std::fs::remove_dir_all(job.input()).unwrap();
    std::fs::create_dir(job.input()).unwrap();
    for ((path, bytes), time) in files.iter().zip(times).rev() {
        std::fs::write(job.input().join(path), bytes).unwrap();
        let file = std::fs::File::options().write(true).open(job.input().join(path)).unwrap();
        file.set_modified(time).unwrap();
    }
    job.clear_output();
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output()), &wanted).is_empty());
}

#[test]
fn a_subset_gives_the_same_images() {
    let job = job();
    job.call(&["run"]).expect(0);
    let wanted = tree(&job.output().join("images"));
    job.clear_output();
    job.call(&["run", "--set", "input.include=['[12].png']"]).expect(0);
    let found = tree(&job.output().join("images"));
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|(path, bytes)| wanted.get(path) == Some(bytes)));
}

#[test]
fn small_pictures_in_batches_give_the_same_table_after_any_history() {
    let job = Job::new("- embed: {model: sample_data/models/embed.onnx}\n- table");
    for n in 0..120 {
        save(&picture(28, 28, 1, Depth::U8, n), &job.input().join(format!("{n:03}.png")));
    }
    job.call(&["run", "--set", "limits.threads=1"]).expect(0);
    let wanted = tree(&job.output());
    for threads in [2, 7] {
        job.clear_output();
        job.call(&["run", "--set", &format!("limits.threads={threads}")]).expect(0);
        assert!(differences(&tree(&job.output()), &wanted).is_empty(), "{threads} threads");
    }
    for point in 1..5 {
        job.clear_output();
        assert_eq!(job.call_with_fault(&["run"], &format!("kill@{point}")).code, None);
        job.call(&["run"]).expect(0);
        assert!(differences(&tree(&job.output()), &wanted).is_empty(), "kill@{point}");
    }
    // Some first, alone and in other batches; the rest afterwards.
    job.clear_output();
    job.call(&["run", "--set", "input.include=['*[07].png', '03*.png']"]).expect(0);
    job.call(&["run"]).expect(0);
    assert!(differences(&tree(&job.output()), &wanted).is_empty(), "in two runs");
}
