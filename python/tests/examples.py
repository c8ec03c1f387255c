"""Runs the examples of docs/python-engines.md as they are written, and checks what they made.

Each runs in a process of its own, so that a dead lock is a failed test and no engine disturbs another.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safelight

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = ROOT / "sample_data" / "archive"
MODELS = ROOT / "sample_data" / "models"
# Longer than any of them takes on two cores that have much else to do.
SECONDS = 400


def code(heading):
    """The Python blocks below a heading of the page, as one text."""
    page = (ROOT / "docs" / "python-engines.md").read_text()
    section = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", page, re.M | re.S)
    blocks = re.findall(r"^```python\n(.*?)^```$", section[1], re.M | re.S)
    assert blocks, heading
    return "\n".join(blocks)


def prepare(folder, copies=4, most=1 << 20):
    """Makes what the examples read: `pictures` of at most so many pixels, and the models. Gives their paths, sorted."""
    from PIL import Image

    pictures = folder / "pictures"
    pictures.mkdir()
    sound = [p for p in sorted(ARCHIVE.rglob("*.*")) if p.parent.name != "broken" and p.suffix != ".txt"]
    for path in sound:
        with Image.open(path) as picture:
            for copy in range(copies if picture.width * picture.height <= most else 0):
                shutil.copy(path, pictures / f"{copy}-{path.name}")
            if path.suffix == ".jpg":
                # What needs no resizing, so that onnxruntime gets the same numbers.
                picture.crop((64, 64, 128, 128)).save(pictures / f"small-{path.stem}.png")
    for model in ("embed.onnx", "denoise.onnx"):
        shutil.copy(MODELS / model, folder / model)
    return sorted(pictures.iterdir())


def run(text, folder, name="example.py"):
    """Runs a program in `folder`; gives what it printed. Fails when it fails, or when it does not end."""
    (folder / name).write_text(text)
    environment = {
        **os.environ,
        # As in an environment that is activated: Spark starts its workers as `python3`.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONFAULTHANDLER": "1",
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_OFFLINE": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    log = folder / f"{name}.log"
    with open(log, "wb") as err:
        process = subprocess.Popen(
            [sys.executable, name],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=err,
            start_new_session=True,
        )
        try:
            out, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # tells where each thread stands
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                pass
            pytest.fail(f"no end after {SECONDS} s\n{log.read_text(errors='replace')[-8000:]}", pytrace=False)
        finally:
            process.stdout.close()
            # Workers that are left.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    if process.returncode != 0:
        pytest.fail(f"exit {process.returncode}\n{log.read_text(errors='replace')[-8000:]}", pytrace=False)
    return out.decode()


def check_vectors(found, paths):
    """`found` maps names of files to vectors: those that the package gives without an engine, bit for bit."""
    assert sorted(found) == [path.name for path in paths]
    plain = safelight.Embedder(MODELS / "embed.onnx")([str(path) for path in paths])
    for path, vector in zip(paths, plain):
        assert np.array_equal(np.asarray(found[path.name], dtype=np.float32), vector), path.name
    small = [path for path in paths if path.name.startswith("small-")]
    assert small
    for path, theirs in zip(small, with_onnxruntime(small)):
        assert np.allclose(found[path.name], theirs, rtol=0, atol=1e-4), path.name


def with_onnxruntime(paths):
    """The same vectors by onnxruntime, for pictures of the network's size."""
    import onnxruntime
    from PIL import Image

    session = onnxruntime.InferenceSession(MODELS / "embed.onnx", providers=["CPUExecutionProvider"])
    for path in paths:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("RGB"), dtype=np.float32) / np.float32(255)
        yield session.run(["bottleneck"], {"input": np.ascontiguousarray(pixels.transpose(2, 0, 1))[None]})[0][0]
