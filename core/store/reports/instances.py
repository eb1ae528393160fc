"""Instances of groups: rows and outputs in order of index.

Read by the control, and by the engine's expression scopes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.errors import Invalid
from core.model.patterns.artifacts import KeptArtifact
from core.model.patterns.instances import INSTANCES_MAX
from core.model.stored_text import json_or_note
from core.model.values import JsonObject, JsonValue
from core.model.views import Page, TaskView
from core.store.reports.artifacts import read_kept
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.payloads import fetch_bodies, payload_hash
from core.store.reports.rows import TASKS, object_of, task_view
from core.store.reports.source import Source
from core.store.sql import unpack_all
from core.store.tables.instance_tables import instance_set
from core.store.tables.schema import task

PAGE = 250
"""Instances of one page."""
_PAGE = text(
    "SELECT t.id, t.item, t.key, t.uses, t.status, t.output, t.error, t.status_reason FROM task t"
    " INDEXED BY task_item WHERE t.set_id = (SELECT max(i.id) FROM instance_set i CROSS JOIN task g"
    "  ON g.id = i.task_id WHERE i.job_id = :job AND g.key = :key AND g.set_id IS NULL)"
    " AND t.item > :after ORDER BY t.item LIMIT :limit"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceResult:
    """How an instance stands, with its output in full."""

    task_id: int
    index: int
    key: str
    uses: str
    status: str
    reason: str
    output: JsonValue
    error: JsonObject
    size: int
    """Characters of JSON of its output."""
    artifacts: tuple[KeptArtifact, ...] = ()
    """The files of its last attempt, where one instance was asked for."""


class InstanceReports:
    """The current set of a group."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def page(self, group_id: int, *, after: str | None = None, limit: int = 100) -> Page[TaskView]:
        """Return a page of instances in order of index; raise `Invalid` (`page.cursor`).

        The index on sets finds each page at once, wherever it is in a wide group.
        """
        most = bounded_limit(limit)
        of_group = select(func.max(instance_set.c.id)).where(instance_set.c.task_id == group_id)
        query = TASKS.where(task.c.set_id == of_group.scalar_subquery(), task.c.item > _index_of(after))
        async with self._source.snapshot() as db:
            rows = (await db.execute(query.order_by(task.c.item).limit(most + 1))).all()
        shown = rows[:most]
        following = str(shown[-1].item) if len(rows) > most else None
        return Page(rows=tuple(map(task_view, shown)), next=following)

    async def instance_results(self, job_id: int, key: str, *, after: int = -1) -> list[InstanceResult]:
        """Return a page of instances above an index; fewer than `PAGE` are the last ones.

        Each page is read in a snapshot of its own, so that a wide list holds none open.
        """
        async with self._source.snapshot() as db:
            return await _read(db, job_id, key, after=after, limit=PAGE)

    async def instance_result(self, job_id: int, key: str, index: int) -> InstanceResult | None:
        """Return one instance with the files that it left; None = the current set has none of that index."""
        async with self._source.snapshot() as db:
            found = await _read(db, job_id, key, after=index - 1, limit=1)
            if not found or found[0].index != index:
                return None
            kept = await read_kept(db, [found[0].task_id])
        return replace(found[0], artifacts=kept.get(found[0].task_id, ()))


async def _read(
    db: AsyncConnection, job_id: int, key: str, *, after: int, limit: int
) -> list[InstanceResult]:
    bound = {"job": job_id, "key": key, "after": after, "limit": limit}
    rows = (await db.execute(_PAGE, bound)).all()
    hashes = {row.item: payload_hash(json_or_note(row.output)) for row in rows if _may_refer(row.output)}
    wanted = {one for one in hashes.values() if one is not None}
    bodies = await fetch_bodies(db, wanted) if wanted else {}
    texts = [bodies.get(hashes.get(row.item) or "", row.output) for row in rows]
    return [
        InstanceResult(
            task_id=row.id,
            index=row.item,
            key=row.key,
            uses=row.uses,
            status=row.status,
            reason=row.status_reason or "",
            output=output,
            error=object_of(row.error),
            size=len(text or ""),
        )
        for row, text, output in zip(rows, texts, unpack_all(texts), strict=True)
    ]


def _index_of(cursor: str | None) -> int:
    """Return the index behind which a page begins; raise `Invalid`."""
    if cursor is None:
        return -1
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= len(str(INSTANCES_MAX))):
        raise Invalid("page.cursor", "this cursor is not one of instances", hint="take `next` of a page")
    return int(cursor)


def _may_refer(output: str | None) -> bool:
    return output is not None and output.startswith('{"$payload"')
