"""Lookouts: tasks for whose answer the engine looks.

Read by the engine's lookouts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import text

from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.source import Source
from core.store.sql import ids

_COLUMNS = (
    "SELECT w.task_id, t.job_id, t.key, t.uses, t.generation, t.epoch, w.path, w.root,"
    " coalesce(w.stable_ms, 0) AS stable_ms, w.every_ms, w.url,"
    " CASE WHEN w.every_ms IS NOT NULL THEN t.spec ELSE '{{}}' END AS spec,"
    " coalesce(a.gset_id, 0) AS gset_id, coalesce(a.looks, 0) AS looks, a.seen"
    " FROM {} JOIN task t ON t.id = w.task_id"
    " LEFT JOIN attempt a ON w.every_ms IS NOT NULL AND a.task_id = t.id AND a.epoch = t.epoch WHERE {}"
)
_LOOKED_FOR = "w.is_held = 0 AND (w.path IS NOT NULL OR w.every_ms IS NOT NULL)"
_SOME = text(
    _COLUMNS.format("json_each(:ids) j JOIN awaited w ON w.task_id = j.value", _LOOKED_FOR)
    + " ORDER BY w.task_id"
)
_FILES, _POLLS = (
    text(
        _COLUMNS.format(
            f"awaited w INDEXED BY {index}",
            f"w.is_held = 0 AND w.{column} IS NOT NULL AND w.task_id > :after"
            " ORDER BY w.task_id LIMIT :limit",
        )
    )
    for index, column in (("awaited_file", "path"), ("awaited_poll", "every_ms"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookout:
    """A task that waits for a file (`path`), or for what its poll asks; `spec` and `seen` are stored JSON."""

    task_id: int
    job_id: int
    key: str
    uses: str
    generation: int
    epoch: int
    path: str | None
    root: str | None
    stable_ms: int
    every_ms: int | None
    url: str | None
    spec: str
    gset_id: int
    looks: int
    seen: str | None


class LookoutReports:
    """What the engine looks for."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def some(self, task_ids: Iterable[int]) -> list[Lookout]:
        """Return those of these tasks for whose answer the engine looks, in order of id."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_SOME, {"ids": ids(task_ids)})
            return [Lookout(**row) for row in rows.mappings()]

    async def files(self, *, after: int = 0, limit: int = 500) -> list[Lookout]:
        """Return a page of tasks that wait for files, in order of id."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_FILES, {"after": after, "limit": bounded_limit(limit)})
            return [Lookout(**row) for row in rows.mappings()]

    async def polls(self, *, after: int = 0, limit: int = 500) -> list[Lookout]:
        """Return a page of tasks whose polls ask again, in order of id."""
        async with self._source.snapshot() as db:
            rows = await db.execute(_POLLS, {"after": after, "limit": bounded_limit(limit)})
            return [Lookout(**row) for row in rows.mappings()]
