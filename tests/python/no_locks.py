"""Runs a job where the kernel refuses locks, as Lustre does without `-o flock` and NFS without its lock service, kills it, and
compares what comes of it with a run that had locks.

Usage: python tests/python/no_locks.py target/release/safelight (Linux on x86-64 or arm64)
"""
import ctypes
import errno
import os
import platform
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Audit architecture, and the numbers of fcntl and flock.
MACHINES = {"x86_64": (0xC000003E, 72, 73), "aarch64": (0xC00000B7, 25, 32)}
# F_GETLK, F_SETLK, F_SETLKW, and those of open file descriptions.
LOCKS = [5, 6, 7, 36, 37, 38]


def refuse_locks():
    """Lets the kernel answer every lock of this process and its children with an error (seccomp)."""
    arch, fcntl, flock = MACHINES[platform.machine()]
    load, equal, give = 0x20, 0x15, 0x06
    allow, refuse = 0x7FFF0000, lambda error: 0x00050000 | error
    program = [(load, 0, 0, 4), (equal, 1, 0, arch), (give, 0, 0, allow), (load, 0, 0, 0),
               (equal, 0, 1, flock), (give, 0, 0, refuse(errno.ENOSYS)), (equal, 1, 0, fcntl), (give, 0, 0, allow), (load, 0, 0, 24)]
    for command in LOCKS:
        program += [(equal, 0, 1, command), (give, 0, 0, refuse(errno.ENOLCK))]
    program.append((give, 0, 0, allow))
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    filters = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_seccomp, mode_filter = 38, 22, 2
    for call in [(no_new_privileges, 1, 0, 0, 0), (set_seccomp, mode_filter, ctypes.addressof(filters), 0, 0)]:
        if libc.prctl(*[ctypes.c_ulong(argument) for argument in call]):
            raise OSError(ctypes.get_errno(), "seccomp")


def tree(folder):
    """All files of an output with their bytes; of the state folder none."""
    found = {}
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name != ".safelight"]
        for name in files:
            with open(os.path.join(place, name), "rb") as file:
                found[os.path.relpath(file.name, folder)] = file.read()
    return found


def main(binary):
    if platform.machine() not in MACHINES or sys.platform != "linux":
        print("skipped: seccomp filters are written for Linux on x86-64 and arm64")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        pipeline = os.path.join(folder, "job.yaml")
        with open(pipeline, "w") as file:
            file.write(f"version: 1\nname: locks\ninput: {{path: sample_data/archive, exclude: ['broken/**']}}\noutput: {folder}/out\n"
                       "steps:\n  - resize: {scale: 3, enlarge: true}\n  - measure: [mean]\n  - write: {folder: images}\n  - table: {rows: 16}\n")

        def call(*arguments, locks=False, **more):
            refuse = None if locks else refuse_locks
            return subprocess.Popen([os.path.abspath(binary), *arguments, pipeline], cwd=ROOT, preexec_fn=refuse, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

        def done(*arguments, locks=False):
            process = call(*arguments, locks=locks)
            out, err = process.communicate()
            assert process.returncode == 0, (arguments, process.returncode, out, err)
            return out

        done("run", locks=True)
        wanted = tree(f"{folder}/out")
        assert any(name.startswith("table/") for name in wanted) and len(wanted) > 10
        # Killed by -9 at several moments, looked at meanwhile, and run again.
        for wait in [0.05, 0.2, 0.4, 0.8]:
            subprocess.run(["rm", "-r", f"{folder}/out"], check=True)
            process = call("run")
            until = time.monotonic() + wait
            while time.monotonic() < until and process.poll() is None:
                time.sleep(0.01)
            looked = call("status")
            told = looked.communicate()[1]
            killed = process.poll() is None
            process.send_signal(signal.SIGKILL)
            process.communicate()
            assert looked.returncode in (0, 2, 30), (looked.returncode, told)
            print(f"status meanwhile: {told.strip() or 'read'}")
            done("run")
            assert tree(f"{folder}/out") == wanted, sorted(set(wanted) ^ set(tree(f"{folder}/out")))
            for command in ["status", "verify"]:
                done(command)
                done(command, locks=True)
            state = set(os.listdir(f"{folder}/out/.safelight"))
            with sqlite3.connect(f"file:{folder}/out/.safelight/ledger.db?mode=ro", uri=True) as ledger:
                assert ledger.execute("pragma integrity_check").fetchone() == ("ok",)
            print(f"after {wait} s: {'killed, ' if killed else ''}run again: equal; beside the ledger: {sorted(state)}")
        # With locks again, and the next night without.
        done("run", locks=True)
        done("run")
        assert tree(f"{folder}/out") == wanted
    print("no locks  equal to a run with locks")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
