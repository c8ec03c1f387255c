"""Shows what a model makes of pictures: crops of each before and after, enlarged, on one sheet.

Usage: python tests/python/before_after.py SAFELIGHT MODEL FOLDER SHEET.png [--crop 160] [--zoom 2] [--strength S] [--columns 2]

Of each picture in the folder two squares are shown: the one that the model changes most, and the one with the most
detail, which should stay. Nothing is chosen by how good it looks. Above each pair stands the standard deviation of the
whole picture's noise by Immerkaer (1996), before and after.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageDraw

GAP, TEXT = 6, 16


def restored(binary, model, folder, settings, out):
    """Runs the model over the folder; gives the folder of what it made."""
    pipeline = pathlib.Path(out) / "job.yaml"
    step = ", ".join([f"model: {pathlib.Path(model).resolve()}"] + settings)
    pipeline.write_text(
        f"version: 1\nname: before_after\ninput: {pathlib.Path(folder).resolve()}\noutput: {out}/out\nsteps:\n"
        f"  - restore: {{{step}}}\n  - write: {{folder: images, format: png}}\n"
    )
    subprocess.run([binary, "run", pipeline, "--progress", "quiet"], check=True)
    return pathlib.Path(out) / "out" / "images"


def windows(before, after, side):
    """Corners of the square that changes most, and of the one with the most detail afterwards."""
    change = np.abs(after.astype(np.float32) - before.astype(np.float32)).mean(axis=2)
    bright = after.astype(np.float32).mean(axis=2)
    detail = np.zeros_like(bright)
    detail[1:-1, 1:-1] = np.abs(4 * bright[1:-1, 1:-1] - bright[:-2, 1:-1] - bright[2:, 1:-1] - bright[1:-1, :-2] - bright[1:-1, 2:])
    found = []
    for map_ in (change, detail):
        sums = np.pad(map_.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        means = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
        found.append(np.unravel_index(np.argmax(means), means.shape))
    return found


def noise(picture):
    """Standard deviation of noise by Immerkaer (1996), of the brightness."""
    p = picture.astype(np.float64).mean(axis=2)
    rows = p[:-2] - 2 * p[1:-1] + p[2:]
    both = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return np.sqrt(np.pi / 2) * np.abs(both).mean() / 6


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("binary")
    options.add_argument("model")
    options.add_argument("folder")
    options.add_argument("sheet")
    options.add_argument("--crop", type=int, default=160)
    options.add_argument("--zoom", type=int, default=2)
    options.add_argument("--strength")
    options.add_argument("--columns", type=int, default=2)
    args = options.parse_args()
    settings = [f"strength: {args.strength}"] if args.strength else []
    with tempfile.TemporaryDirectory() as out:
        images = restored(args.binary, args.model, args.folder, settings, out)
        cells = []
        for path in sorted(p for p in pathlib.Path(args.folder).iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp", ".tif")):
            made = images / (path.stem + ".png")
            if not made.exists():
                sys.exit(f"{path.name} was not restored")
            before = np.asarray(Image.open(path).convert("RGB"))
            after = np.asarray(Image.open(made).convert("RGB"))
            if before.shape != after.shape:
                sys.exit(f"{path.name}: {before.shape} became {after.shape}: the model is no denoiser")
            side = min(args.crop, *before.shape[:2])
            print(f"{path.name}: noise {noise(before):.2f} -> {noise(after):.2f}, mean change {np.abs(after.astype(float) - before).mean():.2f}")
            for y, x in windows(before, after, side):
                pair = [Image.fromarray(p[y : y + side, x : x + side]) for p in (before, after)]
                size = (args.crop * args.zoom,) * 2
                cells.append((f"{path.name} at {x},{y}: {noise(before):.1f} to {noise(after):.1f}", [p.resize(size, Image.Resampling.NEAREST) for p in pair]))
    side = args.crop * args.zoom
    width, height = 2 * side + GAP, side + TEXT
    rows = -(-len(cells) // args.columns)
    sheet = Image.new("RGB", (args.columns * (width + 2 * GAP), rows * (height + GAP)), "white")
    draw = ImageDraw.Draw(sheet)
    for i, (text, pair) in enumerate(cells):
        x, y = i % args.columns * (width + 2 * GAP), i // args.columns * (height + GAP)
        draw.text((x + 2, y + 2), text, fill="black")
        for j, picture in enumerate(pair):
            sheet.paste(picture, (x + j * (side + GAP), y + TEXT))
    sheet.save(args.sheet)
    print(f"{args.sheet}: before on the left, after on the right")


main()
