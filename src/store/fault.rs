//! Planted faults, so that tests can stop the program at every single write.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Environment variable that plants a fault: `kill@N` aborts the process just before the N-th write
/// operation (from 1) and says which, `fail@N` makes that operation and every later one answer "no space left".
/// `kill@rename:N` counts the operations of that kind alone. `without@exchange`, `without@links` and `without@locks` make
/// the file system one that has no such thing. `wait@gap:20` waits 20 ms before each operation of that kind. Several stand with commas between them.
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
    /// Kinds of operations to wait before, and for how many milliseconds.
    waits: Vec<(String, u64)>,
    /// What the file system is to lack.
    lacking: Vec<String>,
    count: AtomicU64,
}

impl Fault {
    /// The faults described by `text` (`kill@17`, `kill@rename:2`, `fail@3`, `without@exchange`); none when it says neither.
    pub fn parse(text: Option<&str>) -> Fault {
        let mut fault = Fault::default();
        for (action, place) in text.unwrap_or_default().split(',').filter_map(|one| one.split_once('@')) {
            let action = match action {
                "kill" => Action::Kill,
                "fail" => Action::Fail,
                "without" => {
                    fault.lacking.push(place.to_owned());
                    continue;
                }
                "wait" => {
                    let wait =
                        place.split_once(':').map(|(kind, n)| (kind.to_owned(), n.parse().unwrap_or(0)));
                    fault.waits.extend(wait);
                    continue;
                }
                _ => continue,
            };
            let (kind, n) = place.split_once(':').map_or((None, place), |(kind, n)| (Some(kind), n));
            if let Ok(n) = n.parse() {
                fault.plan = Some((action, n));
                fault.kind = kind.map(str::to_owned);
            }
        }
        fault
    }

    /// Whether the file system is to be taken for one without this.
    pub fn lacks(&self, what: &str) -> bool {
        self.lacking.iter().any(|lacking| lacking == what)
    }

    /// Called before each write operation.
    ///
    /// # Errors
    /// The planted "no space left".
    pub fn hit(&self, operation: &str) -> io::Result<()> {
        for (_, wait) in self.waits.iter().filter(|(kind, _)| kind == operation) {
            std::thread::sleep(Duration::from_millis(*wait));
        }
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
