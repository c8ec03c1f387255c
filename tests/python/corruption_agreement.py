"""Compares safelight's 19 ImageNet-C corruptions with the PyPI package `imagecorruptions`, on photographs.

    corruption_agreement.py <safelight binary> <photo folder> [--photos 20] [--size 288] [--only fog,snow]
    corruption_agreement.py --speed <times.csv> <photo folder>   # corruption,severity,milliseconds; one core each

Deterministic corruptions must agree within 1/255 (mean absolute difference). Random ones must agree within 2 %
in mean, standard deviation and SSIM to the clean photograph, each averaged over the photographs and over several
seeds of both sides: more where a single draw varies much (a fog is one cloud), so that the standard error, shown
as +-, is small enough to tell; a row deviates when it is beyond 2 % by more than two standard errors. The exit status is 1 if a row deviates and EXPLAINED does not say why.
"""

import os

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from skimage.filters import gaussian
from skimage.metrics import structural_similarity

warnings.filterwarnings("ignore")
from imagecorruptions import corrupt, corruptions, get_corruption_names

cv2.setNumThreads(1)
Picture = np.ndarray

DETERMINISTIC = {
    "gaussian_blur", "defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression", "saturate",
}  # fmt: skip
MEASURES = ("mean", "std", "ssim")
# Draws of each side for each photograph.
DRAWS = {"fog": 30, "frost": 10, "motion_blur": 8, "snow": 6, "spatter": 3}
USUAL_DRAWS = 2
EXPLAINED = {
    "frost": "ours is drawn, the peer blends in five photographs",
}


def gaussian_as_before(image: Picture, sigma: float, multichannel: bool = False, **rest: object) -> Picture:
    """scikit-image's `gaussian` with the argument that 0.20 no longer has and the peer still gives."""
    return gaussian(image, sigma, channel_axis=-1 if multichannel else None, **rest)


corruptions.gaussian = gaussian_as_before


def load(path: Path, size: int | None = None) -> Picture:
    """An RGB photograph; its middle, `size` pixels wide and high."""
    picture = np.asarray(Image.open(path).convert("RGB"))
    if size:
        top, left = (picture.shape[0] - size) // 2, (picture.shape[1] - size) // 2
        if min(top, left) < 0:
            sys.exit(f"{path} is smaller than {size}x{size}; give a smaller --size")
        picture = picture[top : top + size, left : left + size]
    return np.ascontiguousarray(picture)


def make_ours(binary: str, clean: Path, names: list[str], seed: int, folder: Path) -> Path:
    """Runs the binary on a folder; the folder of <corruption>/<severity>/<name>.png."""
    out = folder / f"{'-'.join(names)[:40]}-{seed}"
    pipeline = folder / "pipeline.yaml"
    pipeline.write_text(
        f"version: 1\nname: agreement\nseed: {seed}\ninput: {clean}\noutput: {out}\nsteps:\n"
        f"  - corrupt_each: [{', '.join(names)}]\n"
        f"  - write: {{folder: images, format: png}}\n"
    )
    subprocess.run([binary, "run", str(pipeline), "--progress", "quiet"], check=True, stdout=subprocess.DEVNULL)
    return out / "images"


def statistics(picture: Picture, clean: Picture) -> tuple[float, float, float]:
    """Mean, standard deviation and SSIM to the clean photograph."""
    return picture.mean(), picture.std(), structural_similarity(clean, picture, channel_axis=2)


def compare_exact(name: str, severity: int, photos: dict[str, Picture], ours: list[Path]) -> tuple[str, bool]:
    """The text of a deterministic row, and whether it agrees."""
    off = [np.abs(corrupt(p, severity, name) - load(ours[0] / f"{n}.png").astype(float)).mean() for n, p in photos.items()]
    return f"difference {np.mean(off):5.2f}/255", bool(np.mean(off) <= 1)


def compare_random(name: str, severity: int, photos: dict[str, Picture], ours: list[Path]) -> tuple[str, bool]:
    """The text of a random row, and whether it agrees."""
    mine = np.array([[statistics(load(f / f"{n}.png"), p) for n, p in photos.items()] for f in ours])
    theirs = np.array([[statistics(corrupt(p, severity, name), p) for p in photos.values()] for _ in ours])
    expected = theirs.mean((0, 1))
    relative = mine.mean((0, 1)) / expected - 1
    variance = (mine.var(0, ddof=1) + theirs.var(0, ddof=1)).sum(0) / len(ours) / len(photos) ** 2
    error = np.sqrt(variance) / expected
    cells = [f"{m} {r:+7.2%} +- {e:.2%}" for m, r, e in zip(MEASURES, relative, error)]
    return "  ".join(cells), bool((np.abs(relative) - 2 * error).max() <= 0.02)


def agreement(binary: str, paths: list[Path], size: int, names: list[str]) -> bool:
    """Prints a row for each corruption and severity; whether all agree or are explained."""
    good = True
    with tempfile.TemporaryDirectory() as temporary:
        # Whole photographs where one draw says everything, their middles where many are needed.
        sets = {}
        for whole in (True, False):
            photos = {path.stem: load(path, None if whole else size) for path in paths}
            clean = Path(temporary) / f"clean-{whole}"
            clean.mkdir()
            for name, picture in photos.items():
                Image.fromarray(picture).save(clean / f"{name}.png")
            sets[whole] = photos, clean
        for name in names:
            photos, clean = sets[name in DETERMINISTIC]
            draws = 1 if name in DETERMINISTIC else DRAWS.get(name, USUAL_DRAWS)
            made = [make_ours(binary, clean, [name], seed, Path(temporary)) for seed in range(draws)]
            compare = compare_exact if name in DETERMINISTIC else compare_random
            for severity in range(1, 6):
                text, agrees = compare(name, severity, photos, [m / name / str(severity) for m in made])
                reason = EXPLAINED.get(name)
                good &= agrees or reason is not None
                verdict = "ok" if agrees else f"DEVIATES ({reason or 'unexplained'})"
                print(f"{name:18} {severity}  {text}  {verdict}", flush=True)
            for folder in made:
                shutil.rmtree(folder.parent)
    return good


def speed(photos: dict[str, Picture], times: Path) -> None:
    """Prints the peer's time over ours for each corruption, and for all together."""
    with times.open(newline="") as file:
        ours = {(row["corruption"], int(row["severity"])): float(row["milliseconds"]) for row in csv.DictReader(file)}
    totals = np.zeros(2)
    for name in dict.fromkeys(name for name, _ in ours):
        sums = np.zeros(2)
        for severity in sorted(s for n, s in ours if n == name):
            corrupt(next(iter(photos.values())), severity, name)  # warm-up
            start = time.perf_counter()
            for picture in photos.values():
                corrupt(picture, severity, name)
            sums += (time.perf_counter() - start) * 1000 / len(photos), ours[name, severity]
        totals += sums
        print(f"{name:18} peer {sums[0]:9.1f} ms  ours {sums[1]:8.1f} ms  {sums[0] / sums[1]:7.1f} times", flush=True)
    print(f"{'sum of ' + str(len(ours)):18} peer {totals[0]:9.1f} ms  ours {totals[1]:8.1f} ms  {totals[0] / totals[1]:7.1f} times")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", nargs="?", help="safelight; not needed with --speed")
    parser.add_argument("folder", type=Path, help="photographs")
    parser.add_argument("--photos", type=int, default=20)
    parser.add_argument("--size", type=int, default=288, help="side of the part that random corruptions are compared on")
    parser.add_argument("--only", help="corruptions, separated by commas")
    parser.add_argument("--speed", type=Path, metavar="TIMES", help="compare these times instead")
    args = parser.parse_args()
    paths = sorted(p for p in args.folder.iterdir() if p.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"})
    paths = paths[: args.photos]
    if not paths:
        parser.error(f"no photographs in {args.folder}")
    np.random.seed(1)
    if args.speed:
        speed({path.stem: load(path) for path in paths}, args.speed)
        return 0
    if args.binary is None:
        parser.error("name the binary")
    names = args.only.split(",") if args.only else get_corruption_names("all")
    return 0 if agreement(args.binary, paths, args.size, names) else 1


if __name__ == "__main__":
    sys.exit(main())
