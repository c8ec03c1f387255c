//! The sinks: where samples and rows leave the chain. Registered with the steps.

pub mod pairs;
pub mod parquet;
pub mod rows;
pub mod table;
pub mod write;

use std::collections::BTreeMap;
use std::path::Path;

/// Whether one relative folder is, or lies inside, the other.
pub fn overlaps(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Size and time of the files in a folder that is replaced as a whole; an absent folder holds none.
///
/// # Errors
/// In words, when it holds anything whose name is not `ours`: replacing the folder would lose it.
fn present_files(folder: &Path, ours: impl Fn(&str) -> bool) -> Result<BTreeMap<String, (u64, i64)>, String> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(format!("can't be listed: {e}; it has to be a folder of parts, or absent")),
    };
    let mut parts = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(|e| format!("can't be listed: {e}"))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let file = entry.file_type().is_ok_and(|t| t.is_file());
        if !(file && ours(&name)) {
            return Err(format!(
                "holds {name}, which is not a part; move it out, the folder is replaced as a whole"
            ));
        }
        let meta = entry.metadata().map_err(|e| format!("cannot read {name}: {e}"))?;
        parts.insert(name, (meta.len(), crate::store::mtime_ns(&meta)));
    }
    Ok(parts)
}
