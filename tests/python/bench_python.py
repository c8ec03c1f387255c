"""Times the Python package: `Embedder` against a loop of Pillow, numpy and onnxruntime, and `Restorer` against the program.

Usage: python tests/python/bench_python.py SAFELIGHT [--photos FOLDER] [--count 128] [--rounds 5] [--threads 1 2]
       [--only embed|clip|tiles|restore]

Embedding starts at the files and ends at the vectors; both sides load their network before, take turns, and are one process
with that many threads; the loop also that many processes of one thread, whichever is faster. The least time of the rounds
counts.
  embed   the shipped network (its bottleneck, 64x64) over JPEGs of 768x512
  clip    CLIP's ViT-B/32 with random weights over the same
  tiles   the shipped network over PNGs of 64x64
Restoring is a call on an array of 12 megapixels. Against it stands what a run of the program over the same picture, without
alpha or metadata and in a format that is not compressed, takes longer than a run that does not restore, less the same for
a picture of 64x64, which loads the network. Medians of rounds that take turns.
Exits with 1 where Embedder is not at least twice as fast, a cosine is below 0.999, or Restorer is slower by more than 3 %.
"""
import argparse
import multiprocessing
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import bench_embed
import embed_graphs
import peer_loops

EMBED_BAR, LEAST_COSINE, RESTORE_BAR = 2.0, 0.999, 1.03
BATCH = 32
MODELS = Path(__file__).resolve().parents[2] / "sample_data" / "models"
WIDTH, HEIGHT = 4000, 3000
session = None  # of a worker


def pixels(path, kind):
    """A picture as the network takes it."""
    if kind == "clip":
        return bench_embed.prepare(path, kind)
    from PIL import Image

    picture = Image.open(path).convert("RGB")
    if picture.size != (64, 64):
        picture = picture.resize((64, 64), Image.Resampling.BICUBIC)
    return np.multiply(np.asarray(picture).transpose(2, 0, 1), np.float32(1 / 255), dtype=np.float32)


def start(model, threads):
    global session
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def vectors(job):
    paths, kind = job
    rows = session.run(None, {session.get_inputs()[0].name: np.stack([pixels(path, kind) for path in paths])})[0]
    return rows.reshape(len(paths), -1)


def loop(queue, model, kind, paths, processes, threads):
    """One setting of the loop, in a process of its own: seconds, and the vectors."""
    jobs = [(paths[i : i + BATCH], kind) for i in range(0, len(paths), BATCH)]
    load = time.perf_counter()
    start(model, threads)
    load = time.perf_counter() - load
    vectors(jobs[0])
    if processes == 1:
        begin = time.perf_counter()
        found = [vectors(job) for job in jobs]
        seconds = time.perf_counter() - begin
    else:
        # Batches that all processes have their part of.
        size = max(1, min(BATCH, len(paths) // (4 * processes)))
        jobs = [(paths[i : i + size], kind) for i in range(0, len(paths), size)]
        with multiprocessing.Pool(processes, start, (model, threads)) as pool:
            pool.map(vectors, [(paths[:size], kind)] * (4 * processes), 1)
            begin = time.perf_counter()
            found = pool.map(vectors, jobs, 1)
            seconds = time.perf_counter() - begin
    queue.put((seconds, np.concatenate(found), load, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10))


def ours(queue, model, kind, paths, threads):
    import safelight

    load = time.perf_counter()
    embedder = safelight.Embedder(model, threads=threads, **({"preprocess": kind} if kind == "clip" else {}))
    load = time.perf_counter() - load
    embedder(paths[:BATCH])
    begin = time.perf_counter()
    found = np.concatenate([embedder(paths[i : i + BATCH]) for i in range(0, len(paths), BATCH)])
    seconds = time.perf_counter() - begin
    queue.put((seconds, found, load, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10))


def apart(work, *arguments):
    """What `work` gives in a process of its own."""
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=work, args=(queue, *arguments))
    process.start()
    while process.is_alive() and queue.empty():
        time.sleep(0.01)
    if queue.empty() and process.exitcode:
        sys.exit(f"{work.__name__} failed")
    result = queue.get()
    process.join()
    return result


def make_tiles(photos, folder, count):
    """PNGs of 64x64 cut out of the photographs."""
    from PIL import Image

    names = sorted(os.listdir(photos))
    rng = np.random.default_rng(0)
    os.makedirs(folder)
    for i in range(count):
        with Image.open(os.path.join(photos, names[i % len(names)])) as picture:
            left, top = (int(rng.integers(0, length - 63)) for length in picture.size)
            picture.convert("RGB").crop((left, top, left + 64, top + 64)).save(os.path.join(folder, f"{i:05}.png"))


def compare_embedding(kind, folder, work, threads, rounds):
    model = os.path.join(work, f"{kind}.onnx")
    if not os.path.exists(model):
        if kind == "clip":
            embed_graphs.build(kind, model)
        else:
            shutil.copy(MODELS / "embed.onnx", model)
    tapped = model
    if kind != "clip":
        tapped = os.path.join(work, f"{kind}-tapped.onnx")
        peer_loops.cut(model, "bottleneck", tapped)
    paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    settings = [(1, threads)] + ([(threads, 1)] if threads > 1 else [])
    mine, their, ratios = [], [], []
    for _ in range(rounds):
        # Seconds, vectors, seconds to load, and peak in MiB, with the setting.
        results = [(*apart(loop, tapped, kind, paths, *setting), setting) for setting in settings]
        mine.append(apart(ours, model, kind, paths, threads))
        their.append(min(results, key=lambda result: result[0]))
        ratios.append(their[-1][0] / mine[-1][0])
    mine, their = (min(rows, key=lambda row: row[0]) for rows in (mine, their))
    lengths = np.linalg.norm(mine[1], axis=1) * np.linalg.norm(their[1], axis=1)
    cosine = float(np.min(np.sum(mine[1] * their[1], axis=1) / lengths))
    each, (processes, of_each), ratio = 1e3 / len(paths), their[4], their[0] / mine[0]
    print(
        f"| {kind} | {threads} | {each * mine[0]:.2f} | {each * their[0]:.2f} | {processes} x {of_each} | **{ratio:.2f}** | "
        f"{min(ratios):.2f} to {max(ratios):.2f} | {cosine:.6f} | {mine[2]:.2f} / {their[2]:.2f} | {mine[3]} / {their[3]} |",
        flush=True,
    )
    return ratio >= EMBED_BAR and cosine >= LEAST_COSINE


def make_picture(photos, width, height):
    from PIL import Image, ImageOps

    with Image.open(os.path.join(photos, sorted(os.listdir(photos))[0])) as picture:
        pixels = np.array(ImageOps.fit(picture.convert("RGB"), (width, height)), dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 15, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def restoring(queue, array, threads, rounds):
    """A server of its own process: a call for each word that comes in, answered with seconds of wall and of processor."""
    import safelight

    restorer = safelight.Restorer(MODELS / "denoise.onnx", threads=threads)
    restorer(array[:256, :256].copy())
    for _ in range(rounds):
        rounds_queue, answers = queue
        rounds_queue.get()
        before = resource.getrusage(resource.RUSAGE_SELF)
        begin = time.perf_counter()
        result = restorer(array)
        seconds = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_SELF)
        answers.put((seconds, processor(after) - processor(before), after.ru_maxrss, int(result[::97, ::89].sum())))


def processor(usage):
    return usage.ru_utime + usage.ru_stime


def program(safelight, work, picture, restores, threads):
    """Seconds of wall and processor of a run over one picture."""
    output = os.path.join(work, "out")
    shutil.rmtree(output, ignore_errors=True)
    pipeline = os.path.join(work, "run.yaml")
    step = f"  - restore: {{model: {MODELS / 'denoise.onnx'}}}\n" if restores else ""
    with open(pipeline, "w") as f:
        f.write(
            f"version: 1\nname: run\ninput: {picture}\noutput: {output}\nsteps:\n{step}  - measure: [mean]\n  - table\n"
            f"limits: {{threads: {threads}}}\n"
        )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run([safelight, "run", pipeline, "--progress", "quiet"], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, processor(after) - processor(before)


def compare_restoring(safelight, photos, work, threads, rounds):
    from PIL import Image

    large, small = os.path.join(work, "large.ppm"), os.path.join(work, "small.ppm")
    array = make_picture(photos, WIDTH, HEIGHT)
    Image.fromarray(array).save(large)
    Image.fromarray(array[:64, :64]).save(small)
    context = multiprocessing.get_context("spawn")
    queues = context.Queue(), context.Queue()
    server = context.Process(target=restoring, args=(queues, array, threads, rounds), daemon=True)
    server.start()
    calls, runs, whole = [], [], []
    for _ in range(rounds):
        queues[0].put("call")
        calls.append(queues[1].get(timeout=600))
        times = {
            (picture, restores): np.array(program(safelight, work, picture, restores, threads))
            for picture in (large, small)
            for restores in (True, False)
        }
        whole.append(times[large, True])
        runs.append(times[large, True] - times[large, False] - times[small, True] + times[small, False])
    server.join()
    call, of_program, of_whole = (np.median(np.array([row[:2] for row in rows]), axis=0) for rows in (calls, runs, whole))
    ratios = [mine[0] / theirs[0] for mine, theirs in zip(calls, runs)]
    ratio = statistics.median(ratios)
    print(
        f"| {threads} | {call[0]:.2f} | {of_program[0]:.2f} | **{ratio:.3f}** | {min(ratios):.3f} to {max(ratios):.3f} | "
        f"{call[1]:.2f} / {of_program[1]:.2f} | {of_whole[0]:.2f} | {max(row[2] for row in calls) // 1024} |",
        flush=True,
    )
    return ratio <= RESTORE_BAR


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("safelight")
    parser.add_argument("--photos", default="../shared/data/photos")
    parser.add_argument("--count", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", choices=["embed", "clip", "tiles", "restore"], action="append")
    args = parser.parse_args()
    chosen = args.only or ["embed", "clip", "tiles", "restore"]
    program_path = os.path.abspath(args.safelight)
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    held = []
    with tempfile.TemporaryDirectory() as work:
        photos, tiles = os.path.join(work, "photos"), os.path.join(work, "tiles")
        if {"embed", "clip"} & set(chosen):
            peer_loops.make_photos(args.photos, photos, args.count)
        if "tiles" in chosen:
            make_tiles(args.photos, tiles, 16 * args.count)
        if set(chosen) != {"restore"}:
            print("\n| network | threads | Embedder, ms a picture | loop | its processes x threads | ratio | of rounds | cosine | load, s | peak of a process, MiB |")
            print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
        for kind in ("embed", "clip", "tiles"):
            if kind in chosen:
                folder = tiles if kind == "tiles" else photos
                held += [compare_embedding(kind, folder, work, threads, args.rounds) for threads in args.threads]
        if "restore" in chosen:
            print("\n| threads | Restorer, s | the program's step | ratio | of rounds | processor, s | whole run | peak, MiB |")
            print("|---|---|---|---|---|---|---|---|", flush=True)
            held.append(compare_restoring(program_path, args.photos, work, max(args.threads), args.rounds))
    print(f"\nload of the machine: {os.getloadavg()[0]:.1f}")
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
