"""Compares measurements of pixels with their peers, on photographs that are made worse step by step.

    measure_agreement.py <bench program> <photo folder> [--photos 22]
    measure_agreement.py <bench program> <photo folder> --speed [--rounds 5]

The first: `niqe` with the numpy implementation beside this (same values within 2 %, same rank) and with the severities of
noise, blur and JPEG compression; `noise_sigma` and scikit-image's `estimate_sigma` with the noise that was added. The exit status
is 1 where they disagree. The second: milliseconds of each measurement, and of `noise_sigma` in turn with `estimate_sigma`, on one core.
"""
import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import csv
import io
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr
from skimage.restoration import estimate_sigma

import niqe_reference

MODEL = Path(__file__).parents[2] / "src/image/measure/niqe/natural.txt"
SIGMAS = [0, 2.5, 5, 10, 15, 25, 35, 50]
SEVERITIES = {
    "noise": [0, 5, 10, 20, 35, 50],
    "blur": [0, 0.7, 1.2, 2, 3, 5],
    "jpeg": [100, 70, 50, 30, 15, 5],
}


def bytes_of(values):
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def worse(picture, kind, severity, rng):
    if kind == "noise":
        return bytes_of(picture + rng.normal(0, severity, picture.shape)) if severity else picture
    if kind == "blur":
        return bytes_of(gaussian_filter(picture.astype(float), (severity, severity, 0))) if severity else picture
    if severity == 100:
        return picture
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=severity)
    return np.array(Image.open(file))


def measured(program, folder):
    """What the program finds in the pictures of a folder: {column: {file: value}}."""
    found = {}
    lines = subprocess.run([program, "--values", folder], check=True, capture_output=True, text=True).stdout
    for file, column, value in csv.reader(lines.splitlines()):
        found.setdefault(column, {})[file] = float(value) if value else np.nan
    return found


def agreement(program, photos):
    rng = np.random.default_rng(1)
    model = niqe_reference.read_model(MODEL)
    pictures = {}
    for name, picture in photos.items():
        for kind, severities in SEVERITIES.items():
            for step, severity in enumerate(severities):
                pictures[f"{name}-{kind}-{step}.png"] = worse(picture, kind, severity, rng)
        for sigma in SIGMAS:
            pictures[f"{name}-sigma-{sigma}.png"] = worse(picture, "noise", sigma, rng)
    with tempfile.TemporaryDirectory() as folder:
        for file, picture in pictures.items():
            Image.fromarray(picture).save(Path(folder, file), compress_level=1)
        found = measured(program, folder)
    bad = 0
    graded = [file for file in pictures if "-sigma-" not in file]
    ours = np.array([found["niqe"][file] for file in graded])
    theirs = np.array([niqe_reference.niqe(pictures[file], model) for file in graded])
    apart, rank = np.abs(ours / theirs - 1), spearmanr(ours, theirs)[0]
    print(f"niqe and numpy, {len(graded)} pictures: rank {rank:.5f}, apart {apart.mean():.4%}, at most {apart.max():.3%}")
    bad += rank < 0.999 or apart.max() > 0.02
    columns = {"niqe": 1, "edge_width": 1, "blockiness": 1, "jpeg_quality": -1}
    print("\n| made worse by | measurement | " + " | ".join(f"{n}" for n in range(6)) + " | rank, a picture |")
    print("|---" * 9 + "|")
    for kind in SEVERITIES:
        for column, sign in columns.items():
            if column != "niqe" and (column == "edge_width") != (kind == "blur") or column in ("blockiness", "jpeg_quality") and kind != "jpeg":
                continue
            rows = np.array([[found[column][f"{name}-{kind}-{step}.png"] for step in range(6)] for name in photos])
            ranks = [spearmanr(range(6), sign * row, nan_policy="omit")[0] for row in rows if np.isfinite(row).sum() > 2]
            told = " | ".join(f"{v:.2f}" for v in np.nanmean(rows, 0))
            print(f"| {kind} {SEVERITIES[kind]} | {column} | {told} | {np.nanmean(ranks):.3f} |")
            bad += np.nanmean(ranks) < 0.85
    print("\n| sigma added | noise_sigma: mean error | spread | estimate_sigma: mean error | spread |")
    print("|---" * 5 + "|")
    for sigma in SIGMAS:
        files = [f"{name}-sigma-{sigma}.png" for name in photos]
        own = np.array([found["noise_sigma"][file] for file in files]) - sigma
        peer = np.array([estimate_sigma(pictures[file], channel_axis=-1, average_sigmas=True) for file in files]) - sigma
        print(f"| {sigma} | {own.mean():+.2f} | {own.std():.2f} | {peer.mean():+.2f} | {peer.std():.2f} |")
        bad += np.abs(own).mean() > np.abs(peer).mean()
    return bad


def speed(program, folder, photos, rounds):
    times, peers = {}, {}
    photos = list(photos.values())
    for _ in range(rounds):
        lines = subprocess.run([program, folder, "10"], check=True, capture_output=True, text=True).stdout
        for row in csv.DictReader(lines.splitlines()):
            times.setdefault((row["measurement"], float(row["megapixels"])), []).append(float(row["milliseconds"]))
        for side in (512, 1024, 2048):
            tiles = [[photos[(y * 4 + x) % len(photos)][:512, :512] for x in range(side // 512)] for y in range(side // 512)]
            picture = np.concatenate([np.concatenate(row, 1) for row in tiles], 0)
            for _ in range(3):
                start = time.perf_counter()
                estimate_sigma(picture, channel_axis=-1, average_sigmas=True)
                key = round(side * side / 1e6, 3)
                peers.setdefault(key, []).append((time.perf_counter() - start) * 1000)
    sizes = sorted({size for _, size in times})
    print("| milliseconds (a megapixel) | " + " | ".join(f"{size:.2f} MP" for size in sizes) + " |")
    print("|---" * (len(sizes) + 1) + "|")
    for name in dict.fromkeys(name for name, _ in times):
        best = [min(times[name, size]) for size in sizes]
        print(f"| {name} | " + " | ".join(f"{b:.2f} ({b / size:.2f})" for b, size in zip(best, sizes)) + " |")
    told = [f"{min(peers[size]):.1f}, {min(peers[size]) / min(times['noise_sigma', size]):.1f} times ours" if size in peers else "-" for size in sizes]
    print("| scikit-image's estimate_sigma | " + " | ".join(told) + " |")
    spread = [max(times["all", size]) / min(times["all", size]) for size in sizes]
    print(f"least of {rounds} rounds of 10; `all` varied {statistics.median(spread):.2f} times between rounds")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("--photos", type=int, default=22)
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    files = sorted(file for file in Path(given.folder).iterdir() if file.suffix in (".png", ".webp", ".jpg"))
    photos = {file.stem: np.array(Image.open(file).convert("RGB")) for file in files[: given.photos]}
    if given.speed:
        speed(given.program, given.folder, photos, given.rounds)
        return 0
    return 1 if agreement(given.program, photos) else 0


if __name__ == "__main__":
    sys.exit(main())
