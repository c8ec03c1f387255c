"""Writes random TIFF layouts and compares what safelight and libtiff read in them, pixel by pixel.

    tiff_layouts.py <safelight binary> [--count 2000] [--seed 1] [--keep FOLDER]

The files are written here, fax and JPEG ones by libtiff; libtiff (through ctypes) decodes every strip and tile, or the
whole picture where chroma is shared. What safelight refuses must be among what is meant to be refused, and its
message must name the reason. Without libtiff (Debian: libtiff-tools) nothing is compared, and the exit status is 0.
"""

import argparse
import collections
import csv
import ctypes
import ctypes.util
import random
import struct
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pyarrow

NONE, RLE, G3, G4, LZW, JPEG, DEFLATE, PACKBITS, ZSTD = 1, 2, 3, 4, 5, 7, 8, 32773, 50000
WHITE, BLACK, RGB, PALETTE, CMYK, YCC = 0, 1, 2, 3, 5, 6
NAMES = {
    NONE: "none", RLE: "RLE", G3: "Group 3", G4: "Group 4", LZW: "LZW", JPEG: "JPEG", DEFLATE: "Deflate", 32946: "Deflate",
    PACKBITS: "PackBits", ZSTD: "Zstandard",
}  # fmt: skip
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
COLOURS = {WHITE: 1, BLACK: 1, RGB: 3, PALETTE: 1, CMYK: 4, YCC: 3}


@dataclass
class Layout:
    """How a file is stored, and the word that its refusal must hold where it is to be refused."""

    width: int
    height: int
    photometric: int = BLACK
    bits: int = 8
    kind: int = 1
    samples: int = 1
    extras: list[int] | None = None
    planar: bool = False
    tile: tuple[int, int] | None = None
    rows: int | None = None
    compression: int = NONE
    predictor: int = 1
    reversed: bool = False
    little: bool = True
    big: bool = False
    shared: tuple[int, int] = (1, 1)
    counts: bool = True
    old_lzw: bool = False
    options: int = 0
    tags: list[tuple[int, int, list]] = field(default_factory=list)
    refused: str | None = None

    def chunk(self) -> tuple[int, int]:
        return self.tile or (self.width, min(self.rows or self.height, self.height))

    def alpha(self) -> tuple[int, bool] | None:
        """The sample that is alpha, and whether colours are multiplied by it."""
        colours = COLOURS[self.photometric]
        if self.extras is None:
            return (3, False) if self.photometric == RGB and self.samples == 4 else None
        for place, kind in enumerate(self.extras):
            if kind in (1, 2):
                return colours + place, kind == 1
        return None


# ---- writing


def lzw(data: bytes, old: bool) -> bytes:
    """LZW as TIFF has it, or as it was before TIFF 5: codes from the low bits on, that grow one later."""
    out, bits, held = bytearray(), 0, 0

    def put(code: int, width: int) -> None:
        nonlocal bits, held
        held = held | code << bits if old else held << width | code
        bits += width
        while bits >= 8:
            bits -= 8
            if old:
                out.append(held & 255)
                held >>= 8
            else:
                out.append(held >> bits)
                held &= (1 << bits) - 1

    table, width = {bytes([i]): i for i in range(256)}, 9
    following, late = 258, 1 if old else 0
    put(256, 9)
    prefix = b""
    for i in range(len(data)):
        longer = prefix + data[i : i + 1]
        if longer in table:
            prefix = longer
            continue
        put(table[prefix], width)
        table[longer] = following
        following += 1
        if following == 4094:
            put(256, width)
            table, width, following = {bytes([i]): i for i in range(256)}, 9, 258
        elif following == (1 << width) + late:
            width += 1
        prefix = data[i : i + 1]
    if prefix:
        put(table[prefix], width)
        following += 1
        if following == (1 << width) + late and width < 12:
            width += 1
    put(257, width)
    if bits:
        out.append(held & 255 if old else held << (8 - bits) & 255)
    return bytes(out)


def pack_bits(data: bytes) -> bytes:
    out, i = bytearray(), 0
    while i < len(data):
        run = 1
        while run < 128 and data[i + run : i + run + 1] == data[i : i + 1]:
            run += 1
        if run > 1:
            out += bytes([257 - run, data[i]])
            i += run
            continue
        start = i
        while i < len(data) and i - start < 128 and data[i : i + 1] != data[i + 1 : i + 2]:
            i += 1
        i = max(i, start + 1)
        out += bytes([i - start - 1]) + data[start:i]
    return bytes(out)


def packed(rows: np.ndarray, bits: int, little: bool) -> bytes:
    """Rows of numbers (rows, numbers) as bytes."""
    if bits in (8, 16, 24, 32, 64):
        raw = rows.astype(">u8").view(np.uint8).reshape(*rows.shape, 8)[..., 8 - bits // 8 :]
        return (raw[..., ::-1] if little else raw).tobytes()
    places = np.arange(bits - 1, -1, -1, dtype=np.uint64)
    return np.packbits((rows[..., None] >> places & np.uint64(1)).astype(np.uint8).reshape(len(rows), -1), axis=1).tobytes()


def encoded(rows: np.ndarray, layout: Layout) -> bytes:
    """A strip or tile: (rows, pixels, samples) of whole numbers."""
    high, wide, samples = rows.shape
    mask = np.uint64(2**layout.bits - 1)
    if layout.predictor == 2:
        rows = np.concatenate([rows[:, :1], rows[:, 1:] - rows[:, :-1]], axis=1) & mask
    if layout.predictor == 3:
        size = layout.bits // 8
        raw = np.frombuffer(packed(rows.reshape(high, -1), layout.bits, False), np.uint8).reshape(high, -1, size)
        planes = np.ascontiguousarray(raw.transpose(0, 2, 1)).reshape(high, -1)
        planes = np.concatenate([planes[:, :samples], planes[:, samples:] - planes[:, :-samples]], axis=1)
        data = planes.tobytes()
    else:
        data = packed(rows.reshape(high, -1), layout.bits, layout.little)
    return compressed(data, layout)


def shared_chroma(rows: np.ndarray, layout: Layout) -> bytes:
    across, down = layout.shared
    high, wide, _ = rows.shape
    rows = np.pad(rows, ((0, -high % down), (0, -wide % across), (0, 0)), mode="edge").astype(np.uint8)
    high, wide, _ = rows.shape
    luma = rows[..., 0].reshape(high // down, down, wide // across, across).transpose(0, 2, 1, 3)
    units = np.concatenate([luma.reshape(high // down, wide // across, -1), rows[::down, ::across, 1:]], axis=2)
    return compressed(units.tobytes(), layout)


def compressed(data: bytes, layout: Layout) -> bytes:
    match layout.compression:
        case 5:
            data = lzw(data, layout.old_lzw)
        case 8 | 32946:
            data = zlib.compress(data, 1)
        case 32773:
            data = pack_bits(data)
        case 50000:
            data = pyarrow.compress(data, codec="zstd", asbytes=True)
    if layout.reversed:
        data = data.translate(REVERSED)
    return data


def pieces(values: np.ndarray, layout: Layout):
    """The strips or tiles of a picture in their order, padded to the size of tiles."""
    wide, high = layout.chunk()
    planes = [values[..., i : i + 1] for i in range(layout.samples)] if layout.planar else [values]
    for plane in planes:
        for top in range(0, layout.height, high):
            for left in range(0, layout.width, wide):
                piece = plane[top : top + high, left : left + wide]
                if layout.tile:
                    piece = np.pad(piece, ((0, high - piece.shape[0]), (0, wide - piece.shape[1]), (0, 0)), mode="reflect"
                                   if min(piece.shape[:2]) > max(high, wide) // 2 else "edge")  # fmt: skip
                yield piece


def write(path: Path, values: np.ndarray, layout: Layout) -> None:
    encode = shared_chroma if layout.shared != (1, 1) else encoded
    chunks = [encode(piece, layout) for piece in pieces(values, layout)]
    order = "<" if layout.little else ">"
    word = "Q" if layout.big else "I"
    start = 16 if layout.big else 8
    offsets, body = [], b""
    for chunk in chunks:
        offsets.append(start + len(body))
        body += chunk + b"\0" * (len(chunk) % 2)
    long = 16 if layout.big else 4
    entries = [
        (256, 4, [layout.width]), (257, 4, [layout.height]), (258, 3, [layout.bits] * layout.samples), (259, 3, [layout.compression]),
        (262, 3, [layout.photometric]), (277, 3, [layout.samples]), (284, 3, [2 if layout.planar else 1]),
    ]  # fmt: skip
    names = (324, 325) if layout.tile else (273, 279)
    entries.append((names[0], long, offsets))
    if layout.counts:
        entries.append((names[1], long, [len(chunk) for chunk in chunks]))
    if layout.tile:
        entries += [(322, 3, [layout.tile[0]]), (323, 3, [layout.tile[1]])]
    elif layout.rows:
        entries.append((278, 4, [layout.rows]))
    if layout.extras is not None:
        entries.append((338, 3, layout.extras))
    for tag, value, usual in [(317, layout.predictor, 1), (266, 2 if layout.reversed else 1, 1), (339, layout.kind, 1)]:
        if value != usual:
            entries.append((tag, 3, [value] * (layout.samples if tag == 339 else 1)))
    if layout.photometric == YCC:
        entries.append((530, 3, list(layout.shared)))
    entries += layout.tags
    entries = list({entry[0]: entry for entry in entries}.values())
    entries.sort()
    size, forms = (8, {1: "B", 3: "H", 4: "I", 16: "Q", 5: "I"}) if layout.big else (4, {1: "B", 3: "H", 4: "I", 5: "I"})
    at = start + len(body)
    directory = struct.pack(order + ("Q" if layout.big else "H"), len(entries))
    behind = at + len(directory) + len(entries) * (20 if layout.big else 12) + size
    values_behind = b""
    for tag, kind, numbers in entries:
        raw = struct.pack(order + forms[kind] * len(numbers), *numbers)
        count = len(numbers) // 2 if kind == 5 else len(numbers)
        directory += struct.pack(order + "HH" + word, tag, kind, count)
        if len(raw) <= size:
            directory += raw.ljust(size, b"\0")
        else:
            directory += struct.pack(order + word, behind + len(values_behind))
            values_behind += raw + b"\0" * (len(raw) % 2)
    directory += struct.pack(order + word, 0)
    mark = b"II" if layout.little else b"MM"
    if layout.big:
        head = mark + struct.pack(order + "HHHQ", 43, 8, 0, at)
    else:
        head = mark + struct.pack(order + "HI", 42, at)
    path.write_bytes(head + body + directory + values_behind)


# ---- libtiff


# Strips as they are in the file (c), and the file read, not mapped (m), which fails for some reversed bits.
READ = "rcm"


class LibTiff:
    """What is needed of libtiff."""

    def __init__(self, name: str) -> None:
        lib = self.lib = ctypes.CDLL(name)
        lib.TIFFOpen.restype = ctypes.c_void_p
        for function in ("TIFFStripSize", "TIFFTileSize", "TIFFReadEncodedStrip", "TIFFReadEncodedTile", "TIFFWriteEncodedStrip"):
            getattr(lib, function).restype = ctypes.c_ssize_t
        lib.TIFFSetErrorHandler(None)
        lib.TIFFSetWarningHandler(None)

    def open(self, path: Path, mode: str) -> ctypes.c_void_p:
        handle = self.lib.TIFFOpen(str(path).encode(), mode.encode())
        if not handle:
            raise OSError(f"libtiff can't open {path}")
        return ctypes.c_void_p(handle)

    def chunks(self, path: Path, layout: Layout, count: int) -> list[bytes]:
        handle = self.open(path, READ)
        size = (self.lib.TIFFTileSize if layout.tile else self.lib.TIFFStripSize)(handle)
        read = self.lib.TIFFReadEncodedTile if layout.tile else self.lib.TIFFReadEncodedStrip
        buffer, chunks = ctypes.create_string_buffer(size), []
        for i in range(count):
            got = read(handle, ctypes.c_uint32(i), buffer, ctypes.c_ssize_t(size))
            if got < 0:
                self.lib.TIFFClose(handle)
                raise OSError(f"libtiff can't read {path}, chunk {i}")
            chunks.append(buffer.raw[:got])
        self.lib.TIFFClose(handle)
        return chunks

    def rgba(self, path: Path, layout: Layout) -> np.ndarray:
        handle = self.open(path, READ)
        raster = np.zeros((layout.height, layout.width, 4), np.uint8)
        pointer = raster.ctypes.data_as(ctypes.c_void_p)
        done = self.lib.TIFFReadRGBAImageOriented(handle, layout.width, layout.height, pointer, 1, 1)
        self.lib.TIFFClose(handle)
        if not done:
            raise OSError(f"libtiff can't read {path}")
        return raster

    def write(self, path: Path, values: np.ndarray, layout: Layout) -> None:
        """Fax and JPEG files."""
        handle = self.open(path, "w" + ("l" if layout.little else "b") + ("8" if layout.big else ""))
        rows = layout.chunk()[1]
        fields = [(256, layout.width), (257, layout.height), (258, layout.bits), (259, layout.compression), (262, layout.photometric),
                  (277, layout.samples), (284, 1), (278, rows), (266, 2 if layout.reversed else 1)]  # fmt: skip
        if layout.compression == G3:
            fields.append((292, layout.options))
        if layout.compression == JPEG:
            fields.append((65537, 95))
            if layout.photometric == YCC:
                fields.append((65538, 1))
        for tag, value in fields:
            self.lib.TIFFSetField(handle, ctypes.c_uint32(tag), ctypes.c_int(value))
        if layout.compression == JPEG and layout.photometric == YCC:
            self.lib.TIFFSetField(handle, ctypes.c_uint32(530), ctypes.c_int(layout.shared[0]), ctypes.c_int(layout.shared[1]))
        for i, top in enumerate(range(0, layout.height, rows)):
            piece = values[top : top + rows]
            data = packed(piece.reshape(len(piece), -1), layout.bits, True)
            self.lib.TIFFWriteEncodedStrip(handle, ctypes.c_uint32(i), data, ctypes.c_ssize_t(len(data)))
        self.lib.TIFFClose(handle)


# ---- what must come out


def numbers(data: bytes, layout: Layout, high: int, wide: int, samples: int) -> np.ndarray:
    """The numbers of a decoded strip or tile, (rows, pixels, samples)."""
    count, bits = wide * samples, layout.bits
    if bits in (8, 16, 24, 32, 64):
        raw = np.frombuffer(data, np.uint8)[: high * count * bits // 8].reshape(high, count, bits // 8)
        whole = np.zeros((high, count, 8), np.uint8)
        whole[..., : bits // 8] = raw
        return whole.view("<u8").reshape(high, wide, samples)
    row = (count * bits + 7) // 8
    raw = np.unpackbits(np.frombuffer(data, np.uint8)[: high * row].reshape(high, row), axis=1)[:, : count * bits]
    weights = (1 << np.arange(bits - 1, -1, -1)).astype(np.uint64)
    return (raw.reshape(high, count, bits) * weights).sum(axis=2).reshape(high, wide, samples)


def joined(chunks: list[bytes], layout: Layout) -> np.ndarray:
    wide, high = layout.chunk()
    samples = 1 if layout.planar else layout.samples
    whole = np.zeros((layout.height, layout.width, layout.samples), np.uint64)
    left_over = iter(chunks)
    for plane in range(layout.samples if layout.planar else 1):
        for top in range(0, layout.height, high):
            for left in range(0, layout.width, wide):
                rows = high if layout.tile else min(high, layout.height - top)
                piece = numbers(next(left_over), layout, rows, wide, samples)
                part = whole[top : top + high, left : left + wide, plane : plane + samples]
                part[...] = piece[: part.shape[0], : part.shape[1]]
    return whole


def floats(values: np.ndarray, bits: int) -> np.ndarray:
    if bits == 16:
        return values.astype(np.uint16).view(np.float16).astype(np.float32)
    if bits == 24:
        exponent, fraction = (values >> np.uint64(16) & np.uint64(127)).astype(int), (values & np.uint64(0xFFFF)).astype(float)
        return np.where(exponent == 0, fraction / 65536 * 2.0**-62, (1 + fraction / 65536) * 2.0 ** (exponent - 63.0)).astype(np.float32)
    return values.astype(np.uint32).view(np.float32) if bits == 32 else values.view(np.float64).astype(np.float32)


def expected(tiff: LibTiff, path: Path, layout: Layout, palette: np.ndarray | None) -> np.ndarray:
    """The picture as (rows, pixels, channels), alpha last."""
    if layout.photometric == YCC:
        return tiff.rgba(path, layout)[..., :3]
    count = sum(1 for _ in pieces(np.zeros((layout.height, layout.width, layout.samples), np.uint8), layout))
    values = joined(tiff.chunks(path, layout, count), layout)
    if layout.kind == 3:
        scaled = np.floor(floats(values, layout.bits) * np.float32(65535) + np.float32(0.5)).astype(np.uint64)
        full = 65535
    else:
        most, full = 2**layout.bits - 1, 255 if layout.bits <= 8 else 65535
        scaled = (values * np.uint64(full) + np.uint64(most // 2)) // np.uint64(most)
    colour = scaled[..., : COLOURS[layout.photometric]]
    if layout.photometric == PALETTE:
        colour = palette[values[..., 0].astype(int)].astype(np.uint64)
    if layout.photometric == WHITE:
        colour = full - colour
    alpha = layout.alpha()
    alpha = None if alpha is None else (scaled[..., alpha[0]], alpha[1])
    if layout.photometric == CMYK:
        inks = colour if full == 255 else (colour * np.uint64(255) + np.uint64(32767)) // np.uint64(65535)
        colour = ((255 - inks[..., :3]) * (255 - inks[..., 3:]) + np.uint64(127)) // np.uint64(255)
        if alpha and full == 65535:
            alpha = ((alpha[0] * np.uint64(255) + np.uint64(32767)) // np.uint64(65535), alpha[1])
        full = 255
    if alpha:
        plane, multiplied = alpha
        if multiplied:
            divisor = np.maximum(plane, 1)[..., None]
            colour = np.where(plane[..., None] == 0, 0, np.minimum((colour * np.uint64(full) + divisor // np.uint64(2)) // divisor, full))
        colour = np.concatenate([colour, plane[..., None]], axis=2)
    return colour.astype(np.uint8 if full == 255 else np.uint16)


def found(path: Path, channels: int) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if picture.ndim == 2:
        return picture[..., None]
    picture = np.concatenate([picture[..., 2::-1], picture[..., 3:]], axis=2)
    return picture[..., [0, 3]] if channels == 2 else picture


# ---- random layouts


def some_values(random_: np.random.Generator, layout: Layout) -> np.ndarray:
    shape = (layout.height, layout.width, layout.samples)
    if layout.kind == 3:
        whole = random_.random(shape) if layout.refused is None else random_.normal(size=shape) * 50
        whole.flat[0], whole.flat[-1] = 0.0, 1.0 if layout.refused is None else 99.0
        if layout.bits == 24:
            raw = random_.integers(40, 63, shape) << 16 | random_.integers(0, 65536, shape)
            return raw.astype(np.uint64)
        form, whole_form = {16: (np.float16, np.uint16), 32: (np.float32, np.uint32), 64: (np.float64, np.uint64)}[layout.bits]
        return whole.astype(form).view(whole_form).astype(np.uint64)
    most = 2**layout.bits
    y, x, c = np.ogrid[: shape[0], : shape[1], : shape[2]]
    smooth = ((np.sin(x / 9 + c) * np.cos(y / 7) + 1) / 2 * (most - 1)).astype(np.uint64)
    style = random_.integers(3)
    if layout.compression == JPEG or style == 0:
        return smooth
    noise = random_.integers(0, most, shape, dtype=np.uint64)
    return noise if style == 1 else np.where(random_.random(shape) < 0.2, noise, smooth // np.uint64(3))


def some_layout(draw: random.Random) -> Layout:
    layout = Layout(draw.choice([1, 2, 3, draw.randint(1, 70), draw.randint(1, 70)]), draw.choice([1, 2, draw.randint(1, 60), draw.randint(1, 60)]))
    layout.little, layout.big = draw.random() < 0.5, draw.random() < 0.2
    layout.reversed = draw.random() < 0.2
    family = draw.choices(["plain", "float", "fax", "ycc", "jpeg", "refused"], [60, 10, 10, 10, 4, 6])[0]
    if family == "fax":
        layout.compression, layout.bits = draw.choice([RLE, G3, G4]), 1
        layout.photometric = draw.choice([WHITE, BLACK])
        layout.options = draw.choice([0, 1, 4, 5])
        layout.rows = draw.choice([layout.height, draw.randint(1, layout.height)])
        return layout
    if family == "jpeg":
        layout.compression, layout.photometric = JPEG, draw.choice([BLACK, RGB, YCC])
        layout.samples = COLOURS[layout.photometric]
        layout.width, layout.height, layout.reversed = draw.randint(1, 70), draw.randint(1, 60), False
        layout.rows = draw.choice([layout.height, 16, 32])
        return layout
    layout.compression = draw.choice([NONE, LZW, LZW, DEFLATE, 32946, PACKBITS, ZSTD])
    layout.old_lzw = layout.compression == LZW and draw.random() < 0.15
    if draw.random() < 0.4:
        layout.tile = draw.choice([16, 32, 48, 64]), draw.choice([16, 32, 48])
    else:
        layout.rows = draw.choice([None, layout.height, draw.randint(1, layout.height), 2**32 - 1, layout.height + 5])
    if family == "ycc":
        layout.photometric, layout.samples = YCC, 3
        layout.shared = draw.choice([(1, 1), (2, 1), (2, 2), (1, 2), (4, 1), (4, 2), (4, 4)])
        if layout.tile and layout.compression == NONE:
            layout.compression = LZW  # libtiff fails at some of these that are not compressed.
        if layout.shared == (1, 1) and draw.random() < 0.3:
            layout.planar = True
        if layout.shared == (4, 4):
            # Otherwise libtiff reads too few bytes of a strip, and skips too few behind a tile's edge.
            layout.tile, layout.width = None, 8 * draw.randint(1, 8)
        if not layout.tile and layout.rows and layout.rows < layout.height:
            layout.rows = -(-layout.rows // layout.shared[1]) * layout.shared[1]
        if draw.random() < 0.3:
            layout.tags.append((532, 5, [n for v in draw.choice([(16, 235, 128, 240, 128, 240), (0, 255, 128, 255, 128, 255)]) for n in (v, 1)]))
        if draw.random() < 0.3:
            layout.tags.append((529, 5, [2126, 10000, 7152, 10000, 722, 10000]))
        return layout
    layout.photometric = draw.choice([WHITE, BLACK, RGB, RGB, PALETTE, CMYK])
    layout.bits = draw.choice([1, 2, 4, 8, 8, 8, 16, 16, *range(1, 17)])
    if family == "float":
        layout.photometric, layout.kind = draw.choice([BLACK, RGB]), 3
        layout.bits = draw.choice([16, 24, 32, 64])
    if layout.photometric == PALETTE:
        layout.bits = draw.randint(1, 8)
    count = draw.choice([0, 0, 1, 1, 2, 3])
    layout.samples = COLOURS[layout.photometric] + count
    layout.extras = [draw.choice([0, 1, 2]) for _ in range(count)] if count else None
    if count == 1 and layout.photometric == RGB and draw.random() < 0.2:
        layout.extras = None
    layout.planar = layout.samples > 1 and draw.random() < 0.35
    layout.counts = draw.random() > 0.3 or layout.tile is not None or layout.planar or layout.chunk()[1] < layout.height
    if layout.compression in (LZW, DEFLATE, 32946, ZSTD) and draw.random() < 0.6:
        if layout.kind == 3:
            layout.predictor = draw.choice([3, 3, 2]) if layout.bits != 24 else 3
        elif layout.bits in (8, 16):
            layout.predictor = 2
    if family == "refused":
        refuse(layout, draw)
    return layout


def refuse(layout: Layout, draw: random.Random) -> None:
    """Makes a layout one that must be refused."""
    what = draw.choice(["signed", "integer", "complex", "compression", "photometric", "raw", "ink", "predictor", "range", "palette", "bare"])
    layout.predictor, layout.kind = 1, 1
    if layout.photometric == PALETTE:
        layout.photometric = BLACK
    match what:
        case "signed":
            layout.kind, layout.refused = 2, "signed"
        case "integer":
            layout.bits = draw.choice([24, 32, 64])
            layout.refused = f"{layout.bits}-bit integer"
        case "complex":
            layout.kind, layout.bits, layout.refused = 6, 64, "complex"
        case "compression":
            layout.compression, layout.refused = draw.choice(
                [(34925, "LZMA"), (34712, "JPEG 2000"), (34887, "LERC"), (32809, "ThunderScan"), (34661, "JBIG"), (50002, "JPEG XL"), (777, "777")]
            )
        case "photometric":
            number, layout.refused = draw.choice([(4, "mask"), (10, "ITU"), (32845, "LogLuv"), (777, "777")])
            layout.tags.append((262, 3, [number]))
        case "raw":
            layout.refused = "raw file"
            layout.tags.append(draw.choice([(262, 3, [32803]), (262, 3, [34892]), (50706, 1, [1, 4, 0, 0])]))
        case "ink":
            layout.photometric, layout.samples, layout.extras, layout.refused = CMYK, 4, None, "inks"
            layout.tags.append((332, 3, [2]))
        case "predictor":
            layout.compression, layout.bits, layout.predictor, layout.refused = DEFLATE, 12, 2, "predictor 2"
        case "range":
            layout.photometric, layout.samples, layout.extras = BLACK, 1, None
            layout.planar, layout.kind, layout.bits, layout.refused = False, 3, 32, "not within 0 to 1"
        case "palette":
            layout.photometric, layout.bits, layout.samples, layout.extras, layout.planar = PALETTE, 16, 1, None, False
            layout.refused = "palette of 16 bits"
        case "bare":
            layout.compression, layout.bits, layout.predictor, layout.refused = NONE, 8, 2, "predictor 2"


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("binary", type=Path)
    arguments.add_argument("--count", type=int, default=2000)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--keep", type=Path, help="work in this folder and leave it")
    options = arguments.parse_args()
    name = ctypes.util.find_library("tiff")
    if name is None:
        print("tiff_layouts: skipped: libtiff is not installed (Debian: apt install libtiff-tools)")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return compare(options, LibTiff(name), options.keep or Path(folder))


def compare(options: argparse.Namespace, tiff: LibTiff, folder: Path) -> int:
    draw, numpy_draw = random.Random(options.seed), np.random.default_rng(options.seed)
    inputs = folder / "in"
    inputs.mkdir(parents=True, exist_ok=True)
    layouts: dict[str, tuple[Layout, np.ndarray | None]] = {}
    for i in range(options.count):
        layout, palette = some_layout(draw), None
        if layout.photometric == PALETTE and layout.bits <= 8:
            palette = numpy_draw.integers(0, 256, (2**layout.bits, 3))
            layout.tags.append((320, 3, [int(v) * 257 for v in palette.T.flat]))
        path = inputs / f"{i:05}.tif"
        values = some_values(numpy_draw, layout)
        if layout.compression in (RLE, G3, G4, JPEG):
            tiff.write(path, values, layout)
        else:
            write(path, values, layout)
        layouts[path.name] = layout, palette
    pipeline = folder / "pipeline.yaml"
    pipeline.write_text(
        f"version: 1\nname: layouts\ninput: {{path: {inputs}}}\noutput: {folder / 'out'}\n"
        "steps:\n  - write: {folder: images, format: png}\nlimits: {max_failures: 100%}\n"
    )
    subprocess.run([options.binary, "run", pipeline, "--progress", "quiet"], check=False, capture_output=True)
    wrong, compared, refused, unread = [], collections.Counter(), collections.Counter(), 0
    with open(folder / "out" / ".safelight" / "manifest.csv", newline="") as manifest:
        rows = list(csv.DictReader(manifest))
    if len(rows) != options.count:
        wrong.append(f"{len(rows)} of {options.count} files are in the manifest")
    for row in rows:
        layout, palette = layouts[row["path"]]
        if row["status"] != "done":
            if layout.refused is None or layout.refused not in row["error_message"] or row["error_kind"] != "unsupported":
                wrong.append(f"{row['path']}: {row['error_kind']}: {row['error_message']}\n    {layout}")
            refused[layout.refused] += 1
            continue
        if layout.refused is not None:
            wrong.append(f"{row['path']}: read, though it is to be refused: {layout.refused}\n    {layout}")
            continue
        try:
            want = expected(tiff, inputs / row["path"], layout, palette)
        except OSError as e:
            unread += 1
            if unread <= 3:
                print(f"{e}: {layout}")
            continue
        have = found(folder / "out" / row["outputs"], want.shape[2])
        hidden = layout.samples - COLOURS[layout.photometric] - (layout.alpha() is not None)
        if (hidden > 0) != ("lost layers or channels" in row["notes"]):
            wrong.append(f"{row['path']}: {hidden} channels left out, notes: {row['notes']}\n    {layout}")
        # Decoders of JPEG differ in rounding and in how they spread chroma.
        allowed = 6 if layout.compression == JPEG else 0
        if want.shape != have.shape or want.dtype != have.dtype:
            wrong.append(f"{row['path']}: {have.shape} {have.dtype}, libtiff {want.shape} {want.dtype}\n    {layout}")
        elif (off := np.abs(want.astype(int) - have.astype(int)).max()) > allowed:
            wrong.append(f"{row['path']}: differs by up to {off}\n    {layout}")
        compared[NAMES[layout.compression]] += 1
    print(f"{sum(compared.values())} compared: " + ", ".join(f"{n} {name}" for name, n in compared.most_common()))
    print(f"{sum(refused.values())} refused: " + ", ".join(f"{n} {name}" for name, n in refused.most_common()))
    print(f"{unread} that libtiff does not read; {len(wrong)} wrong")
    print("\n".join(wrong[:10]), end="\n" if wrong else "")
    return 1 if wrong or unread > options.count // 50 else 0


if __name__ == "__main__":
    sys.exit(main())
