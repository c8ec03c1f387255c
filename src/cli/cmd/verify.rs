//! `verify`: reads every output again and compares it with the ledger.

use super::code;
use super::opened::ledger_of;
use super::print::{err, out};
use super::refusal::{Refusal, nothing_run};
use crate::ledger::LedgerError;
use crate::plan::Plan;
use crate::shown::Show;
use crate::store::{Store, Written};
use rayon::prelude::*;
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Compares all outputs and table parts with the hashes recorded when they were written.
///
/// # Errors
/// When nothing has been run, or the ledger can't be read or is another job's.
pub fn verify(plan: &Plan) -> Result<u8, Refusal> {
    let ledger = ledger_of(&plan.output, &plan.name)?;
    let mut expected: Vec<(PathBuf, [u8; 32])> = Vec::new();
    ledger.each(|_, record| {
        let outputs = record.products.into_values().flatten();
        expected.extend(outputs.map(|o| (PathBuf::from(OsString::from_vec(o.path)), o.stamp.hash)));
        Ok::<_, LedgerError>(())
    })?;
    for folder in ledger.part_folders()? {
        let parts = ledger.parts(&folder)?;
        expected
            .extend(parts.into_iter().map(|(name, stamp)| (PathBuf::from(&folder).join(name), stamp.hash)));
    }
    // What a run that was cut off has put there without recording it is as good.
    let announced = ledger.announced()?;
    expected.sort();
    let store = Store::existing(&plan.output)?.ok_or_else(|| nothing_run(&plan.output))?;
    let problems: Vec<String> = expected
        .par_iter()
        .filter_map(|(path, hash)| {
            let shown = path.shown();
            let hashed = |mut file: std::fs::File| {
                let mut hasher = blake3::Hasher::new();
                std::io::copy(&mut file, &mut hasher).map(|_| *hasher.finalize().as_bytes())
            };
            match store.open_file(path) {
                Ok(None) => Some(format!("{shown}: missing")),
                Err(e) => Some(format!("{shown}: {e}")),
                Ok(Some(file)) => match hashed(file) {
                    Err(e) => Some(format!("{shown}: cannot be read: {e}")),
                    Ok(found) if found != *hash && !is_announced(&announced, path, found) => {
                        Some(format!("{shown}: changed since written"))
                    }
                    Ok(_) => None,
                },
            }
        })
        .collect();
    if problems.is_empty() {
        return Ok(out(&format!("{} files verified, all as written\n", expected.len())));
    }
    problems.iter().for_each(|p| err(&format!("{p}\n")));
    err(&format!("{} of {} files are not as written\n", problems.len(), expected.len()));
    err(
        "missing ones are made again by the next run; those that changed are kept: restore or remove them, or run with \
         --replace-edited\n",
    );
    Ok(code::FAILURE)
}

fn is_announced(announced: &HashMap<Vec<u8>, Vec<Written>>, path: &Path, hash: [u8; 32]) -> bool {
    let files = announced.get(path.as_os_str().as_bytes());
    files.is_some_and(|files| files.iter().any(|file| file.hash == hash))
}
