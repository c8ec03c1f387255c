"""Makes outputs for the browser test: a small one with hostile names and failures, and one of 10,000 items with a map.

    python outputs.py SAFELIGHT FOLDER

Both are made by the program itself. The table of the large one is then completed as `explore` does it (places on a map,
groups of duplicates, small pictures), from planted duplicates, so that the test knows what there is to find.
"""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

COUNT = 10_000
HOSTILE = [
    b"<img src=x onerror=document.title='owned'>.png",
    b"a\"quote' and &amp; <b>bold<b>.png",
    b"</script><script>document.title='owned'</script>.png".replace(b"/", b"\xe2\x88\x95"),
    b"line\nbreak.png",
    b"not utf-8 \xff\xfe.png",
    "turned \u202egnp.exe.png".encode(),
    "\u2028separator.png".encode(),
    b"=formula.png",
    b"{{ 7 * 7 }}.png",
    b"long-" + b"x" * 200 + b".png",
]


def run(safelight, pipeline, text, expected):
    pipeline.write_text(text)
    ended = subprocess.run([safelight, "run", pipeline, "--progress", "quiet"], capture_output=True, text=True)
    if ended.returncode not in expected:
        sys.exit(f"{pipeline}: exit {ended.returncode}\n{ended.stdout}{ended.stderr}")


def picture(seed, side=96):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0:side] / side
    base = np.stack([np.sin(6 * x + seed), np.cos(5 * y + seed), np.sin(4 * (x + y) + seed)], -1) * 90 + 128
    return Image.fromarray(np.clip(base + random.normal(0, 12, base.shape), 0, 255).astype(np.uint8))


def hostile(safelight, folder):
    """Names that are markup, quotes, line breaks, no UTF-8; 400 broken files; a condition that refuses; a loss."""
    source = os.fsencode(folder / "names")
    os.makedirs(source)
    for seed, name in enumerate(HOSTILE):
        picture(seed).save(open(os.path.join(source, name), "wb"), "PNG")
    for number in range(400):
        broken = os.path.join(source, b"broken-%03d.%s" % (number, [b"png", b"jpg"][number % 2]))
        with open(broken, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n<b>" if number % 2 else b"no picture <img src=x onerror=alert(1)>")
    frames = [picture(50 + n, 48) for n in range(3)]
    frames[0].save(Path(folder) / "names" / "film.gif", save_all=True, append_images=frames[1:])
    run(
        safelight,
        folder / "names.yaml",
        f"""version: 1
name: "<img src=x onerror=document.title='owned'> & names"
input: {{path: {json.dumps(str(folder / "names"))}}}
output: {json.dumps(str(folder / "names-out"))}
steps:
  - measure: {{what: [noise_sigma], prefix: before_}}
  - resize: {{scale: 0.5, when: before_noise_sigma < 0}}
  - corrupt: [gaussian_noise: {{sigma: [5, 40]}}]
  - measure: [noise_sigma, sharpness, psnr]
  - write: {{folder: images, format: png}}
  - table: {{folder: table}}
limits: {{max_failures: 100%}}
""",
        (10,),
    )
    # A few nights more, so that there is a history.
    for night in range(3):
        picture(70 + night).save(Path(folder) / "names" / f"night-{night}.png")
        subprocess.run([safelight, "run", folder / "names.yaml", "--progress", "quiet"], capture_output=True)


def many(safelight, folder):
    """10,000 made pictures with measurements, then the columns of `explore`."""
    run(
        safelight,
        folder / "many.yaml",
        f"""version: 1
name: many
seed: 3
input: {{synth: dead_leaves, count: {COUNT}, size: 32}}
output: {json.dumps(str(folder / "many-out"))}
steps:
  - measure: {{what: [noise_sigma], prefix: before_}}
  - corrupt: [gaussian_noise: {{sigma: [2, 40]}}]
  - measure: [noise_sigma, sharpness, mean, contrast, psnr]
  - write: {{folder: images}}
  - table: {{folder: table}}
""",
        (0,),
    )
    explore(folder / "many-out")


def thumbnail(path):
    image = Image.open(path).convert("RGB").resize((96, 96), Image.BICUBIC)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return {"bytes": out.getvalue(), "path": None}


def explore(output):
    table = pa.concat_tables([pq.read_table(part) for part in sorted((output / "table").glob("part-*.parquet"))])
    table = table.sort_by([("path", "ascending"), ("id", "ascending")])
    count = table.num_rows
    random = np.random.default_rng(7)
    cluster = random.integers(0, 9, count)
    centres = random.normal(0, 10, (9, 2))
    places = centres[cluster] + random.normal(0, 1.6, (count, 2))
    groups = {name: [None] * count for name in ("identical_group", "near_group", "similar_group")}
    duplicate, keeper = [None] * count, [None] * count
    for number in range(60):
        first = 100 * number
        members = list(range(first, first + 2 + number % 4))
        classes = ["similar_group"] if number % 3 == 2 else ["near_group", "similar_group"]
        if number % 3 == 0:
            classes = ["identical_group", *classes]
        for member in members:
            for name in classes:
                groups[name][member] = first
            duplicate[member] = classes[0].removesuffix("_group")
            if number % 3 != 2:
                keeper[member] = member == first + 1
    columns = {
        "thumbnail": pa.array([thumbnail(output / "images" / path) for path in table["path"].to_pylist()],
                              pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "x": pa.array(places[:, 0]),
        "y": pa.array(places[:, 1]),
        "neighbors": pa.array([{"ids": [0, 1], "distances": [0.0, 0.1]}] * count),
        "cluster": pa.array([int(c) if c < 8 else None for c in cluster], pa.int64()),
        "outlier": pa.array(np.abs(random.normal(0, 1, count))),
        "reconstruction_error": pa.array(np.abs(random.normal(0, 0.1, count))),
        "pca": pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(count * 2, np.float32)), 2),
        "duplicate": pa.array(duplicate, pa.string()),
        **{name: pa.array(values, pa.int64()) for name, values in groups.items()},
        "keeper": pa.array(keeper, pa.bool_()),
    }
    for name, values in columns.items():
        table = table.append_column(name, values)
    (output / "explore").mkdir(exist_ok=True)
    pq.write_table(table, output / "explore" / "explore.parquet", compression="zstd", row_group_size=4000)


if __name__ == "__main__":
    program, folder = sys.argv[1], Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True)
    hostile(program, folder)
    many(program, folder)
