//! Planted faults, so that tests can stop the program at every single write.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};

/// Environment variable that plants a fault: `kill@N` aborts the process just before the N-th write
/// operation (from 1) and says which, `fail@N` makes that operation and every later one answer "no space left".
/// `kill@rename:N` counts the operations of that kind alone.
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
    /// The kind of operation that counts; any where there is none.
    kind: Option<String>,
    count: AtomicU64,
}

impl Fault {
    /// The fault described by `text` (`kill@17`, `kill@rename:2`, `fail@3`); none when it says neither.
    pub fn parse(text: Option<&str>) -> Fault {
        let mut kind = None;
        let plan = text.and_then(|t| t.split_once('@')).and_then(|(action, place)| {
            let action = match action {
                "kill" => Action::Kill,
                "fail" => Action::Fail,
                _ => return None,
            };
            let n = place.split_once(':').map_or(place, |(of, n)| {
                kind = Some(of.to_owned());
                n
            });
            Some((action, n.parse().ok()?))
        });
        Fault { plan, kind, count: AtomicU64::new(0) }
    }

    /// Called before each write operation.
    ///
    /// # Errors
    /// The planted "no space left".
    pub fn hit(&self, operation: &str) -> io::Result<()> {
        let Some((action, at)) = self.plan else { return Ok(()) };
        if self.kind.as_ref().is_some_and(|kind| kind != operation) {
            return Ok(());
        }
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
