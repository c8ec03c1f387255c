//! What a network takes beside the picture: `inputs` of `restore`, from the pipeline file to the written picture.

use super::onnx;
use super::support::*;
use safelight::image::Depth;
use std::fs;

/// A network that adds the number `sigma` to every sample.
fn job(options: &str) -> Job {
    let job = Job::new("- write");
    let number = onnx::net(&[1, 1, 1, 1], vec![], vec![]).input.remove(0);
    let mut net = onnx::net(&[1, 3, 0, 0], vec![onnx::node("Add", &["x", "sigma"], "y", vec![])], vec![]);
    net.input.push(onnx::ValueInfoProto { name: "sigma".into(), ..number });
    let model = job.dir.path().join("adds.onnx");
    fs::write(&model, onnx::file(net, &[("range", "0-1")])).unwrap();
    let steps = format!(
        "- restore: {{model: {}, check: finite{options}}}\n- write: {{folder: images}}",
        model.display()
    );
    job.steps(&steps);
    let mut image = picture(50, 40, 3, Depth::U8, 1);
    for i in 0..image.samples().len() {
        image.samples_mut().set(i, 0.25);
    }
    save(&image, &job.input().join("a.png"));
    job
}

/// The first sample of the result.
fn sample(job: &Job) -> f32 {
    let path = job.output().join("images/a.png");
    let bytes = fs::read(&path).unwrap();
    let decoded = safelight::codec::decode(&bytes, &path, &safelight::Limits::default()).unwrap();
    decoded.image.samples().get(0)
}

#[test]
fn numbers_and_expressions_reach_the_network() {
    for (inputs, wanted) in [("0.5", 0.75), ("width / 100.0", 0.75), ("0", 0.25)] {
        let job = job(&format!(", inputs: {{sigma: '{inputs}'}}"));
        job.call(&["run"]).expect(0);
        let found = sample(&job);
        assert!((found - wanted).abs() < 0.01, "{inputs}: {found}");
    }
}

#[test]
fn another_number_makes_results_anew() {
    let job = job(", inputs: {sigma: 0.5}");
    job.call(&["run"]).expect(0);
    assert!(job.call(&["run"]).expect(0).out.contains("everything is up to date"));
    let text = fs::read_to_string(job.dir.path().join("job.yaml")).unwrap();
    fs::write(job.dir.path().join("job.yaml"), text.replace("sigma: 0.5", "sigma: 0.25")).unwrap();
    job.call(&["run"]).expect(0);
    assert!((sample(&job) - 0.5).abs() < 0.01);
}

#[test]
fn what_is_missing_or_unknown_is_a_mistake_of_the_pipeline() {
    let missing = job("").call(&["check"]).expect(78).err;
    assert!(missing.contains("sigma") && missing.contains("job.yaml:"), "{missing}");
    let unknown = job(", inputs: {sigma: 0.5, noise: 1}").call(&["check"]).expect(78).err;
    assert!(unknown.contains("noise") && unknown.contains("sigma"), "{unknown}");
    let expression = job(", inputs: {sigma: widht / 2}").call(&["check"]).expect(78).err;
    assert!(expression.contains("width"), "{expression}");
}
