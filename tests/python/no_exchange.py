"""Runs tests with their temporary folders on file systems that can't exchange names.

Usage: python tests/python/no_exchange.py cargo test ... (as root, with /dev/fuse and a C compiler)

The first is `passthrough_ll`, an example of libfuse 3, compiled here from Debian's libfuse3-dev: it hands everything on to the folder
below, and answers EINVAL to every rename with flags. The second is `bindfs`, where it is installed: it keeps removed files that
somebody has open as `.fuse_hidden*`, as NFS keeps `.nfs*`; but it goes by paths, and so even a plain file is missing for a moment
where a rename replaces it: what readers see is not tested on it. What can't be had is skipped and said.
"""
import contextlib
import ctypes
import errno
import glob
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

NOREPLACE, EXCHANGE = 1, 2
EXAMPLE = "usr/share/doc/libfuse3-dev/examples/passthrough_ll.c"
# Tests that hold a file system to what POSIX says of rename.
OF_READERS = ["--skip", "readers_see_each_row_once"]


def rename(folder, old, new, flags):
    """The error number of renameat2(2), 0 where it was done."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = -100  # AT_FDCWD
    paths = [os.path.join(folder, name).encode() for name in (old, new)]
    return 0 if libc.renameat2(here, paths[0], here, paths[1], flags) == 0 else ctypes.get_errno()


def refuses(folder, flags):
    """Whether a file system refuses a rename with these flags where nothing is in its way."""
    for name in ("one", "other") if flags == EXCHANGE else ("one",):
        os.mkdir(os.path.join(folder, name))
    error = rename(folder, "one", "other", flags)
    for name in os.listdir(folder):
        os.rmdir(os.path.join(folder, name))
    if error not in (0, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(error, os.strerror(error))
    return error != 0


def missing_while_replaced(folder, seconds=2):
    """How often a file was missing that a rename replaced all the time, of how many looks."""
    name, new, ended = os.path.join(folder, "file"), os.path.join(folder, "new"), threading.Event()

    def replace():
        while not ended.is_set():
            with open(new, "w") as file:
                file.write("content")
            os.rename(new, name)

    with open(name, "w"):
        pass
    writer = threading.Thread(target=replace)
    writer.start()
    until, looks, missing = time.monotonic() + seconds, 0, 0
    while time.monotonic() < until:
        looks += 1
        try:
            with open(name) as file:
                file.read()
        except FileNotFoundError:
            missing += 1
    ended.set()
    writer.join()
    os.unlink(name)
    return missing, looks


def passthrough(folder):
    """The program, compiled; or why not."""
    root = "/"
    if not os.path.exists(os.path.join(root, EXAMPLE)):
        root = os.path.join(folder, "package")
        got = subprocess.run(["apt-get", "download", "libfuse3-dev"], cwd=folder, capture_output=True, text=True)
        packages = glob.glob(os.path.join(folder, "libfuse3-dev*.deb"))
        if got.returncode or not packages:
            return None, "libfuse3-dev is not installed and can't be downloaded"
        subprocess.run(["dpkg-deb", "-x", packages[0], root], check=True)
    program = os.path.join(folder, "passthrough_ll")
    made = subprocess.run(["cc", "-O1", "-w", "-D_GNU_SOURCE", "-D_FILE_OFFSET_BITS=64", f"-I{root}/usr/include/fuse3", f"-I{root}/usr/include",
                           os.path.join(root, EXAMPLE), "-o", program, "-l:libfuse3.so.3", "-lpthread"], capture_output=True, text=True)
    return (program, None) if made.returncode == 0 else (None, f"passthrough_ll can't be compiled: {made.stderr.strip()[-300:]}")


@contextlib.contextmanager
def mounted(folder, command, unmount):
    """A folder on the file system that a command mounts there; none where it can't."""
    real, place = os.path.join(folder, "real"), os.path.join(folder, "mounted")
    for path in (real, place):
        os.makedirs(path, exist_ok=True)
    process = subprocess.Popen([word.format(real=real, place=place) for word in command])
    until = time.monotonic() + 20
    while not os.path.ismount(place) and time.monotonic() < until and process.poll() in (None, 0):
        time.sleep(0.05)
    try:
        yield place if os.path.ismount(place) else None
    finally:
        if os.path.ismount(place):
            subprocess.run([unmount, "-u", place], check=True)
        process.wait()


def main(command):
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        print("skipped: a file system without exchange needs root and /dev/fuse")
        return 0
    # Nothing stays mounted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    code = 0
    with tempfile.TemporaryDirectory() as folder:
        assert not refuses(os.path.join(folder), EXCHANGE), "the file system below can't exchange names either: nothing would be compared"
        program, reason = passthrough(folder)
        kinds = [("passthrough_ll", program and [program, "-f", "-o", "source={real}", "{place}"], "fusermount3", reason),
                 ("bindfs", shutil.which("bindfs") and ["bindfs", "-f", "{real}", "{place}"], "fusermount", "it is not installed")]
        for name, mount, unmount, reason in kinds:
            if not mount or not shutil.which(unmount):
                print(f"skipped: {name}: {reason if not mount else unmount + ' is missing'}", flush=True)
                continue
            with mounted(os.path.join(folder, name + "-mount"), mount, unmount) as place:
                if place is None:
                    print(f"skipped: {name} can't be mounted here", flush=True)
                    continue
                assert refuses(place, EXCHANGE), f"{name} exchanges names: no test of a file system that can't"
                missing, looks = missing_while_replaced(place)
                flags = "and renames without replacing" if refuses(place, NOREPLACE) else "alone"
                print(f"{name} refuses the exchange {flags}; a plain file was missing in {missing} of {looks} looks while it was replaced", flush=True)
                strict = [] if missing == 0 else OF_READERS
                environment = {**os.environ, "TMPDIR": place, "SAFELIGHT_TEST_NO_EXCHANGE": "1"}
                code = code or subprocess.run([*command, *strict], env=environment).returncode
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
