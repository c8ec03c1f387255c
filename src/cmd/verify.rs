//! `verify`: reads every output again and compares it with the ledger.

use super::{Refusal, code, err, ledger_of, out};
use crate::plan::Plan;
use crate::shown::Show;
use rayon::prelude::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Compares all outputs and table parts with the hashes recorded when they were written.
///
/// # Errors
/// When nothing has been run, or the ledger can't be read or is another job's.
pub fn verify(plan: &Plan) -> Result<u8, Refusal> {
    let ledger = ledger_of(&plan.output, &plan.name)?;
    let mut expected: Vec<(PathBuf, [u8; 32])> = Vec::new();
    for record in ledger.records()?.values() {
        for output in record.products.values().flatten() {
            expected.push((PathBuf::from(OsStr::from_bytes(&output.path)), output.stamp.hash));
        }
    }
    for folder in ledger.part_folders()? {
        let parts = ledger.parts(&folder)?;
        expected
            .extend(parts.into_iter().map(|(name, stamp)| (PathBuf::from(&folder).join(name), stamp.hash)));
    }
    expected.sort();
    let problems: Vec<String> = expected
        .par_iter()
        .filter_map(|(path, hash)| {
            let shown = path.shown();
            match std::fs::read(plan.output.join(path)) {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Some(format!("{shown}: missing")),
                Err(e) => Some(format!("{shown}: cannot be read: {e}")),
                Ok(bytes) if blake3::hash(&bytes).as_bytes() != hash => {
                    Some(format!("{shown}: changed since written"))
                }
                Ok(_) => None,
            }
        })
        .collect();
    if problems.is_empty() {
        return Ok(out(&format!("{} files verified, all as written\n", expected.len())));
    }
    problems.iter().for_each(|p| err(&format!("{p}\n")));
    err(&format!("{} of {} files are not as written\n", problems.len(), expected.len()));
    err(
        "missing ones and those with another size or time are made again by the next run; for the rest, remove \
         the file and run again\n",
    );
    Ok(code::FAILURE)
}
