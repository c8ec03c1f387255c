import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from ._errors import ItemError

__version__: str

_Pixel = TypeVar("_Pixel", np.uint8, np.uint16, np.float32)
_Array: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]
_PathLike: TypeAlias = str | os.PathLike[str]
_Bytes: TypeAlias = bytes | bytearray | memoryview

class Restorer:
    def __new__(
        cls,
        model: _PathLike,
        *,
        threads: int | None = None,
        strength: float | str | None = None,
        texture: float | None = None,
        colour: Literal["auto", "luma", "each", "rgb"] | None = None,
        tile: int | None = None,
        check: Literal["picture", "finite"] | None = None,
        guard: Literal["off", "lower", "leave"] | None = None,
        inputs: Mapping[str, float | str] | None = None,
        range: Literal["auto", "0-1", "0-255", "-1-1"] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        layout: Literal["auto", "nchw", "nhwc"] | None = None,
        engine: Literal["fast", "plain", "onnxruntime"] | None = None,
        device: Literal["cpu", "cuda"] | None = None,
        engine_library: _PathLike | None = None,
        exact: bool | None = None,
    ) -> Restorer: ...
    @property
    def scale(self) -> int: ...
    @property
    def notes(self) -> list[str]: ...
    def __call__(self, array: NDArray[_Pixel]) -> NDArray[_Pixel]: ...
    def noted(self, array: NDArray[_Pixel]) -> tuple[NDArray[_Pixel], list[str]]: ...

class Embedder:
    def __new__(
        cls,
        model: _PathLike,
        *,
        threads: int | None = None,
        tensor: str | None = None,
        pool: Literal["mean", "max", "cls", "flatten"] | None = None,
        preprocess: _PathLike | None = None,
        size: int | None = None,
        fit: Literal["stretch", "crop"] | None = None,
        normalize: bool | None = None,
        dtype: Literal["float32", "float16"] | None = None,
        range: Literal["auto", "0-1", "0-255", "-1-1"] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        layout: Literal["auto", "nchw", "nhwc"] | None = None,
        engine: Literal["fast", "plain", "onnxruntime"] | None = None,
        device: Literal["cpu", "cuda"] | None = None,
        engine_library: _PathLike | None = None,
        exact: bool | None = None,
    ) -> Embedder: ...
    @property
    def dim(self) -> int: ...
    @property
    def notes(self) -> list[str]: ...
    def __call__(self, pictures: Iterable[_Array | _PathLike | _Bytes | Picture]) -> NDArray[np.float32]: ...
    def attempt(
        self, pictures: Iterable[_Array | _PathLike | _Bytes | Picture]
    ) -> tuple[NDArray[np.float32], list[ItemError | None]]: ...

class Recipe:
    def __new__(cls, corruptions: str | Sequence[str | Mapping[str, Any]]) -> Recipe: ...
    def __call__(self, array: NDArray[_Pixel], seed: int) -> NDArray[_Pixel]: ...
    def applied(self, array: NDArray[_Pixel], seed: int) -> tuple[NDArray[_Pixel], list[dict[str, Any]]]: ...

@final
class Picture:
    @property
    def array(self) -> _Array: ...
    @property
    def format(self) -> str: ...
    @property
    def bit_depth(self) -> int: ...
    @property
    def orientation(self) -> int: ...
    @property
    def exif(self) -> bytes | None: ...
    @property
    def icc(self) -> bytes | None: ...
    @property
    def xmp(self) -> bytes | None: ...
    @property
    def notes(self) -> list[str]: ...
    def replace(self, array: _Array) -> Picture: ...
    def upright(self) -> Picture: ...

def decode(file: _PathLike | _Bytes) -> Picture: ...
def encode(
    picture: _Array | Picture,
    format: str | None = None,
    *,
    quality: int | None = None,
    metadata: bool = True,
    compression: Literal["fast", "small"] = "fast",
    dither: bool = False,
) -> bytes: ...

@final
class Job:
    def __new__(cls, pipeline: _PathLike | Mapping[str, Any], *, set: Mapping[str, Any] | None = None) -> Job: ...
    @property
    def name(self) -> str: ...
    @property
    def output(self) -> Path: ...
    def plan(self, *, items: bool = False) -> dict[str, Any]: ...
    def run(
        self,
        *,
        progress: bool | Callable[[dict[str, Any]], object] | None = None,
        shard: tuple[int, int] | str | None = None,
        shard_by: Literal["path", "size"] = "path",
        retry: bool = False,
        prune: bool = False,
        accept_input: bool = False,
        replace_edited: bool = False,
        patience: float = 60.0,
    ) -> dict[str, Any]: ...
    def gather(
        self,
        *,
        wait: bool = False,
        progress: bool | Callable[[dict[str, Any]], object] | None = None,
        prune: bool = False,
        accept_input: bool = False,
        replace_edited: bool = False,
        patience: float = 60.0,
    ) -> dict[str, Any]: ...
    def status(self, *, failures: bool = False, shards: bool = False) -> dict[str, Any]: ...
    def verify(self) -> dict[str, Any]: ...

def tables(output: _PathLike) -> list[tuple[str, Path, str]]: ...
