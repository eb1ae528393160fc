"""GrowingPause: how long something that fails is left alone.

Held by the loops that try again.
"""

from __future__ import annotations

FIRST_MS, LONGEST_MS = 1_000, 60_000
"""The first pause, and the longest: each one doubles the one before."""


class GrowingPause:
    """The pauses before one thing is tried again; they grow until it goes well."""

    def __init__(self) -> None:
        self._next = FIRST_MS

    def next(self) -> int:
        """Return the pause after one more failure, in ms."""
        pause, self._next = self._next, min(2 * self._next, LONGEST_MS)
        return pause

    def reset(self) -> None:
        """Begin with the first pause again: it went well."""
        self._next = FIRST_MS
