"""Dask: a bag of paths on two worker processes, and on threads that share one network."""
import json

import pytest

import examples

pytest.importorskip("dask")
pytest.importorskip("distributed")
pq = pytest.importorskip("pyarrow.parquet")


def test_embed_on_two_workers(tmp_path):
    paths = examples.prepare(tmp_path)
    examples.run(examples.code("Dask"), tmp_path)
    table = pq.read_table(tmp_path / "vectors.parquet")
    names = [path.rsplit("/", 1)[1] for path in table["path"].to_pylist()]
    examples.check_vectors(dict(zip(names, table["embedding"].to_pylist())), paths)


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_schedulers_without_a_cluster(tmp_path, scheduler):
    paths = examples.prepare(tmp_path)
    text = f"""
import json, pathlib
import dask.bag, safelight

if __name__ == "__main__":
    paths = sorted(map(str, pathlib.Path("pictures").iterdir()))
    embedder = safelight.Embedder("embed.onnx")
    bag = dask.bag.from_sequence(paths, partition_size=7).map_partitions(embedder)
    vectors = bag.compute(scheduler="{scheduler}", num_workers=2)
    print(json.dumps([[pathlib.Path(p).name, v.tolist()] for p, v in zip(paths, vectors, strict=True)]))
"""
    examples.check_vectors(dict(json.loads(examples.run(text, tmp_path))), paths)
