//! The memory of this process and of the system.

/// Memory a job may use when the pipeline says `auto`: three quarters of what is available, or of the
/// control group's limit where that is lower. 2 GiB where neither can be read.
pub(crate) fn automatic() -> u64 {
    let available = read_kib("/proc/meminfo", "MemAvailable:");
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|t| t.trim().parse().ok());
    let limit = match (available, group) {
        (Some(a), Some(g)) => a.min(g),
        (a, g) => a.or(g).unwrap_or(2 << 30),
    };
    limit / 4 * 3
}

/// Bytes of this process resident in memory now; 0 where the system does not tell.
pub(crate) fn resident() -> u64 {
    of_process("VmRSS:")
}

/// A size in this process's status, in bytes; 0 where the system does not tell.
pub(crate) fn of_process(key: &str) -> u64 {
    read_kib("/proc/self/status", key).unwrap_or(0)
}

fn read_kib(file: &str, key: &str) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|l| l.starts_with(key))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Bytes as MiB for a message, rounded up.
pub(crate) fn mib(bytes: u64) -> u64 {
    bytes.div_ceil(1 << 20)
}
