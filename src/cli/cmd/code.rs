//! Exit codes, as `--help` promises them.

pub(super) use crate::job::exit::{FAILURE, INTERRUPTED, INVALID, KNOWN_FAILURES, OK, STORAGE, USAGE};
