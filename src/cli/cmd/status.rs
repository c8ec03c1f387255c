//! `status`: what the ledger says.

use super::code;
use super::opened::ledger_of;
use super::print::out;
use super::refusal::Refusal;
use crate::ledger::{LedgerError, Outcome};
use crate::plan::Plan;
use crate::shown::Show;
use std::collections::BTreeMap;

/// Prints counts, failures by kind and tables.
///
/// # Errors
/// When nothing has been run, or the ledger can't be read or is another job's.
pub fn status(plan: &Plan, failures: bool) -> Result<u8, Refusal> {
    let ledger = ledger_of(&plan.output, &plan.name)?;
    ledger.read_renamed(&plan.former.products, (&plan.former.digest, &plan.products_digest))?;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut done, mut seconds, mut outputs, mut bytes) = (0, 0.0, 0, 0);
    let (mut failed, mut ignored, mut vanished) = (Vec::new(), Vec::new(), 0);
    ledger.each(|path, record| {
        match &record.outcome {
            // Gone or left out; its outputs are there, a failure has gone with it.
            _ if record.vanished => vanished += 1,
            Outcome::Done(_) => done += 1,
            // Under other settings, what was acknowledged counts again.
            Outcome::Failed { error, plan: then } if record.ignored && *then == plan.products_digest => {
                ignored.push((path.shown().to_string(), error.to_string()));
            }
            Outcome::Failed { error, .. } => {
                *kinds.entry(error.kind.name()).or_insert(0) += 1;
                failed.push((path.shown().to_string(), error.to_string()));
            }
        }
        seconds += record.seconds;
        for output in record.products.values().flatten() {
            outputs += 1;
            bytes += output.stamp.size;
        }
        Ok::<_, LedgerError>(())
    })?;
    let mut text =
        format!("{}: {}\n  done     {done}\n  failed   {}\n", plan.name, plan.output.shown(), failed.len(),);
    for (kind, count) in &kinds {
        text.push_str(&format!("    {kind}: {count}\n"));
    }
    if !ignored.is_empty() {
        text.push_str(&format!("  ignored  {} failures acknowledged\n", ignored.len()));
    }
    if vanished > 0 {
        text.push_str(&format!(
            "  missing  {vanished} that the last run did not see (`plan` tells which are gone)\n"
        ));
    }
    text.push_str(&format!("  outputs  {outputs} files, {:.1} MB\n", bytes as f64 / 1e6));
    text.push_str(&format!("  work     {seconds:.1} s\n"));
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
        ignored.sort();
        let listed = |(path, error): &(String, String)| format!("{path} (acknowledged)\n    {error}\n");
        ignored.iter().for_each(|failure| text.push_str(&listed(failure)));
    } else if !failed.is_empty() {
        text.push_str("  (--failures lists them; `retry` tries them again, `ignore` acknowledges them)\n");
    }
    out(&text);
    Ok(if failed.is_empty() { code::OK } else { code::KNOWN_FAILURES })
}
