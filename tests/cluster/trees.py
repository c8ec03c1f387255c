"""Compares two outputs byte for byte, and shows with planted differences that it would see them."""
import os
import pathlib
import random
import shutil
import stat
import tempfile


def snapshot(output):
    """Every file and folder below an output by its path; of the ledger's own folder the manifests alone."""
    found = {}
    for folder, folders, files in os.walk(os.fsencode(output)):
        relative = os.path.relpath(folder, os.fsencode(output))
        if relative == b".safelight":
            folders.clear()
            files = [name for name in files if name.startswith(b"manifest.")]
        elif relative != b".":
            found[relative] = "folder"
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                found[os.path.normpath(os.path.join(relative, name))] = (stat.S_IMODE(os.stat(path).st_mode), file.read())
    return found


def differences(found, wanted):
    """How two snapshots differ, in words."""
    told = [f"missing {path!r}" for path in wanted if path not in found]
    told += [f"extra {path!r}" for path in found if path not in wanted]
    for path in wanted.keys() & found.keys():
        if found[path] == wanted[path]:
            continue
        modes = not isinstance(wanted[path], str) and not isinstance(found[path], str) and wanted[path][1] == found[path][1]
        told.append(f"{'permissions differ' if modes else 'differs'} {path!r}")
    return sorted(told)


def leftovers(output):
    """Files that only work in progress has: temporary ones, and what shards share before all are gathered."""
    told = []
    for folder, folders, files in os.walk(os.fsencode(output)):
        told += [os.path.join(folder, name) for name in folders + files if name.startswith(b".safelight-tmp-")]
    shards = os.path.join(os.fsencode(output), b".safelight", b"shards")
    if os.path.isdir(shards):
        told += [os.path.join(shards, name) for name in os.listdir(shards)]
    return sorted(told)


def show_that_differences_are_seen(output):
    """Plants differences of each kind in copies of an output; fails where one is not seen. Gives how many there were."""
    wanted = snapshot(output)
    assert differences(snapshot(output), wanted) == [], "an output differs from itself"

    def flip(path):
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)

    def swap(path):
        other = next(p for p in sorted(path.parent.iterdir()) if p.is_file() and p.read_bytes() != path.read_bytes())
        first, second = path.read_bytes(), other.read_bytes()
        path.write_bytes(second)
        other.write_bytes(first)

    def drop_row(path):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:5] + lines[6:]))

    def swap_rows(path):
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:5] + [lines[6], lines[5]] + lines[7:]))

    truncate = lambda path: path.write_bytes(path.read_bytes()[:-1])
    planted = []
    for pattern in ["images/**/*.png", "table/**/*.parquet", ".safelight/manifest.parquet", ".safelight/manifest.csv"]:
        planted += [(pattern, change) for change in [flip, truncate, os.remove, lambda path: path.chmod(0o600)]]
        planted.append((pattern, lambda path: shutil.copy(path, path.with_name("manifest.more" if path.parent.name == ".safelight" else "more"))))
    planted += [("images/**/*.png", swap), (".safelight/manifest.csv", drop_row), (".safelight/manifest.csv", swap_rows)]
    planted += [("images", lambda path: (path / "empty").mkdir())]
    random.seed(1)
    for pattern, change in planted:
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder) / "copy"
            shutil.copytree(output, copy)
            change(random.choice(sorted(copy.glob(pattern))))
            assert differences(snapshot(copy), wanted), f"not seen: {change} of {pattern}"
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "copy"
        shutil.copytree(output, copy)
        assert leftovers(copy) == []
        (copy / ".safelight" / "shards").mkdir(exist_ok=True)
        (copy / ".safelight" / "shards" / "0001-of-0003.json").write_text("{}")
        (copy / "images" / ".safelight-tmp-1").write_text("")
        assert len(leftovers(copy)) == 2
    return len(planted) + 2
