"""Plants copies among photographs and counts which of them are found, by class and kind of copy.

score_duplicates.py SAFELIGHT FOLDER [FOLDER ...]

500 copies of five kinds (100 each: resized, JPEG of quality 60, cropped by a tenth, brighter, mirrored) and 50 identical ones
(same bytes, same pixels in another format) lie among the photographs. Names of crops of one photograph carry its name
(`source__photograph__...`). The thresholds were chosen on every other picture; both halves are printed.
"""

import collections
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

import pyarrow.parquet as pq
from PIL import Image, ImageEnhance, ImageOps

KINDS = ["resized", "quality", "cropped", "brighter", "mirrored"]
EACH = 100
PIPELINE = """version: 1
name: duplicates
input: {path: %s}
output: %s
steps:
  - measure: [pixel_hash, signature]
  - embed: {model: sample_data/models/embed.onnx}
  - table
"""


def plant(kind, image, rnd, path):
    width, height = image.size
    if kind == "resized":
        factor = rnd.uniform(0.4, 0.75)
        image.resize((int(width * factor), int(height * factor)), Image.LANCZOS).save(path + ".png")
    elif kind == "quality":
        image.save(path + ".jpg", quality=60)
    elif kind == "cropped":
        # A tenth of each side, from anywhere.
        w, h = int(width * 0.9), int(height * 0.9)
        x, y = rnd.randint(0, width - w), rnd.randint(0, height - h)
        image.crop((x, y, x + w, y + h)).save(path + ".png")
    elif kind == "brighter":
        ImageEnhance.Brightness(image).enhance(rnd.uniform(1.15, 1.4)).save(path + ".png")
    elif kind == "mirrored":
        ImageOps.mirror(image).save(path + ".png")


def archive(folders, to):
    """Fills the folder; gives for each file its photograph's number, its kind, and its scene."""
    rnd = random.Random(18)
    files = sorted(os.path.join(f, n) for f in folders for n in os.listdir(f) if n.endswith((".png", ".webp")))
    truth = {}
    for number, file in enumerate(files):
        name = os.path.basename(file)
        shutil.copy(file, os.path.join(to, name))
        truth[name] = (number, "original", "__".join(name.rsplit(".", 1)[0].split("__")[:2]))
    for kind in KINDS + ["bytes", "pixels"]:
        count = EACH if kind in KINDS else 25
        for number in rnd.sample(range(len(files)), min(count, len(files))):
            file = files[number]
            stem, extension = os.path.basename(file).rsplit(".", 1)
            scene, path = truth[f"{stem}.{extension}"][2], os.path.join(to, f"{stem}.{kind}")
            if kind == "bytes":
                shutil.copy(file, f"{path}.{extension}")
            else:
                image = Image.open(file).convert("RGB")
                if kind == "pixels":
                    image.save(path + ".tiff")
                else:
                    plant(kind, image, rnd, path)
            made = next(n for n in os.listdir(to) if n.startswith(f"{stem}.{kind}."))
            truth[made] = (number, kind, scene)
    return truth


def pairs(groups):
    return {(a, b) for rows in groups.values() for i, a in enumerate(rows) for b in rows[i + 1 :]}


def score(half, rows, truth):
    def grouped(column):
        groups = collections.defaultdict(list)
        for row in rows:
            if row[column] is not None and truth[row["path"]][0] % 2 == half:
                groups[row[column]].append(row["path"])
        return groups

    near = grouped("near_group")
    group_of = {path: first for first, paths in near.items() for path in paths}
    identical = grouped("identical_group")
    identical_of = {path: first for first, paths in identical.items() for path in paths}
    originals = {number: path for path, (number, kind, _) in truth.items() if kind == "original"}
    print(f"{'chosen on' if half == 0 else 'reported'}:")
    for kind in KINDS + ["bytes", "pixels"]:
        copies = [(path, originals[n]) for path, (n, k, _) in truth.items() if k == kind and n % 2 == half]
        groups = identical_of if kind in ("bytes", "pixels") else group_of
        found = sum(groups.get(path) is not None and groups.get(path) == groups.get(o) for path, o in copies)
        print(f"  {kind:9} {found}/{len(copies)}")
    same = lambda a, b: truth[a][0] == truth[b][0]
    for name, groups in (("identical", identical), ("near", near)):
        all_pairs = pairs(groups)
        wrong = sorted((a, b) for a, b in all_pairs if not same(a, b))
        print(f"  {name} pairs {len(all_pairs)}, of different photographs {len(wrong)}")
        for a, b in wrong[:20]:
            print(f"    {a}  {b}")
    similar = grouped("similar_group")
    beyond = {(a, b) for a, b in pairs(similar) if group_of.get(a) is None or group_of.get(a) != group_of.get(b)}
    scene = sum(truth[a][2] == truth[b][2] for a, b in beyond)
    print(f"  similar pairs beyond near {len(beyond)}, of one scene {scene}")
    kept = [truth[row["path"]][1] for row in rows if row["keeper"] and truth[row["path"]][0] % 2 == half]
    print(f"  kept of groups: {dict(collections.Counter(kept))}")


def main():
    binary, folders = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with tempfile.TemporaryDirectory() as folder:
        source, output = os.path.join(folder, "archive"), os.path.join(folder, "out")
        os.mkdir(source)
        truth = archive(folders, source)
        pipeline = os.path.join(folder, "duplicates.yaml")
        with open(pipeline, "w") as file:
            file.write(PIPELINE % (json.dumps(source), json.dumps(output)))
        subprocess.run([binary, "run", pipeline, "--progress", "quiet"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([binary, "explore", output], check=True, stdout=subprocess.DEVNULL)
        columns = ["path", "duplicate", "identical_group", "near_group", "similar_group", "keeper"]
        rows = pq.read_table(os.path.join(output, "explore", "explore.parquet"), columns=columns).to_pylist()
        print(f"{len(rows)} pictures, {len(rows) - sum(k == 'original' for _, k, _ in truth.values())} of them copies")
        for half in (0, 1):
            score(half, rows, truth)


main()
