"""`datasets`: `map` with two processes."""
import numpy as np
import pytest
import safelight

import examples

pytest.importorskip("datasets")
pq = pytest.importorskip("pyarrow.parquet")


def names(table):
    return [image["path"].rsplit("/", 1)[-1] for image in table["image"].to_pylist()]


def test_embed_on_two_processes(tmp_path):
    paths = examples.prepare(tmp_path)
    examples.run(examples.code("datasets"), tmp_path)
    table = pq.read_table(tmp_path / "vectors.parquet")
    examples.check_vectors(dict(zip(names(table), table["embedding"].to_pylist())), paths)


def test_restore_on_two_processes(tmp_path):
    paths = examples.prepare(tmp_path, copies=1, most=100_000)
    examples.run(examples.code("Restoring, with datasets"), tmp_path)
    table = pq.read_table(tmp_path / "clean.parquet")
    found = dict(zip(names(table), (image["bytes"] for image in table["image"].to_pylist())))
    assert sorted(found) == [path.name for path in paths]
    restorer = safelight.Restorer(examples.MODELS / "denoise.onnx")
    for path in paths:
        picture = safelight.decode(path)
        assert found[path.name] == safelight.encode(picture.replace(restorer(picture.array))), path.name
        clean = safelight.decode(found[path.name]).array
        assert clean.dtype == picture.array.dtype and not np.array_equal(clean, picture.array), path.name
