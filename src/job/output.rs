//! The output of a job that has run, without its pipeline: what the ledger in it and `run.json` tell.

use super::error::JobError;
use super::remembered::Remembered;
use super::status::{Status, status};
use super::verify::{Verified, verify};
use crate::ledger::{Fingerprint, Ledger, LedgerError};
use crate::shown::Show;
use crate::store::names::LEDGER_FILE;
use crate::store::{STATE_FOLDER, look};
use std::path::{Path, PathBuf};

/// Entries of a folder that are looked into for an output.
const MAX_ENTRIES: usize = 1000;

/// The output folder of a job that has run.
#[derive(Debug)]
pub(crate) struct Output {
    folder: PathBuf,
    ledger: Ledger,
    name: String,
    remembered: Option<Remembered>,
}

impl Output {
    /// Opens the ledger in an output folder to read it.
    ///
    /// # Errors
    /// When the folder is no job's output, or the ledger can't be read or is another version's.
    pub(crate) fn open(folder: &Path) -> Result<Output, JobError> {
        let folder = crate::plan::absolute(folder);
        let Some(ledger) = Ledger::open_existing(&folder)? else { return Err(no_output(&folder)) };
        let Some(name) = ledger.owner()? else { return Err(JobError::NothingRun { output: folder }) };
        // One that was copied here with another job's files tells of that one.
        let remembered = Remembered::read(&folder).filter(|run| run.job == name);
        Ok(Output { folder, ledger, name, remembered })
    }

    /// The folder, absolute.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Name of the job.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What is remembered of the last run; none where it was another version's, or could not be written.
    pub(crate) fn remembered(&self) -> Option<&Remembered> {
        self.remembered.as_ref()
    }

    /// Whether the job trains.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub(crate) fn trains(&self) -> Result<bool, LedgerError> {
        match &self.remembered {
            Some(run) => Ok(run.trains()),
            // Runs over items remember their input before they do anything.
            None => Ok(self.ledger.input()?.is_none()),
        }
    }

    /// Compares every file with what was recorded when it was written.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub(crate) fn verify(&self) -> Result<Verified, JobError> {
        verify(&self.folder, &self.ledger)
    }

    /// What the ledger says of the items, by the settings of the last run.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub(crate) fn status(&self) -> Result<Status, JobError> {
        let asked = self.remembered.as_ref().and_then(|run| fingerprint(&run.asked));
        Ok(status(&self.ledger, asked)?)
    }
}

/// The digest that was written in hexadecimal.
fn fingerprint(text: &str) -> Option<Fingerprint> {
    let mut bytes = Fingerprint::default();
    let whole = text.len() == bytes.len() * 2 && text.is_ascii();
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2).filter(|_| whole)?, 16).ok()?;
    }
    Some(bytes)
}

/// Why a folder is none, and which one near it may be meant.
fn no_output(folder: &Path) -> JobError {
    let shown = folder.shown();
    let holds = |folder: &Path| look::is_file(&folder.join(STATE_FOLDER).join(LEDGER_FILE)).unwrap_or(false);
    let text = match look::at(folder) {
        Err(e) => format!("cannot look at {shown}: {e}; check the mount"),
        Ok(None) => format!("there is no {shown}"),
        Ok(Some(_)) => format!("{shown} is no output of safelight: it has no {STATE_FOLDER}/{LEDGER_FILE}"),
    };
    if let Some(above) = folder.ancestors().skip(1).find(|above| holds(above)) {
        return JobError::NoOutput(format!("{text}; did you mean {}?", above.shown()));
    }
    let entries = look::list(folder).ok().flatten().unwrap_or_default();
    let mut below: Vec<PathBuf> =
        entries.into_iter().take(MAX_ENTRIES).map(|entry| entry.path()).filter(|path| holds(path)).collect();
    below.sort();
    let help = match below.as_slice() {
        [] => "give the folder that `output` of the pipeline names, or the pipeline itself".to_string(),
        [one] => format!("did you mean {}?", one.shown()),
        [first, .., last] => {
            format!("{} folders in it are: {} to {}", below.len(), first.shown(), last.shown())
        }
    };
    JobError::NoOutput(format!("{text}; {help}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::hex;

    #[test]
    fn digests_come_back() {
        let digest: Fingerprint = std::array::from_fn(|at| at as u8 * 17);
        assert_eq!(fingerprint(&hex(&digest)), Some(digest));
        assert_eq!(fingerprint(""), None);
        assert_eq!(fingerprint(&"ä".repeat(16)), None);
        assert_eq!(fingerprint(&"0x".repeat(16)), None);
    }
}
