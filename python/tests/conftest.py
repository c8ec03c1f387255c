"""Every test runs in a folder of its own, with the sample data in it."""

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_data"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    (tmp_path / "sample_data").symlink_to(SAMPLES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def denoise():
    import safelight

    return safelight.Restorer(SAMPLES / "models/denoise.onnx")


@pytest.fixture(scope="session")
def embed():
    import safelight

    return safelight.Embedder(SAMPLES / "models/embed.onnx")


@pytest.fixture
def noisy():
    """Colour of 8 bits, with noise."""
    down, across = np.mgrid[0:70, 0:90]
    base = np.stack([down + 60, across + 80, down + across], axis=2)
    return np.clip(base + np.random.default_rng(0).normal(0, 15, base.shape), 0, 255).astype(np.uint8)
