"""Times safelight against onnxruntime on two cores and prints Markdown tables.

Usage: python tests/python/bench_peers.py SERVER [--quick] [--only NAME] [--engine fast|plain] [--avx2] [--out FILE.csv]
       python tests/python/bench_peers.py SERVER --end-to-end SAFELIGHT [--quick] [--only JOB] [--photos FOLDER]

The first form runs networks alone: ours in SERVER, a program that takes JSON lines, and onnxruntime in processes of its
own, in three settings. All are ready beforehand and take turns, in alternating order; the others wait, idle, while one is
timed. The time is that for one input (a batch, where there is one) at full use of both cores. The ratio is the median
over the rounds, against onnxruntime's fastest setting. The second form times whole jobs (denoise; shipped: with the steps
of `pipelines/denoise.yaml`; large: the same of one picture of 24 megapixels; embed) against the loops of
`peer_loops.py`; SERVER is not used.
"""
import argparse
import csv
import functools
import glob
import itertools
import json
import math
import multiprocessing
import os
import resource
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
import onnx

import peer_graphs
import peer_loops

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = os.path.join(os.path.dirname(ROOT), "shared")
MODELS = os.path.join(ROOT, "sample_data", "models")
CORES = 2
SETTINGS = [(1, 2), (2, 1), (1, 1)]  # onnxruntime: processes, threads of each
LARGEST_DIFFERENCE = 1e-4
TOO_BUSY = 0.1  # share of the cores that other programs take
SCALING = 1.85  # from one thread to two
# name, batch, height, width, bar for ours / onnxruntime
CASES = [
    ("denoise", 1, 256, 256, 0.6),
    ("upscale_x2", 1, 256, 256, 0.6),
    ("embed", 1, 64, 64, 0.6),
    ("embed", 32, 64, 64, 0.6),
    ("dncnn", 1, 256, 256, 0.5),
    ("srvgg", 1, 128, 128, 0.6),
    ("espcn", 1, 256, 256, 0.8),
    ("unet_nearest", 1, 256, 256, 0.8),
    ("unet_transposed", 1, 256, 256, 0.8),
    ("unet_keras_nhwc", 1, 256, 256, 0.8),
    ("nafnet", 1, 256, 256, 0.7),
    ("ae28", 1, 28, 28, 1.0),
    ("ae28", 32, 28, 28, 1.0),
    ("ae28", 256, 28, 28, 1.0),
]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def busy_seconds():
    """Of the cores that this program may use, by any program."""
    allowed = {f"cpu{i}" for i in os.sched_getaffinity(0)}
    with open("/proc/stat") as f:
        rows = [line.split() for line in f]
    ticks = sum(int(row[i]) for row in rows if row[0] in allowed for i in (1, 2, 3, 6, 7, 8))
    return ticks / os.sysconf("SC_CLK_TCK")


class Ours:
    """The server program; `run` gives the seconds for one input."""

    workers = CORES

    def __init__(self, command):
        self.process = subprocess.Popen(shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **message):
        try:
            self.process.stdin.write(json.dumps(message) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the server ended with {self.process.wait()}")
        answer = json.loads(line)
        if not answer["ok"]:
            raise RuntimeError(answer["error"])
        return answer

    def load(self, **load):
        return self.ask(cmd="load", threads=CORES, **load)["shape"]

    def run(self, iterations, **output):
        return self.ask(cmd="run", iterations=iterations, **output)["seconds"]

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def peak(self):
        return self.ask(cmd="peak")["rss"]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def serve_onnxruntime(pipe, package, model, x, threads):
    """A process of the peer: waits on the pipe, runs as often as asked, answers when it started and ended."""
    if package:
        sys.path.insert(0, package)
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    source, target = session.get_inputs()[0].name, session.get_outputs()[0].name
    y = session.run([target], {source: x})[0]
    pipe.send(y)
    # Input and output stay where they are, so that only the network is timed.
    binding = session.io_binding()
    binding.bind_ortvalue_input(source, ort.OrtValue.ortvalue_from_numpy(x))
    binding.bind_ortvalue_output(target, ort.OrtValue.ortvalue_from_numpy(y))
    while iterations := pipe.recv():
        start = time.perf_counter()
        for _ in range(iterations):
            session.run_with_iobinding(binding)
        pipe.send((start, time.perf_counter()))


class Peer:
    """onnxruntime in one of its settings; `run` gives the seconds for one input."""

    def __init__(self, package, model, x, processes, threads):
        self.workers = processes
        self.name = f"{processes} process{'es' * (processes > 1)} x {threads} thread{'s' * (threads > 1)}"
        spawn = multiprocessing.get_context("spawn")
        self.pipes, self.processes = [], []
        for _ in range(processes):
            pipe, end = spawn.Pipe()
            process = spawn.Process(target=serve_onnxruntime, args=(end, package, model, x, threads), daemon=True)
            process.start()
            end.close()
            self.pipes.append(pipe)
            self.processes.append(process)
        self.output = [pipe.recv() for pipe in self.pipes][0]

    def run(self, iterations):
        for pipe in self.pipes:
            pipe.send(iterations)
        starts, ends = zip(*(pipe.recv() for pipe in self.pipes))
        return (max(ends) - min(starts)) / (self.workers * iterations)

    def cpu(self):
        return sum(cpu_seconds(process.pid) for process in self.processes)

    def close(self):
        for pipe in self.pipes:
            pipe.send(0)
        for process in self.processes:
            process.join()


def package_for_avx2(folder):
    """A copy of onnxruntime that finds no AVX-512, or None.

    onnxruntime has no switch for this. It asks the processor (xgetbv) whether the system saves the AVX-512 registers; in
    the copy the answer is 7: x87, SSE and AVX only.
    """
    import importlib.util

    original = os.path.dirname(importlib.util.find_spec("onnxruntime").origin)
    copy = os.path.join(folder, "onnxruntime")
    unneeded = shutil.ignore_patterns("libonnxruntime.so*", "transformers", "tools", "quantization", "datasets")
    shutil.copytree(original, copy, ignore=unneeded)
    tail = bytes.fromhex("89c048c1e2204809c2")  # joins edx and eax into one number
    for path in glob.glob(os.path.join(copy, "capi", "onnxruntime_pybind11_state*.so")):
        with open(path, "rb") as f:
            code = f.read()
        with open(path, "wb") as f:
            f.write(code.replace(b"\x0f\x01\xd0" + tail, b"\xb0\x07\x90" + tail))  # xgetbv -> mov al, 7; nop

    # Blocks of 8 channels instead of 16 show that it worked: 24 filters stay 24 and are not padded to 32.
    g = peer_graphs.Graph(0)
    g.add("Relu", g.conv("input", 64, 24), outputs=["output"])
    model, optimised = os.path.join(folder, "blocks.onnx"), os.path.join(folder, "blocks_optimised.onnx")
    onnx.save(g.model("blocks", [1, 64, 32, 32], [1, 24, 32, 32]), model)
    script = ("import sys; sys.path.insert(0, sys.argv[1]); import onnxruntime as ort; o = ort.SessionOptions(); "
              "o.log_severity_level = 3; o.optimized_model_filepath = sys.argv[3]; ort.InferenceSession(sys.argv[2], o)")
    done = subprocess.run([sys.executable, "-c", script, folder, model, optimised])
    if done.returncode:
        return None
    filters = [w.dims[0] for w in onnx.load(optimised).graph.initializer if len(w.dims) == 4]
    return folder if filters == [24] else None


def iterations_for(side, seconds):
    """How often each worker of a side has to run its input for a round of about that length."""
    n = 1
    while True:
        wall = side.run(n) * side.workers * n
        if wall >= seconds / 2:
            return max(1, math.ceil(n * seconds / wall))
        n *= 2


def random_input(path, batch, height, width):
    info = onnx.load(path).graph.input[0].type.tensor_type.shape.dim
    nhwc = info[3].dim_value in (1, 3)
    channels = info[3 if nhwc else 1].dim_value
    shape = [batch, height, width, channels] if nhwc else [batch, channels, height, width]
    return np.random.default_rng(0).random(shape, np.float32)


def largest_difference(ours, theirs):
    """Relative to the range of the output."""
    return float(np.abs(ours - theirs).max() / (theirs.max() - theirs.min()))


def measure(case, arguments, package, folder):
    name, batch, height, width, bar = case
    seconds, rounds = (0.1, 3) if arguments.quick else (0.3, 7)
    model = os.path.join(MODELS, f"{name}.onnx")
    if name in peer_graphs.GRAPHS:
        model = os.path.join(folder, f"{name}_{batch}.onnx")
        peer_graphs.build(name, model, batch, height, width)
    x = random_input(model, batch, height, width)
    raw, result = os.path.join(folder, "x.f32"), os.path.join(folder, "y.f32")
    x.tofile(raw)
    row = {"net": name, "input": "x".join(str(n) for n in x.shape), "bar": 1.0 if arguments.avx2 else bar}

    sides = []
    try:
        for setting in SETTINGS:
            sides.append(Peer(package, model, x, *setting))
        peers = list(sides)
        ours = Ours(arguments.server)
        sides.append(ours)
        shape = ours.load(model=os.path.abspath(model), batch=batch, height=height, width=width, engine=arguments.engine,
                          level="avx2" if arguments.avx2 else "auto", input=raw)
        ours.run(1, output=result)
        theirs = peers[0].output
        if list(theirs.shape) != shape:
            raise RuntimeError(f"output of shape {shape}, onnxruntime's is {list(theirs.shape)}")
        row["difference"] = largest_difference(np.fromfile(result, np.float32).reshape(shape), theirs)

        counts = {side: iterations_for(side, seconds) for side in sides}
        times = {side: [] for side in sides}
        wall = waiting = others = 0.0
        for i in range(rounds):
            for side in sides[:: -1 if i % 2 else 1]:
                time.sleep(0.05)  # threads that spin for more work stop
                start, busy, before = time.perf_counter(), busy_seconds(), {s: s.cpu() for s in sides}
                times[side].append(side.run(counts[side]))
                used = {s: s.cpu() - before[s] for s in sides}
                wall += time.perf_counter() - start
                waiting += sum(used.values()) - used[side]
                others += busy_seconds() - busy - sum(used.values())
        peer = min(peers, key=lambda p: statistics.median(times[p]))
        ratios = [a / b for a, b in zip(times[ours], times[peer])]
        row |= {f"onnxruntime {p.name}": 1e3 * statistics.median(times[p]) for p in peers}
        row |= {"setting": peer.name, "onnxruntime": 1e3 * statistics.median(times[peer]),
                "ours": 1e3 * statistics.median(times[ours]), "ratio": statistics.median(ratios),
                "lowest ratio": min(ratios), "highest ratio": max(ratios), "waiting": waiting / wall,
                "others": max(0.0, others / wall / CORES), "our peak MB": ours.peak() / 1e6}
        row["met"] = row["ratio"] <= row["bar"] and row["difference"] <= LARGEST_DIFFERENCE
    except RuntimeError as error:
        row |= {"met": False, "error": str(error)}
    finally:
        for side in sides:
            side.close()
    return row


def say(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def networks(arguments, folder):
    package, note = None, ""
    if arguments.avx2:
        package = package_for_avx2(tempfile.mkdtemp(dir=folder))
        note = ("Both sides without AVX-512: onnxruntime as a copy patched not to find it.\n" if package else
                "Ours without AVX-512; onnxruntime has no switch for that, could not be patched, and used all it found.\n")
    say("net", "input", "onnxruntime ms", "setting", "ours ms", "ratio", "bar", "largest difference", "met")
    say(*["---"] * 9)
    rows = []
    for case in CASES:
        if arguments.only and arguments.only not in case[0]:
            continue
        row = measure(case, arguments, package, folder)
        rows.append(row)
        difference = f"{row['difference']:.1e}" if "difference" in row else ""
        if "error" in row:
            say(row["net"], row["input"], "", "", row["error"], "", f"{row['bar']}", difference, "**no**")
        else:
            say(row["net"], row["input"], f"{row['onnxruntime']:.3g}", row["setting"], f"{row['ours']:.3g}",
                f"{row['ratio']:.3f}", f"{row['bar']}", difference, "yes" if row["met"] else "**no**")
    waiting, others = (max((row.get(key, 0) for row in rows), default=0) for key in ("waiting", "others"))
    print(f"\n{note}The waiting sides used at most {waiting:.1%} of a core, other programs {others:.1%} of the cores"
          f"{': too much for these figures to count.' if others > TOO_BUSY else '.'}")
    return rows


class Memory(threading.Thread):
    """Watches a process and those it starts: their peak resident sets summed, and the peak sum of proportional sets."""

    def __init__(self, pid):
        super().__init__()
        self.pid, self.resident, self.proportional, self.over = pid, {}, 0, threading.Event()

    def tree(self, pid):
        yield pid
        for path in glob.glob(f"/proc/{pid}/task/*/children"):
            try:
                with open(path) as f:
                    children = f.read().split()
            except OSError:
                continue
            for child in children:
                yield from self.tree(int(child))

    def read(self, pid, file, key):
        try:
            with open(f"/proc/{pid}/{file}") as f:
                return next((1024 * int(line.split()[1]) for line in f if line.startswith(key)), 0)
        except OSError:
            return 0

    def run(self):
        while not self.over.wait(0.03):
            pids = list(self.tree(self.pid))
            for pid in pids:
                self.resident[pid] = max(self.read(pid, "status", "VmHWM:"), self.resident.get(pid, 0))
            self.proportional = max(self.proportional, sum(self.read(pid, "smaps_rollup", "Pss:") for pid in pids))


def timed(command):
    """Wall seconds of a command, its processes' peak resident and proportional bytes, share of the cores others took, and
    seconds of processor time."""

    def own():
        return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])

    os.sync()
    start, busy, before = time.perf_counter(), busy_seconds(), own()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    memory = Memory(process.pid)
    memory.start()
    process.wait()
    seconds = time.perf_counter() - start
    memory.over.set()
    memory.join()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    cpu = own() - before
    others = max(0.0, (busy_seconds() - busy - cpu) / seconds / CORES)
    return seconds, sum(memory.resident.values()), memory.proportional, others, cpu


def pictures_differ(ours, theirs):
    """Mean absolute difference of the pictures of two folders, on the 0 to 255 scale."""
    from PIL import Image

    names = sorted(os.listdir(theirs))
    assert sorted(os.listdir(ours)) == names

    def pixels(folder, name):
        return np.asarray(Image.open(os.path.join(folder, name)), np.float32)

    return float(np.mean([np.abs(pixels(ours, n) - pixels(theirs, n)).mean() for n in names[:20]]))


def vectors_differ(ours, theirs):
    import pyarrow.parquet as pq

    def read(path):
        table = pq.read_table(path, columns=["path", "embedding"]).to_pandas().sort_values("path")
        return table["path"].tolist(), np.stack(table["embedding"])

    (names, a), (their_names, b) = read(ours), read(theirs)
    assert names == their_names
    return largest_difference(a, b)


def shipped_steps(name):
    """The steps of a shipped pipeline, with its model found from anywhere."""
    with open(os.path.join(ROOT, "pipelines", name)) as f:
        lines = f.read().splitlines()
    start = lines.index("steps:") + 1
    steps = itertools.takewhile(lambda line: line.startswith(" "), lines[start:])
    return "\n".join(steps).replace("sample_data/models", MODELS) + "\n"


def end_to_end(arguments, folder):
    binary = os.path.abspath(arguments.end_to_end)
    photos, digits = (20, 2000) if arguments.quick else (200, 20000)
    rounds = 1 if arguments.quick else 3
    jobs = []
    if arguments.only in (None, "denoise"):
        source = os.path.join(folder, "photos")
        peer_loops.make_photos(arguments.photos, source, photos)
        model = os.path.join(MODELS, "denoise.onnx")
        steps = f"  - restore: {{model: {model}}}\n  - write: {{quality: 92}}\n"
        jobs.append(("denoise", f"denoise, {photos} JPEGs", source, ["denoise", model, source],
                     steps, "images", pictures_differ, 1.0, 0.5))
    shipped = shipped_steps("denoise.yaml")
    model = os.path.join(MODELS, "denoise.onnx")
    if arguments.only in (None, "shipped"):
        source = os.path.join(folder, "photos_shipped")
        peer_loops.make_photos(arguments.photos, source, photos)
        jobs.append(("shipped", f"denoise as shipped, {photos} JPEGs", source, ["denoise", model, source],
                     shipped, "images", pictures_differ, 1.0, 0.45))
    if arguments.only in (None, "large"):
        source = os.path.join(folder, "large")
        peer_loops.make_large(arguments.photos, source)
        jobs.append(("large", "denoise as shipped, a JPEG of 24 MP", source, ["denoise", model, source],
                     shipped, "images", pictures_differ, 1.0, 0.45))
    if arguments.only in (None, "embed"):
        source = os.path.join(folder, "digits")
        peer_loops.make_digits(os.path.join(SHARED, "data", "mnist-png.tar.zst"), source, digits)
        model, tensor = os.path.join(SHARED, "models", "keras_denoise_mnist.onnx"), "functional_1/conv2d_3_1/Relu:0"
        if not os.path.exists(model):
            model, tensor = os.path.join(folder, "ae28.onnx"), "bottleneck"
            peer_graphs.build("ae28", model, "N", 28, 28)
        encoder = os.path.join(folder, "encoder.onnx")
        peer_loops.cut(model, tensor, encoder)
        steps = f"  - embed: {{model: {model}, tensor: '{tensor}', pool: flatten, range: 0-1}}\n  - table\n"
        jobs.append(("embed", f"embed, {digits} PNGs", source, ["embed", encoder, source],
                     steps, "table", vectors_differ, LARGEST_DIFFERENCE, 0.2))

    say("job", "peer's setting", "peer s", "ours s", "ratio", "of CPU seconds", "bar", "peer MB", "ours MB",
        "1 to 2 threads", "difference", "met")
    say(*["---"] * 12)
    notes, rows = [], []
    for name, title, source, loop, steps, result, difference, bound, bar in jobs:
        job = os.path.join(folder, f"{name}.yaml")
        with open(job, "w") as f:
            f.write(f"version: 1\ninput: {source}\noutput: {folder}/{name}_ours\nsteps:\n{steps}")

        def peer(workers, threads, limit=None):
            output = os.path.join(folder, f"{name}_peer")
            shutil.rmtree(output, ignore_errors=True)
            options = ["--workers", str(workers), "--threads", str(threads)] + (["--limit", str(limit)] if limit else [])
            return timed([sys.executable, os.path.join(HERE, "peer_loops.py"), *loop, output, *options])

        def ours(threads):
            shutil.rmtree(os.path.join(folder, f"{name}_ours"), ignore_errors=True)
            return timed([binary, "run", job, "--progress", "quiet", "--set", f"limits.threads={threads}"])

        startup = peer(CORES, 1, limit=1)[0]
        sides = {f"{workers} process{'es' * (workers > 1)} x {threads}": functools.partial(peer, workers, threads)
                 for workers, threads in ((CORES, 1), (1, CORES))}
        settings = list(sides)
        sides |= {"two": lambda: ours(CORES), "one": lambda: ours(1)}
        runs = {side: [] for side in sides}
        for i in range(rounds):
            for side in list(sides)[:: -1 if i % 2 else 1]:
                runs[side].append(sides[side]())
        apart = difference(os.path.join(folder, f"{name}_ours", result), os.path.join(folder, f"{name}_peer"))

        def median(side, figure):
            return statistics.median(run[figure] for run in runs[side])

        def ratio(a, b, figure=0):
            return statistics.median(x[figure] / y[figure] for x, y in zip(runs[a], runs[b]))

        best = min(settings, key=lambda side: median(side, 0))
        row = {"job": title} | {f"peer, {side}": median(side, 0) for side in settings}
        row |= {"setting": best, "peer": median(best, 0), "ours": median("two", 0), "ratio": ratio("two", best), "bar": bar,
                "CPU ratio": ratio("two", best, 4), "peer CPU s": median(best, 4), "ours CPU s": median("two", 4),
                "peer MB": median(best, 1) / 1e6, "ours MB": median("two", 1) / 1e6,
                "peer proportional MB": median(best, 2) / 1e6, "ours proportional MB": median("two", 2) / 1e6,
                "ours, one thread": median("one", 0), "scaling": ratio("one", "two"), "difference": apart,
                "others": max(run[3] for side in sides for run in runs[side])}
        row["met"] = (row["ratio"] <= bar and row["ours MB"] <= row["peer MB"] / 2 and row["scaling"] >= SCALING
                      and apart <= bound)
        rows.append(row)
        say(title, best, f"{row['peer']:.2f}", f"{row['ours']:.2f}", f"{row['ratio']:.3f}",
            f"{row['CPU ratio']:.3f}", f"{bar}", f"{row['peer MB']:.0f}", f"{row['ours MB']:.0f}",
            f"{row['scaling']:.2f}", f"{apart:.1e}", "yes" if row["met"] else "**no**")
        notes.append(f"{name}: the peer takes {startup:.2f} s for a single file, start included; memory with shared pages "
                     f"divided {row['peer proportional MB']:.0f} MB, ours {row['ours proportional MB']:.0f} MB.")
    print("\nWanted besides the bar: at most half of the peer's memory (sum of its processes' peak resident sets), "
          f"{SCALING} times as fast on two threads as on one.\nDifference: denoise, mean over the pictures on the 0 to 255 "
          "scale, at most 1; embed, largest of the vectors' relative to their range, at most 1e-4.")
    others = max((row["others"] for row in rows), default=0)
    notes.append(f"Other programs used at most {others:.1%} of the cores"
                 f"{': too much for these figures to count.' if others > TOO_BUSY else '.'}")
    print("\n".join(notes))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("server", help="the server program, with its arguments")
    parser.add_argument("--quick", action="store_true", help="shorter and fewer rounds")
    parser.add_argument("--only", help="networks whose name contains this, or one job")
    parser.add_argument("--engine", choices=["fast", "plain"], default="fast")
    parser.add_argument("--avx2", action="store_true", help="both sides without AVX-512")
    parser.add_argument("--end-to-end", metavar="SAFELIGHT", help="time whole jobs of this program instead")
    parser.add_argument("--photos", default=os.path.join(SHARED, "data", "photos"), help="folder of photographs")
    parser.add_argument("--out", help="CSV file for all figures")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])  # the children's too
    with tempfile.TemporaryDirectory() as folder:
        rows = end_to_end(arguments, folder) if arguments.end_to_end else networks(arguments, folder)
    if arguments.out:
        columns = list(dict.fromkeys(key for row in rows for key in row))
        with open(arguments.out, "w", newline="") as f:
            writer = csv.DictWriter(f, columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
