"""Nouns of backups: what a copy of the store took.

Used by the store, the control and the wiring.
"""

from __future__ import annotations

from msgspec import Struct


class StoreCopied(Struct, frozen=True, kw_only=True):
    """A copy of the store, how long it took and its longest step, in which nothing was committed."""

    size: int
    """Bytes."""
    ms: int
    steps: int
    longest_us: int
    longest_cpu_us: int = 0
    """The most that one step took of the processor; a longer one waited for that, or for the disk."""
