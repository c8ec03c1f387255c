"""Runs the features pipeline and one of EXIF and hashes, and reads their tables with every reader users have.

Usage: python tests/python/read_table.py target/release/safelight
"""
import datetime
import glob
import os
import subprocess
import sys
import tempfile

import duckdb
import imagehash
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from datasets import load_dataset
from PIL import Image, ImageOps

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def main(binary):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.path.abspath(binary), "run", "pipelines/features.yaml", "--set", f"output={folder}/out",
                        "--set", "steps.table.rows=16", "--progress", "quiet"], check=True, cwd=ROOT)
        table = os.path.join(folder, "out", "table")
        pattern = os.path.join(table, "*.parquet")
        # Text arrives in pyarrow as string_view, which its own sort does not take yet: ordered in numpy.
        arrow = ds.dataset(table).to_table()
        order = np.argsort(arrow["path"].to_pylist())
        paths = [arrow["path"][int(i)].as_py() for i in order]
        vectors = np.stack(arrow["embedding"].to_numpy(zero_copy_only=False))[order]
        assert len(paths) == len(set(paths)) > 10 and vectors.shape == (len(paths), 64), vectors.shape
        print(f"pyarrow   {len(paths)} rows, {vectors.shape[1]} floats, {len(glob.glob(pattern))} parts")

        frame = pl.read_parquet(pattern).sort("path")
        assert frame["path"].to_list() == paths and np.array_equal(np.stack(frame["embedding"].to_numpy()), vectors)
        print("polars    equal")
        frame = pd.read_parquet(table).sort_values("path")
        assert frame["path"].tolist() == paths and np.array_equal(np.stack(frame["embedding"]), vectors)
        print("pandas    equal")
        rows = duckdb.sql(f"select path, embedding::float[64] from '{pattern}' order by path").fetchall()
        assert [r[0] for r in rows] == paths
        assert np.array_equal(np.array([r[1] for r in rows], np.float32), vectors)
        nearest = duckdb.sql(f"""select b.path from '{pattern}' a, '{pattern}' b where a.path <> b.path and a.path = '{paths[0]}'
            order by array_distance(a.embedding::float[64], b.embedding::float[64]) limit 1""").fetchall()
        print(f"duckdb    equal; nearest to {paths[0]}: {nearest[0][0]}")
        loaded = load_dataset("parquet", data_files=pattern, split="train", cache_dir=os.path.join(folder, "cache"))
        loaded = loaded.sort("path")
        assert loaded["path"][:] == paths and np.array_equal(np.array(loaded["embedding"][:], np.float32), vectors)
        print("datasets  equal")
    with tempfile.TemporaryDirectory() as folder:
        exif_and_hashes(binary, folder)
    with tempfile.TemporaryDirectory() as folder:
        forms(binary, folder)
    with tempfile.TemporaryDirectory() as folder:
        linked(binary, folder)
    return 0


def linked(binary, folder):
    """A table behind a link, as it is on file systems that can't exchange names, read as often as docs/filesystems.md says."""
    for rows in (16, 32):
        with open(f"{folder}/job.yaml", "w") as file:
            file.write(f"version: 1\nname: linked\ninput: {{path: sample_data/archive, exclude: ['broken/**']}}\noutput: {folder}/out\n"
                       f"steps:\n  - measure: [mean]\n  - table: {{rows: {rows}}}\n")
        subprocess.run([os.path.abspath(binary), "run", f"{folder}/job.yaml", "--progress", "quiet"], check=True, cwd=ROOT,
                       env={**os.environ, "SAFELIGHT_TEST_FAULT": "without@exchange"})
    out, table = f"{folder}/out", f"{folder}/out/table"
    assert os.path.islink(table)
    paths = sorted(ds.dataset(table).to_table()["path"].to_pylist())
    assert len(paths) == len(set(paths)) > 10
    readers = {
        "pyarrow": lambda: ds.dataset(out).to_table()["path"].to_pylist(),
        "pandas": lambda: pd.read_parquet(table)["path"].tolist(),
        "pandas, output": lambda: pd.read_parquet(out)["path"].tolist(),
        "polars": lambda: pl.read_parquet(table)["path"].to_list(),
        "polars *": lambda: pl.read_parquet(f"{table}/*.parquet")["path"].to_list(),
        "polars **": lambda: pl.read_parquet(f"{table}/**/*.parquet")["path"].to_list(),
        "duckdb *": lambda: [row[0] for row in duckdb.sql(f"select path from '{table}/*.parquet'").fetchall()],
        "duckdb **": lambda: [row[0] for row in duckdb.sql(f"select path from '{table}/**/*.parquet'").fetchall()],
        "datasets": lambda: load_dataset(table, split="train", cache_dir=f"{folder}/1")["path"][:],
        "datasets, data_dir": lambda: load_dataset(out, data_dir="table", split="train", cache_dir=f"{folder}/2")["path"][:],
    }
    for name, reader in readers.items():
        assert sorted(reader()) == paths, name
    # The other readers would take the card for a part.
    with open(f"{out}/README.md", "w") as file:
        file.write('---\nconfigs: [{config_name: default, data_files: "table/*.parquet"}]\n---\n')
    assert sorted(load_dataset(out, split="train", cache_dir=f"{folder}/3")["path"][:]) == paths
    print(f"link      each row once in {', '.join(readers)}, and datasets with a card")


def forms(binary, folder):
    """Thumbnails, the whole output as a data set, folders by columns, NumPy arrays, CSV."""
    def run(table):
        with open(f"{folder}/job.yaml", "w") as file:
            file.write(f"version: 1\nname: forms\ninput: {{path: sample_data/archive, exclude: ['broken/**']}}\noutput: {folder}/out\n"
                       f"steps:\n  - thumbnail: 64\n  - measure: [blank]\n  - embed: {{model: sample_data/models/embed.onnx}}\n  - table{table}\n")
        subprocess.run([os.path.abspath(binary), "run", f"{folder}/job.yaml", "--progress", "quiet"], check=True, cwd=ROOT)
        return sorted(glob.glob(f"{folder}/out/table/**/*.*", recursive=True))

    run("")
    loaded = load_dataset(f"{folder}/out", split="train", cache_dir=f"{folder}/cache")
    assert max(loaded[0]["thumbnail"].size) == 64, loaded.features
    paths = sorted(loaded["path"][:])
    declared = pq.read_schema(glob.glob(f"{folder}/out/table/*.parquet")[0]).metadata
    assert b"blank" in declared[b"safelight.columns"] and b"embed.onnx" in declared[b"safelight.models"]
    print(f"datasets  the output itself, {len(loaded)} pictures shown")
    run(": {partition_by: [format, blank]}")
    pattern = f"{folder}/out/table/**/*.parquet"
    told = duckdb.sql(f"select path, format, blank from read_parquet('{pattern}', hive_partitioning = true) order by path").fetchall()
    frame = pl.read_parquet(f"{folder}/out/table/", hive_partitioning=True).sort("path")
    arrow = ds.dataset(f"{folder}/out/table", partitioning="hive").to_table()
    assert [row[0] for row in told] == frame["path"].to_list() == sorted(arrow["path"].to_pylist()) == paths
    assert [row[1] for row in told] == frame["format"].to_list() and set(arrow["format"].to_pylist()) == set(frame["format"])
    print(f"hive      equal in duckdb, polars, pyarrow: {sorted(set(frame['format']))}")
    files = run(": {format: npy, rows: 16}")
    arrays, beside = [[f for f in files if f.endswith(end)] for end in (".npy", ".parquet")]
    assert len(arrays) == len(beside) >= 1
    for array, rows in zip(arrays, beside):
        array, rows = np.load(array), pd.read_parquet(rows)
        assert array.dtype == np.float32 and array.shape == (len(rows), 64) and all(map(os.path.isfile, rows["image_path"]))
    print(f"npy       {len(arrays)} arrays beside their rows")
    [table] = run(": {format: csv}")
    rows = pd.read_csv(table, parse_dates=["mtime"])
    assert sorted(rows["path"]) == paths and rows["mtime"].dt.tz is not None
    print("csv       equal")


def exif_and_hashes(binary, folder):
    """Times with and without zone, numbers, absent values; hashes equal to imagehash's, and their distances in SQL."""
    os.mkdir(f"{folder}/in")
    rng = np.random.default_rng(1)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
    picture = coarse.resize((320, 240), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Lichtwerk", 6
    exif.get_ifd(0x8769).update({0x9003: "2024:02:29 23:59:58", 0x9011: "+05:30", 0x829A: 0.004, 0x8827: 100})
    picture.save(f"{folder}/in/a.png", exif=exif)
    picture.resize((150, 112)).save(f"{folder}/in/b.jpg", quality=70, exif=exif)
    for name, (width, height) in {"c": (61, 97), "d": (40, 300), "e": (31, 20), "f": (500, 333)}.items():
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(f"{folder}/in/{name}.png")
    with open(f"{folder}/job.yaml", "w") as file:
        file.write(f"version: 1\nname: exif\ninput: {{path: {folder}/in}}\noutput: {folder}/out\nsteps:\n"
                   "  - measure: [taken, camera, iso, exposure, gps, orientation, phash]\n  - table\n")
    subprocess.run([os.path.abspath(binary), "run", f"{folder}/job.yaml", "--progress", "quiet"], check=True)
    pattern = f"{folder}/out/table/*.parquet"
    local, utc = datetime.datetime(2024, 2, 29, 23, 59, 58), datetime.datetime(2024, 2, 29, 18, 29, 58)

    arrow = ds.dataset(f"{folder}/out/table").to_table().sort_by("path")
    types = [str(arrow.schema.field(name).type) for name in ("taken", "taken_utc", "iso", "exposure_time", "phash")]
    assert types == ["timestamp[us]", "timestamp[us, tz=UTC]", "int64", "double", "int64"], types
    first, none = arrow.slice(0, 1).to_pylist()[0], arrow.slice(2, 1).to_pylist()[0]
    assert first["taken"] == local and first["taken_utc"].replace(tzinfo=None) == utc
    found = (first["camera_make"], first["iso"], first["exposure_time"], first["orientation"], first["gps_lat"])
    assert found == ("Lichtwerk", 100, 0.004, 6, None), found
    assert none["taken"] is None and none["taken_utc"] is None and none["camera_make"] is None
    for path, value in zip(arrow["path"].to_pylist(), arrow["phash"].to_pylist()):
        image = ImageOps.exif_transpose(Image.open(f"{folder}/in/{path}"))
        distance = ((value % 2**64) ^ int(str(imagehash.phash(image)), 16)).bit_count()
        assert distance <= (2 if path == "b.jpg" else 0), (path, distance)
    frame = pl.read_parquet(pattern).sort("path")
    assert frame.schema["taken"] == pl.Datetime("us") and frame.schema["taken_utc"] == pl.Datetime("us", "UTC")
    assert frame["taken"][0] == local and frame["taken"].null_count() == 4
    near = (frame["phash"] ^ frame["phash"][0]).bitwise_count_ones()
    frame = pd.read_parquet(f"{folder}/out/table").sort_values("path")
    assert frame["taken"].iloc[0] == pd.Timestamp(local) and frame["taken_utc"].iloc[0] == pd.Timestamp(utc, tz="UTC")
    told = duckdb.sql(f"select typeof(taken), typeof(taken_utc), taken from '{pattern}' order by path").fetchall()[0]
    assert told == ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", local), told
    distances = duckdb.sql(f"""select bit_count(xor(a.phash, b.phash)) from '{pattern}' a, '{pattern}' b
        where a.path = 'a.png' order by b.path""").fetchall()
    distances = [row[0] for row in distances]
    assert distances == near.to_list() and max(distances[:2]) <= 4 and min(distances[2:]) > 12, distances
    print(f"exif      equal in pyarrow, polars, pandas, duckdb; distances of hashes {distances}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
