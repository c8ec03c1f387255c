"""How well embeddings find copies of a photograph, and other crops of it, among others: recall at rank 1 by cosine.

score_embeddings.py SAFELIGHT MODEL [MODEL ...] --photos FOLDER [FOLDER ...] [--half]
score_embeddings.py SAFELIGHT --photos FOLDER [FOLDER ...] --learn FOLDER

Of each photograph, copies of seven kinds are made, and looked for among the originals. Crops of one photograph are told by their names
(`source__photograph__...`): each looks for another one of its own. Beside the models stands PCA: as many components of the pixels,
brought to 64x64, as the first model has numbers.

Photographs are in two halves by their names; aerial series, whose pictures overlap, are on one side each. `--learn` copies the first half
into a folder, to train on; `--half` asks for copies and crops of the other half only, which such a model has not seen, and takes the
components from the first. Files whose names tell no photograph are always of the other half. All photographs are always among those
that are looked through.
"""

import argparse
import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageEnhance, ImageOps

SIDE = 64
# Of which half series of overlapping pictures are.
SERIES = {"odm-lewis": 0, "odm-seneca": 1, "odm-garfield": 1}
PIPELINE = """version: 1
name: embeddings
input: {path: %s}
output: %s
steps:
  - embed: {model: %s}
  - table
"""


def cropped(share):
    def crop(image, rnd):
        w, h = int(image.width * share), int(image.height * share)
        x, y = rnd.randint(0, image.width - w), rnd.randint(0, image.height - h)
        return image.crop((x, y, x + w, y + h))

    return crop


def resized(image, rnd):
    share = rnd.uniform(0.4, 0.75)
    return image.resize((int(image.width * share), int(image.height * share)), Image.LANCZOS)


def compressed(image, _):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=60)
    return Image.open(file).convert("RGB")


KINDS = {
    "resized": resized,
    "JPEG 60": compressed,
    "cropped by 10 %": cropped(0.9),
    "by 25 %": cropped(0.75),
    "by 40 %": cropped(0.6),
    "brighter": lambda image, rnd: ImageEnhance.Brightness(image).enhance(rnd.uniform(1.15, 1.4)),
    "mirrored": lambda image, _: ImageOps.mirror(image),
}


def photograph(path):
    """Its name, where the file's tells it."""
    parts = os.path.basename(path).rsplit(".", 1)[0].split("__")
    return "__".join(parts[:2]) if len(parts) > 2 else None


def half(path):
    name = photograph(path)
    if name is None:
        return 1
    series = next((side for prefix, side in SERIES.items() if name.startswith(prefix)), None)
    return hashlib.sha1(name.encode()).digest()[0] % 2 if series is None else series


def archive(files, asked, to):
    """Writes originals and copies; for each kind, the copies' names with the original's."""
    rnd = random.Random(20)
    originals = {}
    for number, file in enumerate(files):
        name = f"{number:05}.original.{file.rsplit('.', 1)[1]}"
        shutil.copyfile(file, os.path.join(to, name))
        originals[file] = name
    copies = {kind: [] for kind in KINDS}
    for number, file in enumerate(files):
        if file not in asked:
            continue
        image = Image.open(file).convert("RGB")
        for at, (kind, make) in enumerate(KINDS.items()):
            name = f"{number:05}.copy{at}.png"
            make(image, rnd).save(os.path.join(to, name), compress_level=1)
            copies[kind].append((name, originals[file]))
    return originals, copies


def embedded(binary, model, source, folder):
    output = os.path.join(folder, "out")
    pipeline = os.path.join(folder, "embeddings.yaml")
    with open(pipeline, "w") as file:
        file.write(PIPELINE % tuple(map(json.dumps, (source, output, os.path.abspath(model)))))
    subprocess.run([binary, "run", pipeline, "--progress", "quiet"], check=True, stdout=subprocess.DEVNULL)
    table = pq.read_table(os.path.join(output, "table"), columns=["path", "embedding"])
    rows = np.array(table.column("embedding").to_pylist(), dtype=np.float32)
    return dict(zip(table.column("path").to_pylist(), rows))


def pixels(source):
    small = lambda name: Image.open(os.path.join(source, name)).convert("RGB").resize((SIDE, SIDE), Image.BOX)
    return {name: np.asarray(small(name), dtype=np.float32).ravel() / 255 for name in os.listdir(source)}


def components(rows, learned, count):
    fitted = np.stack([rows[name] for name in learned])
    mean = fitted.mean(0)
    axes = np.linalg.svd(fitted - mean, full_matrices=False)[2][:count]
    return {name: axes @ (row - mean) for name, row in rows.items()}


def score(vectors, originals, copies, asked):
    names = list(originals.values())
    unit = lambda v: v / max(np.linalg.norm(v), 1e-12)
    gallery = np.stack([unit(vectors[name]) for name in names])
    figures = {}
    for kind, made in copies.items():
        nearest = [names[int(np.argmax(gallery @ unit(vectors[copy])))] for copy, _ in made]
        figures[kind] = np.mean([found == original for found, (_, original) in zip(nearest, made)])
    files, near = list(originals), gallery @ gallery.T
    np.fill_diagonal(near, -2)
    shown = [photograph(file) for file in files]
    several = [i for i, of in enumerate(shown) if of and files[i] in asked and shown.count(of) > 1]
    figures["other crop"] = np.mean([shown[int(np.argmax(near[i]))] == shown[i] for i in several])
    return figures, len(several)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("safelight")
    parser.add_argument("models", nargs="*")
    parser.add_argument("--photos", nargs="+", required=True)
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--learn")
    args = parser.parse_args()
    files = sorted(os.path.join(f, n) for f in args.photos for n in os.listdir(f) if n.endswith((".png", ".webp")))
    first = [file for file in files if half(file) == 0]
    if args.learn:
        os.makedirs(args.learn)
        for file in first:
            shutil.copy(file, args.learn)
        print(f"{len(first)} of {len(files)} pictures in {args.learn}")
        return
    asked = set(files) - set(first) if args.half else set(files)
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "archive")
        os.mkdir(source)
        originals, copies = archive(files, asked, source)
        columns = {}
        for at, model in enumerate(args.models):
            job = os.path.join(folder, str(at))
            os.mkdir(job)
            columns[model] = embedded(os.path.abspath(args.safelight), model, source, job)
        count = len(next(iter(columns[args.models[0]].values()))) if args.models else 64
        learned = [name for file, name in originals.items() if file in first or not args.half]
        columns[f"PCA, {count} components"] = components(pixels(source), learned, count)
        scores = {name: score(vectors, originals, copies, asked) for name, vectors in columns.items()}
    print(f"{len(files)} originals, copies of {len(asked)}; recall at rank 1 in percent")
    for name, (figures, several) in scores.items():
        print(name)
        for kind, share in figures.items():
            count = several if kind == "other crop" else len(asked)
            print(f"  {kind:16} {100 * share:5.1f}  of {count}")


if __name__ == "__main__":
    sys.exit(main())
