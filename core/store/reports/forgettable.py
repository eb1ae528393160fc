"""What belongs to no job, and how much there is.

Read by the engine's retention, which has it forgotten in steps.
"""

from __future__ import annotations

from core.model.commands.forgetting import MAX_PER_BATCH
from core.model.retention import Forgettable
from core.store.forgettable import FIND
from core.store.reports.source import Source, engine_offset

COUNTED = 1_000_000
"""More than these are not counted."""


class ForgettableReports:
    """What may be forgotten of what is older than a moment (ms UTC)."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def due(self, what: Forgettable, *, before: int) -> tuple[str | int, ...]:
        """Return the next of them: ids, keys or hashes."""
        async with self._source.snapshot() as db:
            now = self._source.now() + await engine_offset(db)
            sql = f"{FIND[what]} LIMIT {MAX_PER_BATCH}"
            return tuple(row[0] for row in (await db.exec_driver_sql(sql, (before, now))).all())

    async def count(self, what: Forgettable, *, before: int) -> int:
        """Return how many there are."""
        async with self._source.snapshot() as db:
            now = self._source.now() + await engine_offset(db)
            sql = f"SELECT count(*) FROM ({FIND[what]} LIMIT {COUNTED})"
            return int((await db.exec_driver_sql(sql, (before, now))).scalar_one())
