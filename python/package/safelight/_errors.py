"""Exceptions. Their texts are those of the program; attributes say the same to programs."""

from __future__ import annotations

from typing import Any


class Error(Exception):
    """Whatever safelight refuses or fails at."""


class PipelineError(Error, ValueError):
    """A pipeline or a recipe with mistakes, all of them at once."""

    #: Of each mistake a dict: message, file, line, column (None where it has no place) and help (or None).
    mistakes: list[dict[str, Any]] = []


class ModelError(PipelineError):
    """A model that can't be used, or options that don't suit it."""


class ArrayError(Error, ValueError):
    """An array that is no picture: of another shape, or with NaN."""


class ArrayTypeError(Error, TypeError):
    """Something else than an array of uint8, uint16 or float32."""


class ItemError(Error):
    """One picture that failed."""

    #: What kind of failure, as in the column error_kind of a manifest: "undecodable", "bad_result" ...
    kind: str = ""


class JobError(Error):
    """A job that can't be run or looked at, or that came to no end."""

    #: Exit code that the program has for it (docs/runs.md).
    exit: int = 1


class LossWarning(UserWarning):
    """Something of a picture that the format to write can't hold."""


for _class in (Error, PipelineError, ModelError, ArrayError, ArrayTypeError, ItemError, JobError, LossWarning):
    _class.__module__ = "safelight"
