"""Measures denoisers and x2 upscalers by the protocols of the literature, with onnxruntime.

Usage: python tests/python/model_scores.py [--benchmarks FOLDER] [--enlarged] MODEL ...

FOLDER holds cbsd68/*.png and set5/x2, set14/x2 with *_LR.png beside *_HR.png. A model of scale 1 is scored on CBSD68: mean RGB
PSNR at sigma 15, 25, 50, noise added to the float image, neither clipped nor rounded, the result clipped. One of scale 2 on
Set5 and Set14: PSNR of the Y of YCbCr (16 to 235), result rounded to 8 bits, 2 pixels cropped from each border. The benchmark
images are for evaluation only.
"""
import argparse
import math
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

SIGMAS = (15, 25, 50)


def read(path):
    return np.asarray(Image.open(path).convert("RGB"), np.float64)


def psnr(a, b, peak):
    return 10 * math.log10(peak**2 / np.mean((a - b) ** 2))


def luma(image):
    """Y of ITU-R BT.601, 16 to 235, of RGB in 0 to 255."""
    return 16 + image @ np.array([65.481, 128.553, 24.966]) / 255


def infer(session, image, multiple):
    """`image` [h, w, 3] in [0, 1] through the network, its sides filled up by reflection."""
    h, w = image.shape[:2]
    fill = [(0, -h % multiple), (0, -w % multiple), (0, 0)]
    x = np.pad(image, fill, mode="reflect").transpose(2, 0, 1)[None].astype(np.float32)
    y = session.run(["output"], {"input": x})[0][0].transpose(1, 2, 0)
    scale = y.shape[0] // x.shape[2]
    return y[: h * scale, : w * scale].astype(np.float64)


def denoiser(session, multiple, folder):
    images = [read(p) / 255 for p in sorted((folder / "cbsd68").glob("*.png"))]
    for sigma in SIGMAS:
        values = []
        for i, clean in enumerate(images):
            noise = np.random.default_rng([20, 5, i]).standard_normal(clean.shape) * sigma / 255
            values.append(psnr(np.clip(infer(session, clean + noise, multiple), 0, 1), clean, 1))
        print(f"  CBSD68, sigma {sigma}: {np.mean(values):.2f} dB")


def upscaler(session, multiple, folder, enlarged):
    for name in ("set5", "set14"):
        ours, bicubic = [], []
        for path in sorted((folder / name / "x2").glob("*_LR.png")):
            small = read(path)
            h, w = 2 * small.shape[0], 2 * small.shape[1]
            clean = luma(read(path.with_name(path.name.replace("_LR", "_HR")))[:h, :w])[2:-2, 2:-2]
            plain = Image.fromarray(small.astype(np.uint8)).resize((w, h), Image.BICUBIC)
            plain = np.asarray(plain, np.float64)
            given = plain if enlarged else small
            large = np.clip(np.round(infer(session, given / 255, multiple) * 255), 0, 255)
            ours.append(psnr(luma(large)[2:-2, 2:-2], clean, 255))
            bicubic.append(psnr(luma(plain)[2:-2, 2:-2], clean, 255))
        print(f"  {name}, x2, Y: {np.mean(ours):.2f} dB (Pillow's bicubic {np.mean(bicubic):.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmarks", type=Path, default=Path("../shared/data"))
    parser.add_argument(
        "--enlarged", action="store_true", help="models of scale 1 sharpen pictures enlarged x2 by bicubic interpolation"
    )
    parser.add_argument("models", nargs="+", type=Path)
    args = parser.parse_args()
    for path in args.models:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        facts = session.get_modelmeta().custom_metadata_map
        scale, multiple = int(facts.get("scale", 1)), int(facts.get("size_multiple", 1))
        print(f"{path} (scale {scale})")
        if scale == 2 or args.enlarged:
            upscaler(session, multiple, args.benchmarks, args.enlarged)
        else:
            denoiser(session, multiple, args.benchmarks)


if __name__ == "__main__":
    main()
