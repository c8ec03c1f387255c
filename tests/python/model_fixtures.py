"""Writes tests/fixtures/models.csv: what onnxruntime computes for fixed inputs of some ONNX models.

Usage: python tests/python/model_fixtures.py FOLDER_OF_MODELS tests/fixtures/models.csv
Needs: onnxruntime, numpy.

Each line: model file, tensor, height, width, shape of the tensor (dims joined by x), sum of its
values, then 24 values at flat indices (i * 7919) % size. The input is noise that the tests make
too: element i (of the tensor in its own layout) is (s >> 40) / 2^24, with s the i-th state of
s = s * 6364136223846793005 + 1442695040888963407 (64 bits) from s = 42.
"""
import csv
import os
import sys

import numpy as np
import onnx
import onnxruntime as ort

CASES = [  # file, extra tensor or None, height, width
    ("dncnn_25_gray.onnx", None, 40, 33),
    ("super_resolution.onnx", None, 224, 224),
    ("mnist.onnx", None, 28, 28),
    ("mnist.onnx", "Pooling160_Output_0", 28, 28),
    ("keras_denoise_mnist.onnx", None, 28, 28),
    ("keras_residual_autoencoder.onnx", None, 48, 32),
    ("keras_convtranspose_autoencoder.onnx", None, 32, 32),
]


def noise(n):
    out = np.empty(n, np.float32)
    s = 42
    for i in range(n):
        s = (s * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        out[i] = (s >> 40) / (1 << 24)
    return out


def main(folder, target):
    with open(target, "w", newline="") as f:
        rows = csv.writer(f, lineterminator="\n")
        for file, tensor, h, w in CASES:
            model = onnx.load(os.path.join(folder, file))
            if tensor:
                model.graph.output.append(onnx.helper.make_tensor_value_info(tensor, 1, None))
            session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
            info = session.get_inputs()[0]
            shape = list(info.shape)
            nchw = shape[1] in (1, 3)
            shape = [1, shape[1], h, w] if nchw else [1, h, w, shape[3]]
            x = noise(int(np.prod(shape))).reshape(shape)
            name = tensor or session.get_outputs()[0].name
            y = session.run([name], {info.name: x})[0]
            flat = y.reshape(-1)
            values = [f"{flat[(i * 7919) % flat.size]:.7g}" for i in range(24)]
            dims = "x".join(str(d) for d in y.shape)
            rows.writerow([file, tensor or "", h, w, dims, f"{flat.astype(np.float64).sum():.9g}", *values])


if __name__ == "__main__":
    main(*sys.argv[1:])
