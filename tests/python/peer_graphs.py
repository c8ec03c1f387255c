"""Builds the networks of the speed comparison as ONNX files: known architectures with random weights.

Usage: python tests/python/peer_graphs.py FOLDER [SIDE]   (writes them all, checks them, runs each once)
Inputs and outputs are named `input` and `output`; sizes are fixed when built. Weights are He-initialised from a fixed seed.
"""
import os
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

FLOAT = onnx.TensorProto.FLOAT


class Graph:
    """Collects nodes and weights; every method returns the name of its result."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def add(self, op, *inputs, outputs=None, **attributes):
        if outputs is None:
            self.count += 1
            outputs = [f"{op.lower()}_{self.count}"]
        self.nodes.append(helper.make_node(op, inputs, outputs, name=f"/{outputs[0]}/{op}", **attributes))
        return outputs[0]

    def weight(self, values, dtype=np.float32):
        self.count += 1
        name = f"weight_{self.count}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def normal(self, *shape, std=1.0, mean=0.0):
        return self.weight(self.rng.normal(mean, std, shape))

    def conv(self, x, channels, filters, side=3, stride=1, group=1, gain=2.0, bias=True, same=None, output=None):
        """`gain` 2 suits ReLU, 1 a linear layer. `same` is the value of `auto_pad`, in place of pads."""
        fan_in = channels // group * side * side
        inputs = [x, self.normal(filters, channels // group, side, side, std=np.sqrt(gain / fan_in))]
        if bias:
            inputs.append(self.normal(filters, std=0.05))
        before = (side - 1) // 2 if stride == 1 else 0
        pads = {"auto_pad": same} if same else {"pads": [before] * 4}
        return self.add("Conv", *inputs, outputs=output and [output], dilations=[1, 1], group=group,
                        kernel_shape=[side, side], strides=[stride, stride], **pads)

    def up(self, x, scale, axes="nchw"):
        scales = [1, 1, scale, scale] if axes == "nchw" else [1, scale, scale, 1]
        return self.add("Resize", x, "", self.weight(scales), coordinate_transformation_mode="asymmetric", mode="nearest",
                        nearest_mode="floor")

    def pool(self, x):
        return self.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], pads=[0, 0, 0, 0])

    def shuffle(self, x, side, output=None):
        return self.add("DepthToSpace", x, outputs=output and [output], blocksize=side, mode="CRD")

    def model(self, name, input_shape, output_shape):
        graph = helper.make_graph(
            self.nodes, name, [helper.make_tensor_value_info("input", FLOAT, input_shape)],
            [helper.make_tensor_value_info("output", FLOAT, output_shape)], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="safelight")


def dncnn(batch, height, width):
    g = Graph(1)
    x = g.add("Relu", g.conv("input", 1, 64))
    for _ in range(15):
        x = g.add("Relu", g.conv(x, 64, 64))
    g.add("Sub", "input", g.conv(x, 64, 1, gain=1), outputs=["output"])
    return g.model("dncnn", [batch, 1, height, width], [batch, 1, height, width])


def srvgg(batch, height, width):
    g = Graph(2)

    def block(x, channels):
        return g.add("PRelu", g.conv(x, channels, 64, gain=1.85), g.normal(64, 1, 1, mean=0.25, std=0.1))

    x = block("input", 3)
    for _ in range(32):
        x = block(x, 64)
    x = g.shuffle(g.conv(x, 64, 48, gain=1), 4)
    g.add("Add", x, g.up("input", 4), outputs=["output"])
    return g.model("srvgg", [batch, 3, height, width], [batch, 3, 4 * height, 4 * width])


def espcn(batch, height, width):
    g = Graph(3)
    x = g.add("Tanh", g.conv("input", 1, 64, side=5, gain=1))
    x = g.add("Tanh", g.conv(x, 64, 32, gain=1))
    g.shuffle(g.conv(x, 32, 4, gain=1), 2, output="output")
    return g.model("espcn", [batch, 1, height, width], [batch, 1, 2 * height, 2 * width])


def unet(batch, height, width, transposed):
    g = Graph(4 + transposed)

    def level(x, channels, filters):
        x = g.add("Relu", g.conv(x, channels, filters))
        return g.add("Relu", g.conv(x, filters, filters))

    full = level("input", 3, 32)
    half = level(g.pool(full), 32, 64)
    x = level(g.pool(half), 64, 128)
    for skip, channels in ((half, 64), (full, 32)):
        if transposed:
            filters = g.normal(2 * channels, channels, 2, 2, std=np.sqrt(1 / (2 * channels)))
            x = g.add("ConvTranspose", x, filters, g.normal(channels, std=0.05), dilations=[1, 1], group=1,
                      kernel_shape=[2, 2], pads=[0, 0, 0, 0], strides=[2, 2])
            joined = 2 * channels
        else:
            x = g.up(x, 2)
            joined = 3 * channels
        x = level(g.add("Concat", x, skip, axis=1), joined, channels)
    g.conv(x, 32, 3, side=1, gain=1, output="output")
    return g.model("unet", [batch, 3, height, width], [batch, 3, height, width])


def unet_nearest(batch, height, width):
    return unet(batch, height, width, transposed=False)


def unet_transposed(batch, height, width):
    return unet(batch, height, width, transposed=True)


def unet_keras_nhwc(batch, height, width):
    """As tf2onnx writes a Keras U-Net: NHWC outside, with transposes left around a Resize and a Concat inside."""
    g = Graph(6)

    def nchw(x):
        return g.add("Transpose", x, perm=[0, 3, 1, 2])

    def nhwc(x, output=None):
        return g.add("Transpose", x, outputs=output and [output], perm=[0, 2, 3, 1])

    def level(x, channels, filters):
        x = g.add("Relu", g.conv(x, channels, filters, same="SAME_UPPER"))
        return g.add("Relu", g.conv(x, filters, filters))

    def pool(x):
        return g.add("MaxPool", x, auto_pad="VALID", kernel_shape=[2, 2], strides=[2, 2])

    full = level(nchw("input"), 3, 32)
    half = level(pool(full), 32, 64)
    x = level(pool(half), 64, 128)
    x = nchw(g.up(nhwc(x), 2, axes="nhwc"))
    x = level(g.add("Concat", x, half, axis=1), 192, 64)
    x = nhwc(g.up(x, 2))
    x = nchw(g.add("Concat", x, nhwc(full), axis=3))
    x = level(x, 96, 32)
    nhwc(g.conv(x, 32, 3, side=1, gain=1, same="VALID"), output="output")
    return g.model("unet_keras_nhwc", [batch, height, width, 3], [batch, height, width, 3])


def nafnet(batch, height, width):
    g = Graph(7)

    def scale(channels, std=0.3, mean=0.0):
        return g.normal(1, channels, 1, 1, std=std, mean=mean)

    def layer_norm(x, channels):
        """Over the channels of each pixel, in the operators that PyTorch exports."""
        centred = g.add("Sub", x, g.add("ReduceMean", x, axes=[1], keepdims=1))
        variance = g.add("ReduceMean", g.add("Pow", centred, g.weight(2.0)), axes=[1], keepdims=1)
        deviation = g.add("Sqrt", g.add("Add", variance, g.weight(1e-6)))
        x = g.add("Mul", scale(channels, 0.1, 1), g.add("Div", centred, deviation))
        return g.add("Add", x, scale(channels, 0.1))

    def gate(x, channels):
        """Half of the channels times the other half."""
        g.count += 1
        halves = [f"split_{g.count}_{i}" for i in range(2)]
        g.add("Split", x, g.weight([channels // 2] * 2, np.int64), outputs=halves, axis=1)
        return g.add("Mul", *halves)

    def block(x, channels):
        y = g.conv(layer_norm(x, channels), channels, 2 * channels, side=1, gain=1)
        y = gate(g.conv(y, 2 * channels, 2 * channels, group=2 * channels, gain=1), 2 * channels)
        y = g.add("Mul", y, g.conv(g.add("GlobalAveragePool", y), channels, channels, side=1, gain=1))
        y = g.conv(y, channels, channels, side=1, gain=1)
        x = g.add("Add", x, g.add("Mul", y, scale(channels)))
        y = gate(g.conv(layer_norm(x, channels), channels, 2 * channels, side=1, gain=1), 2 * channels)
        y = g.conv(y, channels, channels, side=1, gain=1)
        return g.add("Add", x, g.add("Mul", y, scale(channels)))

    x, channels, skips = g.conv("input", 3, 32, gain=1), 32, []
    for _ in range(2):
        x = block(x, channels)
        skips.append(x)
        x = g.conv(x, channels, 2 * channels, side=2, stride=2, gain=1)
        channels *= 2
    x = block(x, channels)
    for skip in reversed(skips):
        x = g.shuffle(g.conv(x, channels, 2 * channels, side=1, gain=1, bias=False), 2)
        channels //= 2
        x = block(g.add("Add", x, skip), channels)
    g.add("Add", g.conv(x, 32, 3, gain=1), "input", outputs=["output"])
    return g.model("nafnet", [batch, 3, height, width], [batch, 3, height, width])


def ae28(batch, height, width):
    """Small autoencoder; its bottleneck of 8 channels at a quarter of the size is the tensor `bottleneck`."""
    g = Graph(8)

    def layer(x, channels, filters, output=None):
        return g.add("Relu", g.conv(x, channels, filters), outputs=output and [output])

    x = g.pool(layer("input", 1, 32))
    x = g.pool(layer(x, 32, 8))
    x = layer(layer(x, 8, 8, output="bottleneck"), 8, 8)
    x = layer(g.up(x, 2), 8, 8)
    x = layer(g.up(x, 2), 8, 32)
    g.add("Sigmoid", g.conv(x, 32, 1, gain=1), outputs=["output"])
    return g.model("ae28", [batch, 1, height, width], [batch, 1, height, width])


GRAPHS = {f.__name__: f for f in (dncnn, srvgg, espcn, unet_nearest, unet_transposed, unet_keras_nhwc, nafnet, ae28)}


def build(name, path, batch, height, width):
    model = GRAPHS[name](batch, height, width)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def main(folder, side=64):
    import onnxruntime as ort

    for name in GRAPHS:
        path = os.path.join(folder, f"{name}.onnx")
        build(name, path, 1, int(side), int(side))
        session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        x = np.random.default_rng(0).random(session.get_inputs()[0].shape, np.float32)
        y = session.run(None, {"input": x})[0]
        assert list(y.shape) == session.get_outputs()[0].shape and np.isfinite(y).all()
        print(f"{name:16} {x.shape} -> {y.shape}, values {y.min():.2f} to {y.max():.2f}, deviation {y.std():.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
