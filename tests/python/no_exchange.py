"""Runs a command with its temporary folders on a file system that can't exchange names: bindfs, built on libfuse 2.

Usage: python tests/python/no_exchange.py cargo test ... (as root, with /dev/fuse and bindfs; skips where one of them is missing)
"""
import ctypes
import errno
import os
import shutil
import subprocess
import sys
import tempfile

NOREPLACE, EXCHANGE = 1, 2


def rename(folder, old, new, flags):
    """The error number of renameat2(2), 0 where it was done."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = -100  # AT_FDCWD
    paths = [os.path.join(folder, name).encode() for name in (old, new)]
    return 0 if libc.renameat2(here, paths[0], here, paths[1], flags) == 0 else ctypes.get_errno()


def refuses(folder, flags):
    """Whether a file system refuses a rename with these flags where nothing is in its way."""
    names = ("one", "other") if flags == EXCHANGE else ("one",)
    for name in names:
        os.mkdir(os.path.join(folder, name))
    error = rename(folder, "one", "other", flags)
    for name in os.listdir(folder):
        os.rmdir(os.path.join(folder, name))
    if error not in (0, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(error, os.strerror(error))
    return error != 0


def main(command):
    missing = [what for what, there in [("root", os.geteuid() == 0), ("/dev/fuse", os.path.exists("/dev/fuse")),
                                        ("bindfs", shutil.which("bindfs")), ("fusermount", shutil.which("fusermount"))] if not there]
    if missing:
        print(f"skipped: a file system without exchange needs {', '.join(missing)}")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        real, mounted = os.path.join(folder, "real"), os.path.join(folder, "mounted")
        os.mkdir(real)
        os.mkdir(mounted)
        assert not refuses(real, EXCHANGE), "the file system below can't exchange names either: nothing would be compared"
        tried = subprocess.run(["bindfs", real, mounted], capture_output=True, text=True)
        if tried.returncode:
            print(f"skipped: bindfs can't mount here: {tried.stderr.strip()}")
            return 0
        try:
            assert refuses(mounted, EXCHANGE), "this bindfs exchanges names: no test of a file system that can't"
            print(f"bindfs refuses the exchange{' and renames without replacing' if refuses(mounted, NOREPLACE) else ''}", flush=True)
            return subprocess.run(command, env={**os.environ, "TMPDIR": mounted, "SAFELIGHT_TEST_NO_EXCHANGE": "1"}).returncode
        finally:
            subprocess.run(["fusermount", "-u", mounted], check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
