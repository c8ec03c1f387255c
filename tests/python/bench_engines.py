"""Times the examples of docs/python-engines.md with safelight, and with Pillow, numpy and onnxruntime in its place.

Usage: python tests/python/bench_engines.py [--photos FOLDER] [--count 256] [--rounds 3] [--only ray|spark|datasets|dask]

CLIP's ViT-B/32 with random weights over JPEGs of 768x512, two workers of one thread. Both take turns; a picture's time is
what the example over all pictures takes longer than over a few, which leaves the engine's start and the network's out.
"""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import bench_embed
import embed_graphs
import peer_loops

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "python" / "tests"))
import examples  # noqa: E402

FEW = 32
HEADINGS = {"ray": "Ray Data", "spark": "Spark", "datasets": "datasets", "dask": "Dask"}
# What the examples use of the package, by other means.
PEER = '''
import io, os
import numpy as np, onnxruntime
import bench_embed


class Embedder:
    def __init__(self, model, threads=1):
        self.model, options = os.path.abspath(model), onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(self.model, options, providers=["CPUExecutionProvider"])

    def __reduce__(self):
        return Embedder, (self.model,)

    def __call__(self, pictures):
        files = [io.BytesIO(file) if isinstance(file, (bytes, bytearray)) else file for file in pictures]
        found = []
        for i in range(0, len(files), 8):
            pixels = np.stack([bench_embed.prepare(file, "clip") for file in files[i : i + 8]])
            found.append(self.session.run(None, {"pixel_values": pixels})[0])
        return np.concatenate(found)

    def attempt(self, pictures):
        found = self(pictures)
        return found, [None] * len(found)
'''


def seconds(text, folder, pictures):
    """How long an example takes over these pictures."""
    link = folder / "pictures"
    link.unlink(missing_ok=True)
    link.symlink_to(pictures)
    for name in ("vectors", "vectors.parquet", "hf"):
        shutil.rmtree(folder / name, ignore_errors=True)
        if (folder / name).exists():
            (folder / name).unlink()
    begin = time.perf_counter()
    examples.run(text, folder)
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", default="../shared/data/photos")
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=list(HEADINGS), action="append")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        few, all_ = folder / "few", folder / "all"
        for made, count in ((few, FEW), (all_, args.count)):
            peer_loops.make_photos(args.photos, str(made), count)
        embed_graphs.build("clip", str(folder / "embed.onnx"))
        # What safelight prepares the pictures by.
        config = {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": 224},
            "crop_size": {"height": 224, "width": 224},
            "resample": 3,
            "image_mean": bench_embed.MEAN["clip"],
            "image_std": bench_embed.STD["clip"],
            "rescale_factor": 1 / 255,
            "do_resize": True,
            "do_center_crop": True,
            "do_rescale": True,
            "do_normalize": True,
        }
        (folder / "preprocessor_config.json").write_text(json.dumps(config))
        (folder / "peer_embedder.py").write_text(PEER)
        os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), str(HERE), os.environ.get("PYTHONPATH", "")])
        print(f"load of the machine: {os.getloadavg()[0]:.1f}\n")
        print("| engine | safelight, ms a picture | onnxruntime | ratio | of rounds | the rest, s |\n|---|---|---|---|---|---|", flush=True)
        for engine in args.only or HEADINGS:
            mine = examples.code(HEADINGS[engine])
            programs = mine, mine.replace("import safelight\n", "import peer_embedder as safelight\n")
            rounds = [[[seconds(text, folder, at) for at in (few, all_)] for text in programs] for _ in range(args.rounds)]
            times = [[(all_s - few_s) / (args.count - FEW) for few_s, all_s in sides] for sides in rounds]
            ratios = [theirs / ours for ours, theirs in times]
            ours, theirs = (1e3 * statistics.median(side) for side in zip(*times))
            rest = statistics.median(few_s for sides in rounds for few_s, _ in sides)
            print(
                f"| {engine} | {ours:.1f} | {theirs:.1f} | **{statistics.median(ratios):.2f}** | "
                f"{min(ratios):.2f} to {max(ratios):.2f} | {rest:.0f} |",
                flush=True,
            )
        print(f"\nload of the machine: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
