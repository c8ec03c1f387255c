"""What the sets of harm_sets.py are made with: files, noise, paper, halftones."""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

Random = np.random.Generator
Picture = np.ndarray
"""[h, w] or [h, w, 3]; bytes, or float64 in 0 to 255 while it is made."""


@dataclass
class Item:
    """An input file, and what it should be after restoring."""

    name: str
    data: bytes
    truth: Picture


def bytes_of(picture: Picture) -> Picture:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def png(name: str, picture: Picture, truth: Picture | None = None) -> Item:
    """As a PNG file; the picture itself is the truth where there is no other."""
    given = bytes_of(picture)
    file = io.BytesIO()
    Image.fromarray(given).save(file, "PNG", compress_level=1)
    return Item(f"{name}.png", file.getvalue(), given if truth is None else bytes_of(truth))


def jpeg(name: str, picture: Picture, quality: int, truth: Picture | None = None) -> Item:
    """As a JPEG file; what a decoder makes of it is the truth where there is no other."""
    file = io.BytesIO()
    Image.fromarray(bytes_of(picture)).save(file, "JPEG", quality=quality)
    given = np.asarray(Image.open(io.BytesIO(file.getvalue())))
    return Item(f"{name}.jpg", file.getvalue(), given if truth is None else bytes_of(truth))


def blur(picture: Picture, sigma: float) -> Picture:
    return ndimage.gaussian_filter(picture, (sigma, sigma) + (0,) * (picture.ndim - 2), mode="nearest")


def unit_noise(rng: Random, shape: tuple[int, ...], sigma: float = 0) -> Picture:
    """Normal noise of deviation 1, smoothed by a Gaussian of that many pixels."""
    noise = rng.standard_normal(shape)
    if sigma:
        noise = blur(noise, sigma)
        noise /= noise.std()
    return noise


def clouds(rng: Random, shape: tuple[int, int], scale: float) -> Picture:
    """Smooth random heights of deviation 1: several octaves from `scale` pixels down."""
    total = sum(unit_noise(rng, shape, scale / 2**k) / 2**k for k in range(4))
    return total / total.std()


def luma(picture: Picture) -> Picture:
    return picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def half_tones(picture: Picture, bottom: float = 12, top: float = 245) -> Picture:
    """Luma stretched, so that it has blacks and whites."""
    values = luma(picture)
    low, high = np.percentile(values, (1, 99))
    return np.clip((values - low) / max(high - low, 1) * (top - bottom) + bottom, 0, 255)


def shrink(picture: Picture, by: int) -> Picture:
    """Box filter: what a sensor does with what falls on a pixel."""
    h, w = picture.shape[0] // by * by, picture.shape[1] // by * by
    cells = picture[:h, :w].reshape(h // by, by, w // by, by, *picture.shape[2:])
    return cells.mean((1, 3), dtype=np.float64)
