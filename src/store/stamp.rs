//! How a file that was written is known again.

use std::fs;

/// Size, time and content of a published file, as the ledger keeps them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970.
    pub mtime_ns: i64,
    /// BLAKE3 of the content.
    pub hash: [u8; 32],
}

/// A file as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Bytes.
    pub size: u64,
    /// Modification time, nanoseconds since 1970; none where it was announced and perhaps not written.
    pub mtime_ns: Option<i64>,
    /// BLAKE3 of the content.
    pub hash: [u8; 32],
}

impl From<&Stamp> for Written {
    fn from(stamp: &Stamp) -> Written {
        Written { size: stamp.size, mtime_ns: Some(stamp.mtime_ns), hash: stamp.hash }
    }
}

/// Modification time in nanoseconds since 1970 (0 where the system has none).
pub(crate) fn mtime_ns(meta: &fs::Metadata) -> i64 {
    use std::time::UNIX_EPOCH;
    let Ok(time) = meta.modified() else { return 0 };
    match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_nanos()).map_or(i64::MIN, |n| -n),
    }
}
