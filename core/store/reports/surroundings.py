"""Surroundings of tasks, found by the key in their spec.

Used by the engine.
"""

from __future__ import annotations

from core.model.surroundings import Surroundings
from core.store.reports.payloads import fetch_bodies
from core.store.reports.source import Source
from core.store.sql import unpack


class SurroundingsReports:
    """Reads what admission stored once for all tasks of the same submission, or of the same place."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def surroundings(self, key: str) -> Surroundings | None:
        """Return the surroundings of a key; None for one that is not known."""
        async with self._source.snapshot() as db:
            bodies = await fetch_bodies(db, [key])
        stored = unpack(bodies[key]) if key in bodies else None
        return Surroundings.from_json(stored) if isinstance(stored, dict) else None
