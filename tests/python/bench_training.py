"""Times training steps of safelight against TensorFlow on two cores and prints a Markdown table.

Usage: python tests/python/bench_training.py SERVER [--rounds N] [--seconds S] [--only CASE] [--xla]
       python tests/python/bench_training.py --tensorflow CASE|all [--seconds S] [--xla]

SERVER is the program built from benches/training.rs: `SERVER CASE SECONDS` trains that long on two threads after a short
warm-up and prints one JSON line: case, steps_per_second, loss_first, loss_last, peak_rss_mb. TensorFlow runs in a process
of its own per case and setting, waits idle while ours is timed, and takes turns with it in alternating order. Its setting
is the fastest of a short trial of all of them (XLA only where asked for). The ratio is the median over the rounds of
ours / TensorFlow, in steps per second, so that more than 1 is faster. Both sides train on random pictures that lie in
memory, noise included; the losses of the two sides are not comparable, but must fall.
"""
import argparse
import contextlib
import json
import os
import resource
import shlex
import statistics
import subprocess
import sys
import time

import numpy as np

from bench_peers import CORES, TOO_BUSY, busy_seconds, cpu_seconds, say

CASES = ["mnist_denoiser", "plain_denoiser", "embed64", "dense_blobs"]
# (name, environment, XLA, fused Adam, threads between operations)
SETTINGS = [
    ("graph, Keras Adam", {}, False, False, 1),
    ("graph, fused Adam", {}, False, True, 1),
    ("graph, fused Adam, 2 inter-op threads", {}, False, True, 2),
    ("graph, fused Adam, without oneDNN", {"TF_ENABLE_ONEDNN_OPTS": "0"}, False, True, 1),
    ("XLA, Keras Adam", {}, True, False, 1),
]
XLA = [setting for setting in SETTINGS if setting[2]]  # tried only when asked: its convolutions' gradients take minutes
BATCHES = 4  # different batches in memory


def peak_mb(pid="self"):
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM:")) * 1024 / 1e6


# --- The peer: runs in processes of its own, the only ones that import TensorFlow.


def networks():
    import tensorflow as tf
    from keras import Model, layers

    def conv(filters, activation="relu", strides=1, padding="same"):
        return layers.Conv2D(filters, 3, strides=strides, padding=padding, activation=activation)

    def space_to_depth(x):
        return layers.Lambda(lambda t: tf.nn.space_to_depth(t, 2))(x)

    def depth_to_space(x):
        return layers.Lambda(lambda t: tf.nn.depth_to_space(t, 2))(x)

    def mnist_denoiser():
        """7,009 parameters; sizes 28, 14, 7, 4, 8, 16, 14 (unpadded), 28."""
        x = start = layers.Input((28, 28, 1))
        for filters in (32, 8, 8):
            x = layers.MaxPooling2D(2, padding="same")(conv(filters)(x))
        for filters, padding in ((8, "same"), (8, "same"), (32, "valid")):
            x = layers.UpSampling2D(2)(conv(filters, padding=padding)(x))
        return Model(start, conv(1)(x))

    def plain_denoiser():
        start, level = layers.Input((64, 64, 3)), layers.Input((32, 32, 1))
        x = layers.Concatenate()([space_to_depth(start), level])
        for _ in range(9):
            x = conv(48)(x)
        return Model([start, level], start - depth_to_space(conv(12, None)(x)))

    def embed64():
        start = layers.Input((64, 64, 3))
        x = conv(32)(space_to_depth(start))
        x = conv(64, strides=2)(conv(64, strides=2)(x))
        x = layers.Dense(64)(layers.Flatten()(x))
        x = layers.Reshape((8, 8, 64))(layers.Dense(4096, activation="relu")(x))
        x = conv(64)(layers.UpSampling2D(2)(x))
        x = conv(32)(layers.UpSampling2D(2)(x))
        return Model(start, depth_to_space(conv(12, None)(x)))

    def dense_blobs():
        x = start = layers.Input((50,))
        for width, activation in ((100, "relu"), (50, "relu"), (2, None), (50, "relu"), (100, "relu"), (50, None)):
            x = layers.Dense(width, activation=activation)(x)
        return Model(start, x)

    return {f.__name__: f for f in (mnist_denoiser, plain_denoiser, embed64, dense_blobs)}


def data(case):
    """Inputs (a list of arrays) and targets."""
    random = np.random.default_rng(0)
    batch, *shape = {"mnist_denoiser": (256, 28, 28, 1), "plain_denoiser": (32, 64, 64, 3), "embed64": (64, 64, 64, 3),
                     "dense_blobs": (128, 50)}[case]
    clean = random.random((BATCHES, batch, *shape), np.float32)
    if case == "mnist_denoiser":
        return [np.clip(clean + 0.5 * random.standard_normal(clean.shape, np.float32), 0, 1)], clean
    if case == "plain_denoiser":
        noisy = clean + np.float32(0.1) * random.standard_normal(clean.shape, np.float32)
        return [noisy, np.full((BATCHES, batch, 32, 32, 1), 0.1, np.float32)], clean
    return [clean], clean


def tensorflow(case, setting):
    """Answers each line `SECONDS` with a JSON line; the first one also tells how long the forward pass alone takes."""
    _, _, xla, fused, between = next(s for s in SETTINGS if s[0] == setting)
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(CORES)
    tf.config.threading.set_inter_op_parallelism_threads(between)
    keras.utils.set_random_seed(0)
    model = networks()[case]()
    variables = model.trainable_variables
    if case == "mnist_denoiser":
        assert model.count_params() == 7009
    inputs, targets = data(case)
    inputs, targets = [tf.constant(x) for x in inputs], tf.constant(targets)
    if fused:
        raw = [v.value for v in variables]
        moments = [(tf.Variable(tf.zeros_like(v)), tf.Variable(tf.zeros_like(v))) for v in raw]
        powers = tf.Variable(1.0), tf.Variable(1.0)
    else:
        adam = keras.optimizers.Adam(1e-3)
        adam.build(variables)

    def update(gradients):
        if not fused:
            adam.apply(gradients, variables)
            return
        for power, beta in zip(powers, (0.9, 0.999)):
            power.assign(power * beta)
        for v, (m, s), g in zip(raw, moments, gradients):
            tf.raw_ops.ResourceApplyAdam(var=v.handle, m=m.handle, v=s.handle, beta1_power=powers[0], beta2_power=powers[1],
                                         lr=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-7, grad=g)

    def forward(i):
        x = [tf.gather(x, i) for x in inputs]
        return model(x if len(x) > 1 else x[0], training=True)

    def step(i):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(forward(i) - tf.gather(targets, i)))
        update(tape.gradient(loss, [v.value for v in variables]))
        return loss

    step, forward = (tf.function(f, jit_compile=xla) for f in (step, forward))
    indices = [tf.constant(i) for i in range(BATCHES)]

    def run(f, seconds):
        n, start, result = 0, time.perf_counter(), None
        while time.perf_counter() - start < seconds or n == 0:
            result = f(indices[n % BATCHES])
            n += 1
        result = float(tf.reduce_mean(result))  # waits for the last one
        return n / (time.perf_counter() - start), result

    first = float(step(indices[0]))
    run(step, 0.5)
    run(forward, 0.2)
    for line in sys.stdin:
        seconds = float(line)
        forwards, _ = run(forward, min(seconds, 1.0))
        steps, last = run(step, seconds)
        print(json.dumps({"case": case, "steps_per_second": steps, "forward_seconds": 1 / forwards, "loss_first": first,
                          "loss_last": last, "peak_rss_mb": peak_mb()}), flush=True)


# --- The comparison.


class Peer:
    """TensorFlow in one setting."""

    def __init__(self, case, setting):
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "KERAS_BACKEND": "tensorflow"}
        command = [sys.executable, os.path.abspath(__file__), "--serve", case, setting[0]]
        self.name = setting[0]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=environment | setting[1])

    def run(self, seconds):
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"TensorFlow, {self.name}: {self.process.stderr.read()[-2000:]}")
        return json.loads(line)

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def close(self):
        self.process.kill()
        self.process.communicate()


def ours(server, case, seconds):
    done = subprocess.run([*shlex.split(server), case, str(seconds)], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise RuntimeError(f"the server ended with {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def own_cpu():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def with_others(peers, work):
    """What `work` gives, and the share of the cores that other programs took meanwhile."""
    start, busy, before = time.perf_counter(), busy_seconds(), own_cpu() + sum(p.cpu() for p in peers)
    result = work()
    used = own_cpu() + sum(p.cpu() for p in peers) - before
    return result, max(0.0, (busy_seconds() - busy - used) / (time.perf_counter() - start) / CORES)


def trial(case, seconds, every, xla=False):
    """The fastest setting by a short trial; with `every`, prints all of them."""
    best = None
    for setting in SETTINGS:
        if setting in XLA and not xla:
            continue
        with contextlib.closing(Peer(case, setting)) as peer:
            try:
                peer.run(0.2)
                runs = [with_others([peer], lambda: peer.run(seconds)) for _ in range(2)]
            except RuntimeError as error:
                print(f"{case}: {error}", file=sys.stderr)
                continue
        steps = max(run["steps_per_second"] for run, _ in runs)
        forward = min(run["forward_seconds"] for run, _ in runs)
        others = max(share for _, share in runs)
        if every:
            say(case, setting[0], f"{steps:.4g}", f"{1e3 * forward:.3g}", f"{runs[-1][0]['loss_first']:.4g}",
                f"{runs[-1][0]['loss_last']:.4g}", f"{runs[-1][0]['peak_rss_mb']:.0f}", f"{others:.1%}")
        if best is None or steps > best[0]:
            best = steps, setting
    return best[1]


def compare(case, arguments):
    setting = trial(case, 1.5, False, arguments.xla)
    runs, theirs, shares = [], [], []
    with contextlib.closing(Peer(case, setting)) as peer:
        peer.run(0.2)
        for i in range(arguments.rounds):
            for side in (0, 1)[:: -1 if i % 2 else 1]:
                time.sleep(0.1)  # threads that spin for more work stop
                result, share = with_others([peer], lambda: peer.run(arguments.seconds) if side == 0 else
                                            ours(arguments.server, case, arguments.seconds))
                (theirs, runs)[side].append(result)
                shares.append(share)
    ratios = [a["steps_per_second"] / b["steps_per_second"] for a, b in zip(runs, theirs)]

    def median(side):
        return statistics.median(run["steps_per_second"] for run in side)

    def memory(side):
        return max(run["peak_rss_mb"] for run in side)

    say(case, setting[0], f"{median(theirs):.4g}", f"{median(runs):.4g}", f"{statistics.median(ratios):.3f}",
        f"{min(ratios):.3f} to {max(ratios):.3f}", f"{memory(theirs):.0f}", f"{memory(runs):.0f}",
        f"{theirs[0]['loss_first']:.3g} to {theirs[-1]['loss_last']:.3g}",
        f"{runs[-1]['loss_first']:.3g} to {runs[-1]['loss_last']:.3g}", f"{max(shares):.1%}")
    return max(shares)


def main():
    if sys.argv[1:2] == ["--serve"]:
        return tensorflow(*sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", nargs="?", help="the server program, with its arguments")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one side's turn")
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--xla", action="store_true", help="try TensorFlow with XLA too: takes minutes a step")
    parser.add_argument("--tensorflow", choices=[*CASES, "all"], help="only time TensorFlow, in all its settings")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # the children's too
    if arguments.tensorflow:
        say("case", "setting", "steps/s", "forward ms", "loss first", "last", "peak MB", "others")
        say(*["---"] * 8)
        for case in CASES if arguments.tensorflow == "all" else [arguments.tensorflow]:
            trial(case, arguments.seconds, True, arguments.xla)
        return 0
    if not arguments.server:
        parser.error("name the server program, or --tensorflow")
    say("case", "TensorFlow's setting", "TensorFlow steps/s", "ours steps/s", "ratio", "range", "TensorFlow MB", "ours MB",
        "TensorFlow loss", "our loss", "others")
    say(*["---"] * 11)
    others = max(compare(case, arguments) for case in CASES if arguments.only in (None, case))
    print(f"\nOther programs used at most {others:.1%} of the cores"
          f"{': too much for these figures to count.' if others > TOO_BUSY else '.'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
