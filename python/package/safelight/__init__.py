"""Batch restoration, training pairs and embeddings for image archives.

Restorer, Embedder and Recipe work on NumPy arrays; Job runs a whole pipeline; decode and encode read and write image
files; read_table reads a job's table. docs/python.md has examples.
"""

from ._errors import (
    ArrayError,
    ArrayTypeError,
    Error,
    ItemError,
    JobError,
    LossWarning,
    ModelError,
    PipelineError,
)
from ._safelight import Embedder, Job, Picture, Recipe, Restorer, __version__, decode, encode
from ._table import read_table

__all__ = [
    "ArrayError",
    "ArrayTypeError",
    "Embedder",
    "Error",
    "ItemError",
    "Job",
    "JobError",
    "LossWarning",
    "ModelError",
    "Picture",
    "PipelineError",
    "Recipe",
    "Restorer",
    "__version__",
    "decode",
    "encode",
    "read_table",
]
