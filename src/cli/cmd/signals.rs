//! Signals that ask a run to stop.

use super::code;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The first SIGINT or SIGTERM sets `stop`, the second ends the process at once. SIGUSR1, with which batch systems announce
/// that time is up, sets it too, and so does SIGHUP, unless it is ignored, as `nohup` has it.
///
/// # Errors
/// When the system refuses.
pub(super) fn catch(stop: &Arc<AtomicBool>) -> std::io::Result<()> {
    // That of an announcement is no first one.
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Order matters: the exit looks at the flag before the first signal sets it.
        signal_hook::flag::register_conditional_shutdown(signal, code::INTERRUPTED.into(), asked.clone())?;
        signal_hook::flag::register(signal, asked.clone())?;
        signal_hook::flag::register(signal, stop.clone())?;
    }
    signal_hook::flag::register(SIGUSR1, stop.clone())?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !ignores(&status, SIGHUP) {
        // A terminal that closes sends it more than once, by the system and by the shell; that is no second wish.
        signal_hook::flag::register(SIGHUP, stop.clone())?;
    }
    Ok(())
}

/// Whether a process whose `/proc/self/status` this is ignores `signal`.
fn ignores(status: &str, signal: i32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_bits_from_one() {
        let status = |mask: &str| {
            format!("Name:\tx\nSigBlk:\t0000000000000001\nSigIgn:\t{mask}\nSigCgt:\t0000000000000001\n")
        };
        assert!(ignores(&status("0000000000000001"), SIGHUP));
        assert!(!ignores(&status("0000000000001000"), SIGHUP));
        assert!(ignores(&status("0000000000004002"), SIGTERM));
        assert!(!ignores("", SIGHUP) && !ignores(&status("x"), SIGHUP));
    }
}
