"""Times safelight against onnxruntime on networks that people have, one thread and two, and prints a Markdown table.

Usage: python tests/python/bench_zoo.py SERVER SAFELIGHT FOLDER [--quick] [--only NAME] [--out FILE.csv]

FOLDER holds what `zoo_graphs.py` exports, and may hold other ONNX files with one float input. For each file: seconds and
memory of `safelight model` for the first time and seconds for the second, the largest difference from onnxruntime's
output relative to its range, and the time of a run as a ratio to onnxruntime's, the sides taking turns.
"""
import argparse
import csv
import glob
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx

from bench_peers import Ours, Peer, iterations_for, largest_difference, say
from zoo_graphs import CONV, OTHER, WINDOW, ZOO

BARS = {CONV: 0.45, WINDOW: 1.0, OTHER: 1.1}
FIRST, MEMORY, SECOND, DIFFERENCE = 5.0, 1 << 30, 0.3, 1e-4
# Runs `safelight model` and prints its seconds, its memory and what it said last.
INSPECT = """import resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
seconds = time.perf_counter() - start
last = done.stderr.strip().splitlines()[-1:]
print(repr((done.returncode, seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024, "".join(last))))"""


def inspect(safelight, path, cache):
    command = [sys.executable, "-c", INSPECT, safelight, "model", path, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"XDG_CACHE_HOME": cache})
    return eval(done.stdout)


def sizes(path, name):
    """Shape of the input, with the side of the zoo where the file leaves it open."""
    value = onnx.load(path, load_external_data=False).graph.input[0]
    dims = [d.dim_value for d in value.type.tensor_type.shape.dim]
    side = ZOO[name][4] if name in ZOO else 64
    return [1] + [d if d > 0 else side for d in dims[1:]]


class Server(Ours):
    """The server with a number of threads."""

    def __init__(self, command, threads):
        super().__init__(command)
        self.workers = threads

    def prepare(self, path, shape, raw):
        nhwc = shape[3] in (1, 3, 4)
        height, width = shape[1:3] if nhwc else shape[2:]
        return self.ask(cmd="load", threads=self.workers, model=os.path.abspath(path), batch=1, height=height,
                        width=width, engine="fast", level="auto", input=raw)["shape"]


def ratio(server, path, x, raw, threads, seconds, rounds, result=None):
    """Ours to the fastest of onnxruntime's settings with as many threads, and the difference of the outputs."""
    settings = [(1, 1)] if threads == 1 else [(1, 2), (2, 1)]
    sides = []
    try:
        sides = [Peer(None, path, x, *setting) for setting in settings]
        ours = Server(server, threads)
        sides.append(ours)
        shape = ours.prepare(path, list(x.shape), raw)
        difference = None
        if result:
            ours.run(1, output=result)
            theirs = sides[0].output
            if list(theirs.shape) != shape:
                raise RuntimeError(f"output of shape {shape}, onnxruntime's is {list(theirs.shape)}")
            difference = largest_difference(np.fromfile(result, np.float32).reshape(shape), theirs)
        counts = {side: iterations_for(side, seconds) for side in sides}
        times = {side: [] for side in sides}
        for i in range(rounds):
            for side in sides[:: -1 if i % 2 else 1]:
                time.sleep(0.02)  # threads that spin for more work stop
                times[side].append(side.run(counts[side]))
        peer = min(sides[:-1], key=lambda p: statistics.median(times[p]))
        ratios = [a / b for a, b in zip(times[ours], times[peer])]
        return statistics.median(ratios), statistics.median(times[ours]), difference
    finally:
        for side in sides:
            side.close()


def measure(arguments, path, folder):
    name = os.path.basename(path).removesuffix(".onnx")
    kind = ZOO[name][6] if name in ZOO else OTHER
    row = {"net": name, "kind": kind, "bar": BARS[kind]}
    cache = tempfile.mkdtemp(dir=folder)
    code, row["first s"], row["memory MiB"], said = inspect(arguments.safelight, path, cache)
    row["memory MiB"] /= 1 << 20
    if code:
        return row | {"error": said}
    row["second s"] = min(inspect(arguments.safelight, path, cache)[1] for _ in range(2))
    shape = sizes(path, name)
    x = np.random.default_rng(0).random(shape, np.float32)
    raw, result = os.path.join(folder, "x.f32"), os.path.join(folder, "y.f32")
    x.tofile(raw)
    seconds, rounds = (0.1, 3) if arguments.quick else (0.3, 5)
    try:
        row["one"], row["ours ms"], row["difference"] = ratio(arguments.server, path, x, raw, 1, seconds, rounds, result)
        row["ours ms"] *= 1e3
        row["two"], *_ = ratio(arguments.server, path, x, raw, 2, seconds, rounds)
    except RuntimeError as error:
        row["error"] = str(error)
    except Exception as error:  # onnxruntime refuses some graphs of the newer exporter
        row["error"] = f"onnxruntime: {type(error).__name__} {str(error)[:80]}"
    return row


def met(row):
    return ("error" not in row and max(row["one"], row["two"]) <= row["bar"] and row["difference"] <= DIFFERENCE
            and row["first s"] <= FIRST and row["second s"] <= SECOND and row["memory MiB"] <= MEMORY / (1 << 20))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("server")
    parser.add_argument("safelight")
    parser.add_argument("folder")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", help="names, separated by commas")
    parser.add_argument("--out", help="CSV file")
    arguments = parser.parse_args()
    only = arguments.only.split(",") if arguments.only else None
    rows = []
    say("net", "kind", "ours ms", "one thread", "two threads", "bar", "difference", "first s", "MiB", "second s", "met")
    say(*["---"] * 11)
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(glob.glob(os.path.join(arguments.folder, "*.onnx"))):
            name = os.path.basename(path).removesuffix(".onnx")
            if only and name not in only:
                continue
            row = measure(arguments, path, folder)
            rows.append(row)
            cells = [row["net"], row["kind"]]
            if "error" in row:
                cells += [row["error"][:160], "", "", f"{row['bar']}", ""]
            else:
                cells += [f"{row['ours ms']:.1f}", f"{row['one']:.2f}", f"{row['two']:.2f}", f"{row['bar']}",
                          f"{row['difference']:.1e}"]
            second = f"{row['second s']:.2f}" if "second s" in row else ""
            cells += [f"{row['first s']:.2f}", f"{row['memory MiB']:.0f}", second, "yes" if met(row) else "**no**"]
            say(*cells)
    ran = [row for row in rows if "error" not in row]
    print(f"\n{len(ran)} of {len(rows)} run, {sum(map(met, rows))} meet their bars.")
    for kind in (CONV, WINDOW, OTHER):
        ratios = [row["one"] for row in ran if row["kind"] == kind]
        if ratios:
            print(f"{kind}: one thread, median ratio {statistics.median(ratios):.2f}, highest {max(ratios):.2f}")
    if arguments.out:
        with open(arguments.out, "w", newline="") as f:
            writer = csv.DictWriter(f, sorted({key for row in rows for key in row}))
            writer.writeheader()
            writer.writerows(rows)
    return 0 if rows and all(map(met, rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
