//! `status`: what the ledger says.

use super::{code, out};
use crate::plan::Plan;
use crate::run::RunError;
use crate::run::inputs::path_text;
use crate::run::ledger::{Ledger, Outcome};
use std::collections::BTreeMap;

/// Prints counts, failures by kind and tables.
///
/// # Errors
/// When the ledger can't be read.
pub fn status(plan: &Plan, failures: bool) -> Result<u8, RunError> {
    let Some(ledger) = Ledger::open_existing(&plan.output)? else {
        return Ok(out(&format!("{}: nothing has been run into {} yet\n", plan.name, plan.output.display())));
    };
    let records = ledger.records()?;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut done, mut seconds, mut outputs, mut bytes) = (0, 0.0, 0, 0);
    let mut failed = Vec::new();
    for (path, record) in &records {
        match &record.outcome {
            Outcome::Done(_) => done += 1,
            Outcome::Failed { error, .. } => {
                *kinds.entry(error.kind.name()).or_insert(0) += 1;
                failed.push((path_text(path), error.to_string()));
            }
        }
        seconds += record.seconds;
        for output in record.products.values().flatten() {
            outputs += 1;
            bytes += output.stamp.size;
        }
    }
    let mut text = format!(
        "{}: {}\n  done     {done}\n  failed   {}\n  outputs  {outputs} files, {:.1} MB\n  work     {seconds:.1} s\n",
        plan.name,
        plan.output.display(),
        failed.len(),
        bytes as f64 / 1e6,
    );
    for (kind, count) in &kinds {
        text.push_str(&format!("    {kind}: {count}\n"));
    }
    for folder in ledger.part_folders()? {
        let parts = ledger.parts(&folder)?;
        let size: u64 = parts.values().map(|s| s.size).sum();
        text.push_str(&format!("  table    {folder}: {} parts, {:.1} MB\n", parts.len(), size as f64 / 1e6));
    }
    let orphans = ledger.orphans()?.len();
    if orphans > 0 {
        text.push_str(&format!(
            "  leftover {orphans} outputs of earlier settings (run --prune removes them)\n"
        ));
    }
    if failures {
        failed.sort();
        failed.iter().for_each(|(path, error)| text.push_str(&format!("{path}\n    {error}\n")));
    } else if !failed.is_empty() {
        text.push_str("  (--failures lists them; `retry` tries them again)\n");
    }
    out(&text);
    Ok(if failed.is_empty() { code::OK } else { code::ITEMS_FAILED })
}
