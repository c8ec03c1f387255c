"""Ray Data: `map_batches` with two actors."""
import pytest

import examples

pytest.importorskip("ray")
pq = pytest.importorskip("pyarrow.parquet")


def test_embed_on_two_actors(tmp_path):
    paths = examples.prepare(tmp_path)
    examples.run(examples.code("Ray Data"), tmp_path)
    table = pq.read_table(tmp_path / "vectors")
    names = [path.rsplit("/", 1)[1] for path in table["path"].to_pylist()]
    examples.check_vectors(dict(zip(names, table["embedding"].to_pylist())), paths)
