"""Spark: `mapInPandas` over `binaryFile`, two cores of one machine."""
import shutil

import pytest

import examples

pytest.importorskip("pyspark")
pq = pytest.importorskip("pyarrow.parquet")
if shutil.which("java") is None:
    pytest.skip("Spark needs Java", allow_module_level=True)


def test_embed_on_two_cores(tmp_path):
    paths = examples.prepare(tmp_path)
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"no picture")
    examples.run(examples.code("Spark"), tmp_path)
    rows = {row["path"].rsplit("/", 1)[1]: row for row in pq.read_table(tmp_path / "vectors").to_pylist()}
    broken = rows.pop("broken.jpg")
    assert broken["error"] and all(number != number for number in broken["embedding"])
    assert {row["error"] for row in rows.values()} == {None}
    examples.check_vectors({name: row["embedding"] for name, row in rows.items()}, paths)
