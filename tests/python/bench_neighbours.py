#!/usr/bin/env python3
"""Times exact nearest neighbours, all among all, against faiss's flat indexes, in turn, two threads each.

    make bench-neighbours [ARGS="--rows 100000 --width 64 --rounds 3"]
    make bench-neighbours ARGS="--million"          time and peak memory of 1,000,000 rows of 64 numbers

The rows are a hundred clouds of eight directions and some noise. faiss looks for one neighbour more, since each row finds itself.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time

THREADS = 2
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(THREADS)

import numpy as np  # noqa: E402


def clouds(rows, width, seed=1):
    random = np.random.default_rng(seed)
    centres = random.normal(size=(100, width)).astype(np.float32)
    directions = random.normal(size=(8, width)).astype(np.float32)
    made = np.empty((rows, width), dtype=np.float32)
    for start in range(0, rows, 100_000):
        n = min(100_000, rows - start)
        shifts = 0.3 * random.normal(size=(n, 8)).astype(np.float32)
        noise = 0.1 * random.normal(size=(n, width)).astype(np.float32)
        made[start:start + n] = centres[random.integers(0, 100, n)] + shifts @ directions + noise
    return made


def ours(bench, file, width, k, distance, rounds, result):
    """Seconds of each round, and peak resident bytes."""
    environment = {**os.environ, "RAYON_NUM_THREADS": str(THREADS)}
    arguments = [bench, file, str(width), str(k), distance, str(rounds), result]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment)
    told = child.stdout.read().decode().split()
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit("the bench failed")
    return [float(seconds) for seconds in told], usage.ru_maxrss * 1024


def found(result, rows, k):
    with open(result, "rb") as file:
        bytes_ = file.read()
    ids = np.frombuffer(bytes_, dtype="<u4", count=rows * k).reshape(rows, k)
    distances = np.frombuffer(bytes_, dtype="<f4", offset=rows * k * 4).reshape(rows, k)
    return ids, distances


def against_faiss(rows, k, distance):
    import faiss

    faiss.omp_set_num_threads(THREADS)
    index = (faiss.IndexFlatIP if distance == "cosine" else faiss.IndexFlatL2)(rows.shape[1])
    start = time.monotonic()
    if distance == "cosine":
        rows = rows.copy()
        faiss.normalize_L2(rows)
    index.add(rows)
    values, ids = index.search(rows, k + 1)
    seconds = time.monotonic() - start
    values = 1 - values if distance == "cosine" else np.sqrt(np.maximum(values, 0))
    return seconds, ids, values


def without_itself(ids, values):
    own = ids == np.arange(len(ids))[:, None]
    # Where it did not find itself among equals, the last goes.
    own[~own.any(axis=1), -1] = True
    return values[~own].reshape(len(ids), -1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="the built bench")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--million", action="store_true", help="a million rows, without faiss")
    args = parser.parse_args()
    count = 1_000_000 if args.million else args.rows
    with tempfile.TemporaryDirectory(prefix="safelight-neighbours-") as work:
        file, result = os.path.join(work, "rows.f32"), os.path.join(work, "result")
        rows = clouds(count, args.width)
        rows.tofile(file)
        if args.million:
            del rows
            seconds, peak = ours(args.bench, file, args.width, args.k, "cosine", 1, result)
            print(f"{count} x {args.width}, k = {args.k}, {THREADS} threads: {seconds[0]:.0f} s, peak {peak / 2**20:.0f} MiB")
            sys.exit(0 if seconds[0] <= 15 * 60 and peak <= 2 * 2**30 else 1)
        worst = 0.0
        for distance in ("cosine", "euclidean"):
            ratios = []
            for _ in range(args.rounds):
                theirs, ids, values = against_faiss(rows, args.k, distance)
                (mine,), peak = ours(args.bench, file, args.width, args.k, distance, 1, result)
                ratios.append(mine / theirs)
                print(f"{distance}: faiss {theirs:.2f} s, ours {mine:.2f} s, peak {peak / 2**20:.0f} MiB", flush=True)
            _, distances = found(result, count, args.k)
            apart = np.abs(distances - without_itself(ids, values)).max()
            ratio = float(np.median(ratios))
            worst = max(worst, ratio)
            print(f"{distance}: ratio {ratio:.2f}, largest difference of a distance {apart:.1e}")
        sys.exit(0 if worst <= 1.0 else 1)


if __name__ == "__main__":
    main()
