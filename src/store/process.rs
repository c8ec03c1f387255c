//! Telling whether a process that left its name in a file still lives, where that can be told from here.

use super::look;
use serde::{Deserialize, Serialize};
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A process, as it is known to others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Name of its machine; empty where it can't be told.
    pub host: String,
    /// Its number there.
    pub pid: u32,
    /// Start of the machine, and name space of the numbers: where they are ours, the number can be looked up. Empty where
    /// the system does not tell.
    pub machine: String,
    /// When it started, in the system's ticks, so that a number given anew is no life.
    started: String,
}

/// What can be told of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It runs on this machine.
    Here,
    /// It ran on this machine and is no more.
    Over,
    /// It belongs to another machine.
    Elsewhere,
}

impl Process {
    /// This one.
    pub fn this() -> Process {
        let pid = std::process::id();
        Process { host: host(), pid, machine: machine(), started: started(pid).unwrap_or_default() }
    }

    /// Whether it lives.
    pub fn life(&self) -> Life {
        if self.machine.is_empty() || self.started.is_empty() || self.machine != machine() {
            return Life::Elsewhere;
        }
        match started(self.pid) {
            Some(started) if started == self.started => Life::Here,
            // Where the system hides the processes of others (`hidepid`), there may still be one.
            None if is_hidden(self.pid) => Life::Elsewhere,
            _ => Life::Over,
        }
    }

    /// For messages.
    pub fn text(&self) -> String {
        let host = if self.host.is_empty() { "an unnamed machine" } else { &self.host };
        format!("process {} on {host}", self.pid)
    }
}

/// Name of this machine; empty where it can't be told.
pub(crate) fn host() -> String {
    let name = look::read(Path::new("/proc/sys/kernel/hostname")).ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(&name).trim().to_string()
}

fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let space = fs::read_link("/proc/self/ns/pid");
    match (boot, space) {
        (Ok(boot), Ok(space)) => format!("{} {}", boot.trim(), space.to_string_lossy()),
        _ => String::new(),
    }
}

/// Whether there is a process of this number of which nothing else can be told.
fn is_hidden(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(rustix::io::Errno::PERM))
}

/// The 22nd field of /proc/PID/stat; names in the second may hold blanks and brackets. None of one that has ended and was
/// only not yet waited for.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    fields.nth(18).filter(|_| !matches!(state, "Z" | "X")).map(str::to_string)
}

/// A number that is another each time, on each machine; nothing that results follow from.
pub(crate) fn random() -> u64 {
    // A forked process has its parent's seeds.
    let mut hasher = std::hash::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    hasher.write_u128(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos()));
    hasher.finish()
}

/// A text that no other process makes.
pub(super) fn token() -> String {
    format!("{:016x}{:016x}", random(), random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn life_and_death_are_told_apart() {
        let this = Process::this();
        assert_eq!(this.life(), Life::Here);
        assert!(this.pid > 0 && !this.host.is_empty());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let other = Process { pid: child.id(), started: started(child.id()).unwrap(), ..this.clone() };
        assert_eq!(other.life(), Life::Here);
        child.kill().unwrap();
        // Dead, and not yet waited for.
        for _ in 0..1000 {
            if other.life() == Life::Over {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert_eq!(other.life(), Life::Over);
        child.wait().unwrap();
        // The number was given anew.
        assert_eq!(Process { started: "1".into(), ..this.clone() }.life(), Life::Over);
        assert_eq!(Process { machine: "another".into(), ..this.clone() }.life(), Life::Elsewhere);
        assert_eq!(Process { machine: String::new(), ..this }.life(), Life::Elsewhere);
        assert_ne!(token(), token());
    }
}
