"""Values that JSON has no form for, as those that it has."""

from __future__ import annotations

import os
from typing import Any


def plain(value: Any) -> Any:
    """Paths as texts, NumPy's numbers and arrays as Python's."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} can't be written as YAML: {value!r}")
