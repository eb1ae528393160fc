"""Entries of the ledger that count in one gauge, newest first.

Read by the control.
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.errors import Conflict, Invalid, NotFound
from core.model.limits.entry_views import RESERVED, SCANNED, EntryQuery, EntryView
from core.model.limits.limit_forms import from_text
from core.model.limits.limits import Limit
from core.model.near_misses import one_of
from core.model.text import safe_line
from core.model.views import Page
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.source import Source

_NEWEST = 2**63 - 1
_LIMIT = text("SELECT body, changed FROM limit_rule WHERE name = :name AND removed_at IS NULL")
_METERED = text(
    "SELECT name FROM limit_rule WHERE removed_at IS NULL AND coalesce(body->>'unit', '') != '' ORDER BY name"
)
_GAUGE = text("SELECT id FROM gauge WHERE name = :name AND key = :key")
_KEYS = text("SELECT key FROM gauge WHERE name = :name ORDER BY key LIMIT 400")
# A set that a task has outlives its gauges: it is found by what it names.
_ENTRIES = text(
    "SELECT e.id, e.at, e.kind, e.unit, e.amount, e.counted_at, e.task_id, e.epoch, e.job_id,"
    # The ledger has instances under their group.
    " coalesce(t.key, e.key) AS key,"
    " e.workflow, e.pool, e.model, e.price, e.released, e.actor, e.reason, e.late, e.carried"
    " FROM (SELECT * FROM entry"
    " WHERE id < :before ORDER BY id DESC LIMIT :scanned) e LEFT JOIN task t ON t.id = e.task_id"
    " WHERE e.unit = :unit AND (e.gauge_id = :gauge"
    " OR e.gauge_id IS NULL AND e.gset_id IN (SELECT s.id FROM gset s JOIN json_each(s.gauges) m"
    "  WHERE m.value = :gauge)) ORDER BY e.id DESC LIMIT :limit"
)
_LAST_SCANNED = text(
    "SELECT min(id), count(*) FROM (SELECT id FROM entry WHERE id < :before ORDER BY id DESC LIMIT :scanned)"
)
_HELD = text(
    "SELECT a.task_id, a.epoch, t.job_id, t.key, a.pool, a.started_at, a.counted_at,"
    " json_extract(a.held, '$.\"' || :gauge || '\"') AS amount"
    " FROM attempt a INDEXED BY attempt_open JOIN task t ON t.id = a.task_id"
    " WHERE a.status = 'running' AND a.held IS NOT NULL"
    " AND json_extract(a.held, '$.\"' || :gauge || '\"') > 0"
    " ORDER BY a.started_at DESC, a.task_id DESC LIMIT :limit"
)


class EntryReports:
    """Pages of the ledger; the first has what attempts that run hold, too."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def page(self, query: EntryQuery, *, after: str | None, limit: int) -> Page[EntryView]:
        """Return a page of entries behind the id of one, newest first; at most `SCANNED` are looked at.

        Raises `NotFound` (`limit.unknown`, `gauge.unknown`), `Conflict` (`limit.unmetered`) and `Invalid`
        (`page.cursor`).
        """
        limit, before = bounded_limit(limit), _before(after)
        async with self._source.snapshot() as db:
            unit = await _unit(db, query.limit)
            gauge = await _gauge(db, query)
            if gauge is None:
                return Page(rows=())
            held = [] if after is not None else await _held(db, gauge, unit, limit=limit)
            asked = {"before": before, "scanned": SCANNED}
            more = {"unit": unit, "gauge": gauge, "limit": limit + 1}
            found = (await db.execute(_ENTRIES, {**asked, **more})).all()
            last, scanned = (await db.execute(_LAST_SCANNED, asked)).one()
        rows = [
            EntryView(
                id=row.id,
                at=row.at,
                kind=row.kind,
                unit=row.unit,
                amount=row.amount,
                counted_at=row.counted_at,
                task_id=row.task_id,
                epoch=row.epoch,
                job_id=row.job_id,
                key=row.key,
                workflow=row.workflow,
                pool=row.pool,
                model=row.model,
                price=row.price,
                released=row.released,
                actor=row.actor,
                reason=row.reason,
                is_late=bool(row.late),
                carried=row.carried,
            )
            for row in found[:limit]
        ]
        if len(found) > limit:
            return Page(rows=(*held, *rows), next=str(rows[-1].id))
        return Page(rows=(*held, *rows), next=str(last) if scanned == SCANNED else None)


async def _held(db: AsyncConnection, gauge: int, unit: str, *, limit: int) -> list[EntryView]:
    rows = (await db.execute(_HELD, {"gauge": gauge, "limit": limit})).all()
    return [
        EntryView(
            id=0,
            at=row.started_at,
            kind=RESERVED,
            unit=unit,
            amount=row.amount,
            counted_at=row.counted_at or row.started_at,
            task_id=row.task_id,
            epoch=row.epoch,
            job_id=row.job_id,
            key=row.key,
            pool=row.pool,
        )
        for row in rows
    ]


async def _unit(db: AsyncConnection, name: str) -> str:
    row = (await db.execute(_LIMIT, {"name": name})).one_or_none()
    shown = safe_line(name)
    if row is None:
        known = [known for (known,) in await db.execute(_METERED)]
        raise NotFound(
            "limit.unknown",
            f"`{shown}` is not a budget{one_of(name, known)}",
            hint="'taskdeck budgets' lists them",
            facts={"limit": shown},
        )
    unit = from_text(Limit, row.body, row.changed).unit
    if not unit:
        raise Conflict(
            "limit.unmetered",
            f"`{shown}` counts attempts: the ledger has amounts of budgets",
            hint="'taskdeck limits' shows what is used of it",
            facts={"limit": shown},
        )
    return unit


async def _gauge(db: AsyncConnection, query: EntryQuery) -> int | None:
    """Return the gauge, None = it was never used without a key."""
    row = (await db.execute(_GAUGE, {"name": query.limit, "key": query.key})).one_or_none()
    if row is not None:
        return int(row.id)
    keys = [key for (key,) in await db.execute(_KEYS, {"name": query.limit})]
    if not query.key and not keys:
        return None
    shown, key = safe_line(query.limit), safe_line(query.key)
    raise NotFound(
        "gauge.unknown",
        f"`{shown}` has no key `{key}`{one_of(query.key, keys)}",
        hint=f"'taskdeck budgets {shown}' lists its keys",
        facts={"limit": shown, "key": key},
    )


def _before(after: str | None) -> int:
    if after is None:
        return _NEWEST
    if not (after.isascii() and after.isdecimal()) or len(after) > len(str(_NEWEST)):
        raise Invalid("page.cursor", "this is not the `next` of a page of entries", hint="begin without it")
    return min(int(after), _NEWEST)
