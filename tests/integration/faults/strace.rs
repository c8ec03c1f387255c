//! What can go wrong, and making it go wrong: system calls by class, and strace that strikes one of them.

use super::case::Case;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// System calls that are struck alike.
pub struct Class {
    pub name: &'static str,
    calls: &'static [&'static str],
    /// `KILL` is a signal; `+` means that this call and all later ones fail.
    pub errors: &'static [&'static str],
}

const fn class(name: &'static str, calls: &'static [&'static str], errors: &'static [&'static str]) -> Class {
    Class { name, calls, errors }
}

/// Calls that the program does not make are never struck: a count of an undisturbed run decides.
pub const CLASSES: &[Class] = &[
    class(
        "open",
        &["open", "openat", "creat"],
        &["KILL", "EIO", "ENOSPC", "EINTR", "EMFILE", "ENOMEM", "EACCES", "EMFILE+"],
    ),
    class(
        "open below",
        &["openat2"],
        &["KILL", "EIO", "ENOSPC", "EINTR", "EMFILE", "ENOMEM", "EACCES", "EAGAIN", "ENOSYS+"],
    ),
    class(
        "read",
        &["read", "pread64", "readv", "preadv"],
        &["KILL", "EIO", "EINTR", "ENOMEM", "EACCES", "EIO+"],
    ),
    class(
        "write",
        &["write", "pwrite64", "writev", "pwritev"],
        &["KILL", "EIO", "ENOSPC", "EINTR", "ENOMEM", "EACCES", "ENOSPC+", "EIO+"],
    ),
    class(
        "sync",
        &["fsync", "fdatasync", "sync_file_range", "msync", "syncfs"],
        &["KILL", "EIO", "ENOSPC", "EINTR", "EIO+"],
    ),
    class(
        "rename",
        &["rename", "renameat", "renameat2"],
        &["KILL", "EIO", "ENOSPC", "EINTR", "ENOMEM", "EACCES", "ENOSPC+", "EINVAL+"],
    ),
    class(
        "link",
        &["link", "linkat", "symlink", "symlinkat"],
        &["KILL", "EIO", "ENOSPC", "ENOMEM", "EACCES"],
    ),
    class(
        "remove",
        &["unlink", "unlinkat", "rmdir"],
        &["KILL", "EIO", "ENOSPC", "EINTR", "ENOMEM", "EACCES", "EACCES+"],
    ),
    class("mkdir", &["mkdir", "mkdirat"], &["KILL", "EIO", "ENOSPC", "EINTR", "ENOMEM", "EACCES"]),
    class(
        "stat",
        &[
            "stat",
            "lstat",
            "fstat",
            "newfstatat",
            "statx",
            "statfs",
            "fstatfs",
            "access",
            "faccessat",
            "faccessat2",
            "readlink",
            "readlinkat",
        ],
        &["KILL", "EIO", "EINTR", "ENOMEM", "EACCES", "EIO+"],
    ),
    class("list", &["getdents", "getdents64", "lseek"], &["KILL", "EIO", "EINTR", "ENOMEM", "EACCES"]),
    class(
        "size",
        &["ftruncate", "truncate", "fallocate", "fadvise64"],
        &["KILL", "EIO", "ENOSPC", "EINTR", "EACCES", "ENOSPC+"],
    ),
    class(
        "attributes",
        &["fchmod", "chmod", "fchmodat", "fchown", "utimensat", "ioctl"],
        &["KILL", "EIO", "ENOSPC", "EACCES"],
    ),
    class("lock", &["flock", "fcntl"], &["KILL", "EIO", "EINTR", "ENOMEM", "EACCES", "EMFILE"]),
    class(
        "copy",
        &["copy_file_range", "sendfile", "splice"],
        &["KILL", "EIO", "ENOSPC", "EINTR", "ENOMEM", "EACCES"],
    ),
    class("close", &["close"], &["KILL", "EIO", "EINTR", "ENOSPC"]),
    class("map", &["mmap", "mremap"], &["KILL", "ENOMEM"]),
    class(
        "descriptor",
        &["pipe2", "dup", "dup2", "dup3", "eventfd2", "epoll_create1", "socketpair", "memfd_create"],
        &["KILL", "EMFILE", "ENOMEM"],
    ),
    class(
        "thread",
        &["clone", "clone3", "fork", "vfork", "execve", "wait4", "waitid", "pidfd_open"],
        &["KILL", "EAGAIN", "ENOMEM", "EAGAIN+"],
    ),
];

/// One fault: the `k`-th call of `call` that a thread makes, or makes on one path.
#[derive(Clone, Debug)]
pub struct Strike {
    pub call: String,
    pub error: &'static str,
    pub k: usize,
    pub path: Option<String>,
    /// Before the program's own code: by the loader or the language's runtime.
    pub starting: bool,
}

impl Strike {
    /// strace's own arguments.
    pub fn arguments(&self) -> Vec<String> {
        let Strike { call, error, k, path, .. } = self;
        let (error, rest) = error.strip_suffix('+').map_or((*error, ""), |e| (e, "+"));
        let what = if error == "KILL" { "signal=KILL".into() } else { format!("error={error}") };
        let mut list = vec!["-f".to_string(), "-qq".into()];
        // Under the filter strace 6.1 delivers no signals.
        list.extend((error != "KILL").then(|| "--seccomp-bpf".to_string()));
        list.extend(path.iter().flat_map(|path| ["-P".to_string(), path.clone()]));
        list.extend(["-e".into(), format!("trace={call}")]);
        list.extend(["-e".into(), format!("inject={call}:{what}:when={k}{rest}")]);
        list
    }
}

/// How a program under strace ended.
pub struct Outcome {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub err: String,
    /// It had to be ended after [`PATIENCE`].
    pub hung: bool,
    /// strace's lines.
    pub log: String,
}

/// The longest that a run may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why nothing can be injected here, if so.
pub fn missing() -> Option<String> {
    let inject = "inject=close:error=EIO:when=9999";
    let arguments = ["-f", "-qq", "--seccomp-bpf", "-o", "/dev/null", "-e", inject, "true"];
    let tried = Command::new("strace").args(arguments).output();
    match tried {
        Err(error) => Some(format!("strace can't be started: {error}")),
        Ok(ended) if !ended.status.success() => {
            Some(format!("strace can't inject faults here: {}", String::from_utf8_lossy(&ended.stderr)))
        }
        Ok(_) => None,
    }
}

/// Runs the case's command under strace.
pub fn run(case: &Case, arguments: &[String]) -> Outcome {
    let (log, err) = (case.kept().join("log"), case.kept().join("err"));
    let mut command = Command::new("strace");
    command.arg("-o").arg(&log).args(arguments);
    let told = case.command("run");
    command.arg(told.get_program()).args(told.get_args()).current_dir(told.get_current_dir().unwrap());
    command.envs(told.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(File::create(&err).unwrap()).spawn().unwrap();
    let start = Instant::now();
    let mut hung = false;
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break status,
            None if !hung && start.elapsed() > PATIENCE => {
                hung = true;
                let group = rustix::process::Pid::from_child(&child);
                rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap();
            }
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let text = |path: &Path| String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
    Outcome { code: status.code(), signal: status.signal(), err: text(&err), hung, log: text(&log) }
}

impl Outcome {
    /// Where the fault struck, as strace tells it; none when the call was never reached.
    pub fn struck(&self) -> Option<&str> {
        let killed = |line: &str| line.contains("+++ killed by SIGKILL");
        let at = self.log.lines().position(|line| line.contains("(INJECTED)") || killed(line))?;
        let line = self.log.lines().nth(at)?;
        // A signal is told in a line of its own, below the call it came before.
        if killed(line) { self.log.lines().nth(at.saturating_sub(1)) } else { Some(line) }
    }
}

/// How often each call is made: by one thread at most, and on each path.
#[derive(Default)]
pub struct Calls {
    /// Calls before the program reads its pipeline, and the most that one thread makes.
    whole: BTreeMap<String, (usize, usize)>,
    on_path: BTreeMap<(String, String), usize>,
}

impl Calls {
    /// Counts them in an undisturbed run.
    pub fn count(case: &Case) -> Calls {
        let all: Vec<String> = CLASSES.iter().flat_map(|c| c.calls).map(|call| format!("?{call}")).collect();
        let arguments = ["-f", "-qq", "-y", "-e", &format!("trace={}", all.join(","))].map(String::from);
        let outcome = run(case, &arguments);
        assert!(outcome.code.is_some(), "{}", outcome.err);
        Calls::parse(&outcome.log, &case.root().display().to_string())
    }

    fn parse(log: &str, root: &str) -> Calls {
        let mut calls = Calls::default();
        let mut threads: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut paths: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
        let mut starting = true;
        for line in log.lines() {
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let Some((name, rest)) = call.trim_start().split_once('(') else { continue };
            if name.starts_with(['<', '+', '-']) {
                continue;
            }
            starting &= name == "execve" || !line.contains("job.yaml");
            let count = threads.entry((thread, name)).or_default();
            *count += 1;
            let known = calls.whole.entry(name.to_string()).or_default();
            known.0 += usize::from(starting);
            known.1 = known.1.max(*count);
            let asked = rest.rsplit_once(" = ").map_or(rest, |(asked, _)| asked);
            let named: BTreeSet<&str> =
                asked.split(['"', '<', '>']).filter(|part| part.starts_with(root)).collect();
            // What strace escapes can't be given back to it, and temporary names are new every time.
            for path in named.into_iter().filter(|p| !p.contains(['\\', '(']) && !p.contains("-tmp-")) {
                *paths.entry((thread, name, path)).or_default() += 1;
            }
        }
        for ((_, name, path), count) in paths {
            let known = calls.on_path.entry((name.to_string(), path.to_string())).or_default();
            *known = count.max(*known);
        }
        calls
    }

    /// Every place where a class of calls can be struck.
    pub fn places(&self, class: &Class, error: &'static str) -> Vec<Strike> {
        let mut places = Vec::new();
        let made = |call: &String| class.calls.contains(&call.as_str());
        for (call, (starting, most)) in self.whole.iter().filter(|(call, _)| made(call)) {
            // The last call before the program's own is among them.
            let place = |k| Strike { call: call.clone(), error, k, path: None, starting: k <= *starting };
            places.extend(((*starting).max(1)..=*most).map(place));
        }
        // A thread's first calls come after as many of the main thread's, unless only one file's are counted.
        for ((call, path), most) in self.on_path.iter().filter(|((call, _), _)| made(call)) {
            let path = Some(path.clone());
            let place = |k| Strike { call: call.clone(), error, k, path: path.clone(), starting: false };
            places.extend((1..=*most).map(place));
        }
        places
    }
}
