//! Files of fixed names that a sink makes anew at the end of a run, such as lists: each replaces its old one at once, and
//! those that are no longer made go.

use crate::ledger::{Ledger, PartRecord};
use crate::pipeline::SinkError;
use crate::store::{Known, Standing, Store, Written};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Brings the files in `folder`, relative to the output, in line with these.
///
/// # Errors
/// When one can't be written or somebody else's stands there.
pub(super) fn publish(
    (store, ledger): (&Store, &mut Ledger),
    folder: &Path,
    files: impl IntoIterator<Item = Result<(String, Vec<u8>), SinkError>>,
    replace_edited: bool,
) -> Result<(), SinkError> {
    let name_of_folder = folder.to_string_lossy().into_owned();
    let known = ledger.part_records(&name_of_folder)?;
    let mut written = Vec::new();
    for file in files {
        let (name, bytes) = file?;
        let hash = *blake3::hash(&bytes).as_bytes();
        let path = folder.join(&name);
        let old = known.iter().find(|p| p.name == name);
        let file = Written { size: bytes.len() as u64, mtime_ns: None, hash };
        let announced = ledger.announce([(path.as_os_str().as_bytes(), file.clone())].into_iter())?;
        let mut expected = announced.into_iter().next().unwrap_or_default();
        expected.files.extend(old.map(|old| Written::from(&old.stamp)).into_iter().chain([file]));
        let stamp = match store.compare(&path, &expected)? {
            Standing::Written(_, stamp) if stamp.hash == hash => stamp,
            _ => store.write_over(&path, &bytes, expected, replace_edited)?,
        };
        written.push(PartRecord { name, digest: String::new(), stamp });
    }
    for old in known.iter().filter(|old| written.iter().all(|new| new.name != old.name)) {
        store.remove(&folder.join(&old.name), &Known::from(&old.stamp))?;
    }
    Ok(ledger.set_parts(&name_of_folder, &written)?)
}
