"""The present: the moment that ages count from.

Used by all that shows or counts times. It is that of the machine, but while a bundle is open.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_standing: list[int] = []
"""The moments at which time stands still, the latest last; for the whole process, as a bundle is shown."""


def present_ms() -> int:
    """Return the present in ms UTC."""
    return _standing[-1] if _standing else time.time_ns() // 1_000_000


@contextmanager
def standing_at(at: int) -> Iterator[None]:
    """Let the present be that moment (ms UTC) within the body."""
    _standing.append(at)
    try:
        yield
    finally:
        _standing.pop()
