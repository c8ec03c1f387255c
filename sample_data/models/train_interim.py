"""Train safelight's three sample models and write them as ONNX files.

    python train_interim.py --photos DIR --out DIR [--task denoise|upscale|embed|all] [--minutes N]
    python train_interim.py --photos DIR --out DIR --task score [--benchmarks DIR]

Clean images are the photographs in --photos (every sixth one, from the fourth on, is held out for
validation) and synthetic dead-leaves images made here. Each network is written once, as a function over
a set of operators, and evaluated twice: by TensorFlow for training and by `OnnxGraph` for the export, so
that the two can't drift apart; every export is checked against the trained network with onnxruntime.

Seeds are fixed. The learning-rate schedule follows the processor time used (--minutes), so that a run that
shares its machine, or is paused, isn't cut short; give --steps for a number of updates that doesn't depend
on the machine's speed.
--task score measures the finished files; benchmark images are never read by any other task.
"""

import argparse
import io
import json
import math
import os
import queue
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from scipy.ndimage import gaussian_filter
from scipy.sparse.linalg import svds

LICENCE = "weights CC0-1.0; trained on CC0 photographs and synthetic dead-leaves images only"
SEED = 20

# ---------------------------------------------------------------- synthetic images: dead leaves


def texture_bank(rng, count=24, size=512):
    """`count` zero-mean, unit-variance fields: power-law noise, stretched in one direction, and gratings."""
    fy, fx = np.meshgrid(np.fft.fftfreq(size), np.fft.rfftfreq(size), indexing="ij")
    bank = []
    for k in range(count):
        angle, stretch = rng.uniform(0, np.pi), np.exp(rng.uniform(0, 2.5)) if k % 2 else 1.0
        u = (fx * np.cos(angle) + fy * np.sin(angle)) * stretch
        v = fy * np.cos(angle) - fx * np.sin(angle)
        amplitude = 1 / np.maximum(np.hypot(u, v), 1 / size) ** rng.uniform(0.5, 2.0)
        amplitude[0, 0] = 0
        phase = np.exp(2j * np.pi * rng.random(amplitude.shape))
        field = np.fft.irfft2(amplitude * phase, s=(size, size))
        field /= field.std()
        if k % 4 == 3:  # a grating, bent by the noise
            y, x = np.mgrid[:size, :size]
            wave = (x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / np.exp(rng.uniform(1.4, 3.5))
            field = np.sin(wave + field * rng.uniform(0.2, 2.0)) * np.sqrt(2)
        bank.append(field.astype(np.float32))
    return bank


def leaf_mask(rng, x, y, r):
    """Boolean mask of one leaf of radius about `r` centred on 0: ellipse, polygon or smooth blob."""
    kind, angle, aspect = rng.integers(3), rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 1.0)
    c, s = np.cos(angle), np.sin(angle)
    u, v = x * c + y * s, (y * c - x * s) / aspect
    if kind == 0 or r < 4:
        return u * u + v * v <= r * r
    if kind == 1:
        sides = rng.integers(3, 7)
        turns = (np.arange(sides) + rng.uniform(-0.25, 0.25, sides)) * 2 * np.pi / sides
        mask = np.ones(u.shape, bool)
        for t in turns:
            mask &= u * np.cos(t) + v * np.sin(t) <= 0.7 * r
        return mask & (u * u + v * v <= r * r)
    theta, edge = np.arctan2(v, u), 0.7
    for k in range(2, 6):
        edge = edge + rng.uniform(-0.3, 0.3) / k * np.cos(k * theta + rng.uniform(0, 6.3))
    return np.hypot(u, v) <= r * edge


def dead_leaves(job):
    """One `size` x `size` uint8 image, drawn at twice the size and averaged down."""
    seed, palette, size = job
    rng = np.random.default_rng([SEED, 1, seed])
    bank, n = texture_bank(rng, 12), 2 * size
    image = np.empty((n, n, 3), np.float32)
    image[:] = palette[rng.integers(len(palette))]
    r_min, r_max = np.exp(rng.uniform(np.log(2), np.log(24))), n / 2
    blur_layers, textured = rng.random() < 0.4, rng.uniform(0.2, 0.9)
    covered, goal, blurs = 0.0, 4.0 * n * n, [(2.0 * n * n, 1.0), (1.0 * n * n, 4.0)] if blur_layers else []
    while covered < goal:
        if blurs and covered > blurs[-1][0]:  # what lies deeper is out of focus
            sigma = blurs.pop()[1]
            image = gaussian_filter(image, (sigma, sigma, 0))
        # Radii with density r^-3 between r_min and r_max, by inversion.
        u = rng.random()
        r = 1 / math.sqrt((1 - u) / r_min**2 + u / r_max**2)
        covered += 2.0 * r * r
        cx, cy = rng.uniform(0, n, 2)
        x0, x1 = max(0, int(cx - r)), min(n, int(cx + r) + 2)
        y0, y1 = max(0, int(cy - r)), min(n, int(cy + r) + 2)
        y, x = np.ogrid[y0:y1, x0:x1]
        x, y = (x - cx).astype(np.float32), (y - cy).astype(np.float32)
        mask = leaf_mask(rng, x, y, r)
        colour = palette[rng.integers(len(palette))]
        view = image[y0:y1, x0:x1]
        if r < 6 or rng.random() > textured:
            view[mask] = colour
            if r > 6 and rng.random() < 0.5:  # a soft gradient
                slope = rng.normal(0, 0.15, 2) / r
                view[mask] += (x * slope[0] + y * slope[1])[mask][:, None]
            continue
        field = bank[rng.integers(len(bank))]
        oy, ox = rng.integers(0, 512, 2)
        rows, cols = (np.arange(y1 - y0) + oy) % 512, (np.arange(x1 - x0) + ox) % 512
        other = palette[rng.integers(len(palette))] - colour
        weight = np.exp(rng.uniform(np.log(0.02), np.log(0.5)))
        tone = field[np.ix_(rows, cols)][mask][:, None]
        view[mask] = colour + tone * (weight * other + rng.normal(0, 0.02))
    image = image.reshape(size, 2, size, 2, 3).mean((1, 3))
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


# ---------------------------------------------------------------- clean images


def load_photos(folder):
    """Training and held-out photographs as lists of uint8 arrays, even sides."""
    paths = sorted(p for p in Path(folder).iterdir() if p.suffix.lower() in {".png", ".jpg", ".tif", ".webp"})
    images = []
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        images.append(pixels[: pixels.shape[0] // 4 * 4, : pixels.shape[1] // 4 * 4])
    held_out = set(range(3, len(paths), 6))
    print("held out:", [paths[i].name for i in sorted(held_out)])
    return [im for i, im in enumerate(images) if i not in held_out], [images[i] for i in sorted(held_out)]


def load_leaves(cache, photos, count, size=512):
    """Dead-leaves images [count, size, size, 3] with the photographs' colours, made once and cached."""
    path = Path(cache) / f"dead_leaves_{SEED}_{count}_{size}.npy"
    if not path.exists():
        rng, jobs, start = np.random.default_rng([SEED, 2]), [], time.time()
        for i in range(count):
            photo = photos[rng.integers(len(photos))].reshape(-1, 3)
            jobs.append((i, photo[rng.integers(len(photo), size=512)].astype(np.float32) / 255, size))
        with ProcessPoolExecutor() as pool:
            images = np.stack(list(pool.map(dead_leaves, jobs)))
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name("partial.npy")
        np.save(partial, images)
        partial.rename(path)
        print(f"dead leaves: {count} images in {time.time() - start:.0f} s")
    return np.load(path)


def resized(pixels, width, height):
    return np.asarray(Image.fromarray(pixels).resize((width, height), Image.BICUBIC))


def scaled_copies(photos, factors):
    """Each photograph at each factor, sides a multiple of 4."""
    sides = lambda im, f: (int(im.shape[1] * f) // 4 * 4, int(im.shape[0] * f) // 4 * 4)
    return [im if f == 1 else resized(im, *sides(im, f)) for im in photos for f in factors]


def random_turn(rng, *arrays):
    """The same random flip and quarter turn for every array."""
    k, flip = rng.integers(4), rng.integers(2)
    return [np.rot90(a[:, ::-1] if flip else a, k) for a in arrays]


# ---------------------------------------------------------------- samples: (input, target) batches


def camera_noise(rng, clean):
    """Signal-dependent noise of a camera: variance = shot * signal + read^2, per-channel gains, clipped."""
    shot, read = 10 ** rng.uniform(-4.0, -1.9), 10 ** rng.uniform(-2.7, -1.4)
    gain = rng.uniform(0.7, 1.4, 3).astype(np.float32)
    noise = rng.standard_normal(clean.shape, np.float32) * np.sqrt(shot * clean + read**2)
    return np.clip(clean + noise * gain, 0, 1)


def jpeg(rng, image):
    """JPEG at a random quality, with the 8x8 grid at a random phase."""
    dy, dx = rng.integers(0, 8, 2)
    pixels = (np.roll(image, (dy, dx), (0, 1)) * 255 + 0.5).astype(np.uint8)
    buffer = io.BytesIO()
    quality, subsampling = int(rng.integers(55, 96)), int(rng.choice([0, 2]))
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=subsampling)
    return np.roll(np.asarray(Image.open(buffer), np.float32) / 255, (-dy, -dx), (0, 1))


def corrupt(rng, clean):
    """A noisy version of a clean patch; 60 % Gaussian (sigma 0..55), 25 % camera, 15 % noise then JPEG."""
    kind = rng.random()
    if kind < 0.60:
        noisy = clean + rng.standard_normal(clean.shape, np.float32) * (rng.uniform(0, 55) / 255)
        return np.round(np.clip(noisy, 0, 1) * 255) / 255 if kind < 0.15 else noisy
    if kind < 0.85:
        return np.round(camera_noise(rng, clean) * 255) / 255
    sigma = rng.uniform(0, 30) / 255
    mild = rng.random() < 0.5
    noisy = camera_noise(rng, clean) if mild else clean + rng.standard_normal(clean.shape, np.float32) * sigma
    return jpeg(rng, np.clip(noisy, 0, 1))


def denoise_samples(photos, leaves, rng, batch=16, side=64):
    photos = scaled_copies(photos, (1, 0.7, 0.5))
    while True:
        xs, ys = [], []
        for _ in range(batch):
            source = photos if rng.random() < 0.65 else leaves
            image = source[rng.integers(len(source))]
            y, x = (rng.integers(0, image.shape[a] - side + 1) for a in (0, 1))
            (patch,) = random_turn(rng, image[y : y + side, x : x + side])
            clean = patch.astype(np.float32) / 255
            if rng.random() < 0.3:
                clean = clean[..., rng.permutation(3)]
            xs.append(corrupt(rng, clean))
            ys.append(clean)
        yield np.stack(xs).astype(np.float32), np.stack(ys)


def upscale_samples(photos, leaves, rng, batch=16, side=40):
    large = scaled_copies(photos, (1, 0.8, 0.6)) + list(leaves)
    small = [resized(im, im.shape[1] // 2, im.shape[0] // 2) for im in large]
    n_photos = len(large) - len(leaves)
    while True:
        xs, ys = [], []
        for _ in range(batch):
            i = rng.integers(n_photos) if rng.random() < 0.75 else rng.integers(n_photos, len(large))
            y, x = (rng.integers(0, small[i].shape[a] - side + 1) for a in (0, 1))
            lr = small[i][y : y + side, x : x + side]
            hr = large[i][2 * y : 2 * (y + side), 2 * x : 2 * (x + side)]
            lr, hr = random_turn(rng, lr, hr)
            order = rng.permutation(3) if rng.random() < 0.3 else slice(None)
            xs.append(lr[..., order])
            ys.append(hr[..., order])
        yield np.stack(xs).astype(np.float32) / 255, np.stack(ys).astype(np.float32) / 255


def thumbnails(images, rng, count):
    """`count` random square crops (30 to 100 % of the shorter side), resized to 64x64."""
    crops = []
    for _ in range(count):
        image = images[rng.integers(len(images))]
        side = int(min(image.shape[:2]) * rng.uniform(0.3, 1.0))
        y, x = (rng.integers(0, image.shape[a] - side + 1) for a in (0, 1))
        crops.append(resized(image[y : y + side, x : x + side], 64, 64))
    return np.stack(crops)


def embed_samples(photos, leaves, rng, batch=64):
    crops = np.concatenate([thumbnails(photos, rng, 9000), thumbnails(leaves, rng, 3000)])
    while True:
        xs = crops[rng.integers(len(crops), size=batch)].astype(np.float32) / 255
        xs = np.stack([random_turn(rng, x)[0][..., rng.permutation(3)] for x in xs])
        # Exposure and contrast vary, so that 18 photographs don't fix the brightness of everything.
        exposure = rng.uniform(-0.5, 0.4, (batch, 1, 1, 1)) + rng.uniform(-0.15, 0.15, (batch, 1, 1, 3))
        xs = np.clip(xs * np.exp(exposure), 0, 1).astype(np.float32)
        yield xs, xs


# ---------------------------------------------------------------- networks, over either set of operators


def denoiser(g, x):
    """Residual convolutional autoencoder on 2x2 pixel blocks, one further level down in the middle."""
    skip = g.conv(g.conv(g.space_to_depth(x), "enc1", 48), "enc2", 48)
    h = g.conv(skip, "down", 96, k=2, stride=2)
    h = g.conv(g.conv(h, "mid1", 96), "mid2", 96)
    z = g.called(h, "bottleneck")
    h = g.conv(g.conv(z, "mid3", 96), "mid4", 96)
    h = g.add(g.depth_to_space(g.conv(h, "up", 192, k=1, relu=False), 2), skip)
    h = g.conv(g.conv(h, "dec1", 48), "dec2", 48)
    return g.add(x, g.depth_to_space(g.conv(h, "out", 12, relu=False), 2)), z


def upscaler(g, x):
    """Convolutions at the low resolution; the last predicts four sub-pixels over a nearest upsampling."""
    first = h = g.conv(x, "first", 48)
    for i in range(6):
        h = g.conv(h, f"body{i + 1}", 48)
    h = g.conv(g.add(h, first), "out", 12, relu=False)
    return g.add(g.upsample_nearest(x), g.depth_to_space(h, 2)), None


def embedder(g, x):
    """64x64 autoencoder: halved to 4x4, dense to 64 numbers, and mirrored."""
    h = g.conv(g.space_to_depth(x), "enc1", 32)
    for i, width in enumerate((64, 96, 128)):
        h = g.conv(h, f"down{i + 1}", width, k=2, stride=2)
        h = g.conv(h, f"enc{i + 2}", width)
    z = g.called(g.flatten(g.conv(h, "dense_in", 64, k=4, stride=4, relu=False)), "bottleneck")
    h = g.depth_to_space(g.conv(g.unflatten(z, 64), "dense_out", 128 * 16, k=1), 4)
    h = g.conv(h, "dec4", 128)
    for i, width in zip((3, 2, 1), (96, 64, 32)):
        h = g.depth_to_space(g.conv(h, f"up{i}", 4 * width, k=1), 2)
        h = g.conv(h, f"dec{i}", width)
    return g.depth_to_space(g.conv(h, "out", 12, relu=False), 2), z


class TfGraph:
    """The operators in TensorFlow, NHWC. Weights are made on first use; `values` overrides them."""

    def __init__(self, tf, dtype, weights, values=None):
        self.tf, self.dtype, self.weights, self.values = tf, dtype, weights, values

    def weight(self, name, shape, scale):
        if self.values is not None:
            return self.tf.cast(self.values[name], self.dtype)
        if name not in self.weights:
            rng = np.random.default_rng([SEED, 3, *name.encode()])
            value = (rng.standard_normal(shape) * scale).astype(np.float32)
            self.weights[name] = self.tf.Variable(value, name=name)
        return self.tf.cast(self.weights[name], self.dtype)

    def conv(self, x, name, width, k=3, stride=1, relu=True):
        tf, x = self.tf, self.tf.cast(x, self.dtype)
        fan_in = k * k * x.shape[-1]
        # He's scale before a ReLU; the last layer starts small, so that a residual network starts near identity.
        scale = (math.sqrt(2) if relu else 0.3 if name == "out" else 1) / math.sqrt(fan_in)
        w = self.weight(f"{name}.w", (k, k, x.shape[-1], width), scale)
        b = self.weight(f"{name}.b", (width,), 0)
        h = tf.nn.bias_add(tf.nn.conv2d(x, w, stride, "SAME" if k == 3 else "VALID"), b)
        return tf.nn.relu(h) if relu else h

    def add(self, a, b):
        wide = a.dtype if a.dtype == self.tf.float32 else b.dtype
        return self.tf.cast(a, wide) + self.tf.cast(b, wide)

    def space_to_depth(self, x):
        return self.tf.nn.space_to_depth(x, 2)

    def depth_to_space(self, x, block):
        return self.tf.nn.depth_to_space(x, block)

    def upsample_nearest(self, x):
        return self.tf.repeat(self.tf.repeat(x, 2, 1), 2, 2)

    def flatten(self, x):
        return x[:, 0, 0, :]

    def unflatten(self, z, _width):
        return z[:, None, None, :]

    def called(self, x, _name):
        return x


class OnnxGraph:
    """The operators as ONNX nodes, NCHW. Also counts multiply-adds per input pixel and the receptive field."""

    def __init__(self, values, channels=3):
        self.values, self.nodes, self.weights, self.names = values, [], [], {}
        # Per tensor: (channels, pixels between its samples, radius in input pixels).
        self.facts, self.macs = {"input": (channels, 1.0, 0.0)}, 0.0

    def node(self, kind, inputs, facts, **attributes):
        out = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        self.facts[out] = facts
        return out

    def constant(self, name, array):
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def conv(self, x, name, width, k=3, stride=1, relu=True):
        channels, step, radius = self.facts[x]
        w, b = self.values[f"{name}.w"], self.values[f"{name}.b"]
        w = np.ascontiguousarray(w.transpose(3, 2, 0, 1))  # HWIO to OIHW
        names = [self.constant(f"{name}.w", w), self.constant(f"{name}.b", b)]
        radius += step * (k // 2 if stride == 1 else k - 1)
        self.macs += k * k * channels * width / (step * stride) ** 2
        facts, pad = (width, step * stride, radius), 1 if k == 3 else 0
        h = self.node("Conv", [x, *names], facts, kernel_shape=[k, k], strides=[stride] * 2, pads=[pad] * 4)
        return self.node("Relu", [h], facts) if relu else h

    def add(self, a, b):
        channels, step, ra = self.facts[a]
        return self.node("Add", [a, b], (channels, step, max(ra, self.facts[b][2])))

    def space_to_depth(self, x):
        channels, step, radius = self.facts[x]
        return self.node("SpaceToDepth", [x], (channels * 4, step * 2, radius + step), blocksize=2)

    def depth_to_space(self, x, block):
        channels, step, radius = self.facts[x]
        finer = step / block
        facts = (channels // block**2, finer, radius + finer * (block - 1))
        return self.node("DepthToSpace", [x], facts, blocksize=block, mode="DCR")

    def upsample_nearest(self, x):
        channels, step, radius = self.facts[x]
        scales = self.constant("scales", np.array([1, 1, 2, 2], np.float32))
        return self.node("Resize", [x, "", scales], (channels, step / 2, radius + step / 2), mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor")

    def flatten(self, x):
        return self.node("Flatten", [x], self.facts[x], axis=1)

    def unflatten(self, z, width):
        shape = self.constant("unflatten_shape", np.array([0, width, 1, 1], np.int64))
        return self.node("Reshape", [z, shape], self.facts[z])

    def called(self, x, name):
        self.names[x] = name
        return x

    def model(self, inputs, outputs, metadata):
        """The checked ModelProto; `outputs` maps a tensor to its (public name, shape)."""
        rename = self.names | {t: name for t, (name, _) in outputs.items()}
        for node in self.nodes:
            node.input[:] = [rename.get(t, t) for t in node.input]
            node.output[:] = [rename.get(t, t) for t in node.output]
            node.name = f"{node.op_type}_{node.output[0]}"
        info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        graph = helper.make_graph(self.nodes, "safelight", [info("input", inputs)],
                                  [info(name, shape) for name, shape in outputs.values()], self.weights)
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="safelight")
        helper.set_model_props(model, {k: str(v) for k, v in metadata.items()})
        onnx.checker.check_model(model, full_check=True)
        return model


# Per task: network, batches, loss, peak learning rate, time, shapes (an axis is a number or a name), metadata.
TASKS = {
    "denoise": dict(
        net=denoiser, samples=denoise_samples, loss="l1", rate=1.5e-3, default_minutes=35,
        axes=("H", "W"), out=("H", "W"), bottleneck=["N", 96, "H_div_4", "W_div_4"],
        meta=dict(task="restore", scale=1, size_multiple=4),
    ),
    "upscale_x2": dict(
        net=upscaler, samples=upscale_samples, loss="l1", rate=1.5e-3, default_minutes=20,
        axes=("H", "W"), out=("H_times_2", "W_times_2"), bottleneck=None,
        meta=dict(task="restore", scale=2, size_multiple=1),
    ),
    "embed": dict(
        net=embedder, samples=embed_samples, loss="l2", rate=1e-3, default_minutes=10,
        axes=(64, 64), out=(64, 64), bottleneck=["N", 64],
        meta=dict(task="embed", scale=1, size_multiple=64),
    ),
}


def write_model(model, path):
    """Write under a temporary name, then rename: a reader never sees half a file."""
    partial = path.with_suffix(".partial")
    onnx.save(model, partial)
    partial.rename(path)


def open_session(model):
    """A session whose threads sleep while they wait: spinning ones starve each other on a busy machine."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options)


def saved_values(path):
    """The weights of an exported file, under the names and in the layout used for training, and its recipe."""
    model = onnx.load(path)
    arrays = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    values = {n: a.transpose(2, 3, 1, 0) if n.endswith(".w") else a for n, a in arrays.items()}
    return values, next(p.value for p in model.metadata_props if p.key == "recipe")


def export(tf, name, values, out, recipe, scores):
    """Write `<out>/<name>.onnx` after checking it against TensorFlow; returns the worst difference."""
    task = TASKS[name]
    g = OnnxGraph(values)
    output, z = task["net"](g, "input")
    outputs = {output: ("output", ["N", 3, *task["out"]])}
    if z is not None:
        outputs[z] = ("bottleneck", task["bottleneck"])
    count = sum(v.size for v in values.values())
    radius = 64 if name == "embed" else math.ceil(g.facts[output][2])  # dense: the whole image
    meta = task["meta"] | {"colour": "rgb", "range": "0-1", "receptive_field": radius, "parameters": count}
    meta |= {"macs_per_pixel": round(g.macs), "recipe": recipe, "scores": scores, "licence": LICENCE}
    if z is not None:
        meta["bottleneck"] = "bottleneck"
    model = g.model(["N", 3, *task["axes"]], outputs, meta)
    x = np.random.default_rng(0).random((2, 64, 64, 3)).astype(np.float32)
    want, want_z = task["net"](TfGraph(tf, tf.float32, {}, values), tf.constant(x))
    session = open_session(model.SerializeToString())
    got = session.run(None, {"input": np.ascontiguousarray(x.transpose(0, 3, 1, 2))})
    worst = np.abs(got[0].transpose(0, 2, 3, 1) - want.numpy()).max()
    if want_z is not None:
        want_z = want_z.numpy()
        worst = max(worst, np.abs(got[1] - (want_z.transpose(0, 3, 1, 2) if want_z.ndim == 4 else want_z)).max())
    assert worst < 1e-4, f"{name}: the ONNX file differs from the trained network by {worst}"
    write_model(model, out / f"{name}.onnx")
    return worst


# ---------------------------------------------------------------- training


def prefetch(samples):
    """The same batches in the same order, made ahead by one thread."""
    ahead = queue.Queue(8)

    def fill():
        for item in samples:
            ahead.put(item)

    threading.Thread(target=fill, daemon=True).start()
    return iter(ahead.get, None)


def train(name, photos, held_out, leaves, out, minutes, steps, threads, resume):
    """Adam with warm-up and cosine decay; EMA weights are exported five times, the last time at the end."""
    import tensorflow as tf

    if not tf.config.threading.get_intra_op_parallelism_threads():
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    task, weights, peak, before = TASKS[name], {}, TASKS[name]["rate"], ""
    batches = prefetch(task["samples"](photos, leaves, np.random.default_rng([SEED, 4, int(resume)])))
    task["net"](TfGraph(tf, tf.float32, weights), tf.constant(next(batches)[0][:1]))  # makes the weights
    if resume:  # fine-tune what stands in OUT, in float32
        values, recipe = saved_values(out / f"{name}.onnx")
        before, peak = f"{recipe}; then ", peak / 8
        for key, variable in weights.items():
            variable.assign(values[key])
    names, variables = list(weights), list(weights.values())
    first, second, ema = ([tf.Variable(tf.identity(v) * f) for v in variables] for f in (0, 0, 1))

    def make_update(dtype):
        @tf.function
        def update(x, y, rate, step):
            with tf.GradientTape() as tape:
                error = tf.cast(task["net"](TfGraph(tf, dtype, weights), x)[0], tf.float32) - y
                loss = tf.reduce_mean(tf.abs(error) if task["loss"] == "l1" else error * error)
            gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, variables), 0.5)
            correction = rate * tf.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            decay = tf.minimum(0.999, step / (step + 10.0))
            for v, g, m, s, e in zip(variables, gradients, first, second, ema):
                m.assign(0.9 * m + 0.1 * g)
                s.assign(0.999 * s + 0.001 * g * g)
                v.assign_sub(correction * m / (tf.sqrt(s) + 1e-8))
                e.assign(decay * e + (1 - decay) * v)
            return loss

        return update

    # Most updates run in bfloat16 (weights stay float32), which is twice as fast; the last fifth in float32.
    fast, exact = make_update(tf.bfloat16), make_update(tf.float32)
    clock = lambda: time.process_time() / threads
    start, step, exported, average = clock(), 0, 0, None
    while True:
        done = step / steps if steps else (clock() - start) / (60 * minutes)
        if done * 5 >= exported + 1 or done >= 1:
            exported, began = int(done * 5), clock()
            used = (began - start) / 60
            recipe = f"{before}{task['loss'].upper()}, Adam, {step} updates, cosine from {peak:g}, EMA, "
            recipe += f"{len(photos)} CC0 photographs + {len(leaves)} dead-leaves images, "
            recipe += f"{used:.1f} min of {threads} CPU threads"
            recipe += "" if done >= 1 else f" (checkpoint at {done:.0%})"
            worst = export(tf, name, dict(zip(names, (e.numpy() for e in ema))), out, recipe, "not measured yet")
            scores = validate(name, out, held_out)
            progress = f"{name} {min(done, 1):4.0%} step {step} loss {average:.5f}"
            print(f"{progress} {scores} onnx-tf {worst:.1e}", flush=True)
            set_metadata(out / f"{name}.onnx", {"scores": scores})
            start += clock() - began  # the schedule counts training time only
        if done >= 1:
            return
        x, y = next(batches)
        rate = peak * min(1, (step + 1) / 200) * (0.5 + 0.5 * math.cos(math.pi * min(done, 1)))
        update = fast if done < 0.8 and not resume else exact
        scalars = tf.constant(rate, tf.float32), tf.constant(step + 1.0)
        loss = float(update(tf.constant(x), tf.constant(y), *scalars))
        average = loss if average is None else 0.99 * average + 0.01 * loss
        step += 1


# ---------------------------------------------------------------- scores


def set_metadata(path, changes):
    model = onnx.load(path)
    helper.set_model_props(model, {p.key: p.value for p in model.metadata_props} | changes)
    write_model(model, path)


def infer(session, image):
    """float [H,W,3] -> float [H',W',3]; sides padded by reflection to a multiple of 4 and cropped after."""
    h, w = image.shape[:2]
    padded = np.pad(image, ((0, -h % 4), (0, -w % 4), (0, 0)), "reflect")
    result = session.run(["output"], {"input": padded.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
    scale = result.shape[1] // padded.shape[0]
    return result.transpose(1, 2, 0)[: h * scale, : w * scale]


def psnr(a, b, peak):
    return 10 * math.log10(peak**2 / np.mean((a.astype(np.float64) - b) ** 2))


def denoise_psnr(session, images, sigma):
    """Mean RGB PSNR; noise on the float image, neither clipped nor rounded; the result clipped to [0,1]."""
    total = 0.0
    for i, image in enumerate(images):
        clean = image / 255.0
        noise = np.random.default_rng([SEED, 5, i]).standard_normal(clean.shape) * sigma / 255
        total += psnr(np.clip(infer(session, clean + noise), 0, 1), clean, 1.0)
    return total / len(images)


def luma(image):
    """Y of YCbCr in 16..235 from RGB in 0..255."""
    return 16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def upscale_psnr(upscale, pairs):
    """Mean Y-PSNR over (small, large) uint8 pairs, 2 pixels cropped from each border."""
    total = 0.0
    for small, large in pairs:
        y = luma(upscale(small))
        total += psnr(y[2:-2, 2:-2], luma(large)[2:-2, 2:-2], 255)
    return total / len(pairs)


def rounded(session):
    """The network as a function from 8-bit pixels to 8-bit values."""
    return lambda small: np.round(np.clip(infer(session, small / 255.0), 0, 1) * 255)


def bicubic(small):
    return resized(small, 2 * small.shape[1], 2 * small.shape[0])


def upscale_line(model, pairs):
    return f"{upscale_psnr(model, pairs):.2f} dB (bicubic {upscale_psnr(bicubic, pairs):.2f})"


def validate(name, out, held_out):
    """One line of scores on the held-out photographs."""
    session = open_session(out / f"{name}.onnx")
    if name == "denoise":
        values = ", ".join(f"sigma {s}: {denoise_psnr(session, held_out, s):.2f}" for s in (0, 15, 25, 50))
        return f"held-out photographs, RGB PSNR {values} dB"
    if name == "upscale_x2":
        pairs = [(resized(im, im.shape[1] // 2, im.shape[0] // 2), im) for im in held_out]
        return f"held-out photographs, Y-PSNR {upscale_line(rounded(session), pairs)}"
    crops = thumbnails(held_out, np.random.default_rng([SEED, 6]), 400).astype(np.float32) / 255
    result = session.run(["output"], {"input": crops.transpose(0, 3, 1, 2)})[0].transpose(0, 2, 3, 1)
    return f"crops of held-out photographs, reconstruction MSE {np.mean((result - crops) ** 2):.5f}"


def pca_mse(photos, held_out, dims=64):
    """The linear baseline for `embed`: PCA fitted to crops of the training photographs."""
    fit = thumbnails(photos, np.random.default_rng([SEED, 7]), 3000).reshape(3000, -1).astype(np.float32) / 255
    test = thumbnails(held_out, np.random.default_rng([SEED, 6]), 400).reshape(400, -1).astype(np.float32) / 255
    mean = fit.mean(0)
    basis = svds(fit - mean, dims, return_singular_vectors="vh", random_state=SEED)[2].T
    return float(np.mean((test - mean - (test - mean) @ basis @ basis.T) ** 2))


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def score(photos, held_out, out, benchmarks):
    """Measure the finished files, write the scores into their metadata and into scores.json."""
    scores = {}
    for name in TASKS:
        if (out / f"{name}.onnx").exists():
            scores[name] = validate(name, out, held_out)
    if "embed" in scores:
        scores["embed"] += f" (PCA with 64 components {pca_mse(photos, held_out):.5f})"
    if benchmarks and "denoise" in scores:
        session = open_session(out / "denoise.onnx")
        images = [read(p) for p in sorted((benchmarks / "cbsd68").glob("*.png"))]
        values = ", ".join(f"sigma {s}: {denoise_psnr(session, images, s):.2f}" for s in (15, 25, 50))
        scores["denoise"] += f"; CBSD68 {values} dB"
    if benchmarks and "upscale_x2" in scores:
        model = rounded(open_session(out / "upscale_x2.onnx"))
        for folder in ("set5", "set14"):
            files = sorted((benchmarks / folder / "x2").glob("*_LR.png"))
            pairs = [(read(p), read(p.with_name(p.name.replace("_LR", "_HR")))) for p in files]
            pairs = [(lr, hr[: 2 * lr.shape[0], : 2 * lr.shape[1]]) for lr, hr in pairs]
            scores["upscale_x2"] += f"; {folder} {upscale_line(model, pairs)}"
    for name, line in scores.items():
        set_metadata(out / f"{name}.onnx", {"scores": line})
        print(name, line, flush=True)
    (out / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="folder of photographs free to train on")
    parser.add_argument("--out", type=Path, required=True, help="folder for the ONNX files")
    parser.add_argument("--task", choices=["all", "denoise", "upscale", "embed", "score"], default="all")
    parser.add_argument("--minutes", type=float, help="processor minutes per network (default 35, 20, 10)")
    parser.add_argument("--steps", type=int, help="updates per network, in place of --minutes")
    parser.add_argument("--resume", action="store_true", help="fine-tune the files in OUT instead of starting afresh")
    parser.add_argument("--leaves", type=int, default=120, help="number of dead-leaves images")
    parser.add_argument("--cache", type=Path, help="folder for the dead-leaves images (default OUT/cache)")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--benchmarks", type=Path, help="folder with cbsd68, set5/x2, set14/x2 (score)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    photos, held_out = load_photos(args.photos)
    if args.task == "score":
        return score(photos, held_out, args.out, args.benchmarks)
    leaves = load_leaves(args.cache or args.out / "cache", photos, args.leaves)
    for name, task in TASKS.items():
        if args.task == "all" or name.startswith(args.task):
            minutes = args.minutes or task["default_minutes"]
            train(name, photos, held_out, leaves, args.out, minutes, args.steps, args.threads, args.resume)


if __name__ == "__main__":
    main()
