//! Planted faults, so that tests can stop the program at every single write.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// Environment variable that plants a fault: `kill@N` aborts the process just before the N-th write
/// operation (from 1) and says which, `fail@N` makes that operation and every later one answer "no space left".
pub(crate) const VARIABLE: &str = "SAFELIGHT_TEST_FAULT";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Kill,
    Fail,
}

/// Counts write operations and strikes at the planted one.
#[derive(Debug, Default)]
pub struct Fault {
    plan: Option<(Action, u64)>,
    count: AtomicU64,
}

impl Fault {
    /// The fault described by `text` (`kill@17`, `fail@3`); none when it says neither.
    pub fn parse(text: Option<&str>) -> Fault {
        let plan = text.and_then(|t| t.split_once('@')).and_then(|(action, n)| {
            let action = match action {
                "kill" => Action::Kill,
                "fail" => Action::Fail,
                _ => return None,
            };
            Some((action, n.parse().ok()?))
        });
        Fault { plan, count: AtomicU64::new(0) }
    }

    /// Called before each write operation.
    ///
    /// # Errors
    /// The planted "no space left".
    pub fn hit(&self, operation: &str) -> io::Result<()> {
        let Some((action, at)) = self.plan else { return Ok(()) };
        let now = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        match action {
            Action::Kill if now == at => {
                writeln!(io::stderr(), "killed before `{operation}`").ok();
                std::process::abort()
            }
            Action::Fail if now >= at => Err(io::Error::from(io::ErrorKind::StorageFull)),
            _ => Ok(()),
        }
    }
}
