"""Pages of harm_sets.py: text, and line art. Each is drawn larger and brought to size by a box filter.

Letters are of the typefaces that this machine has (DejaVu, Liberation), or Pillow's own.
"""

from collections.abc import Callable, Iterator

import numpy as np
from harm_pictures import Item, Picture, Random, blur, clouds, half_tones, jpeg, luma, png, shrink, unit_noise
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

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
    fibres = (
        ndimage.gaussian_filter(rng.standard_normal(shape), (0.8, 5)) * 3
        + ndimage.gaussian_filter(rng.standard_normal(shape), (5, 0.8)) * 3
    )
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
