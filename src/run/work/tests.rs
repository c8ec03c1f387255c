//! Groups: each item of one ends as it would alone.

use super::*;
use crate::columns::{Column, ColumnType, Row, Value};
use crate::image::{Depth, Image};
use crate::ledger::{Outcome, Record};
use crate::pipeline::{Action, Shape};
use crate::run::resume::Selection;
use crate::shown::Show;
use std::collections::HashMap;
use std::path::Path;

/// Gives a picture's first sample; panics at 100 and fails at 101, a batch that holds one of them as a whole.
#[derive(Debug)]
struct Fussy {
    batch: usize,
    largest: AtomicUsize,
}

fn first(sample: &Sample) -> i64 {
    i64::from((sample.image.at(0, 0, 0) * 255.0).round() as u8)
}

impl ColumnStep for Fussy {
    fn columns(&self) -> Vec<Column> {
        vec![Column::new("first", ColumnType::Int)]
    }

    fn values(&self, sample: &Sample) -> Result<Row, ItemError> {
        match first(sample) {
            100 => panic!("one hundred"),
            101 => Err(ItemError::new(ErrorKind::Model, "one hundred and one".to_string())),
            value => Ok(vec![Value::Int(value)]),
        }
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn values_of(&self, samples: &[&Sample]) -> Vec<Result<Row, ItemError>> {
        self.largest.fetch_max(samples.len(), Ordering::SeqCst);
        samples.iter().map(|sample| self.values(sample)).collect()
    }

    fn peak_bytes(&self, _shape: Shape) -> u64 {
        0
    }
}

fn save(image: &Image, path: &Path) {
    use crate::codec::{EncodeOptions, Format, Metadata, encode};
    let options = EncodeOptions::new(Format::Png);
    std::fs::write(path, encode(image, &Metadata::default(), None, &options).unwrap().bytes).unwrap();
}

/// Sixteen rows of levels 0 to 199, a broken file, and a picture too large for a group.
fn archive(folder: &Path) {
    for level in 0..200u8 {
        let mut image = Image::new(6, 4, 1, Depth::U8);
        (0..image.samples.len()).for_each(|i| image.samples.set(i, f32::from(level) / 255.0));
        save(&image, &folder.join(format!("{level:03}.png")));
    }
    std::fs::write(folder.join("050-broken.png"), b"\x89PNG\r\n\x1a\nnothing more").unwrap();
    save(&Image::new(4000, 3000, 1, Depth::U8), &folder.join("060-large.png"));
}

/// Records after a run with steps that take `batch` samples at once, and the most that were taken.
fn run(folder: &Path, batch: usize, threads: usize) -> (HashMap<Vec<u8>, Record>, usize) {
    let output = tempfile::tempdir().unwrap();
    let text = format!(
        "version: 1\nname: test\ninput: {{path: {}}}\noutput: {}\nlimits: {{threads: {threads}}}\n\
         steps:\n  - measure: [mean]\n  - table\n",
        folder.shown(),
        output.path().join("out").shown()
    );
    let (draft, mistakes) = crate::spec::draft(&text, "test.yaml", &[], &|_| None, &crate::plan::words());
    let mut plan = crate::plan::resolve(&draft.unwrap(), mistakes).unwrap();
    let fussy: &'static Fussy = Box::leak(Box::new(Fussy { batch, largest: AtomicUsize::new(0) }));
    plan.chain[0].action = Action::Columns(Box::new(Shared(fussy)));
    let options = Options {
        accept_input: false,
        replace_edited: false,
        selection: Selection::Outstanding,
        prune: false,
        stop: &AtomicBool::new(false),
        fault: None,
        hold: super::super::options::Hold::default(),
    };
    let summary = crate::run::run(&plan, &options, &|_| {}, &|_, _, _| Ok(())).unwrap();
    assert_eq!((summary.done, summary.failed, summary.stop), (199, 3, None));
    let mut records = Ledger::open_existing(&plan.output).unwrap().unwrap().records().unwrap();
    records.values_mut().for_each(|record| record.seconds = 0.0);
    (records, fussy.largest.load(Ordering::SeqCst))
}

/// A step that the test can look at after the run.
#[derive(Debug)]
struct Shared(&'static Fussy);

impl ColumnStep for Shared {
    fn columns(&self) -> Vec<Column> {
        self.0.columns()
    }

    fn values(&self, sample: &Sample) -> Result<Row, ItemError> {
        self.0.values(sample)
    }

    fn batch(&self) -> usize {
        self.0.batch()
    }

    fn values_of(&self, samples: &[&Sample]) -> Vec<Result<Row, ItemError>> {
        self.0.values_of(samples)
    }

    fn peak_bytes(&self, shape: Shape) -> u64 {
        self.0.peak_bytes(shape)
    }
}

#[test]
fn a_bad_file_an_error_and_a_panic_in_a_group_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    archive(folder.path());
    let (wanted, most) = run(folder.path(), 1, 1);
    assert_eq!(most, 0);
    let kind = |name: &str| match &wanted[name.as_bytes()].outcome {
        Outcome::Failed { error, .. } => Some(error.kind),
        Outcome::Done(_) => None,
    };
    assert_eq!(kind("100.png"), Some(ErrorKind::Panic));
    assert_eq!(kind("101.png"), Some(ErrorKind::Model));
    assert_eq!(kind("050-broken.png"), Some(ErrorKind::Undecodable));
    for (batch, threads) in [(8, 1), (8, 3), (32, 2)] {
        let (found, most) = run(folder.path(), batch, threads);
        assert!((2..=batch).contains(&most), "batches of {most}");
        assert!(found == wanted, "batches of {batch}, {threads} threads");
    }
}
