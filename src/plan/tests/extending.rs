//! What `docs/extending.md` shows: each of its examples is compiled, registered by one line, and does what it says.

use crate::codec::{ExifData, Format, Metadata, Source};
use crate::image::{Depth, Image};
use crate::nn::ModelBudget;
use crate::pipeline::{Action, Build, Observed, Place, Registered, Sample, Scope};
use crate::spec::{check_registry, parse_steps};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn action(example: &'static Registered, yaml: &str) -> Action {
    check_registry(&[example.descriptor]).unwrap();
    let steps =
        parse_steps(yaml, "example", &[example.descriptor]).unwrap_or_else(|e| panic!("{}", e.render()));
    let mut build = Build::new(Path::new("."), 0, ModelBudget::default(), Scope::new(&[]));
    (example.build)(&steps[0].args, &mut build).unwrap_or_else(|e| panic!("{}", e.render())).action
}

fn sample() -> Sample {
    let mut image = Image::new(3, 2, 1, Depth::U8);
    image.samples.set(0, 1.0);
    Sample {
        relative: "a/b.jpg".into(),
        hash: [0; 32],
        image,
        reference: None,
        place: Place::default(),
        meta: Metadata::default(),
        source: Source::new(Format::Png, (3, 2), 8, 1),
        exif: Arc::new(ExifData::of(&Metadata::default())),
        notes: Vec::new(),
        observed: Observed::default(),
        further: None,
    }
}

#[test]
fn the_step_mirrors() {
    for (yaml, lit) in [("- mirror", 2), ("- mirror: true", 3), ("- mirror: {vertical: false}", 2)] {
        let Action::Image(step) = action(&crate::steps::EXAMPLE, yaml) else { panic!("{yaml}") };
        let mut sample = sample();
        step.apply(&mut sample).unwrap();
        let bright: Vec<usize> = (0..6).filter(|i| sample.image.samples.get(*i) > 0.5).collect();
        assert_eq!(bright, [lit], "{yaml}");
    }
}

#[test]
fn the_sink_writes_a_text_beside_each_picture() {
    let Action::Sink(sink) = action(&crate::sinks::EXAMPLE, "- captions: an old scan") else { panic!() };
    let out = sink.take(&mut sample(), &[0; 16], &|_| false).unwrap();
    assert_eq!(out.files, [(PathBuf::from("captions/a/b.txt"), b"an old scan, 3 x 2\n".to_vec())]);
}

#[test]
fn the_page_shows_what_is_compiled() {
    let page = std::fs::read_to_string("docs/extending.md").unwrap();
    for name in ["vignette", "mirror", "captions"] {
        let source = std::fs::read_to_string(format!("docs/extending/{name}.rs")).unwrap();
        assert!(page.contains(&format!("```rust\n{source}```")), "docs/extending.md shows another {name}.rs");
    }
}
