"""How far a run is, on standard error."""

from __future__ import annotations

import sys
import time
from typing import Any


class Progress:
    """Takes the events of a run; tells at most once in some seconds, and at the end."""

    EVERY = 5.0

    def __init__(self) -> None:
        self.todo = self.done = self.failed = 0
        self.last = time.monotonic()

    def __call__(self, event: dict[str, Any]) -> None:
        kind = event["event"]
        if kind == "planned":
            self.todo = event["todo"]
        elif kind in ("finished", "failed"):
            self.done += 1
            self.failed += kind == "failed"
            if time.monotonic() - self.last >= self.EVERY and self.done < self.todo:
                self.tell()
        elif kind == "ended":
            self.tell()

    def tell(self) -> None:
        self.last = time.monotonic()
        print(f"{self.done}/{self.todo} images, {self.failed} failed", file=sys.stderr, flush=True)
