"""Compares every operator, in all its variants, with onnxruntime and with ONNX's own reference implementation.

Usage: python tests/python/operator_agreement.py SERVER [--only WORD] [--all]

SERVER is the program of `benches/networks.rs`. Each case of `operator_cases.py` is a small network: a convolution, the
operator, a cast. It must give what the specification says, on our kernels and on tract alone, or be refused with a
message. Where the two peers differ from one another (the specification leaves it open, or one of them is wrong), either
is right. A silent difference fails the check, and so does a network that ends the server.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import operator_cases

ENGINES = ["fast", "plain"]
SHAPE = (1, 3, 6, 8)
# Part of the largest number: operators sum in different orders and precisions.
TOLERANCE = 2e-4
# Where the specification is on the reference's side.
BY_REFERENCE = {
    r"Resize mode (linear|cubic), .*pytorch_half_pixel.* to \[1, 3, (1, 13|6, 1)\]":
        "a side of one pixel begins at 0 in this mode",
}
# What a network makes of numbers that are none: pictures have none, and a network that makes some is broken.
OPEN = r" of NaN "
# Fewer than these, and something else is broken.
LEAST_COMPUTED = 15000


class Server:
    def __init__(self, program):
        self.program = program
        self.start()

    def start(self):
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([self.program], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.process.kill()
            self.process.wait()
            self.start()
            return {"ok": False, "error": "the process ended", "ended": True}
        return json.loads(answer)


def network(case):
    """The case as a model: a convolution that makes signed numbers, the operator, and a cast of what it makes."""
    rng = np.random.default_rng(7)
    weights = rng.normal(0, 1, (3, 3, 3, 3)).astype(np.float32) * 0.45
    bias = np.float32(-weights.sum(axis=(1, 2, 3)) * 0.5)
    constants = {"conv_w": weights, "conv_b": bias, **case.constants}
    nodes = [helper.make_node("Conv", ["x", "conv_w", "conv_b"], ["conved"], pads=[1, 1, 1, 1])]
    at = "conved"
    for number, (op, values) in enumerate(case.before):
        names = [f"before_{number}_{i}" for i in range(len(values))]
        constants.update(zip(names, values))
        nodes.append(helper.make_node(op, [at, *names], [f"before_{number}"]))
        at = f"before_{number}"
    if case.shape != SHAPE:
        constants["data_shape"] = np.array(case.shape, np.int64)
        nodes.append(helper.make_node("Reshape", [at, "data_shape"], ["data_shaped"]))
        at = "data_shaped"
    if case.kind != "float32":
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(case.kind))
        nodes.append(helper.make_node("Cast", [at], ["data_cast"], to=kind))
        at = "data_cast"
    for node in case.nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.input[:] = [at if name == "data" else name for name in copy.input]
        nodes.append(copy)
    nodes.append(helper.make_node("Cast", [case.output], ["y"], to=TensorProto.FLOAT))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)]
    # The checker wants a shape; which one it is, nothing here looks at.
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["a"])]
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "case", inputs, outputs, stored)
    imports = [helper.make_opsetid("", case.opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def peers(model, x):
    """What onnxruntime and the reference implementation give, with their names; those that can't are left out."""
    found, reasons = {}, []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            options = ort.SessionOptions()
            options.log_severity_level = 4
            # As it stands in the file: its own rewriting is not the question.
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
            session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
            found["onnxruntime"] = session.run(None, {"x": x})[0]
        except Exception as error:
            reasons.append(f"onnxruntime: {error}")
        try:
            with np.errstate(all="ignore"):
                found["reference"] = np.asarray(ReferenceEvaluator(model).run(None, {"x": x})[0])
        except Exception as error:
            reasons.append(f"reference: {type(error).__name__}: {error}")
    return found, reasons


def alike(ours, theirs):
    if ours.shape != theirs.shape:
        return False
    if not np.array_equal(np.isnan(ours), np.isnan(theirs)):
        return False
    ours, theirs = np.nan_to_num(ours, nan=0.0), np.nan_to_num(theirs, nan=0.0)
    with np.errstate(all="ignore"):
        finite = np.isfinite(theirs)
        if not np.array_equal(ours[~finite], theirs[~finite]):
            return False
        size = max(1.0, float(np.abs(theirs[finite]).max(initial=0)))
        return bool(np.all(np.abs(ours[finite] - theirs[finite]) <= TOLERANCE * size))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("--only", default="")
    parser.add_argument("--all", action="store_true", help="tell every case, not only what is wrong")
    arguments = parser.parse_args()
    server = Server(arguments.server)
    x = np.random.default_rng(3).random(SHAPE, np.float32)
    counts, refused, wrong, told, open_ = collections.Counter(), {}, [], set(), {}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: os.path.join(folder, name) for name in ("model.onnx", "in", "out")}
        x.tofile(files["in"])
        for case in operator_cases.cases():
            label = f"{case.name} (opset {case.opset})"
            if arguments.only not in label or re.search(OPEN, label):
                continue
            model = network(case)
            try:
                onnx.checker.check_model(model)
            except onnx.checker.ValidationError as error:
                # Not a model of this version.
                counts["no model"] += 1
                if arguments.all:
                    print(f"{label}: no model: {str(error).splitlines()[0]}")
                continue
            wanted, reasons = peers(model, x)
            if not wanted:
                counts["no peer"] += 1
                if arguments.all:
                    print(f"{label}: no peer computes it: {reasons}")
                continue
            values = list(wanted.values())
            onnx.save(model, files["model.onnx"])
            for engine in ENGINES:
                loaded = server.ask(cmd="load", model=files["model.onnx"], batch=1, height=SHAPE[2], width=SHAPE[3],
                                    threads=1, engine=engine, level="auto", input=files["in"])
                ran = server.ask(cmd="run", iterations=1, output=files["out"]) if loaded["ok"] else loaded
                if ran.get("ended"):
                    wrong.append(f"{label}: the server ended")
                    break
                if not ran["ok"]:
                    counts["refused"] += 1
                    refused.setdefault(case.name.split(" ")[0], []).append((label, ran["error"]))
                    if arguments.all:
                        print(f"{label}, {engine}: refused: {' '.join(ran['error'].split())[:230]}")
                    break
                ours = np.fromfile(files["out"], np.float32)
                shape = tuple(loaded["shape"])
                ours = ours.reshape(shape) if np.prod(shape) == ours.size else ours
                right = [name for name, theirs in wanted.items() if alike(ours, theirs)]
                if right == ["reference"] and "onnxruntime" in wanted:
                    right = [name for name in right if any(re.match(pattern, label) for pattern in BY_REFERENCE)]
                counts["computed"] += 1
                if not right:
                    theirs = values[0]
                    same = ours.shape == theirs.shape
                    what = f"largest difference {np.abs(ours - theirs).max():.3g}" if same else f"{ours.shape} for {theirs.shape}"
                    wrong.append(f"{label}, {engine}: {what} from {'/'.join(wanted)}")
                elif len(right) < len(wanted):
                    open_.setdefault(right[0], []).append(label)
                if right and arguments.all:
                    print(f"{label}, {engine}: as {' and '.join(right)}{' ALONE' if len(right) < len(wanted) else ''}")
    for line in wrong:
        print("WRONG", line)
    print(f"refused: {', '.join(f'{op} {len(labels)}' for op, labels in sorted(refused.items()))}")
    for name, labels in open_.items():
        counted = collections.Counter(label.split(" ")[0] for label in labels)
        print(f"the peers differ, as {name}: {', '.join(f'{op} {count}' for op, count in sorted(counted.items()))}")
    print(f"{dict(counts)}; {len(wrong)} differ")
    enough = arguments.only or counts["computed"] >= LEAST_COMPUTED
    return 0 if not wrong and enough else 1


if __name__ == "__main__":
    sys.exit(main())
