import sys
from pathlib import Path

import pytest

import safelight

PIPELINE = """\
version: 1
input: {path: sample_data/archive, exclude: ["broken/**"]}
output: out
steps:
  - measure: [mean]
"""


def run(*tables):
    job = safelight.Job(PIPELINE + "".join(f"  - table: {table}\n" for table in tables))
    assert job.run()["exit"] == 0
    return job


def test_every_row_is_there_once():
    job = run("{folder: table}")
    table = safelight.read_table("out")
    assert table.num_rows == job.status()["done"]
    assert table["path"].to_pylist() == sorted(table["path"].to_pylist())
    assert safelight.read_table(job, columns=["path", "mean"]).column_names == ["path", "mean"]
    # What else lies there is no part of it.
    Path("out/table/.hidden.parquet").write_bytes(b"")
    assert safelight.read_table(Path("out")).equals(table)


def test_forms_and_partitions_hold_the_same():
    run("{folder: plain}", "{folder: text, format: csv}", "{folder: parted, partition_by: [format]}")
    def rows(name):
        return sorted(safelight.read_table("out", name).select(["path", "format"]).to_pylist(), key=lambda row: row["path"])

    plain, text, parted = map(rows, ("plain", "text", "parted"))
    assert plain == text == parted and len(plain) > 10


def test_which_table_has_to_be_said():
    run("{folder: first}", "{folder: second}")
    with pytest.raises(safelight.JobError, match="several tables; there are first, second"):
        safelight.read_table("out")
    with pytest.raises(safelight.JobError, match="no table 'third'; there are first, second"):
        safelight.read_table("out", "third")
    assert safelight.read_table("out", "second").num_rows > 10


def test_without_a_table_it_is_said():
    with pytest.raises(safelight.JobError, match="there is no .*nowhere"):
        safelight.read_table("nowhere")
    with pytest.raises(safelight.JobError, match="is no output of safelight"):
        safelight.read_table("sample_data")


def test_without_pyarrow_it_is_said(monkeypatch):
    run("{folder: table}")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.dataset", None)
    with pytest.raises(ImportError, match="pip install pyarrow"):
        safelight.read_table("out")
