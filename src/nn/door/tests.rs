//! The door without an inspector, verdicts that are odd, and that nobody goes around it.

use super::ask::Question;
use super::verdicts::{find, hash, key, remember};
use super::*;
use crate::nn::tests_hostile::{model, node};
use std::os::unix::fs::PermissionsExt;

fn relu() -> Vec<u8> {
    model(&[1, 1, 8, 8], &[node("Relu", &["x"], "y")], &[])
}

#[test]
fn without_a_program_models_are_loaded_here() {
    assert_eq!(Door::usual().program, None, "unit tests are not safelight");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.onnx");
    std::fs::write(&path, relu()).unwrap();
    let (options, budget) = (LoadOptions::default(), ModelBudget::default());
    Door::usual().network(&path, &options, &budget).unwrap();
    // A program that isn't there lets nothing in.
    let gone = Door { program: Some("/nowhere/safelight".into()), cache: None };
    assert!(matches!(gone.network(&path, &options, &budget), Err(ModelError::Inspector { .. })));
    // Nor does one that is not safelight.
    for (other, how) in [("/bin/true", "gave no answer"), ("/bin/false", "code 1")] {
        let other = Door { program: Some(other.into()), cache: None };
        let error = other.network(&path, &options, &budget).unwrap_err();
        assert!(error.to_string().contains(how), "{error}");
    }
}

#[test]
fn a_program_that_never_ends_is_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (path, program) = (folder.path().join("a.onnx"), folder.path().join("slow.sh"));
    std::fs::write(&path, relu()).unwrap();
    let budget = ModelBudget { seconds: 1, ..ModelBudget::default() };
    for script in ["#!/bin/sh\nexec sleep 100\n", "#!/bin/sh\nexec >&- 2>&-\nexec sleep 100\n"] {
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
        let door = Door { program: Some(program.clone()), cache: None };
        let start = std::time::Instant::now();
        let error = door.network(&path, &LoadOptions::default(), &budget).unwrap_err();
        assert!(matches!(error, ModelError::OverTime { seconds: 1, .. }), "{error}");
        assert!(start.elapsed().as_secs() < 20);
    }
}

#[test]
fn a_verdict_is_taken_only_from_its_user_and_for_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cache) = (folder.path().join("a.onnx"), folder.path().join("c/safelight/models"));
    std::fs::write(&path, relu()).unwrap();
    std::fs::write(folder.path().join("w.bin"), "weights").unwrap();
    let (options, budget) = (LoadOptions::default(), ModelBudget { memory: 100, ..ModelBudget::default() });
    let question = Question::new(&path, Purpose::Pictures, &options, &budget);
    let main = hash(&path).unwrap();
    let name = key(Path::new("/bin/true"), &question, &main);
    let mut all = blake3::Hasher::new();
    all.update(&relu()).update(b"weights");
    let all = all.finalize().to_hex().to_string();
    let sound = Passed {
        hash: main.clone(),
        all,
        files: vec!["w.bin".into()],
        memory: 100,
        seconds: 2.0,
        found: None,
    };
    let found = |passed: &Passed| {
        remember(&cache, &name, passed);
        find(&cache, &name, &question, &main)
    };
    assert_eq!(found(&sound), Some(sound.clone()));
    assert_eq!(found(&Passed { memory: 101, ..sound.clone() }), None);
    assert_eq!(found(&Passed { seconds: 61.0, ..sound.clone() }), None);
    assert_eq!(found(&Passed { hash: "other".into(), ..sound.clone() }), None);
    for odd in ["../w.bin", "/etc/hostname", "absent.bin", "."] {
        assert_eq!(found(&Passed { files: vec![odd.into()], ..sound.clone() }), None, "{odd}");
    }
    assert!(found(&sound).is_some());
    let ours = |mode: u32, path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        find(&cache, &name, &question, &main).is_some()
    };
    assert!(!ours(0o620, &cache.join(&name)) && ours(0o600, &cache.join(&name)));
    assert!(!ours(0o777, &cache) && ours(0o700, &cache));
    std::fs::rename(cache.join(&name), folder.path().join("moved")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("moved"), cache.join(&name)).unwrap();
    assert_eq!(find(&cache, &name, &question, &main), None, "behind a link");
    std::fs::write(folder.path().join("w.bin"), "others").unwrap();
    assert_eq!(found(&sound), None);
    let other = LoadOptions { channels: Some(1), ..LoadOptions::default() };
    assert_ne!(key(Path::new("/bin/true"), &Question { options: &other, ..question }, &main), name);
}

/// Only the door loads models, but for what this program has just written itself.
#[test]
fn nobody_goes_around_the_door() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for entry in walkdir::WalkDir::new(&source) {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(&source).unwrap().to_string_lossy().into_owned();
        let tests = name.contains("tests") || name == "train/export/verify.rs";
        if !name.ends_with(".rs") || name.starts_with("nn/") || tests {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(entry.path()).unwrap();
        for way in ["Network::load", "Rows::load"] {
            assert!(!text.contains(way), "{name} calls {way}; ask nn::Door");
        }
    }
    assert!(seen > 100);
}

#[test]
fn what_an_inspection_found_is_not_looked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.onnx");
    std::fs::write(&path, relu()).unwrap();
    let options = LoadOptions::default();
    let inspected = Network::load(&path, &options).unwrap();
    let mut found = inspected.found();
    found.info.notes.push("remembered".into());
    let main = hash(&path).unwrap();
    let passed = Passed { found: Some(found), ..Passed::new(main.clone(), main, vec![]) };
    // As it comes from the cache folder.
    let passed: Passed = serde_json::from_str(&serde_json::to_string(&passed).unwrap()).unwrap();
    let network = Network::load_passed(&path, &options, 1 << 30, Some(&passed)).unwrap();
    assert_eq!(network.info().notes.last().map(String::as_str), Some("remembered"));
    let plan = network.plan(8, 8, None).unwrap();
    let input: Vec<f32> = (0..64).map(|i| i as f32 - 32.0).collect();
    let result = plan.run(&input).unwrap();
    assert_eq!(result, input.iter().map(|v| v.max(0.0)).collect::<Vec<_>>());
}
