//! The time of day, for what is told of runs; nothing that results follow from.

use crate::columns::{Value, Zone};
use std::time::SystemTime;

/// Now, to the second: RFC 3339, UTC.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    Value::Timestamp(i64::try_from(since).unwrap_or(0).saturating_mul(1_000_000), Zone::Utc).text()
}
