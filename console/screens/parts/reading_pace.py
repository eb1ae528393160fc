"""Reading pace: what is slow to read is read less often.

Owned by the graph and the timeline of a job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHARE = 10
"""After a read, rest this many times as long as it took before the next."""
LONGEST = 1.0
"""Seconds that a read counts at the most."""


class ReadingPace:
    """Puts a read off while the last one rests; what was put off is due afterwards."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rest_until = 0.0
        self._is_due = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Measure a read: it holds what was put off, and its rest begins when it has succeeded."""
        begun, self._is_due = self._clock(), False
        yield
        now = self._clock()
        self._rest_until = now + min(now - begun, LONGEST) * SHARE

    def may_read(self) -> bool:
        """Tell whether to read now what has changed; if not, it is put off."""
        self._is_due = self._clock() < self._rest_until
        return not self._is_due

    @property
    def is_due(self) -> bool:
        """Whether a read that was put off has rested long enough."""
        return self._is_due and self._clock() >= self._rest_until
