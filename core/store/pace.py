"""The pace of a journal: how much one batch takes.

Kept by the journal: what waits is answered between two batches, so that none may take long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

Stopwatch: TypeAlias = Callable[[], float]
"""Seconds from any moment on."""
TARGET_MS = 3.0
"""What the long work of one batch may take."""
FIRST, LEAST, MOST = 60, 32, 1_000
"""Consequences of a batch: before any was measured, and however slow or fast the store is."""
_SHARE = 0.3
"""Weight of the last batch among those measured."""
_ALONE = 10
"""Consequences for each command of a batch from which on its time is that of the consequences."""


class BatchPace:
    """Commands and consequences that one batch may take: `cap` of those, of these by the time of others.

    A measured batch at the most doubles or halves the time of one, so that a slow sync does not stop long
    work. `stopwatch` decides how much a batch carries out, never what becomes of it.
    """

    def __init__(self, *, cap: int = 500, stopwatch: Stopwatch = time.perf_counter) -> None:
        self.cap = cap
        self.stopwatch = stopwatch
        self._ms_each = TARGET_MS / FIRST

    @property
    def limit(self) -> int:
        """Return how many consequences take no longer than they may."""
        return max(LEAST, min(MOST, round(TARGET_MS / self._ms_each)))

    def note(self, *, commands: int, carried: int, ms: float) -> None:
        """Learn from a batch; one that had other work than consequences says nothing of them."""
        if carried < max(LEAST, _ALONE * commands):
            return
        seen = min(2 * self._ms_each, max(self._ms_each / 2, ms / carried))
        self._ms_each += _SHARE * (seen - self._ms_each)
