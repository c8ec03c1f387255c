//! `report`: a page with before/after pictures, counts and failures of what has been done.

use super::{code, out};
use crate::codec::{self, EncodeOptions, Format, Limits, Metadata};
use crate::image::Image;
use crate::image::orient::upright;
use crate::plan::Plan;
use crate::report::{html, sheet};
use crate::run::RunError;
use crate::run::inputs::path_text;
use crate::run::ledger::{Ledger, Outcome, Record};
use crate::store::{Fault, Lock, Store};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Pairs shown.
const PAIRS: usize = 5;

/// Writes `report/before-after.png` and `report/index.html` into the output.
///
/// # Errors
/// When the ledger can't be read or the report can't be written.
pub fn report(plan: &Plan) -> Result<u8, RunError> {
    let Some(ledger) = Ledger::open_existing(&plan.output)? else {
        return Ok(out(&format!("{}: nothing has been run into {} yet\n", plan.name, plan.output.display())));
    };
    let mut records: Vec<(Vec<u8>, Record)> = ledger.records()?.into_iter().collect();
    records.sort_by(|a, b| a.0.cmp(&b.0));
    let _lock = Lock::take(&plan.output)?;
    let store = Store::bare(&plan.output, Fault::default())?;
    let pairs = pairs(plan, &records);
    let picture = Path::new("report/before-after.png");
    if !pairs.is_empty() {
        let sheet = sheet::before_after(&pairs);
        let options = EncodeOptions::new(Format::Png);
        let png = codec::encode(&sheet, &Metadata::default(), None, &options)
            .map_err(|e| RunError::Table { folder: "report".into(), message: e.to_string() })?;
        store.write(picture, &png.bytes)?;
        out(&format!("before/after  {}\n", plan.output.join(picture).display()));
    }
    let failures: Vec<(String, String)> = records
        .iter()
        .filter_map(|(path, record)| match &record.outcome {
            Outcome::Failed { error, .. } => Some((path_text(path), error.to_string())),
            Outcome::Done(_) => None,
        })
        .collect();
    let names: Vec<String> = pairs.iter().map(|p| p.name.clone()).collect();
    let page = html::page(&plan.name, records.len() - failures.len(), &names, &failures);
    store.write(Path::new("report/index.html"), page.as_bytes())?;
    out(&format!("report        {}\n", plan.output.join("report/index.html").display()));
    Ok(code::OK)
}

/// Pairs spread over the archive, from items whose input is still what it was.
fn pairs(plan: &Plan, records: &[(Vec<u8>, Record)]) -> Vec<sheet::Pair> {
    let limits = Limits { max_pixels: plan.limits.pixels, max_bytes: plan.limits.memory };
    let open = |path: &Path| -> Option<Image> {
        let decoded = codec::decode(&std::fs::read(path).ok()?, path, &limits).ok()?;
        Some(upright(decoded.image, decoded.meta.orientation))
    };
    let candidates: Vec<_> = records
        .iter()
        .filter(|(_, r)| matches!(r.outcome, Outcome::Done(_)))
        .filter_map(|(path, r)| Some((path, r.products.values().flatten().next()?)))
        .collect();
    let step = candidates.len().div_ceil(PAIRS).max(1);
    let pair = |(path, output): &(&Vec<u8>, &crate::run::ledger::Output)| {
        let before = open(&plan.input.root.join(OsStr::from_bytes(path)))?;
        let after = open(&plan.output.join(OsStr::from_bytes(&output.path)))?;
        Some(sheet::Pair { name: path_text(path), before, after })
    };
    candidates.iter().step_by(step).filter_map(pair).collect()
}
