"""Compares the metrics of `compare` with scikit-image's, on pairs of pictures made of photographs, or of synthetic ones.

    metric_agreement.py <safelight> [photo folder]

20 pairs: noise, blur, JPEG, another brightness, a shift, a darker gamma, of odd and even sizes, gray and colour, 8 and 16 bits,
some cut to a border, in RGB and in Y. PSNR, MSE and SSIM are scikit-image's `peak_signal_noise_ratio`, `mean_squared_error` and
`structural_similarity` (Gaussian weights, sigma 1.5, population covariance, data range 1); MAE is numpy's mean. MS-SSIM is not
in scikit-image: its formula, as Wang's MATLAB code and TensorFlow's `ssim_multiscale` have it, stands here in numpy, with
scikit-image's means at each scale. All have to agree to 1e-4; the exit status is 1 where they do not.
"""
import csv
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity

WEIGHTS = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
BOUND = 1e-4
SIDE = 161
METRICS = ["psnr", "ssim", "ms_ssim", "mae", "mse"]
ARGUMENTS = dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0)


def luma(image):
    """Y of BT.601, 16 to 235 of 255, of [0, 1]."""
    if image.ndim == 2:
        return (16 + 219 * image) / 255
    return (16 + image @ np.array([65.481, 128.553, 24.966])) / 255


def planes(image):
    return [image] if image.ndim == 2 else [image[..., c] for c in range(image.shape[2])]


def mean_of(plane):
    return gaussian_filter(plane, 1.5, truncate=3.5)


def structure(a, b):
    """Mean of contrast and structure over the valid region, scikit-image's window."""
    ma, mb = mean_of(a), mean_of(b)
    va, vb, cov = mean_of(a * a) - ma * ma, mean_of(b * b) - mb * mb, mean_of(a * b) - ma * mb
    values = (2 * cov + 0.03**2) / (va + vb + 0.03**2)
    return values[5:-5, 5:-5].mean()


def halved(plane):
    plane = np.pad(plane, [(0, plane.shape[0] % 2), (0, plane.shape[1] % 2)], mode="symmetric")
    return (plane[::2, ::2] + plane[1::2, ::2] + plane[::2, 1::2] + plane[1::2, 1::2]) / 4


def multi_scale(a, b):
    if min(a.shape[:2]) < SIDE:
        return None
    values = []
    for a, b in zip(planes(a), planes(b)):
        product = 1.0
        for weight in WEIGHTS[:-1]:
            product *= max(structure(a, b), 0) ** weight
            a, b = halved(a), halved(b)
        values.append(product * max(structural_similarity(a, b, **ARGUMENTS), 0) ** WEIGHTS[-1])
    return float(np.mean(values))


def peers(worse, clean, colour, border):
    if colour == "y":
        worse, clean = luma(worse), luma(clean)
    if border:
        worse, clean = worse[border:-border, border:-border], clean[border:-border, border:-border]
    axis = None if clean.ndim == 2 else 2
    return {
        "psnr": peak_signal_noise_ratio(clean, worse, data_range=1.0),
        "ssim": structural_similarity(clean, worse, channel_axis=axis, **ARGUMENTS),
        "ms_ssim": multi_scale(worse, clean),
        "mae": float(np.abs(worse - clean).mean()),
        "mse": mean_squared_error(clean, worse),
    }


def jpeg(image, quality):
    file = io.BytesIO()
    Image.fromarray(np.round(image * 255).astype(np.uint8)).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)) / 255


def made(rng, height, width):
    """A picture of smooth waves, edges and some texture."""
    y, x = np.mgrid[:height, :width]
    image = np.zeros((height, width, 3))
    for c in range(3):
        for _ in range(6):
            angle, wave = rng.uniform(0, np.pi), rng.uniform(4, 90)
            image[..., c] += rng.uniform(0.05, 0.2) * np.sin((x * np.cos(angle) + y * np.sin(angle)) / wave)
        image[..., c] += rng.uniform(-0.2, 0.2) * (x * rng.uniform(0.5, 1) > y)
    return np.clip(0.5 + image + rng.normal(0, 0.01, image.shape), 0, 1)


def ways(rng):
    noise = lambda sigma: lambda i: i + rng.normal(0, sigma / 255, i.shape)
    blur = lambda sigma: lambda i: gaussian_filter(i, (sigma, sigma) + (0,) * (i.ndim - 2))
    return [
        noise(5), noise(25), noise(50), blur(0.7), blur(2), blur(4), lambda i: jpeg(i, 10), lambda i: jpeg(i, 50),
        lambda i: jpeg(i, 95), lambda i: i + 1 / 255, lambda i: i - 0.1, lambda i: np.roll(i, 1, 1), lambda i: i**1.3,
        lambda i: 1 - i, lambda i: np.round(i * 7) / 7, noise(1), blur(1), lambda i: jpeg(i, 30), lambda i: 0.7 * i + 0.1,
        lambda i: np.median([i, np.roll(i, 1, 0), np.roll(i, -1, 0)], 0),
    ]


def write(image, path, deep):
    top = 65535 if deep else 255
    samples = np.round(np.clip(image, 0, 1) * top).astype(np.uint16 if deep else np.uint8)
    if deep and samples.ndim == 3:
        raise ValueError("Pillow has no colour of 16 bits")
    Image.fromarray(samples).save(path)
    return samples / top


def pairs(folder, photos):
    """Writes 20 pairs; gives each as (name, worse, clean)."""
    rng = np.random.default_rng(18)
    sizes = [(200, 180), (161, 175), (187, 163), (256, 192), (120, 90), (177, 301), (15, 40), (333, 171), (162, 162), (240, 161)]
    found = []
    for n, worsen in enumerate(ways(rng)):
        height, width = sizes[n % len(sizes)]
        if photos:
            picture = np.asarray(Image.open(photos[n % len(photos)]).convert("RGB")) / 255
            picture = picture[:height, :width] if min(picture.shape[:2]) >= max(height, width) else made(rng, height, width)
        else:
            picture = made(rng, height, width)
        gray, deep = n % 4 == 1, n % 8 == 1
        picture = picture.mean(2) if gray else picture
        name = f"{n:02}.{'tif' if deep else 'png'}"
        clean = write(picture, folder / "clean" / name, deep)
        found.append((name, write(worsen(clean), folder / "worse" / name, deep), clean))
    return found


def main():
    program = Path(sys.argv[1]).resolve()
    photos = sorted(Path(sys.argv[2]).glob("*.png")) if len(sys.argv) > 2 else []
    largest, count, missing = {}, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for name in ["worse", "clean"]:
            (folder / name).mkdir()
        made_pairs = pairs(folder, photos)
        for colour, border in [("rgb", 0), ("y", 2)]:
            out = folder / f"out-{colour}"
            text = f"""version: 1
input: {folder}/worse
output: {out}
steps:
  - reference: {{path: {folder}/clean}}
  - compare: {{metrics: [{", ".join(METRICS)}], colour: {colour}, border: {border}}}
  - scores
"""
            (folder / "job.yaml").write_text(text)
            subprocess.run([program, "run", folder / "job.yaml", "--progress", "quiet"], check=True, capture_output=True)
            with open(out / "scores" / "pictures.csv", newline="") as file:
                ours = {row["path"]: row for row in csv.DictReader(file)}
            for name, worse, clean in made_pairs:
                wanted = peers(worse, clean, colour, border)
                for metric, value in wanted.items():
                    cell = ours[name][metric]
                    if value is None:
                        assert cell == "", (name, metric, cell)
                        missing += 1
                        continue
                    count += 1
                    key = (metric, colour)
                    largest[key] = max(largest.get(key, (0.0, "")), (abs(float(cell) - value), name))
    for (metric, colour), (difference, name) in sorted(largest.items()):
        print(f"{metric:8} {colour:4} largest difference {difference:.1e} ({name})")
    worst = max(difference for difference, _ in largest.values())
    print(f"{len(made_pairs)} pairs, {count} values, {missing} MS-SSIM of too small pictures empty on both sides; bound {BOUND}")
    sys.exit(int(worst > BOUND))


if __name__ == "__main__":
    main()
