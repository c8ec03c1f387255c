"""Writes pairs in every layout and reads them with the loaders people train with: equal counts, equal pixels.

Usage: python tests/python/read_pairs.py target/release/safelight
"""
import csv
import glob
import io
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import webdataset
from datasets import load_dataset
from PIL import Image

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def run(binary, out, *settings):
    arguments = [argument for setting in settings for argument in ("--set", setting)]
    command = [os.path.abspath(binary), "run", "pipelines/pairs_denoise.yaml", "--set", f"output={out}"]
    # Two of the sample archive's files are broken on purpose: 10 is "finished, some items failed".
    code = subprocess.run([*command, *arguments, "--progress", "quiet"], cwd=ROOT, stdout=subprocess.DEVNULL).returncode
    assert code in (0, 10), code
    return os.path.join(out, "pairs")


def stable(key):
    """A pair's name without the digits that follow from settings and content."""
    return re.sub("-[0-9a-f]{12}", "", key)


class Folders:
    """What people write for PyTorch: a data set of two folders with equal names."""

    def __init__(self, folder):
        self.noisy, self.clean = os.path.join(folder, "noisy"), os.path.join(folder, "clean")
        self.names = sorted(os.listdir(self.noisy))
        assert self.names == sorted(os.listdir(self.clean))

    def __len__(self):
        return len(self.names)

    def __getitem__(self, index):
        name = self.names[index]
        return name.split(".")[0], *(np.asarray(Image.open(os.path.join(f, name))) for f in (self.noisy, self.clean))


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        out = lambda name: os.path.join(folder, name)
        plain = run(binary, out("folders"), "steps.pairs.layout=folders")
        wanted = {}
        for split in ("train", "validation", "test"):
            if os.path.isdir(os.path.join(plain, split)):
                for key, noisy, clean in Folders(os.path.join(plain, split)):
                    assert stable(key) not in wanted, key
                    wanted[stable(key)] = (split, noisy, clean)
        with open(os.path.join(plain, "pairs.csv"), newline="") as file:
            assert len(list(csv.DictReader(file))) == len(wanted) > 200, len(wanted)
        print(f"folders       {len(wanted)} pairs")

        def compare(key, split, noisy, clean):
            key = stable(key)
            assert wanted[key][0] == split, key
            assert np.array_equal(wanted[key][1], noisy) and np.array_equal(wanted[key][2], clean), key
            assert noisy.shape == clean.shape and not np.array_equal(noisy, clean), key

        for kind in ("csv", "parquet"):
            images = run(binary, out(kind), f"steps.pairs.metadata={kind}")
            loaded = load_dataset("imagefolder", data_dir=images, cache_dir=out(f"cache-{kind}"))
            count = 0
            for split, rows in loaded.items():
                for row in rows:
                    noisy, clean = np.asarray(row["noisy"]), np.asarray(row["clean"])
                    path = row["noisy"].filename if getattr(row["noisy"], "filename", "") else None
                    key = os.path.basename(path).split(".")[0] if path else None
                    if key is None:
                        hits = [k for k, v in wanted.items() if v[1].shape == noisy.shape and np.array_equal(v[1], noisy)]
                        assert len(hits) == 1, hits
                        key = hits[0]
                    compare(key, split, noisy, clean)
                    assert row["corruption"] and row["parameters"].startswith("[{") and row["psnr"] > 0
                    count += 1
            assert count == len(wanted), (count, len(wanted))
            print(f"datasets      {count} pairs, metadata.{kind}")

        shards = run(binary, out("tar"), "steps.pairs.layout=webdataset", "steps.pairs.shard_size=1MB")
        count = 0
        for split in ("train", "validation", "test"):
            urls = sorted(glob.glob(os.path.join(shards, f"{split}-*.tar")))
            if urls:
                for sample in webdataset.WebDataset(urls, shardshuffle=False):
                    # Its own decoders make 8-bit RGB of everything, so the pictures are opened here.
                    pair = [np.asarray(Image.open(io.BytesIO(sample[k]))) for k in ("noisy.png", "clean.png")]
                    compare(sample["__key__"], split, *pair)
                    assert json.loads(sample["json"])["parameters"].startswith("[{"), sample["json"]
                    count += 1
        assert count == len(wanted), (count, len(wanted))
        print(f"webdataset    {count} pairs in {len(glob.glob(os.path.join(shards, '*.tar')))} shards")


if __name__ == "__main__":
    main(sys.argv[1])
