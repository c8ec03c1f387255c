//! `status`: what the ledger says.

use super::code;
use super::print::out;
use super::refusal::Refusal;
use crate::error::ItemError;
use crate::job::Job;
use crate::shown::Show;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Prints counts, failures by kind and tables.
///
/// # Errors
/// When nothing has been run, or the ledger can't be read or is another job's.
pub(super) fn status(job: &Job, failures: bool) -> Result<u8, Refusal> {
    let status = job.status()?;
    let failed = status.failed.len();
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    status.failed.iter().for_each(|(_, error)| *kinds.entry(error.kind.name()).or_insert(0) += 1);
    let (name, output) = (job.name(), job.output().shown());
    let mut text = format!("{name}: {output}\n  done     {}\n  failed   {failed}\n", status.done);
    for (kind, count) in &kinds {
        text.push_str(&format!("    {kind}: {count}\n"));
    }
    if !status.ignored.is_empty() {
        text.push_str(&format!("  ignored  {} failures acknowledged\n", status.ignored.len()));
    }
    if status.vanished > 0 {
        text.push_str(&format!(
            "  missing  {} that the last run did not see (`plan` tells which are gone)\n",
            status.vanished
        ));
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    text.push_str(&format!("  outputs  {} files, {:.1} MB\n", status.outputs, megabytes(status.bytes)));
    text.push_str(&format!("  work     {:.1} s\n", status.seconds));
    for table in &status.tables {
        let (folder, parts, bytes) = (&table.folder, table.parts, megabytes(table.bytes));
        text.push_str(&format!("  table    {folder}: {parts} parts, {bytes:.1} MB\n"));
    }
    if status.leftover > 0 {
        text.push_str(&format!(
            "  leftover {} outputs of earlier settings (run --prune removes them)\n",
            status.leftover
        ));
    }
    if failures {
        text.push_str(&listed(&status.failed, ""));
        text.push_str(&listed(&status.ignored, " (acknowledged)"));
    } else if failed > 0 {
        text.push_str("  (--failures lists them; `retry` tries them again, `ignore` acknowledges them)\n");
    }
    out(&text);
    Ok(if failed == 0 { code::OK } else { code::KNOWN_FAILURES })
}

fn listed(failures: &[(PathBuf, ItemError)], remark: &str) -> String {
    failures.iter().map(|(path, error)| format!("{}{remark}\n    {error}\n", path.shown())).collect()
}
