"""The pictures of no_harm.py: photographs, clean and degraded, and five drawn sets that restorers are known to harm.

Every picture follows from the seed, the set and its own name (or number) alone, so that a part of a set is the same as in
the whole.
"""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from harm_pages import lineart, text
from harm_pictures import Item, Picture, Random, blur, clouds, jpeg, luma, png, unit_noise
from PIL import Image
from scipy import ndimage

SIGMAS = (5, 10, 15, 25, 35, 50)
QUALITIES = (10, 20, 30, 50, 75, 90)
SUFFIXES = {".png", ".webp", ".tif", ".tiff", ".bmp"}


def stars(rng: Random, shape: tuple[int, int], count: int, spread: float) -> Picture:
    """Point sources with a power law of brightness and the colours of black bodies, through a Gaussian of `spread` pixels."""
    sky = np.zeros((*shape, 3))
    reach = 7
    grid = np.arange(-reach, reach + 1)
    flux = np.minimum(9 * rng.pareto(1.15, count) + 4, 2600)
    warm = np.clip(rng.normal(0, 0.12, count), -0.25, 0.25)
    places = rng.uniform(reach + 1, np.array(shape) - reach - 2, (count, 2))
    for (y, x), light, tint in zip(places, flux, warm):
        row, column = int(y), int(x)
        spot = np.exp(-((grid - (y - row)) ** 2)[:, None] / (2 * spread**2) - (grid - (x - column)) ** 2 / (2 * spread**2))
        spot = spot / (2 * np.pi * spread**2)
        if light > 900:
            spot = spot + 0.0016 / (1 + (grid[:, None] ** 2 + grid**2) / 6)
        patch = light * spot[..., None] * np.array((1 + tint, 1, 1 - tint))
        sky[row - reach : row + reach + 1, column - reach : column + reach + 1] += patch
    return sky


def night(index: int, name: str, rng: Random, _: list[Picture]) -> Item:
    shape = (512, 640)
    y, x = np.indices(shape) / np.array(shape)[:, None, None]
    glow = rng.uniform(6, 16) + rng.uniform(8, 40) * y ** rng.uniform(1.5, 4)
    sky = glow[..., None] * np.array(((0.75, 0.9, 1.2), (1.15, 0.95, 0.75), (0.95, 1.0, 1.0))[index % 3])
    if index % 4 == 1:
        # The Milky Way: a band of light and dust, with more stars.
        band = np.exp(-(((y - 0.5 - 0.5 * (x - 0.5)) / 0.16) ** 2))
        dust = np.clip(1 + 0.45 * clouds(rng, shape, 30), 0, 2)
        sky = sky + (34 * band * dust)[..., None] * (1.0, 0.93, 0.88)
    sky = sky + stars(rng, shape, int(rng.integers(350, 1600)), rng.uniform(0.65, 1.05))
    if index % 3 == 2:
        ridge = 0.8 + 0.05 * ndimage.gaussian_filter1d(rng.standard_normal(shape[1]), 14, mode="wrap") * 14**0.5
        trees = 0.03 * np.abs(ndimage.gaussian_filter1d(rng.standard_normal(shape[1]), 1.2))
        sky = np.where((y > (ridge - trees)[None])[..., None], 3.0, sky)
    truth = np.clip(sky, 0, 255)
    if index == 10:
        truth = luma(truth)
    if index in (3, 7, 11):
        # Many exposures, stacked: to be left as it is.
        return png(name, truth + 0.35 * rng.standard_normal(truth.shape))
    read, gain = (2.0, 3.5, 5.5, 8.0)[index % 4], (0.04, 0.12, 0.3)[index % 3]
    return png(name, truth + np.sqrt(read**2 + gain * truth) * rng.standard_normal(truth.shape), truth)


def grain(index: int, name: str, rng: Random, photos: list[Picture]) -> Item:
    """Grain of 0.5 to 1.3 pixels, strongest in the middle tones; colour films have three layers of it, black and white one."""
    photo = photos[index % len(photos)].astype(np.float64)
    if index % 4 == 3:
        photo = luma(photo)
    size, strength = rng.uniform(0.5, 1.3), (4, 6, 9, 13)[index // 3 % 4]
    tone = np.clip((photo if photo.ndim == 2 else luma(photo)) / 255, 0.02, 0.98)
    shared = unit_noise(rng, tone.shape, size) + 0.5 * unit_noise(rng, tone.shape, 2 * size)
    if photo.ndim == 3:
        layers = np.stack([unit_noise(rng, tone.shape, size * s) for s in (0.9, 1.0, 1.15)], -1)
        shared = (0.75 * shared[..., None] + 0.65 * layers) / np.hypot(0.75 * 1.12, 0.65)
        tone = tone[..., None]
    else:
        shared /= 1.12
    return png(name, photo + strength * 1.7 * (tone * (1 - tone)) ** 0.45 * shared, photo)


def guided(picture: Picture, guide: Picture, radius: int, eps: float) -> Picture:
    """Guided filter (He, Sun, Tang 2010): smooths what varies less than sqrt(eps) in the guide."""
    box = lambda a: ndimage.uniform_filter(a, 2 * radius + 1, mode="nearest")
    mean, guide_mean = box(picture), box(guide)
    slope = (box(guide * picture) - guide_mean * mean) / (box(guide * guide) - guide_mean**2 + eps)
    return box(slope) * guide + box(mean - slope * guide_mean)


def phone(index: int, name: str, rng: Random, photos: list[Picture]) -> Item:
    """Sensor noise, smoothed away by the camera (colour more than luma), sharpened, stored as JPEG: to be left as it is."""
    photo = photos[index % len(photos)].astype(np.float64)
    noise = (4, 7, 10, 14)[index % 4]
    shot = photo + noise * unit_noise(rng, photo.shape) * np.sqrt(0.3 + 0.7 * photo / 128)
    y = luma(shot)
    colour = shot - y[..., None]
    y = guided(y, y, 2, (1.6 * noise) ** 2)
    colour = np.stack([guided(blur(c, 1.5), y, 4, (2 * noise) ** 2) for c in np.moveaxis(colour, -1, 0)], -1)
    smooth = y + rng.uniform(0.5, 1.1) * (y - blur(y, 1.0))
    return jpeg(name, smooth[..., None] + colour, int(rng.integers(85, 93)))


DRAWN = {"text": text, "lineart": lineart, "night": night, "grain": grain, "phone": phone}
DRAWN_COUNT = 12
SETS = ("clean", *(f"sigma{s}" for s in SIGMAS), *(f"jpeg{q}" for q in QUALITIES), *DRAWN)


def known(name: str) -> bool:
    return name in SETS or re.fullmatch(r"(sigma|jpeg)[1-9]\d?", name) is not None


def random_of(seed: int, key: str) -> Random:
    return np.random.default_rng([seed, zlib.crc32(key.encode())])


def photographs(folders: list[Path], seed: int) -> list[Path]:
    """All photographs, in an order that follows from their names, so that the first few are of all folders and sources."""
    found = [p for folder in folders for p in folder.iterdir() if p.suffix.lower() in SUFFIXES]
    return sorted(found, key=lambda p: (zlib.crc32(f"{seed}/{p.stem}".encode()), p.name))


def load(path: Path) -> Picture:
    return np.asarray(Image.open(path).convert("RGB"))


def subjects(paths: list[Path]) -> list[Picture]:
    """Photographs of middle tones and some contrast, none of them twice, for grain, phones and engravings."""
    chosen: dict[str, Picture] = {}
    for path in paths:
        photo, subject = load(path), path.stem.split("__")[-2] if "__" in path.stem else path.stem
        values = luma(photo)
        if 60 < values.mean() < 190 and values.std() > 35 and min(values.shape) > 380:
            chosen.setdefault(subject, photo)
        if len(chosen) == DRAWN_COUNT:
            break
    return list(chosen.values())


def build(name: str, paths: list[Path], seed: int, limit: int | None) -> Iterator[Item]:
    """The items of a set, the first `limit` of them."""
    if name in DRAWN:
        photos = subjects(paths) if name not in ("text", "night") else []
        for index in range(min(limit or DRAWN_COUNT, DRAWN_COUNT)):
            stem = f"{name}{index:02}"
            yield DRAWN[name](index, stem, random_of(seed, stem), photos)
        return
    for path in paths[:limit]:
        photo = load(path)
        if name == "clean":
            yield png(path.stem, photo)
        elif name.startswith("sigma"):
            noise = random_of(seed, f"{name}/{path.stem}").standard_normal(photo.shape)
            yield png(path.stem, photo + int(name[5:]) * noise, photo)
        else:
            yield jpeg(path.stem, photo, int(name[4:]), photo)
