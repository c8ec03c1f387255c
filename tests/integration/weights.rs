//! Weights files through the program: restored with, exported, and compared with what their own framework makes of them.

use crate::state_dicts::{archive, compact, pickle, safetensors, zipped};
use crate::support::{Ended, Job, picture, root, save, shared};
use safelight::codec::decode;
use safelight::image::{Depth, Image};
use safelight::nn::{Engine, LoadOptions, Network, Trial};
use safelight::{Limits, RestoreOptions, Restorer};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// `safelight model` with these arguments.
fn model(arguments: &[&Path], more: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_safelight"));
    let command = command.arg("model").args(arguments).args(more).current_dir(root());
    Ended::from(command.output().unwrap())
}

#[test]
fn a_weights_file_restores_as_the_onnx_file_that_it_is_exported_to() {
    let job = Job::new("- write");
    let folder = job.dir.path();
    let (weights, onnx) = (folder.join("x2.pth"), folder.join("new/x2.onnx"));
    fs::write(&weights, zipped(&compact())).unwrap();
    save(&picture(50, 37, 3, Depth::U8, 1), &job.input().join("a.png"));
    let told = model(&[&weights], &[]).expect(0).out;
    for part in
        ["restore          yes, scale x2", "architecture: Compact", "licence: unknown", "[0, 1] (metadata)"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }
    model(&[&weights, Path::new("--export"), &onnx], &[]).expect(0);
    let hash = |told: &str| told.lines().find(|l| l.trim().starts_with("hash")).unwrap().to_owned();
    let exported = model(&[&onnx], &[]).expect(0).out;
    // All but the names and hashes of the files, and what was measured.
    let differs = |line: &str| ["hash ", "time ", "12 megapixels "].iter().any(|name| line.contains(name));
    let same = |told: &str| told.lines().skip(1).filter(|l| !differs(l)).collect::<Vec<_>>().join("\n");
    assert_eq!(same(&told), same(&exported));
    assert_ne!(hash(&told), hash(&exported));
    let mut pictures = vec![];
    for file in [&weights, &onnx] {
        job.clear_output();
        job.steps(&format!(
            "- restore: {{model: {}, check: finite}}\n- write: {{folder: images}}",
            file.display()
        ));
        job.call(&["run"]).expect(0);
        pictures.push(fs::read(job.output().join("images/a.png")).unwrap());
    }
    assert_eq!(pictures[0], pictures[1]);
    // Nothing is written over, and ONNX isn't exported again.
    let before = fs::read(&onnx).unwrap();
    model(&[&weights, Path::new("--export"), &onnx], &[]).expect(30);
    assert_eq!(fs::read(&onnx).unwrap(), before);
    let told = model(&[&onnx, Path::new("--export"), &folder.join("b.onnx")], &[]).expect(78).err;
    assert!(told.contains("ONNX file already"), "{told}");
}

#[test]
fn what_can_not_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let evil = archive(&pickle(b"cos\nsystem\nX\x02\0\0\0ls\x85R"), &[]);
    let mut unknown = compact();
    unknown.retain(|tensor| tensor.name != "body.1.weight");
    for (name, bytes, wanted) in [
        ("a.pth", evil, "asks for `os.system`"),
        ("b.safetensors", b"version https://git-lfs.github.com/spec/v1\n".to_vec(), "pointer of Git LFS"),
        ("c.pth", b"<!DOCTYPE html><html></html>".to_vec(), "a web page"),
        ("d.safetensors", safetensors(&unknown), "none that is known (ESRGAN"),
        ("e.pth", zipped(&compact())[..2000].to_vec(), "no whole zip archive"),
        ("f.param", b"7767517\n3 3\nInput data 0 1 data\n".to_vec(), "ncnn"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let told = model(&[&path], &[]).expect(78).err;
        assert!(told.contains(wanted) && told.contains(name), "{name}: {told}");
    }
}

/// Height, width and the numbers `[row][column][channel]` of a file of NumPy.
fn array(path: &Path) -> (usize, usize, Vec<f32>) {
    let bytes = fs::read(path).unwrap();
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(&bytes[10..10 + length]).into_owned();
    assert!(header.contains("'<f4'") && header.contains("'fortran_order': False"), "{header}");
    let shape = header.split('(').nth(1).unwrap().split(')').next().unwrap();
    let sides: Vec<usize> = shape.split(',').filter_map(|side| side.trim().parse().ok()).collect();
    let numbers = bytes[10 + length..].as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    (sides[0], sides[1], numbers)
}

#[test]
fn published_files_give_what_pytorch_gives_whole_and_in_tiles() {
    let Some(folder) = shared("models/weights") else { return };
    let bytes = fs::read(folder.join("input.png")).unwrap();
    let input = decode(&bytes, Path::new("input.png"), &Limits::default()).unwrap().image;
    let (width, height) = (input.width(), input.height());
    let samples: Vec<f32> = (0..3 * width * height).map(|i| input.samples().get(i)).collect();
    let planes: Vec<f32> =
        (0..3).flat_map(|c| samples.iter().skip(c).step_by(3).copied().collect::<Vec<_>>()).collect();
    // Deep enough that rounding is far below what is asked.
    let mut deep = Image::new(width, height, 3, Depth::U16);
    (0..samples.len()).for_each(|i| deep.samples_mut().set(i, samples[i]));
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "pth" || e == "safetensors"));
    assert!(files.len() >= 6, "{files:?}");
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (rows, columns, wanted) = array(&path.with_extension("npy"));
        let (low, high) = wanted.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        let most = (high - low) * if name.contains("half") { 2e-3 } else { 1e-4 };
        let network = Arc::new(Network::load(&path, &LoadOptions::default()).unwrap());
        let trial = Trial::new(&network, Engine::default(), 1, (height, width)).unwrap();
        let mut found = vec![];
        trial.run(&planes, &mut found).unwrap();
        assert_eq!(trial.output(), [1, 3, rows, columns], "{name}");
        for (i, wanted) in wanted.iter().enumerate() {
            let found = found[i % 3 * rows * columns + i / 3];
            assert!((found - wanted).abs() <= most, "{name} {i}: {found}, not {wanted}");
        }
        let options = RestoreOptions { tile: Some(32), any_finite: true, ..RestoreOptions::default() };
        let tiled = Restorer::new(network, options).unwrap().restore(&deep).unwrap();
        let step = 1.0 / 65535.0;
        for (i, wanted) in wanted.iter().enumerate() {
            let (found, wanted) = (tiled.samples().get(i), wanted.clamp(0.0, 1.0));
            assert!((found - wanted).abs() <= most + step, "{name} {i} in tiles: {found}, not {wanted}");
        }
    }
}
