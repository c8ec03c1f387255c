//! What has to hold of every corruption, and helpers for their own tests.

use super::*;
use crate::image::{Depth, Samples};
use crate::random::Rng;
use crate::shown::Show;
use crate::spec::check_registry;
use crate::spec::{Fallback, Kind};

/// A gray frame of one value.
pub(super) fn gray(width: usize, height: usize, value: f32) -> Frame {
    Frame { width, height, planes: vec![vec![value; width * height]] }
}

/// A colour frame with smooth tones, edges, texture, black and white.
pub(super) fn scene(width: usize, height: usize) -> Frame {
    let plane = |c: usize| {
        let at = |i: usize| {
            let (x, y) = (i % width, i / width);
            let ramp = (x + y * (c + 1)) as f32 / (width + height * (c + 1)) as f32;
            let block = if (x / 9 + y / 7) % 3 == c { 0.35 } else { 0.0 };
            let texture = ((x * 7 + y * 13 + c * 5) % 11) as f32 / 60.0;
            (ramp * 0.8 + block + texture - 0.1).clamp(0.0, 1.0)
        };
        (0..width * height).map(at).collect()
    };
    Frame { width, height, planes: (0..3).map(plane).collect() }
}

/// Applies a YAML list of corruptions to a copy.
pub(super) fn run(yaml: &str, frame: &Frame, seed: u64) -> Frame {
    let mut result = frame.clone();
    let size = (frame.width, frame.height);
    let mut context = Context { rng: Rng::new(seed), clean: size, target: size };
    let recipe = Recipe::parse(yaml).unwrap_or_else(|e| panic!("{}", e.render()));
    recipe.apply(&mut result, &mut context).unwrap();
    result
}

/// Mean absolute difference of two frames of one shape.
pub(super) fn difference(a: &Frame, b: &Frame) -> f32 {
    let (a, b) = (a.planes.concat(), b.planes.concat());
    assert_eq!(a.len(), b.len());
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32
}

#[test]
fn the_registry_is_sound() {
    check_registry(&descriptors()).unwrap();
    for corruption in CORRUPTIONS {
        let name = corruption.descriptor.name;
        let columns = corruption.descriptor.params.iter().filter(|p| {
            p.name != "severity" && matches!((p.kind, p.fallback), (Kind::Span(_), Fallback::Unset))
        });
        let columns = columns.count();
        let has_severity = corruption.descriptor.params.first().is_some_and(|p| p.name == "severity");
        assert_eq!(has_severity, !corruption.severities.is_empty(), "{name}");
        assert!(corruption.severities.is_empty() || corruption.severities.len() == 5, "{name}");
        assert!(corruption.severities.iter().all(|row| row.len() == columns), "{name}: {columns} constants");
    }
}

#[test]
fn every_corruption_works_at_any_size_and_repeats() {
    for corruption in CORRUPTIONS {
        let name = corruption.descriptor.name;
        let texts: Vec<String> = match corruption.severities.len() {
            0 => vec![format!("- {name}")],
            _ => (1..=5).map(|s| format!("- {name}: {{severity: {s}}}")).collect(),
        };
        for (width, height) in [(1, 1), (1, 9), (5, 2), (33, 31), (70, 48)] {
            let colour = scene(width, height);
            let gray = Frame { planes: vec![colour.planes[1].clone()], ..colour.clone() };
            for (frame, text) in [colour, gray].iter().flat_map(|f| texts.iter().map(move |t| (f, t))) {
                let first = run(text, frame, 3);
                assert_eq!(first.planes.len(), frame.planes.len(), "{text} {width}x{height}");
                assert!(
                    first.planes.iter().all(|p| p.len() == first.width * first.height),
                    "{text} {width}x{height}"
                );
                assert!(
                    first.planes.iter().flatten().all(|v| (0.0..=1.0).contains(v)),
                    "{text} {width}x{height}"
                );
                assert_eq!(first, run(text, frame, 3), "{text} {width}x{height}");
            }
        }
    }
}

/// The bytes of everything at once: a change here changes everybody's data sets, and counts as one.
#[test]
fn golden() {
    let colour = scene(200, 150);
    let mut digests = String::new();
    for corruption in CORRUPTIONS {
        let name = corruption.descriptor.name;
        let texts: Vec<String> = match corruption.severities.len() {
            0 => vec![format!("- {name}")],
            _ => (1..=5).map(|s| format!("- {name}: {{severity: {s}}}")).collect(),
        };
        let mut hasher = blake3::Hasher::new();
        for text in texts {
            match run(&text, &colour, 11).to_image(Depth::U8).samples {
                Samples::U8(bytes) => hasher.update(&bytes),
                _ => panic!("8 bits"),
            };
        }
        digests += &format!("{name} {}\n", &hasher.finalize().to_hex()[..16]);
    }
    assert_eq!(digests, include_str!("golden.txt"));
}

/// Functions of the platform's C library differ between systems in the last digit.
#[test]
fn no_function_of_the_platform_takes_part() {
    let names = [
        "exp", "exp2", "ln", "log2", "log10", "powf", "sin", "cos", "tan", "sin_cos", "atan", "atan2",
        "asin", "acos", "sinh", "cosh", "tanh", "cbrt", "hypot", "ln_1p", "exp_m1", "mul_add",
    ];
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/corrupt");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.push(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/random.rs"));
    let calls = |text: &str| {
        let called = |name: &&str| {
            text.contains(&format!(".{name}("))
                || text.contains(&format!("32::{name}"))
                || text.contains(&format!("64::{name}"))
        };
        names.iter().filter(|name| called(name)).map(|n| (*n).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(calls("x.sin() + f64::exp"), ["exp", "sin"]);
    for file in files.iter().filter(|f| f.extension().is_some_and(|e| e == "rs") && !f.ends_with("tests.rs"))
    {
        let text = std::fs::read_to_string(file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        assert_eq!(calls(code), Vec::<String>::new(), "{}", file.shown());
    }
}

/// What was drawn goes into tables as JSON: names, the order of draws and the numbers have to stay.
#[test]
fn the_values_drawn_stay() {
    let drawn = |yaml: &str| {
        let mut frame = scene(20, 20);
        let mut context = Context { rng: Rng::new(5), clean: (20, 20), target: (20, 20) };
        let log = Recipe::parse(yaml).unwrap().apply(&mut frame, &mut context).unwrap();
        serde_json::Value::Array(log.iter().map(Applied::json).collect()).to_string()
    };
    let table = [
        (
            "- motion_blur",
            r#"[{"angle":10.02954726729228,"corruption":"motion_blur","radius":15.0,"severity":2,"sigma":5.0}]"#,
        ),
        (
            "- jpeg_compression: {quality: [30, 90], subsampling: [444, 420, 422]}",
            r#"[{"corruption":"jpeg_compression","quality":47.0,"subsampling":"420"}]"#,
        ),
        (
            "- anisotropic_blur: {shape: [plateau, generalised, gaussian]}",
            concat!(
                r#"[{"angle":-144.7332276111822,"beta_generalised":2.344697494008545,"beta_plateau":1.70320575609012,"#,
                r#""corruption":"anisotropic_blur","radius":6.0,"shape":"plateau","#,
                r#""sigma_x":1.0176640403133088,"sigma_y":1.9120303594268708}]"#
            ),
        ),
        (
            "- shuffle: [gaussian_noise, maybe: [contrast], one_of: {of: [fog, snow], weights: [1, 3]}]",
            concat!(
                r#"[{"corruption":"fog","decay":2.0,"density":1.5,"severity":1},{"corruption":"gaussian_noise","#,
                r#""severity":4,"sigma":66.3}]"#
            ),
        ),
    ];
    for (yaml, expected) in table {
        assert_eq!(drawn(yaml), expected, "{yaml}");
    }
}

#[test]
fn nothing_can_be_drawn_from_an_empty_list() {
    let mistakes = Recipe::parse("- sequence: [downscale: {method: []}, rescale: {of: []}]").unwrap_err();
    assert_eq!(mistakes.count(), 2, "{mistakes}");
    let first = mistakes.iter().next().unwrap();
    assert!(first.message.contains("`method` is an empty list") && first.column == 34, "{mistakes}");
}

#[test]
fn recipes_have_a_canonical_text() {
    let recipe = |text: &str| {
        let steps = crate::spec::parse_steps(text, "test", &descriptors());
        steps.unwrap_or_else(|e| panic!("{text}: {e}")).remove(0).canonical(&|_| true)
    };
    let written = "one_of{of=[gaussian_noise{sigma=5..50},shot_noise{severity=1..3}],weights=[2,1]}";
    let first =
        "- one_of: {of: [gaussian_noise: {sigma: [5, 50]}, shot_noise: {severity: [1, 3]}], weights: [2, 1]}";
    let second = "- one_of: {weights: [2.0, 1e0], of: [gaussian_noise: {sigma: [5.0, 5e1]}, shot_noise: {severity: [1, 3]}]}";
    assert_eq!((recipe(first), recipe(second)), (written.to_owned(), written.to_owned()));
    assert_eq!(recipe("- gaussian_noise: {sigma: 7}"), "gaussian_noise{sigma=7..7}");
    assert_eq!(recipe("- old_photo"), "old_photo/3{}");
}

#[test]
fn the_documented_example_is_a_corruption() {
    let example = &super::vignette::CORRUPTION;
    crate::spec::check_registry(&[example.descriptor]).unwrap();
    assert!(example.severities.is_empty());
}
