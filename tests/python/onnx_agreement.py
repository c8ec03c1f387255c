"""Compares exported ONNX files with what they should compute, by onnxruntime.

Usage: python tests/python/onnx_agreement.py FOLDER
FOLDER holds NAME.onnx, NAME.input.npy, NAME.output.npy and NAME.bottleneck.npy (float32); the test
`exports_for_python` writes one (`make test-training`). Every file must pass onnx's full check, and its outputs agree
to 1e-4, relative where numbers are above 1. A fault is planted first: the check must see it.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

TOLERANCE = 1e-4


def difference(model, folder, name):
    """The largest difference of `model` from the numbers beside it; infinite where shapes differ."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs = [o.name for o in session.get_outputs()]
    assert sorted(outputs) == ["bottleneck", "output"], outputs
    found = session.run(outputs, {"input": np.load(folder / f"{name}.input.npy")})
    worst = 0.0
    for output, numbers in zip(outputs, found):
        wanted = np.load(folder / f"{name}.{output}.npy")
        if numbers.shape != wanted.shape:
            print(f"{name}: {output} has the shape {numbers.shape}, not {wanted.shape}")
            return np.inf
        apart = np.abs(numbers - wanted) / np.maximum(1, np.abs(wanted))
        worst = max(worst, np.nan_to_num(apart, nan=np.inf).max())
    return worst


def fault_is_seen(folder, name):
    """Whether one changed weight of the last layer that has some is found out."""
    model = onnx.load(folder / f"{name}.onnx")
    weights = [t for t in model.graph.initializer if t.name.endswith("_weight")][-1]
    changed = numpy_helper.to_array(weights).copy()
    changed.flat[0] += 0.01
    weights.CopyFrom(numpy_helper.from_array(changed, weights.name))
    return difference(model, folder, name) > TOLERANCE


def main():
    folder = pathlib.Path(sys.argv[1])
    names = sorted(path.stem for path in folder.glob("*.onnx"))
    if not names:
        sys.exit(f"no ONNX files in {folder}")
    if not fault_is_seen(folder, names[0]):
        sys.exit(f"a fault planted in {names[0]} was not seen: this check checks nothing")
    print(f"a fault planted in {names[0]} is seen")
    bad = 0
    for name in names:
        model = onnx.load(folder / f"{name}.onnx")
        try:
            onnx.checker.check_model(model, full_check=True)
            worst = difference(model, folder, name)
        except Exception as error:  # whatever it is, the other files are checked too
            print(f"{name:28} FAILED: {error}")
            bad += 1
            continue
        good = worst <= TOLERANCE
        bad += not good
        print(f"{name:28} {worst:.1e} {'ok' if good else 'DIFFERS'}")
    print(f"{len(names)} files, {bad} disagree")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
