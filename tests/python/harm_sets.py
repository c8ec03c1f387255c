"""The pictures of no_harm.py: photographs, clean and degraded, and five drawn sets that restorers are known to harm.

Every picture follows from the seed, the set and its own name (or number) alone, so that a part of a set is the same as in
the whole. Letters are drawn with the typefaces that this machine has (DejaVu, Liberation), or with Pillow's own.
"""

import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

SIGMAS = (5, 10, 15, 25, 35, 50)
QUALITIES = (10, 20, 30, 50, 75, 90)
SUFFIXES = {".png", ".webp", ".tif", ".tiff", ".bmp"}
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


# Letters.

SERIF = ("DejaVuSerif.ttf", "LiberationSerif-Regular.ttf")
SANS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf")
MONO = ("DejaVuSansMono.ttf", "LiberationMono-Regular.ttf")
WORDS = (
    "the of and to in a is that for it was on are as with his they at be this from have or by one had not but what all "
    "were when we there can an your which their said if do will each about how up out them then she many some so these "
    "would other into has more two like him see time could no make than first been its who now people my made over did "
    "down only way find use may water long little very after words called just where most know archive letter received "
    "museum harbour parish register engineer railway Wednesday October Copenhagen, Margaret Fitzgerald; photograph No."
).split()


def typeface(names: tuple[str, ...], size: float) -> ImageFont.FreeTypeFont:
    for name in names:
        try:
            return ImageFont.truetype(name, size)
        except OSError:
            pass
    return ImageFont.load_default(size)


def sentence(rng: Random, count: int) -> list[str]:
    words = list(rng.choice(WORDS, count))
    for k in range(count):
        if rng.random() < 0.04:
            words[k] = f"{rng.integers(1, 1990)}."
    return words


def lines_of(rng: Random, font: ImageFont.FreeTypeFont, width: float) -> Iterator[str]:
    """Lines of random words that fit the width."""
    line: list[str] = []
    while True:
        for word in sentence(rng, 40):
            if font.getlength(" ".join([*line, word])) > width:
                yield " ".join(line)
                line = []
            line.append(word)


OVER = 3
"""Ink is drawn so many times larger."""


def printed(rng: Random, size: tuple[int, int], font: ImageFont.FreeTypeFont, columns: int) -> Picture:
    """Ink, 0 to 1, of a page of text in columns."""
    w, h = size[0] * OVER, size[1] * OVER
    page = Image.new("L", (w, h))
    draw = ImageDraw.Draw(page)
    margin, gap, step = w * 0.07, w * 0.04, font.size * 1.35
    width = (w - 2 * margin - gap * (columns - 1)) / columns
    for column in range(columns):
        x, y = margin + column * (width + gap), margin
        for line in lines_of(rng, font, width):
            if y > h - margin:
                break
            if rng.random() > 0.08:
                draw.text((x, y), line, 255, font)
            y += step
    return np.asarray(page) / 255.0


def typewritten(rng: Random, size: tuple[int, int], font: ImageFont.FreeTypeFont) -> Picture:
    """As `printed`, each letter struck with another force and a little off its place."""
    w, h = size[0] * OVER, size[1] * OVER
    page = Image.new("L", (w, h))
    draw = ImageDraw.Draw(page)
    margin, y, advance = w * 0.08, w * 0.08, font.getlength("m")
    lines = lines_of(rng, font, w - 2 * margin)
    while y < h - margin:
        for k, letter in enumerate(next(lines)):
            jitter = rng.normal(0, 0.022 * font.size, 2)
            draw.text((margin + k * advance + jitter[0], y + jitter[1]), letter, int(rng.uniform(150, 255)), font)
        y += font.size * rng.choice((1.5, 1.5, 1.5, 2.6))
    return np.asarray(page) / 255.0 * (0.86 + 0.14 * np.clip(1 + unit_noise(rng, (h, w), 2), 0, 1))


def form(rng: Random, size: tuple[int, int], font: ImageFont.FreeTypeFont) -> Picture:
    """A table with rules, numbers and a stamp."""
    w, h = size[0] * OVER, size[1] * OVER
    page = Image.new("L", (w, h))
    draw = ImageDraw.Draw(page)
    margin, rows, columns = w * 0.07, 22, 5
    xs = np.linspace(margin, w - margin, columns + 1)
    ys = np.linspace(margin * 2, h - margin, rows + 1)
    draw.text((margin, margin * 0.8), " ".join(sentence(rng, 5)), 255, font)
    for x in xs:
        draw.line((x, ys[0], x, ys[-1]), 255, OVER)
    for y in ys:
        draw.line((xs[0], y, xs[-1], y), 255, OVER)
    for y in ys[:-1]:
        draw.text((xs[0] + 8, y + 6), str(rng.choice(WORDS)), 255, font)
        for x in xs[1:-1]:
            draw.text((x + 8, y + 6), f"{rng.uniform(1, 9999):.2f}", 255, font)
    centre = np.array((w * 0.7, h * 0.8))
    for radius in (w * 0.11, w * 0.1):
        draw.ellipse((*(centre - radius), *(centre + radius)), outline=150, width=2 * OVER)
    draw.text(tuple(centre - (w * 0.06, font.size / 2)), "RECEIVED", 150, font)
    return np.asarray(page) / 255.0


def paper(rng: Random, shape: tuple[int, int], colour: tuple[float, float, float], rough: float) -> Picture:
    """Uneven tone, fibres and fine tooth."""
    fibres = ndimage.gaussian_filter(rng.standard_normal(shape), (0.8, 5)) * 3 + ndimage.gaussian_filter(
        rng.standard_normal(shape), (5, 0.8)
    ) * 3
    tone = 2.5 * clouds(rng, shape, 80) + rough * (fibres + 0.8 * unit_noise(rng, shape, 0.8))
    return np.array(colour) + tone[..., None] * (1, 1, 1.1)


def scanned(rng: Random, page: Picture, noise: float, soft: float) -> tuple[Picture, Picture]:
    """What a scanner's optics make of the page, and that with its noise, a little of which is a column's own."""
    truth = blur(page, soft)
    columns = rng.standard_normal((1, *page.shape[1:])) * 0.2 * noise
    return truth, truth + columns + noise * rng.standard_normal(page.shape)


def on_paper(ink: Picture, sheet: Picture, colour: tuple[float, float, float]) -> Picture:
    return sheet * (1 - ink[..., None]) + np.array(colour) * ink[..., None]


def text(index: int, name: str, rng: Random, _: list[Picture]) -> Item:
    size = (640, 832)
    shape = (size[1], size[0])
    kind = index % 6
    if kind in (0, 3):
        ink = typewritten(rng, size, typeface(MONO, OVER * (17 if kind else 14)))
    elif kind == 5:
        ink = form(rng, size, typeface(SANS, OVER * 13))
    else:
        ink = printed(rng, size, typeface((SERIF, SERIF, SANS)[index % 3], OVER * (15, 10, 8)[index % 3]), 1 + index % 2)
    ink = shrink(ink, OVER)
    if index in (2, 7, 11):
        # Born as a file: no paper and no scanner; to be left as it is.
        page = 255 * (1 - ink)
        return png(name, page if index == 2 else np.stack([page] * 3, -1))
    sheet = paper(rng, shape, ((236, 228, 206), (246, 244, 238), (222, 206, 172))[index % 3], (0.4, 1.0, 1.6)[index % 3])
    if index == 4:
        # The other side of the sheet shows through.
        sheet = sheet - 26 * blur(np.fliplr(shrink(printed(rng, size, typeface(SERIF, OVER * 15), 1), OVER)), 1.6)[..., None]
    page = on_paper(ink * (0.55 if index == 9 else 0.9), sheet, ((38, 34, 36), (28, 30, 58))[index % 2])
    page = ndimage.rotate(page, rng.uniform(-1.2, 1.2), reshape=False, order=3, mode="reflect")
    truth, scan = scanned(rng, page, (1.5, 3, 4.5, 6)[index % 4], rng.uniform(0.45, 0.8))
    if index == 8:
        truth, scan = luma(truth), luma(scan)
    return jpeg(name, scan, 88, truth) if index in (6, 10) else png(name, scan, truth)


# Line art.


def large(picture: Picture, by: int) -> Picture:
    """Tones, `by` times larger, smoothly."""
    return np.clip(ndimage.zoom(blur(half_tones(picture), 1), by, order=1), 0, 255)


def engraving(rng: Random, photo: Picture) -> Picture:
    """Lines that swell with darkness and follow the forms a little; a second set crosses them in shadows."""
    tone = large(photo, OVER)
    y, x = np.indices(tone.shape)
    bend = blur(tone, 14) * 0.16
    period = OVER * rng.uniform(4.0, 6.0)
    ink = np.abs((y + 0.35 * x + bend) / period % 1 - 0.5) * 2 < (1 - tone / 255) * 1.1 - 0.08
    crossing = np.abs((y - 0.8 * x - bend) / period % 1 - 0.5) * 2 < (1 - tone / 255) * 1.3 - 0.75
    return (ink | crossing).astype(float)


def hatching(rng: Random, photo: Picture) -> Picture:
    """Pen strokes in up to four directions, by steps of tone."""
    tone = large(photo, OVER)
    y, x = np.indices(tone.shape)
    ink = np.abs(ndimage.gaussian_laplace(tone, 3.5)) > 2.2
    for angle, step in zip((0.7, 2.3, 0.1, 1.5), (190, 140, 95, 55)):
        wobble = 5 * unit_noise(rng, (tone.shape[0] // 8 + 1, tone.shape[1] // 8 + 1), 6)
        wobble = ndimage.zoom(wobble, 8, order=1)[: tone.shape[0], : tone.shape[1]]
        ink |= (np.abs((x * np.cos(angle) + y * np.sin(angle) + wobble) % (OVER * 5) - 7) < 1.7) & (tone < step)
    return ink.astype(float)


def screen(tone: Picture, period: float, angle: float) -> Picture:
    """Halftone dots of a coverage of 0 to 1."""
    y, x = np.indices(tone.shape)
    u = (x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period
    v = (y * np.cos(angle) - x * np.sin(angle)) * 2 * np.pi / period
    return (tone > 0.5 + (np.cos(u) + np.cos(v)) / 4).astype(float)


def stipple(rng: Random, photo: Picture) -> Picture:
    """Dots of a pen, more where it is darker."""
    tone = large(photo, OVER)
    dark = (1 - tone / 255) ** 1.6
    dots = rng.random(tone.shape) < dark * 0.035
    return (ndimage.distance_transform_edt(~dots) < 2.3).astype(float)


def chart(rng: Random) -> Picture:
    """A map in colours: contour lines, water, woods, roads, names."""
    shape = (512 * OVER, 512 * OVER)
    small = (shape[0] // 6, shape[1] // 6)
    heights = ndimage.zoom(clouds(rng, small, 22), 6, order=1)
    page = np.full((*shape, 3), (246.0, 242, 228))
    woods = ndimage.zoom(clouds(rng, small, 14), 6, order=1) > 0.9
    page[woods] = (203, 222, 184)
    page[heights < -1.3] = (176, 208, 228)
    level = heights * 7
    near = np.abs(level - np.rint(level)) / np.maximum(np.hypot(*np.gradient(level)), 1e-6)
    page[(near < 1.2) & (heights > -1.3)] = (168, 112, 66)
    page[(near < 2.2) & (np.rint(level) % 5 == 0) & (heights > -1.3)] = (150, 92, 48)
    picture = Image.fromarray(page.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        heading = np.cumsum(rng.normal(0, 0.25, 60)) + rng.uniform(0, 6.28)
        path = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], -1) * 50, 0) + rng.uniform(0, shape[0], 2)
        draw.line([tuple(p) for p in path], (60, 60, 60), 12, "curve")
        draw.line([tuple(p) for p in path], (244, 214, 120), 7, "curve")
    for _ in range(26):
        font = typeface(SANS if rng.random() < 0.5 else SERIF, OVER * rng.choice((9, 11, 15)))
        draw.text(tuple(rng.uniform(0, shape[0] * 0.9, 2)), str(rng.choice(WORDS)).strip(",;.").title(), (20, 20, 30), font)
    return np.asarray(picture).astype(float)


def drawing(rng: Random) -> Picture:
    """Ink of a technical drawing: outlines, centre lines, hatched sections, dimensions."""
    side = 576 * OVER
    page = Image.new("L", (side, side))
    draw = ImageDraw.Draw(page)
    font = typeface(SANS, OVER * 10)
    ink = np.zeros((side, side), bool)
    y, x = np.indices(ink.shape)
    for _ in range(9):
        left, top = rng.uniform(0.04, 0.7, 2) * side
        w, h = rng.uniform(0.1, 0.28, 2) * side
        draw.rectangle((left, top, left + w, top + h), outline=255, width=2 * OVER)
        for k in range(int(rng.integers(1, 4))):
            radius = min(w, h) * 0.45 / (k + 1)
            cx, cy = left + w / 2, top + h / 2
            draw.ellipse((cx - radius, cy - radius, cx + radius, cy + radius), outline=255, width=OVER)
        for start in np.arange(left - 20, left + w + 20, 12 * OVER):
            draw.line((start, top + h / 2, start + 8 * OVER, top + h / 2), 255, OVER)
        y0 = top + h + 9 * OVER
        draw.line((left, y0, left + w, y0), 255, OVER)
        for end, sign in ((left, 1), (left + w, -1)):
            draw.polygon([(end, y0), (end + sign * 18, y0 - 6), (end + sign * 18, y0 + 6)], 255)
        draw.text((left + w / 2 - 30, y0 + 3), f"{rng.uniform(2, 400):.1f}", 255, font)
        if rng.random() < 0.5:
            inside = (x > left) & (x < left + w * 0.35) & (y > top) & (y < top + h)
            ink |= inside & ((x + y) % (7 * OVER) < OVER)
    return np.maximum(np.asarray(page) / 255.0, ink)


def score(rng: Random) -> Picture:
    """Ink of printed music."""
    w, h = 576 * OVER, 512 * OVER
    page = Image.new("L", (w, h))
    draw = ImageDraw.Draw(page)
    gap = 6 * OVER
    for top in np.arange(30 * OVER, h - 50 * OVER, 62 * OVER):
        for k in range(5):
            draw.line((20 * OVER, top + k * gap, w - 20 * OVER, top + k * gap), 255, OVER)
        x = 40.0 * OVER
        while x < w - 50 * OVER:
            y = top + gap / 2 * rng.integers(-1, 9)
            full = 255 if rng.random() < 0.7 else None
            draw.ellipse((x, y - gap / 2, x + gap * 1.3, y + gap / 2), fill=full, outline=255, width=OVER)
            draw.line((x + gap * 1.25, y, x + gap * 1.25, y - gap * 3.2), 255, OVER)
            if rng.random() < 0.4:
                draw.line((x + gap * 1.25, y - gap * 3.2, x + gap * 2, y - gap * 2), 255, 2 * OVER)
            x += OVER * rng.uniform(14, 34)
            if rng.random() < 0.15:
                draw.line((x, top, x, top + 4 * gap), 255, OVER)
    return np.asarray(page) / 255.0


def lineart(index: int, name: str, rng: Random, photos: list[Picture]) -> Item:
    photo = photos[index % len(photos)]
    coverage = 1 - large(photo, OVER) / 255
    kinds: tuple[Callable[[], Picture], ...] = (
        lambda: engraving(rng, photo),
        lambda: screen(coverage, OVER * 5.0, 0.785),
        lambda: hatching(rng, photo),
        lambda: drawing(rng),
        lambda: stipple(rng, photo),
        lambda: score(rng),
    )
    if index % 6 == 5 and index > 5:
        page = shrink(chart(rng), OVER)
    elif index % 12 == 7:
        # Four inks, each with a screen of its own angle.
        inks = 1 - ndimage.zoom(blur(photo.astype(float), 1), (OVER, OVER, 1), order=1) / 255
        page = np.full(inks.shape, 255.0)
        for c, angle in enumerate((0.26, 1.31, 0.0)):
            page[..., c] *= 1 - 0.92 * screen(np.clip(inks[..., c], 0, 1), OVER * 4.2, angle)
        page = shrink(page, OVER)
    else:
        page = 255 * (1 - shrink(kinds[index % 6](), OVER))
    if index % 2 == 0 and index != 2:
        # A clean scan, or a file that was drawn as one: to be left as it is.
        return png(name, page)
    if page.ndim == 2 and index != 9:
        page = on_paper(1 - page / 255, paper(rng, page.shape, (238, 230, 212), 0.6), (36, 32, 34))
    truth, scan = scanned(rng, page, (2.0, 4.0, 6.0)[index % 3], rng.uniform(0.4, 0.7))
    return png(name, scan, truth)


# Night skies.


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


# Film and telephones.


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
