"""Times `embed` against a tuned loop of Pillow and onnxruntime, from the file to the vector, and compares the vectors.

Usage: python tests/python/bench_embed.py SAFELIGHT [--photos FOLDER] [--count 64] [--rounds 3] [--only clip|dinov2] [--threads N]

CLIP's ViT-B/32 and DINOv2's small network, with random weights, over JPEGs of 768x512. Both take turns; the least time of
the rounds counts, without loading the network: ours is what a job over all pictures takes longer than one over a few. The
loop decodes, resizes and crops with Pillow and runs batches of 8 on onnxruntime, in one process a thread or in one process
with all threads, whichever is faster. Exits with 1 where a ratio is above 0.6 or a cosine below 0.9999.
"""
import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow.parquet as pq

import embed_graphs
import peer_loops

BAR, LEAST_COSINE = 0.6, 0.9999
FEW, BATCH = 4, 8
MEAN = {"clip": (0.48145466, 0.4578275, 0.40821073), "dinov2": (0.485, 0.456, 0.406)}
STD = {"clip": (0.26862954, 0.26130258, 0.27577711), "dinov2": (0.229, 0.224, 0.225)}
SHORTEST = {"clip": 224, "dinov2": 256}
session = None  # of a worker


def prepare(path, kind):
    """As transformers' processors do it with Pillow."""
    from PIL import Image

    picture = Image.open(path).convert("RGB")
    (width, height), short = picture.size, SHORTEST[kind]
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    picture = picture.resize(size, Image.Resampling.BICUBIC)
    left, top = (size[0] - 224) // 2, (size[1] - 224) // 2
    pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)))
    mean, std = (np.array(values, dtype=np.float32) * np.float32(255) for values in (MEAN[kind], STD[kind]))
    return np.ascontiguousarray(((pixels - mean) / std).transpose(2, 0, 1))


def start(model, threads):
    global session
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def vectors(job):
    paths, kind = job
    return session.run(None, {"pixel_values": np.stack([prepare(path, kind) for path in paths])})[0]


def loop(queue, model, kind, paths, processes, threads):
    """One setting of the peer, in a process of its own: seconds, and the vectors."""
    jobs = [(paths[i : i + BATCH], kind) for i in range(0, len(paths), BATCH)]
    if processes == 1:
        start(model, threads)
        vectors((paths[:BATCH], kind))
        begin = time.perf_counter()
        found = [vectors(job) for job in jobs]
        seconds = time.perf_counter() - begin
    else:
        with multiprocessing.Pool(processes, start, (model, threads)) as pool:
            pool.map(vectors, [(paths[:1], kind)] * (4 * processes), 1)
            begin = time.perf_counter()
            found = pool.map(vectors, jobs, 1)
            seconds = time.perf_counter() - begin
    queue.put((seconds, np.concatenate(found)))


def peer(model, kind, paths, processes, threads):
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=loop, args=(queue, model, kind, paths, processes, threads))
    process.start()
    result = queue.get()
    process.join()
    return result


def ours(safelight, model, kind, folder, work, threads):
    """Seconds of a job, and the vectors by file name."""
    output = os.path.join(work, "out")
    shutil.rmtree(output, ignore_errors=True)
    pipeline = os.path.join(work, "embed.yaml")
    with open(pipeline, "w") as f:
        f.write(
            f"version: 1\nname: embed\ninput: {{path: {folder}}}\noutput: {output}\nsteps:\n"
            f"  - embed: {{model: {model}, preprocess: {kind}}}\n  - table: {{folder: table}}\n"
            f"limits: {{threads: {threads}}}\n"
        )
    begin = time.perf_counter()
    subprocess.run([safelight, "run", pipeline, "--progress", "quiet"], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    table = pq.read_table(os.path.join(output, "table"))
    names = [os.path.basename(path) for path in table["path"].to_pylist()]
    rows = np.array(table["embedding"].to_pylist(), dtype=np.float32)
    return seconds, [rows[i] for i in np.argsort(names)]


def compare(safelight, kind, folders, work, threads, rounds):
    model = os.path.join(work, f"{kind}.onnx")
    embed_graphs.build(kind, model)
    few, all_ = folders
    paths = [os.path.join(all_, name) for name in sorted(os.listdir(all_))]
    settings = [(1, threads)] + ([(threads, 1)] if threads > 1 else [])
    least_few, least_all, least_peer, cosine = [float("inf")] * 3 + [1.0]
    for _ in range(rounds):
        for processes, of_each in settings:
            seconds, theirs = peer(model, kind, paths, processes, of_each)
            least_peer = min(least_peer, seconds)
        least_few = min(least_few, ours(safelight, model, kind, few, work, threads)[0])
        seconds, found = ours(safelight, model, kind, all_, work, threads)
        least_all = min(least_all, seconds)
        for a, b in zip(found, theirs):
            cosine = min(cosine, float(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    mine = (least_all - least_few) / (len(paths) - FEW)
    their = least_peer / len(paths)
    print(
        f"| {kind} | {threads} | {1e3 * mine:.1f} | {1e3 * their:.1f} | **{mine / their:.2f}** | {BAR} | {cosine:.7f} | "
        f"{least_few:.1f} |",
        flush=True,
    )
    return mine / their <= BAR and cosine >= LEAST_COSINE


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("safelight")
    parser.add_argument("--photos", default="../shared/data/photos")
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(MEAN))
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folders = [os.path.join(work, "few"), os.path.join(work, "all")]
        for folder, count in zip(folders, (FEW, args.count)):
            peer_loops.make_photos(args.photos, folder, count)
        print("| network | threads | ours, ms a picture | Pillow + onnxruntime | ratio | bar | least cosine | job of 4, s |")
        print("|---|---|---|---|---|---|---|---|", flush=True)
        held = [
            compare(os.path.abspath(args.safelight), kind, folders, work, threads, args.rounds)
            for kind in ([args.only] if args.only else MEAN)
            for threads in ([args.threads] if args.threads else [1, 2])
        ]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
