"""A job's table as Arrow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Sequence

from ._errors import JobError
from ._safelight import Job, tables

if TYPE_CHECKING:
    import pyarrow


def read_table(
    output: str | os.PathLike[str] | Job,
    table: str | None = None,
    *,
    columns: Sequence[str] | None = None,
) -> pyarrow.Table:
    """Reads the table that a job published.

    output: the output folder of a job that has run, or the Job. table: the folder of the table, as its `table` step
    names it; needed only where there are several. columns: the names of those to read; all by default.

    Returns a pyarrow.Table with one row for each image (docs/table.md), each exactly once. A part that is gone because
    a run published meanwhile raises FileNotFoundError: read again (docs/filesystems.md).

    Raises ImportError without pyarrow (`pip install safelight[arrow]`), JobError where there is no such table or it is of
    NumPy arrays (`format: npy`).
    """
    try:
        import pyarrow.dataset
    except ImportError:
        raise ImportError("read_table needs pyarrow: pip install pyarrow") from None
    folder = output.output if isinstance(output, Job) else output
    found = tables(folder)
    names = [name for name, _, _ in found]
    chosen = [known for known in found if table is None or known[0] == str(table)]
    if len(chosen) != 1:
        said = f"no table {str(table)!r}" if table is not None else ("several tables" if found else "no table")
        there = f"; there are {', '.join(names)}" if names else "; run a pipeline with a `table` step into it first"
        raise JobError(f"{os.fspath(folder)} has {said}{there}")
    _, path, form = chosen[0]
    if form == "npy":
        raise JobError(
            f"{path} holds NumPy arrays: read img_emb/*.npy with numpy.load and metadata/*.parquet with pyarrow"
        )
    files = pyarrow.dataset.dataset(path, format=form, partitioning="hive")
    return files.to_table(columns=None if columns is None else list(columns))
