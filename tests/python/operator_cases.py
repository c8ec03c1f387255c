"""The cases of `operator_agreement.py`: each operator that image networks use, with its attributes, at every version.

A case is tried at each version of the operator from 7 on; the checker tells where its form is not of that version.
"""
import dataclasses
import functools
import itertools

import numpy as np
import onnx
from onnx import helper

OLDEST, NEWEST = 7, 24
PICTURE = (1, 3, 6, 8)
FLAT = (6, 24)
rng = np.random.default_rng(11)


@dataclasses.dataclass
class Case:
    name: str
    opset: int
    nodes: list
    constants: dict
    shape: tuple = PICTURE
    kind: str = "float32"
    before: tuple = ()
    output: str = "out"


@functools.cache
def versions(op):
    known = {s.since_version for s in onnx.defs.get_all_schemas_with_history() if s.name == op and s.domain == ""}
    ours = {version for version in known if OLDEST <= version <= NEWEST}
    # The form of the oldest that is read, in whatever version the operator is then.
    return sorted(ours | {max(OLDEST, 9), 22 if min(known) <= 22 else min(known)})


def words(attributes):
    return ", ".join(f"{name} {value}" for name, value in attributes.items())


def one(op, *constants, outputs=1, take=0, note="", **options):
    """A case at each version: one node on the data, on constants (None: left out), with attributes."""
    fields = {key: options.pop(key) for key in ("shape", "kind", "before") if key in options}
    inputs, held = ["data"], {}
    for number, value in enumerate(constants):
        inputs.append("" if value is None else f"c{number}")
        if value is not None:
            held[f"c{number}"] = np.asarray(value)
    made = ["out" if i == take else f"other{i}" for i in range(outputs)]
    node = helper.make_node(op, inputs, made, name=f"the_{op}", **options)
    name = " ".join(part for part in (op, words(options), note) if part)
    for version in versions(op):
        yield Case(name, version, [node], held, **fields)


def f32(*values):
    return np.array(values, np.float32)


def i64(*values):
    return np.array(values, np.int64)


def weights(*shape):
    return rng.normal(0, 0.5, shape).astype(np.float32)


# Numbers with many ties and halves.
HALVES = (("Mul", [f32(4)]), ("Floor", []), ("Mul", [f32(0.5)]))
LARGE = (("Mul", [f32(300)]),)
SMALL = (("Mul", [f32(0.3)]),)
TENS = (("Abs", []), ("Mul", [f32(20)]))


def activations():
    plain = ["Abs", "Neg", "Ceil", "Floor", "Round", "Sign", "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Exp",
             "Erf", "HardSwish", "Mish", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh", "Identity"]
    for op in plain:
        yield from one(op)
        yield from one(op, before=HALVES, note="of halves")
    for op in ["Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Exp", "Erf", "HardSwish", "Mish"]:
        yield from one(op, before=LARGE, note="of large numbers")
    for op in ["Acos", "Asin", "Atanh"]:
        yield from one(op, before=(("Mul", [f32(0.2)]),))
    for op in ["Sqrt", "Log", "Acosh", "Reciprocal"]:
        yield from one(op)
        yield from one(op, before=(("Abs", []), ("Add", [f32(1.5)])), note="of positive numbers")
    for op, names in {"Elu": ["alpha"], "LeakyRelu": ["alpha"], "ThresholdedRelu": ["alpha"], "Celu": ["alpha"]}.items():
        yield from one(op)
        for value in [0.1, 0.5, 1.0, 2.0, -0.5]:
            yield from one(op, **{names[0]: value})
        yield from one(op, before=LARGE, note="of large numbers", alpha=0.7)
    for alpha, gamma in [(None, None), (1.2, 0.8), (2.0, 1.5)]:
        yield from one("Selu", **({} if alpha is None else {"alpha": alpha, "gamma": gamma}))
    for alpha, beta in [(None, None), (0.5, 0.3), (1 / 6, 0.5), (-0.2, 0.5)]:
        yield from one("HardSigmoid", **({} if alpha is None else {"alpha": alpha, "beta": beta}))
    for options in [{}, {"lambd": 0.2}, {"lambd": 0.3, "bias": 0.1}, {"bias": 0.5}, {"lambd": 0.0}]:
        yield from one("Shrink", **options)
    for options in [{}, {"approximate": "none"}, {"approximate": "tanh"}]:
        yield from one("Gelu", **options)
    for options in [{}, {"alpha": 1.7}, {"alpha": 0.3}]:
        yield from one("Swish", **options)
    for slope in [f32(0.25), f32(-0.5), weights(3, 1, 1), weights(8), weights(1, 3, 6, 8), weights(6, 1)]:
        yield from one("PRelu", slope, note=f"slope {slope.shape}")
    for low, high in [(None, None), (0.1, None), (None, 0.3), (-0.2, 0.4), (0.5, -0.5), (0.0, 6.0)]:
        bounds = {name: value for name, value in (("min", low), ("max", high)) if value is not None}
        yield from one("Clip", **bounds)
        yield from one("Clip", *[None if v is None else np.float32(v) for v in (low, high)], note=f"inputs {low} {high}")
    yield from one("Clip", np.float32(0), np.float32(1), before=LARGE)
    nan = (("Sub", [f32(0.3)]), ("Sqrt", []))
    for op in ["Relu", "Sigmoid", "Tanh", "IsNaN", "Abs", "LeakyRelu", "HardSigmoid"]:
        yield from one(op, before=nan, note="of NaN")
    yield from one("Clip", np.float32(0), np.float32(1), before=nan, note="of NaN")
    for op in ["Max", "Min"]:
        yield from one(op, f32(0.2), before=nan, note="of NaN")
    infinite = (("Mul", [f32(1e30)]), ("Mul", [f32(1e30)]))
    for options in [{}, {"detect_negative": 0}, {"detect_positive": 0}]:
        yield from one("IsInf", before=infinite, **options)
    for op in ["Tanh", "Sigmoid", "Exp", "Softplus", "Erf", "HardSwish", "Gelu", "Mish", "Softsign"]:
        yield from one(op, before=infinite, note="of infinities")
    for axis in [None, 0, 1, 2, 3, -1, -3]:
        options = {} if axis is None else {"axis": axis}
        for op in ["Softmax", "LogSoftmax", "Hardmax"]:
            yield from one(op, **options)
            yield from one(op, before=LARGE, note="of large numbers", **options)
        yield from one("Hardmax", before=HALVES, note="with ties", **options)


def arithmetic():
    for op in ["Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Mean", "Sum", "Mod"]:
        for other in [f32(1.5), weights(3, 1, 1), weights(8), weights(2, 1, 1, 1)]:
            options = {"fmod": 1} if op == "Mod" else {}
            yield from one(op, other, note=f"by {other.shape}", **options)
    yield from one("Pow", f32(2.0))
    yield from one("Pow", f32(0.5), before=(("Abs", []),))
    yield from one("Pow", i64(3), note="by int64")
    yield from one("Pow", f32(-1.0))
    yield from one("Max", weights(3, 1, 1), weights(8), note="of three")
    yield from one("Mean", weights(3, 1, 1), weights(8), note="of three")
    for kind in ["int32", "int64", "uint8", "int8", "int16"]:
        for value in [3, 7, 100] + ([-3] if not kind.startswith("u") else []):
            other = np.array([value], kind)
            before = TENS if kind == "uint8" else (("Mul", [f32(30)]),)
            yield from one("Mod", other, kind=kind, before=before, note=f"{kind} by {value}")
            yield from one("Div", other, kind=kind, before=before, note=f"{kind} by {value}")
            yield from one("Mod", other, kind=kind, before=before, fmod=1, note=f"{kind} by {value}")
    yield from sizes_as_numbers()
    yield from one("Mod", f32(0.7), fmod=1)
    yield from one("Mod", f32(-0.7), fmod=1)
    for direction in ["LEFT", "RIGHT"]:
        yield from one("BitShift", np.array([2], np.uint8), kind="uint8", before=TENS, direction=direction)
    for op in ["BitwiseAnd", "BitwiseOr", "BitwiseXor"]:
        yield from one(op, np.array([12], np.int32), kind="int32", before=LARGE)
    yield from one("BitwiseNot", kind="int32", before=LARGE)
    for op in ["Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal"]:
        yield from one(op, f32(0.5), before=HALVES)
    for op in ["And", "Or", "Xor"]:
        yield from one(op, np.array([True, False] * 4), kind="bool", before=HALVES)
    yield from one("Not", kind="bool", before=HALVES)
    condition = np.array([True, False] * 4)
    for version in versions("Where"):
        node = helper.make_node("Where", ["c", "data", "o"], ["out"])
        yield Case("Where", version, [node], {"c": condition, "o": weights(3, 1, 1)})
    for other in [weights(8, 5), weights(1, 3, 8, 5), weights(8), weights(2, 1, 8, 4)]:
        yield from one("MatMul", other, note=f"by {other.shape}")
    for options in [{}, {"alpha": 0.5}, {"beta": 0.25}, {"transB": 1}, {"transA": 1}, {"alpha": 2.0, "beta": -1.0}]:
        other = weights(*(5, 24) if options.get("transB") else ((6, 5) if options.get("transA") else (24, 5)))
        rows = 24 if options.get("transA") else 6
        for bias in [None, weights(5), weights(1, 5), weights(rows, 1), f32(0.3), weights(rows, 5)]:
            yield from one("Gemm", other, *([] if bias is None else [bias]), shape=FLAT,
                           note=f"bias {None if bias is None else bias.shape}", **options)
    for equation in ["bchw,bchw->bhw", "bchw,bcij->bhwij", "bchw->bwhc", "bchw,bchw", "...hw,...hw->...h", "bchw->"]:
        other = weights(1, 3, 6, 8)
        yield from one("Einsum", *([other] if "," in equation else []), equation=equation)
    for exclusive, reverse, axis in itertools.product([0, 1], [0, 1], [0, 1, 3, -2]):
        yield from one("CumSum", np.int64(axis), exclusive=exclusive, reverse=reverse, note=f"axis {axis}")


def sizes_as_numbers():
    """Arithmetic on sizes, which tract keeps apart from other numbers: paddings to whole multiples and the like."""
    for op, value, negative in itertools.product(["Mod", "Div", "Add", "Sub", "Mul", "Max", "Min"], [4, 5, -4, 3], [False, True]):
        nodes = [helper.make_node("Shape", ["data"], ["size"])]
        nodes += [helper.make_node("Neg", ["size"], ["signed"])] if negative else []
        nodes += [helper.make_node(op, ["signed" if negative else "size", "by"], ["out"])]
        for version in versions(op):
            yield Case(f"{op} of {'negative ' if negative else ''}sizes by {value}", version, nodes, {"by": i64(value)})
    for value in [0.25, -0.3]:
        nodes = [helper.make_node("Shape", ["data"], ["size"]), helper.make_node("Cast", ["size"], ["float"], to=1),
                 helper.make_node("Mul", ["float", "by"], ["scaled"]), helper.make_node("Cast", ["scaled"], ["out"], to=7)]
        yield Case(f"Cast of sizes times {value}", 17, nodes, {"by": f32(value)})


def reductions():
    ops = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum",
           "ReduceLogSumExp", "ReduceSumSquare"]
    for op in ops:
        before = (("Abs", []),) if op == "ReduceLogSum" else ()
        yield from one(op, before=before)
        for axes, keep in itertools.product([[1], [2, 3], [-1], [0, 1, 2, 3]], [0, 1]):
            yield from one(op, before=before, axes=axes, keepdims=keep)
            yield from one(op, i64(*axes), before=before, keepdims=keep, note=f"axes input {axes}")
        for empty in [0, 1]:
            yield from one(op, before=before, noop_with_empty_axes=empty)
            yield from one(op, i64(), before=before, noop_with_empty_axes=empty, note="axes input empty")
        yield from one(op, i64(2), kind="int32", before=(("Abs", []), ("Mul", [f32(3)])), note="of int32")
        if op == "ReduceLogSumExp":
            yield from one(op, i64(1), before=LARGE, note="of large numbers")
    for op, axis, keep, last in itertools.product(["ArgMax", "ArgMin"], [None, 1, 3, -2], [0, 1], [None, 0, 1]):
        options = {name: value for name, value in (("axis", axis), ("select_last_index", last)) if value is not None}
        yield from one(op, before=HALVES, keepdims=keep, **options)
    for k, axis, largest, take in itertools.product([1, 3], [1, -1], [0, 1], [0, 1]):
        yield from one("TopK", i64(k), outputs=2, take=take, axis=axis, largest=largest, sorted=1, note=f"k {k}, output {take}")
        yield from one("TopK", i64(k), outputs=2, take=take, axis=axis, largest=largest, before=HALVES, note=f"ties, k {k}, output {take}")
    yield from one("TopK", i64(2), outputs=2, take=0)


def pools():
    kernels = [{"kernel_shape": [2, 2]}, {"kernel_shape": [3, 3]}, {"kernel_shape": [3, 2]}]
    placed = [{}, {"strides": [2, 2]}, {"strides": [2, 3], "pads": [1, 1, 1, 1]}, {"pads": [0, 1, 1, 0]},
              {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
              {"auto_pad": "SAME_LOWER"}, {"auto_pad": "VALID", "strides": [2, 2]}, {"auto_pad": "NOTSET", "pads": [1, 0, 1, 0]}]
    for kernel, place in itertools.product(kernels, placed):
        if max(place.get("pads", [0])) >= min(kernel["kernel_shape"]):
            continue
        for ceil in [None, 1]:
            extra = {} if ceil is None else {"ceil_mode": ceil}
            for dilations in [None, [2, 2]]:
                if dilations:
                    extra = {**extra, "dilations": dilations}
                yield from one("MaxPool", **kernel, **place, **extra)
                yield from one("LpPool", **kernel, **place, **extra)
                for include in [0, 1]:
                    yield from one("AveragePool", **kernel, **place, **extra, count_include_pad=include)
    yield from one("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], before=(("Sub", [f32(9)]),), note="of negative numbers")
    for order in [0, 1]:
        yield from one("MaxPool", kernel_shape=[2, 2], strides=[2, 2], storage_order=order)
        yield from one("MaxPool", kernel_shape=[2, 2], strides=[2, 2], storage_order=order, outputs=2, take=1, note="indices")
    yield from one("MaxPool", kernel_shape=[2, 2], strides=[2, 2], kind="int8", before=(("Mul", [f32(20)]),), note="of int8")
    for p in [1, 2, 3]:
        yield from one("LpPool", kernel_shape=[2, 2], p=p)
        yield from one("GlobalLpPool", p=p)
    for op in ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"]:
        yield from one(op)
    for options in [{"kernel_shape": [3]}, {"kernel_shape": [3], "strides": [2], "ceil_mode": 1}]:
        yield from one("MaxPool", shape=(1, 6, 24), note="of one dimension", **options)
        yield from one("AveragePool", shape=(1, 6, 24), note="of one dimension", **options)


def convolutions():
    for kernel in [(1, 1), (3, 3), (2, 3)]:
        for options in [{}, {"pads": [1, 1, 1, 1]}, {"pads": [0, 1, 2, 0], "strides": [2, 1]}, {"dilations": [2, 2]},
                        {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
                        {"auto_pad": "SAME_LOWER"}, {"auto_pad": "VALID"}, {"auto_pad": "SAME_UPPER", "dilations": [2, 2]},
                        {"kernel_shape": list(kernel), "auto_pad": "NOTSET", "pads": [1, 0, 1, 0]}]:
            yield from one("Conv", weights(4, 3, *kernel), weights(4), **options, note=f"kernel {kernel}")
    yield from one("Conv", weights(6, 1, 3, 3), weights(6), group=3, pads=[1, 1, 1, 1])
    yield from one("Conv", weights(3, 1, 3, 3), group=3, dilations=[1, 2])
    yield from one("Conv", weights(5, 6, 3), weights(5), shape=(1, 6, 24), note="of one dimension", pads=[1, 1])
    yield from one("Conv", weights(2, 2, 2, 2, 2), shape=(1, 2, 3, 4, 6), note="of three dimensions")
    for kernel in [(2, 2), (3, 3), (4, 4), (3, 2)]:
        for options in [{}, {"strides": [2, 2]}, {"strides": [2, 2], "pads": [1, 1, 1, 1]}, {"strides": [2, 2], "pads": [0, 1, 1, 0]},
                        {"strides": [2, 2], "output_padding": [1, 1]}, {"strides": [3, 2], "output_padding": [2, 1], "pads": [1, 0, 0, 1]},
                        {"strides": [2, 2], "output_shape": [12, 16]}, {"strides": [2, 2], "output_shape": [13, 17]},
                        {"strides": [2, 2], "output_shape": [13, 17], "auto_pad": "SAME_UPPER"},
                        {"strides": [2, 2], "output_shape": [13, 17], "auto_pad": "SAME_LOWER"},
                        {"strides": [2, 2], "output_shape": [13, 17], "output_padding": [1, 1]},
                        {"strides": [2, 2], "auto_pad": "SAME_UPPER"}, {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
                        {"auto_pad": "SAME_UPPER"}, {"auto_pad": "SAME_LOWER"}, {"auto_pad": "VALID", "strides": [2, 2]},
                        {"dilations": [2, 2]}, {"dilations": [2, 1], "strides": [1, 2], "pads": [1, 1, 1, 1]},
                        {"dilations": [2, 2], "strides": [2, 2], "output_padding": [1, 1]}]:
            yield from one("ConvTranspose", weights(3, 4, *kernel), weights(4), **options, note=f"kernel {kernel}")
            if "output_shape" in options or "auto_pad" in options:
                yield from one("ConvTranspose", weights(3, 4, *kernel), **options, kernel_shape=list(kernel), note="without bias")
    for options in [{}, {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}]:
        yield from one("ConvTranspose", weights(3, 2, 3, 3), weights(6), group=3, **options)
    yield from one("ConvTranspose", weights(6, 2, 3), shape=(1, 6, 24), strides=[2], note="of one dimension")
    x_zero, w_zero = np.uint8(3), np.uint8(5)
    other = rng.integers(0, 12, (4, 3, 3, 3)).astype(np.uint8)
    unsigned = TENS
    for zeros in [(), (x_zero,), (x_zero, w_zero)]:
        yield from one("ConvInteger", other, *zeros, kind="uint8", before=unsigned, pads=[1, 1, 1, 1], note=f"{len(zeros)} zero points")
    yield from one("MatMulInteger", rng.integers(0, 9, (8, 5)).astype(np.uint8), x_zero, w_zero, kind="uint8", before=unsigned)
    scales = (np.float32(0.1), x_zero, other, np.float32(0.05), w_zero, np.float32(0.3), np.uint8(100))
    yield from one("QLinearConv", *scales, kind="uint8", before=unsigned)


def norms():
    scale, bias = weights(3), weights(3)
    for options in [{}, {"epsilon": 0.1}, {"epsilon": 0.0}]:
        yield from one("InstanceNormalization", scale, bias, **options)
        yield from one("BatchNormalization", scale, bias, weights(3), np.abs(weights(3)) + 0.1, **options)
    moving = (scale, bias, weights(3), np.abs(weights(3)) + 0.1)
    yield from one("BatchNormalization", *moving, training_mode=1, outputs=3)
    yield from one("BatchNormalization", *moving, training_mode=0, momentum=0.5)
    yield from one("BatchNormalization", *moving, spatial=0)
    for groups, size in [(1, 3), (3, 3)]:
        for options in [{}, {"epsilon": 0.1}]:
            yield from one("GroupNormalization", weights(size), weights(size), num_groups=groups, **options)
    for groups, size in [(2, 2), (2, 6), (3, 3), (3, 6), (6, 6), (1, 1), (1, 6)]:
        for version in [18, 21]:
            node = helper.make_node("GroupNormalization", ["data", "s", "b"], ["out"], num_groups=groups)
            yield Case(f"GroupNormalization groups {groups} of {size}", version, [node],
                       {"s": weights(size), "b": weights(size)}, shape=(1, 6, 4, 6))
    for axis, shape in [(-1, (8,)), (2, (6, 8)), (1, (3, 6, 8)), (-2, (6, 8)), (-1, (1,)), (1, (3, 1, 1))]:
        for options in [{}, {"epsilon": 0.1}, {"stash_type": 1}]:
            yield from one("LayerNormalization", weights(*shape), weights(*shape), axis=axis, **options, note=f"scale {shape}")
            yield from one("LayerNormalization", weights(*shape), axis=axis, **options, note=f"scale {shape}, no bias")
            yield from one("RMSNormalization", weights(*shape), axis=axis, **options, note=f"scale {shape}")
    yield from one("LayerNormalization", weights(8), outputs=2, take=1, note="mean")
    yield from one("LayerNormalization", weights(8), outputs=3, take=2, note="inverse deviation")
    for size, options in itertools.product([1, 2, 3, 4, 5], [{}, {"alpha": 0.5, "beta": 0.6, "bias": 2.0}]):
        yield from one("LRN", size=size, shape=(1, 6, 4, 6), **options)
    for axis, p in itertools.product([-1, 1, 2], [1, 2]):
        yield from one("LpNormalization", axis=axis, p=p)
    yield from one("LpNormalization", before=(("Relu", []), ("Sub", [f32(9)]), ("Relu", [])), note="of zeros")
    for axes in [None, [2, 3], [1], [0, 2, 3], [-1]]:
        yield from one("MeanVarianceNormalization", **({} if axes is None else {"axes": axes}))


def moves():
    yield from one("Transpose")
    for perm in [[0, 2, 3, 1], [3, 1, 0, 2]]:
        yield from one("Transpose", perm=perm)
    for axis in [0, 1, 2, 4, -1, -2]:
        yield from one("Flatten", axis=axis)
    for shape in [[1, 18, 8], [0, -1, 8], [-1], [0, 0, 48]]:
        yield from one("Reshape", i64(*shape), note=f"to {shape}")
        yield from one("Reshape", i64(*shape), note=f"to {shape}", allowzero=0)
    for axes in [[0], [-2], [0, 2]]:
        yield from one("Unsqueeze", axes=axes)
        yield from one("Unsqueeze", i64(*axes), note=f"input {axes}")
    yield from one("Squeeze", axes=[0])
    yield from one("Squeeze", i64(-4))
    yield from one("Squeeze")
    for mode, order in [(None, (1, 12, 2, 6)), ("DCR", (1, 12, 2, 6)), ("CRD", (1, 12, 2, 6))]:
        yield from one("DepthToSpace", blocksize=2, shape=order, **({} if mode is None else {"mode": mode}))
    yield from one("SpaceToDepth", blocksize=2)
    for axis in [0, 1, -1]:
        yield from one("Concat", weights(1, 3, 6, 8), axis=axis)
    for start, end, axes, steps in [([1], [4], [3], [1]), ([-1], [-9], [3], [-1]), ([5], [-100], [2], [-2]), ([0], [2 ** 62], [2], [2]),
                                    ([-3], [2 ** 31], [-1], [1]), ([1, 2], [3, 7], [1, 3], [1, 2]), ([7], [1], [3], [-3]), ([4], [2], [3], [1])]:
        yield from one("Slice", i64(*start), i64(*end), i64(*axes), i64(*steps), note=f"{start} {end} {axes} {steps}")
        yield from one("Slice", starts=start, ends=end, axes=axes)
    yield from one("Slice", i64(0, 1), i64(1, 3), note="without axes")
    for split, axis in [([2, 4], 2), ([1, 1, 1], 1), ([3, 3], -2)]:
        for take in range(2):
            yield from one("Split", split=split, axis=axis, outputs=len(split), take=take, note=f"output {take}")
            yield from one("Split", i64(*split), axis=axis, outputs=len(split), take=take, note=f"input {split}, output {take}")
    yield from one("Split", axis=3, outputs=2, take=1)
    yield from one("Split", axis=3, num_outputs=3, outputs=2, take=1, note="of two outputs")
    for count, axis, take in [(2, 3, 1), (3, 3, 2), (4, 2, 3), (3, 3, 0)]:
        yield from one("Split", axis=axis, num_outputs=count, outputs=count, take=take, note=f"output {take}")
    for repeats in [[1, 1, 2, 3], [2, 1, 1, 1]]:
        yield from one("Tile", i64(*repeats), note=f"{repeats}")
    for shape in [[2, 3, 6, 8], [1], [1, 1, 1], [2, 1, 3, 6, 8]]:
        yield from one("Expand", i64(*shape), note=f"to {shape}")
    for indices, axis in [(i64(0, -1), 1), (i64(-3, 2), 2), (np.int64(-1), 3), (i64(1, 0).reshape(2, 1), 1)]:
        yield from one("Gather", indices, axis=axis, note=f"{indices.tolist()}")
    yield from one("Gather", i64(0))
    for axis in [1, -1]:
        yield from one("GatherElements", rng.integers(-3, 3, (1, 3, 6, 8)), axis=axis)
    for indices, batch in [(i64(0, 1).reshape(1, 2), 0), (i64(0, -1, 2).reshape(1, 3), 0), (i64(1).reshape(1, 1), 1)]:
        yield from one("GatherND", indices, batch_dims=batch, note=f"{indices.tolist()}")
    for reduction in [None, "none", "add", "mul", "max", "min"]:
        options = {} if reduction is None else {"reduction": reduction}
        indices = rng.integers(-3, 3, (1, 2, 6, 8))
        once = rng.permuted(np.tile(np.arange(3)[None, :, None, None], (1, 1, 6, 8)), axis=1)[:, :2]
        yield from one("ScatterElements", once, weights(1, 2, 6, 8), axis=1, **options)
        yield from one("ScatterND", i64(0, 1, 0, 2).reshape(2, 2), weights(2, 6, 8), **options)
        # Without a reduction, which of several values stays is left open.
        if reduction not in (None, "none"):
            yield from one("ScatterElements", indices, weights(1, 2, 6, 8), axis=1, note="repeated", **options)
            yield from one("ScatterND", i64(0, 1, 0, 1).reshape(2, 2), weights(2, 6, 8), note="repeated", **options)
    yield from one("Trilu", shape=FLAT)
    for upper, k in itertools.product([0, 1], [None, -1, 2]):
        yield from one("Trilu", *([] if k is None else [np.int64(k)]), upper=upper, note=f"k {k}")
    for axis in [None, -1, 0, 1]:
        depth, values = np.int64(5), f32(0.25, 1.5)
        yield from one("OneHot", depth, values, kind="int64", before=(("Mul", [f32(3)]),), **({} if axis is None else {"axis": axis}))
    yield from one("Compress", np.array([True, False, True]), axis=1)
    for options in [{}, {"start": 1}, {"start": 1, "end": 3}, {"start": -2}]:
        yield from one("Shape", **options)
    yield from one("Size")
    yield from one("EyeLike", shape=FLAT, k=1)
    yield from one("EyeLike", shape=FLAT, k=-2)
    modes = ["constant", "reflect", "edge", "wrap"]
    for mode, pads in itertools.product(modes, [[0, 0, 1, 2, 0, 0, 3, 1], [0, 0, -1, 2, 0, 0, 1, -2], [0, 0, -1, -1, 0, 0, -2, -1], [0, 1, 0, 0, 0, 0, 2, 2]]):
        yield from one("Pad", mode=mode, pads=pads)
        yield from one("Pad", i64(*pads), mode=mode, note=f"input {pads}")
        if mode == "constant":
            yield from one("Pad", mode=mode, pads=pads, value=0.7)
            yield from one("Pad", i64(*pads), np.float32(0.7), mode=mode, note=f"input {pads}, value")
    for mode in modes:
        yield from one("Pad", i64(1, 2, 2, 1), None, i64(2, 3), mode=mode, note="axes")
        yield from one("Pad", i64(1, 2, 2, 1), np.float32(0.5), i64(-1, -2), mode=mode, note="negative axes")
        yield from one("Pad", i64(0, 0, 7, 0, 0, 0, 0, 9), mode=mode, note="beyond the size")


def casts():
    for kind in ["int32", "int64", "uint8", "int8", "int16", "uint16", "bool", "float16", "float64"]:
        to = helper.np_dtype_to_tensor_dtype(np.dtype(kind))
        # What unsigned numbers make of negative ones is left open.
        yield from one("Cast", to=to, before=(HALVES if kind[0] != "u" else HALVES + (("Abs", []),)), note=f"to {kind}")
        if kind not in ("uint8", "int8", "uint16"):
            yield from one("Cast", to=to, before=LARGE, note=f"large to {kind}")
        for source in ["int32", "uint8", "bool", "float64"]:
            yield from one("Cast", to=to, before=TENS, kind=source, note=f"{source} to {kind}")
    for kind in [np.uint8, np.int8]:
        for zero in [None, 0, 10]:
            given = () if zero is None else (np.array(zero, kind),)
            if zero is None and kind is np.int8:
                continue
            yield from one("QuantizeLinear", np.float32(0.02), *given, note=f"{kind.__name__} zero {zero}")
            yield from one("QuantizeLinear", np.float32(0.5), *given, before=HALVES, note=f"{kind.__name__} zero {zero}, halves")
            yield from one("QuantizeLinear", np.float32(0.5), *given, before=LARGE, note=f"{kind.__name__} zero {zero}, large")
            name = np.dtype(kind).name
            yield from one("DequantizeLinear", np.float32(0.02), *given, kind=name, before=TENS, note=f"{name} zero {zero}")
        per = (np.abs(weights(3)) + 0.01, np.array([0, 3, 7], kind))
        yield from one("QuantizeLinear", *per, axis=1, note=f"{kind.__name__} per channel")
        yield from one("DequantizeLinear", *per, axis=1, kind=np.dtype(kind).name, before=TENS, note="per channel")
        yield from one("QuantizeLinear", np.abs(weights(6)) + 0.01, np.arange(6).astype(kind), axis=2, note=f"{kind.__name__} per row")
    for take in [0, 1, 2]:
        yield from one("DynamicQuantizeLinear", outputs=3, take=take, note=f"output {take}")
    block = np.abs(weights(1, 3, 6, 2)) + 0.1
    yield from one("QuantizeLinear", block.astype(np.float32), np.zeros((1, 3, 6, 2), np.uint8), axis=3, block_size=4, note="by blocks")


def resizes():
    coordinates = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric", "tf_half_pixel_for_nn"]
    targets = [([1, 1, 2, 2], None), ([1, 1, 1.5, 1.25], None), ([1, 1, 1.3, 1.3], None), ([1, 1, 0.5, 0.5], None), ([1, 1, 1.7, 0.6], None), ([1, 1, 3, 1], None),
               (None, [1, 3, 12, 16]), (None, [1, 3, 7, 5]), (None, [1, 3, 1, 13]), (None, [1, 3, 6, 1])]
    for coordinate, (scales, sizes) in itertools.product(coordinates, targets):
        given = (f32(), f32() if scales is None else f32(*scales)) + (() if sizes is None else (i64(*sizes),))
        given13 = (None, None if scales is None else f32(*scales)) + (() if sizes is None else (i64(*sizes),))
        note = f"to {scales or sizes}"
        yield from one("Resize", *given, mode="linear", coordinate_transformation_mode=coordinate, note="empty, " + note)
        for nearest in ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]:
            yield from one("Resize", *given13, mode="nearest", coordinate_transformation_mode=coordinate, nearest_mode=nearest, note=note)
        yield from one("Resize", *given, mode="nearest", coordinate_transformation_mode=coordinate, note="empty, " + note)
        for mode in ["linear", "cubic"]:
            yield from one("Resize", *given13, mode=mode, coordinate_transformation_mode=coordinate, note=note)
        for coefficient, outside in [(-0.5, 0), (-0.75, 1), (-0.5, 1)]:
            yield from one("Resize", *given13, mode="cubic", coordinate_transformation_mode=coordinate, cubic_coeff_a=coefficient,
                           exclude_outside=outside, note=note)
        for mode in ["linear", "cubic"]:
            yield from one("Resize", *given13, mode=mode, coordinate_transformation_mode=coordinate, antialias=1, note=note)
        yield from one("Resize", *given13, mode="cubic", coordinate_transformation_mode=coordinate, antialias=1, cubic_coeff_a=-0.5,
                       exclude_outside=1, note=note)
    roi = f32(0, 0, 0.2, 0.3, 1, 1, 0.8, 0.9)
    for mode in ["nearest", "linear", "cubic"]:
        for value in [None, 0.5]:
            options = {} if value is None else {"extrapolation_value": value}
            yield from one("Resize", roi, f32(1, 1, 2, 2), mode=mode, coordinate_transformation_mode="tf_crop_and_resize", **options)
        wide = f32(0, 0, -0.2, -0.3, 1, 1, 1.2, 1.4)
        yield from one("Resize", wide, None, i64(1, 3, 8, 9), mode=mode, coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=0.3, note="beyond")
        yield from one("Resize", f32(), f32(1, 1, 2, 2), mode=mode)
        yield from one("Resize", f32(1, 1, 2, 2), mode=mode, note="of version 10")
        for scales in [(0.6, 1.5), (3, 3), (0.5, 0.7), (2.6, 1)]:
            yield from one("Resize", f32(1, 1, *scales), mode=mode, note=f"of version 10 by {scales}")
        yield from one("Upsample", f32(1, 1, 2, 2), mode=mode)
        yield from one("Upsample", mode=mode, scales=[1.0, 1.0, 2.0, 3.0])
        for axes in [[2, 3], [3, 2], [-2, -1], [3]]:
            yield from one("Resize", None, f32(*([2, 1.5][:len(axes)])), mode=mode, axes=axes)
            yield from one("Resize", None, None, i64(*([9, 5][:len(axes)])), mode=mode, axes=axes)
        for policy, size in itertools.product(["stretch", "not_larger", "not_smaller"], [[12, 20], [9, 9], [4, 3], [7, 11]]):
            yield from one("Resize", None, None, i64(*size), mode=mode, axes=[2, 3], keep_aspect_ratio_policy=policy, note=f"to {size}")
    for coordinate in coordinates[:4]:
        yield from one("Resize", None, f32(1, 2, 1.5, 2), mode="linear", coordinate_transformation_mode=coordinate, note="channels too")
        yield from one("Resize", None, f32(1, 2, 1.5, 2), mode="cubic", coordinate_transformation_mode=coordinate, note="channels too")
        yield from one("Resize", None, f32(1, 2, 2, 1), mode="linear", shape=(1, 6, 8, 3), coordinate_transformation_mode=coordinate, note="of NHWC")
        yield from one("Resize", None, f32(1, 1, 2, 1.5, 2), mode="linear", shape=(1, 3, 2, 4, 6), coordinate_transformation_mode=coordinate, note="of volumes")
        yield from one("Resize", None, f32(1, 1, 2.5), mode="linear", shape=(1, 6, 24), coordinate_transformation_mode=coordinate, note="of one dimension")
        yield from one("Resize", None, f32(1, 1, 2, 2), mode="nearest", kind="uint8", before=TENS, coordinate_transformation_mode=coordinate, note="of uint8")
    grids = [rng.uniform(-0.95, 0.95, (1, 4, 5, 2)).astype(np.float32), rng.uniform(-1.6, 1.6, (1, 4, 5, 2)).astype(np.float32)]
    for names in [["bilinear", "nearest", "bicubic"], ["linear", "nearest", "cubic"]]:
        for mode, padding, corners, (number, grid) in itertools.product(names, [None, "zeros", "border", "reflection"], [None, 0, 1], enumerate(grids)):
            options = {"mode": mode, "padding_mode": padding, "align_corners": corners}
            yield from one("GridSample", grid, **{k: v for k, v in options.items() if v is not None}, note=f"grid {number}")


def sequences():
    rows, hidden, width = (6, 1, 24), 4, 24
    for op, gates in [("RNN", 1), ("GRU", 3), ("LSTM", 4)]:
        for direction, count in [("forward", 1), ("reverse", 1), ("bidirectional", 2)]:
            stored = (weights(count, gates * hidden, width), weights(count, gates * hidden, hidden), weights(count, 2 * gates * hidden))
            for options in [{}, {"clip": 0.3}, {"layout": 1}, {"linear_before_reset": 1}, {"input_forget": 1}, {"activations": ["Relu"] * 9}]:
                if options.get("activations"):
                    options = {"activations": options["activations"][: count * {"RNN": 1, "GRU": 2, "LSTM": 3}[op]]}
                yield from one(op, *stored, hidden_size=hidden, direction=direction, shape=rows, **options)
    for inverse, onesided in itertools.product([0, 1], [0, 1]):
        for last in [1, 2]:
            yield from one("DFT", inverse=inverse, onesided=onesided, shape=(1, 9, 16 // last, last), note=f"of {last}")
            yield from one("DFT", None, np.int64(2), inverse=inverse, onesided=onesided, shape=(1, 9, 16 // last, last), note=f"of {last}, axis 2")
    yield from one("Reshape", i64(1, 18, 8), allowzero=1)


def cases():
    for group in [activations, arithmetic, reductions, pools, convolutions, norms, moves, casts, resizes, sequences]:
        yield from group()
