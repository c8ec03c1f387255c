"""Two vision transformers with random weights as ONNX files, built without torch: CLIP's ViT-B/32 with its projection, and
DINOv2's small one with patches of 14 pixels, both for pictures of 224x224.

Usage: python tests/python/embed_graphs.py clip|dinov2 FILE.onnx
"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 224
MODELS = {
    # patch, width, heads, layers, numbers that come out of the projection, norm before the layers, quick GELU
    "clip": (32, 768, 12, 12, 512, True, True),
    "dinov2": (14, 384, 6, 12, None, False, False),
}


class Graph:
    def __init__(self, seed):
        self.nodes, self.weights = [], []
        self.random = np.random.default_rng(seed)

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def draw(self, *shape, scale=None, centre=0.0):
        scale = 0.02 if scale is None else scale
        return self.constant((centre + scale * self.random.standard_normal(shape)).astype(np.float32))

    def add(self, op, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def dense(self, x, n, out):
        product = self.add("MatMul", x, self.draw(n, out, scale=n**-0.5))
        return self.add("Add", product, self.draw(out))

    def norm(self, x, n, epsilon):
        return self.add("LayerNormalization", x, self.draw(n, centre=1.0), self.draw(n), axis=-1, epsilon=epsilon)

    def heads(self, x, width, heads, order):
        split = self.add("Reshape", x, self.constant(np.array([0, 0, heads, width // heads])))
        return self.add("Transpose", split, perm=order)

    def attention(self, x, width, heads):
        q, k, v = (self.dense(x, width, width) for _ in range(3))
        q = self.heads(q, width, heads, [0, 2, 1, 3])
        k = self.heads(k, width, heads, [0, 2, 3, 1])
        v = self.heads(v, width, heads, [0, 2, 1, 3])
        scores = self.add("Mul", self.add("MatMul", q, k), self.constant(np.float32((width // heads) ** -0.5)))
        mixed = self.add("MatMul", self.add("Softmax", scores, axis=-1), v)
        mixed = self.add("Transpose", mixed, perm=[0, 2, 1, 3])
        mixed = self.add("Reshape", mixed, self.constant(np.array([0, 0, width])))
        return self.dense(mixed, width, width)

    def gelu(self, x, quick):
        if quick:
            return self.add("Mul", x, self.add("Sigmoid", self.add("Mul", x, self.constant(np.float32(1.702)))))
        half = self.add("Mul", x, self.constant(np.float32(0.5)))
        erf = self.add("Erf", self.add("Div", x, self.constant(np.float32(2**0.5))))
        return self.add("Mul", half, self.add("Add", erf, self.constant(np.float32(1))))


def build(kind, path):
    patch, width, heads, layers, projection, norm_first, quick = MODELS[kind]
    epsilon = 1e-5 if kind == "clip" else 1e-6
    graph = Graph(0)
    kernel = graph.draw(width, 3, patch, patch)
    inputs = ["pixel_values", kernel] + ([] if quick else [graph.draw(width)])
    x = graph.add("Conv", *inputs, kernel_shape=[patch, patch], strides=[patch, patch])
    x = graph.add("Transpose", graph.add("Reshape", x, graph.constant(np.array([0, width, -1]))), perm=[0, 2, 1])
    # The token of the class, once for each picture.
    batch = graph.add("Slice", graph.add("Shape", "pixel_values"), *map(graph.constant, map(np.array, ([0], [1]))))
    shape = graph.add("Concat", batch, graph.constant(np.array([1, width])), axis=0)
    x = graph.add("Concat", graph.add("Expand", graph.draw(1, 1, width), shape), x, axis=1)
    x = graph.add("Add", x, graph.draw(1, (SIDE // patch) ** 2 + 1, width))
    if norm_first:
        x = graph.norm(x, width, epsilon)
    for _ in range(layers):
        more = graph.attention(graph.norm(x, width, epsilon), width, heads)
        if not quick:
            more = graph.add("Mul", more, graph.draw(width, centre=1.0))
        x = graph.add("Add", x, more)
        more = graph.gelu(graph.dense(graph.norm(x, width, epsilon), width, 4 * width), quick)
        more = graph.dense(more, 4 * width, width)
        if not quick:
            more = graph.add("Mul", more, graph.draw(width, centre=1.0))
        x = graph.add("Add", x, more)
    if projection:
        x = graph.add("Gather", x, graph.constant(np.array(0)), axis=1)
        x = graph.add("MatMul", graph.norm(x, width, epsilon), graph.draw(width, projection, scale=width**-0.5))
    else:
        x = graph.add("Gather", graph.norm(x, width, epsilon), graph.constant(np.array(0)), axis=1)
    name, numbers = ("image_embeds", projection) if projection else ("pooler_output", width)
    graph.nodes[-1].output[0] = name
    proto = helper.make_graph(
        graph.nodes,
        kind,
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["batch", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", numbers])],
        graph.weights,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


if __name__ == "__main__":
    build(sys.argv[1], sys.argv[2])
