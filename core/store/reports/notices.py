"""Notices: events to tell of, and what became of notices.

Read by the engine's loop of notices and by the control.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from core.model.notices import NoticeView, SinkStanding, Told
from core.model.stored_text import json_or_note
from core.model.values import JsonObject
from core.model.views import Page
from core.store.apply.notices import NOTICE, notice_view
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.source import Source
from core.store.sql import member, pack

AT_ONCE = 5_000
"""Events that one look goes through at the most."""
_NEWEST = text("SELECT coalesce(max(id), 0) FROM event")
_CURSOR = text("SELECT min(event) FROM notice_cursor")
_TOLD = text(
    "SELECT e.id, e.at, e.kind, e.job_id, j.name, e.task_id, t.key, e.data,"
    " f.first_at IS NOT NULL AND f.first_at >= e.at FROM event e"
    " LEFT JOIN job j ON j.id = e.job_id LEFT JOIN task t ON t.id = e.task_id"
    f" LEFT JOIN family f ON e.data LIKE '%\"family\":%' AND f.id = {member('e.data', '$.family')}"
    " WHERE e.id > :after AND e.id <= :upto AND e.kind IN (SELECT value FROM json_each(:kinds)) ORDER BY e.id"
)
_STANDING = text(
    "SELECT sink, min(delivery), sum(delivery IS NULL) FROM notice INDEXED BY notice_waiting"
    " WHERE status = 'waiting' GROUP BY sink"
)
_TRIED = text(
    "SELECT tries, due_at FROM notice WHERE delivery = :delivery AND status = 'waiting' ORDER BY id LIMIT 1"
)
_PAGE = text(
    f"SELECT {NOTICE} FROM notice WHERE (:before = 0 OR id < :before)"
    " AND (:status = '' OR status = :status) ORDER BY id DESC LIMIT :limit"
)


class NoticeReports:
    """Events of which operators may hear, and the notices of them."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def cursor(self) -> int | None:
        """Return up to which event all sinks have been looked at; None = no sink is followed."""
        async with self._source.snapshot() as db:
            found = (await db.execute(_CURSOR)).scalar_one()
        return None if found is None else int(found)

    async def told(self, after: int, kinds: Sequence[str]) -> tuple[int, tuple[Told, ...]]:
        """Return the next events of these kinds, and up to which event that is all of them."""
        async with self._source.snapshot() as db:
            newest = int((await db.execute(_NEWEST)).scalar_one())
            upto = min(newest, after + AT_ONCE)
            values = {"after": after, "upto": upto, "kinds": pack(list(kinds))}
            rows = (await db.execute(_TOLD, values)).all()
        return upto, tuple(
            Told(
                event=id_,
                at=at,
                kind=kind,
                job_id=job_id,
                workflow=name or "",
                task_id=task_id,
                key=key or "",
                data=_data(data),
                is_first=bool(first),
            )
            for id_, at, kind, job_id, name, task_id, key, data, first in rows
        )

    async def standing(self) -> tuple[SinkStanding, ...]:
        """Return what waits, sink by sink."""
        found = []
        async with self._source.snapshot() as db:
            for sink, delivery, new in (await db.execute(_STANDING)).all():
                tries, due_at = 0, None
                if delivery is not None:
                    tries, due_at = (await db.execute(_TRIED, {"delivery": delivery})).one()
                found.append(SinkStanding(sink=sink, delivery=delivery, tries=tries, due_at=due_at, new=new))
        return tuple(found)

    async def page(self, *, before: int = 0, status: str = "", limit: int = 100) -> Page[NoticeView]:
        """Return notices, the newest first; `next` is the next `before`, as text."""
        wanted = bounded_limit(limit)
        async with self._source.snapshot() as db:
            rows = (await db.execute(_PAGE, {"before": before, "status": status, "limit": wanted + 1})).all()
        views = tuple(notice_view(tuple(row)) for row in rows[:wanted])
        return Page(rows=views, next=str(views[-1].id) if len(rows) > wanted else None)


def _data(value: str | None) -> JsonObject:
    data = json_or_note(value)
    return data if isinstance(data, dict) else {}
