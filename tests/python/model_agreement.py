"""Compares what safelight restores with what onnxruntime computes from the same ONNX files.

Usage: python tests/python/model_agreement.py target/release/safelight
Pictures go in and out as 16-bit PNG, so the bound is 1e-4 plus half a 16-bit step on each side.
Models of ../shared/models are skipped where they are absent.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime as ort

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
SHARED = os.path.join(ROOT, "..", "shared", "models")
OURS = os.path.join(ROOT, "sample_data", "models")
# file, height, width, scale
CASES = [
    (os.path.join(OURS, "denoise.onnx"), 96, 128, 1),
    (os.path.join(OURS, "denoise.onnx"), 700, 900, 1),  # several tiles
    (os.path.join(OURS, "upscale_x2.onnx"), 90, 70, 2),
    (os.path.join(SHARED, "dncnn_25_gray.onnx"), 300, 221, 1),
    (os.path.join(SHARED, "super_resolution.onnx"), 224, 224, 3),
    (os.path.join(SHARED, "keras_denoise_mnist.onnx"), 28, 28, 1),
]


def write_png16(path, pixels):
    """16-bit PNG of (height, width, channels) without a library that would round to 8 bits."""
    import struct
    import zlib

    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    kind = 0 if channels == 1 else 2
    header = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def read_pnm16(path):
    with open(path, "rb") as f:
        data = f.read()
    fields, at = [], 0
    while len(fields) < 4:
        end = at
        while data[end : end + 1] not in (b" ", b"\n"):
            end += 1
        fields.append(data[at:end])
        at = end + 1
    channels = 1 if fields[0] == b"P5" else 3
    width, height, top = (int(v) for v in fields[1:])
    assert top == 65535, top
    return np.frombuffer(data[at:], ">u2").reshape(height, width, channels).astype(np.float64) / 65535


def reference(session, x):
    info = session.get_inputs()[0]
    nchw = info.shape[1] in (1, 3)
    y = session.run([session.get_outputs()[0].name], {info.name: x.transpose(2, 0, 1)[None] if nchw else x[None]})[0][0]
    return np.clip(y.transpose(1, 2, 0) if nchw else y, 0, 1)


def main(binary):
    worst, failed = 0.0, 0
    for path, height, width, scale in CASES:
        name = os.path.basename(path)
        if not os.path.exists(path):
            print(f"{name:36} skipped: not there")
            continue
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        shape = session.get_inputs()[0].shape
        channels = shape[1] if shape[1] in (1, 3) else shape[3]
        rng = np.random.default_rng(0)
        smooth = np.linspace(0.2, 0.8, width)[None, :, None] * np.linspace(0.7, 1.0, height)[:, None, None]
        pixels = np.clip(smooth + rng.normal(0, 0.05, (height, width, channels)), 0, 1)
        pixels = np.round(pixels * 65535).astype(np.uint16)
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(os.path.join(folder, "in"))
            write_png16(os.path.join(folder, "in", "x.png"), pixels)
            pipeline = os.path.join(folder, "job.yaml")
            with open(pipeline, "w") as f:
                f.write(f"version: 1\ninput: {folder}/in\noutput: {folder}/out\nsteps:\n"
                        f"  - restore: {{model: {os.path.abspath(path)}, range: 0-1, check: finite}}\n  - write: {{format: pnm}}\n")
            subprocess.run([binary, "run", pipeline, "--progress", "quiet"], check=True, stdout=subprocess.DEVNULL)
            images = os.path.join(folder, "out", "images")
            ours = read_pnm16(os.path.join(images, os.listdir(images)[0]))
        theirs = reference(session, (pixels / 65535).astype(np.float32))
        assert ours.shape == theirs.shape == (height * scale, width * scale, channels), (ours.shape, theirs.shape)
        difference = float(np.abs(ours - theirs).max())
        bound = 1e-4 + 0.5 / 65535
        worst, failed = max(worst, difference), failed + (difference > bound)
        print(f"{name:36} {width}x{height}  largest difference {difference:.2e}  {'ok' if difference <= bound else 'TOO LARGE'}")
    print(f"worst {worst:.2e}; {failed} over the bound")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
