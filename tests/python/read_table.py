"""Runs the features pipeline and reads its table with every reader users have.

Usage: python tests/python/read_table.py target/release/safelight
"""
import glob
import os
import subprocess
import sys
import tempfile

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
from datasets import load_dataset

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
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
