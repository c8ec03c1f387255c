//! `report`: a page with before/after pictures, counts and failures of what has been done.

use super::code;
use super::opened::{ledger_of, open_locked};
use super::print::out;
use super::refusal::{Refusal, unwritable};
use crate::cli::report::{html, sheet};
use crate::codec::{self, EncodeOptions, Format, Limits, Metadata};
use crate::image::Image;
use crate::image::orient::upright;
use crate::inputs::Source;
use crate::inputs::path_text;
use crate::ledger::{Ledger, LedgerError, Outcome, Record};
use crate::plan::Plan;
use crate::run::RunError;
use crate::shown::Show;
use crate::store::{STATE_FOLDER, Store, StoreError};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is written.
const WHAT: &str = "the report";
/// Pairs shown.
const PAIRS: usize = 5;

/// Writes `report/before-after.png` and `report/index.html` into the output.
///
/// # Errors
/// When nothing has been run, the ledger can't be read or is another job's, or the report can't be written.
pub(super) fn report(plan: &Plan) -> Result<u8, Refusal> {
    let ledger = ledger_of(&plan.output, &plan.name)?;
    let (mut done, mut candidates, mut failures) = (0, 0, Vec::new());
    ledger.each(|path, record| {
        if let Outcome::Failed { error, .. } = &record.outcome {
            let acknowledged = if record.ignored { " (acknowledged)" } else { "" };
            failures.push((format!("{}{acknowledged}", path_text(path)), error.to_string()));
        } else {
            done += 1;
            candidates += usize::from(!pictures(&record).is_empty());
        }
        Ok::<_, LedgerError>(())
    })?;
    let (store, _lock) = open_locked(&plan.output, WHAT)?;
    let pairs = pairs(plan, &chosen(&ledger, candidates)?);
    let picture = Path::new("report/before-after.png");
    if !pairs.is_empty() {
        let sheet = sheet::before_after(&pairs);
        let options = EncodeOptions::new(Format::Png);
        let png = codec::encode(&sheet, &Metadata::default(), None, &options)
            .map_err(|e| RunError::Table { folder: "report".into(), message: e.to_string() })?;
        write(plan, &store, picture, &png.bytes)?;
        out(&format!("before/after  {}\n", plan.output.join(picture).shown()));
    }
    let names: Vec<String> = pairs.iter().map(|p| p.name.clone()).collect();
    let page = html::page(&plan.name, done, &names, &failures);
    write(plan, &store, Path::new("report/index.html"), page.as_bytes())?;
    out(&format!("report        {}\n", plan.output.join("report/index.html").shown()));
    Ok(code::OK)
}

fn write(plan: &Plan, store: &Store, path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
    store.write(path, bytes).map(drop).map_err(|error| match error {
        StoreError::Io { source, .. } => unwritable(&plan.output, WHAT, &source),
        other => other.into(),
    })
}

/// The pictures among an item's outputs; fragments of shards are none.
fn pictures(record: &Record) -> Vec<PathBuf> {
    let outputs = record.products.values().flatten().map(|o| Path::new(OsStr::from_bytes(&o.path)));
    outputs.filter(|output| !output.starts_with(STATE_FOLDER)).map(Path::to_path_buf).collect()
}

/// An item to show, with its pictures.
type Chosen = (Vec<u8>, Vec<PathBuf>);

/// Items spread over the archive, of so many that are done and have pictures.
fn chosen(ledger: &Ledger, candidates: usize) -> Result<Vec<Chosen>, LedgerError> {
    let step = candidates.div_ceil(PAIRS).max(1);
    let (mut chosen, mut number) = (Vec::new(), 0);
    ledger.each(|path, record| {
        let pictures = pictures(&record);
        if matches!(record.outcome, Outcome::Done(_)) && !pictures.is_empty() {
            if number % step == 0 {
                chosen.push((path.to_vec(), pictures));
            }
            number += 1;
        }
        Ok::<_, LedgerError>(())
    })?;
    Ok(chosen)
}

/// What to show of these items, whose inputs are still what they were.
fn pairs(plan: &Plan, chosen: &[Chosen]) -> Vec<sheet::Pair> {
    let limits = Limits { max_pixels: plan.limits.pixels, max_bytes: plan.limits.memory, strict: false };
    let open = |path: &Path| -> Option<Image> {
        let decoded = codec::decode(&std::fs::read(path).ok()?, path, &limits).ok()?;
        Some(upright(decoded.image, decoded.meta.orientation))
    };
    let pair = |(number, (path, outputs)): (usize, &Chosen)| {
        let outputs: Vec<&Path> = outputs.iter().map(PathBuf::as_path).collect();
        // Of several outputs of one input, another one each time.
        let output = outputs[number * 7 % outputs.len()];
        let (before, after) = match (training_pair(plan, &outputs, output), &plan.input.source) {
            (Some((noisy, clean)), _) => (open(&plan.output.join(noisy)), plan.output.join(clean)),
            (None, Source::Made(series)) => {
                let made = series.named(path)?;
                (Some(made.decoded(made.render().0).image), plan.output.join(output))
            }
            (None, _) => (open(&plan.input.root.join(OsStr::from_bytes(path))), plan.output.join(output)),
        };
        Some(sheet::Pair { name: path_text(path), before: before?, after: open(&after)? })
    };
    chosen.iter().enumerate().filter_map(pair).collect()
}

/// The corrupted and the clean file of the pair that `output` belongs to, where it belongs to one.
fn training_pair<'a>(plan: &Plan, outputs: &[&'a Path], output: &'a Path) -> Option<(&'a Path, &'a Path)> {
    plan.sinks().find(|(_, sink)| sink.needs_reference() && output.starts_with(sink.folder()))?;
    let of_kind = |kind: &str| {
        let kind = OsStr::new(kind);
        let all = outputs.iter().filter(move |o| o.parent().and_then(Path::file_name) == Some(kind));
        all.clone().find(|o| o.file_name() == output.file_name()).or(all.clone().next()).copied()
    };
    Some((of_kind("noisy")?, of_kind("clean")?))
}
