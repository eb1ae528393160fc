"""Limits and gauges: what is used, held and waited for.

Read by the control, which works out what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.backend_checks import CheckChange, CheckStatus
from core.model.errors import NotFound
from core.model.limits.backends import PREFIX
from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import from_text
from core.model.limits.limit_views import GAUGES, HOLDERS, WAITING_MOST, Cause, Holder
from core.model.limits.limits import Limit
from core.model.near_misses import one_of
from core.model.text import safe_line
from core.store.reports.limits.capacity import PLACED
from core.store.reports.limits.gauge_rows import GAUGE, gauge_in
from core.store.reports.limits.pools import cause
from core.store.reports.paging.keyset import bounded_limit
from core.store.reports.source import Source, engine_offset
from core.store.sql import ids

ENTRIES = 10_000
"""Newest entries of the ledger of which the estimated share is told."""
_OPEN_MOST = 10_000

_RULES = text(
    "SELECT l.name, l.body, l.changed, l.changed_at, l.changed_by, l.change_reason,"
    " (SELECT count(*) FROM gauge g WHERE g.name = l.name) AS keys"
    " FROM limit_rule l WHERE l.removed_at IS NULL ORDER BY l.name"
)
_FROZEN = text("SELECT frozen_at, frozen_by, freeze_reason FROM engine WHERE id = 1")
_FULLEST = text(
    "SELECT g.id FROM (SELECT gauge.id, row_number() OVER (PARTITION BY name"
    " ORDER BY down_at IS NOT NULL OR trial IS NOT NULL OR coalesce(shut_until > e.time_at, 0) DESC,"
    " used + reserved + unknown DESC, key) AS place FROM gauge CROSS JOIN engine e) g WHERE g.place <= :most"
)
_PAGE = text("SELECT id FROM gauge WHERE name = :name AND key > :after ORDER BY key LIMIT :limit")
_FIRST = text("SELECT id FROM gauge WHERE name = :name ORDER BY key LIMIT :limit")
_GAUGES = text(
    f"SELECT {GAUGE} FROM gauge g WHERE g.id IN (SELECT value FROM json_each(:ids)) ORDER BY g.name, g.key"
)
# Lanes too dear for what is left, and the open lanes of shut aisles.
_BEHIND = (
    "SELECT x.id AS lane FROM lane x INDEXED BY lane_dear WHERE x.shut_by = j.value AND x.shut_by > 0"
    " AND x.head_key IS NOT NULL UNION ALL SELECT y.id FROM aisle a INDEXED BY aisle_shut"
    " JOIN lane y INDEXED BY lane_head ON y.aisle_id = a.id AND y.head_key IS NOT NULL AND y.shut_by IS NULL"
    " WHERE a.shut_by = j.value AND a.shut_by > 0 AND a.head_key IS NOT NULL"
)
_CHILDREN = (
    "SELECT 1 FROM job INDEXED BY job_waits WHERE place_gauge = j.value AND place_gauge IS NOT NULL"
    " LIMIT :most"
)
_WAITING = text(
    f"SELECT j.value AS gauge, (SELECT count(*) FROM (SELECT 1 FROM ({_BEHIND}) LIMIT :most)) AS lanes,"
    f" (SELECT count(*) FROM (SELECT 1 FROM ({_BEHIND}) b JOIN task t INDEXED BY task_claim"
    "  ON t.lane_id = b.lane AND t.status = 'queued' LIMIT :most))"
    f" + (SELECT count(*) FROM ({_CHILDREN})) AS tasks FROM json_each(:ids) j"
)
# Of a queue whose gauge has nothing left the aisles stay open.
_QUEUED = text(
    "SELECT m.value AS gauge, sum(c.n) AS tasks FROM queue q INDEXED BY queue_limited"
    " JOIN gset s ON s.id = q.gset_id JOIN json_each(s.gauges) m"
    " JOIN counter c ON c.scope = 'queue' AND c.ref = q.name AND c.status = 'queued'"
    " WHERE q.gset_id > 0 GROUP BY 1"
)
_HOLDERS = text(
    "SELECT m.value AS gauge, a.task_id AS id, t.key, t.job_id, a.started_at, NULL AS child"
    " FROM attempt a INDEXED BY attempt_open JOIN gset s ON s.id = a.gset_id JOIN json_each(s.gauges) m"
    " JOIN task t ON t.id = a.task_id WHERE a.status = 'running'"
    " AND m.value IN (SELECT value FROM json_each(:ids))"
    f" UNION ALL {PLACED.format(':ids')} ORDER BY 5, 2 LIMIT :most"
)
# Those that are older than the period count no more.
_FAILING = text(
    "SELECT f.gauge_id AS gauge, f.code, count(*) AS n FROM backend_failure f"
    " JOIN gauge g ON g.id = f.gauge_id JOIN limit_rule l ON l.name = g.name"
    " WHERE f.gauge_id IN (SELECT value FROM json_each(:ids))"
    " AND f.at > :now - (l.body->>'$.backend.period_ms') GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2"
)
_CHECKS = text(
    "SELECT g.id AS gauge, c.at, c.status, c.reason, c.took_ms FROM gauge g JOIN check_change c ON c.id ="
    " (SELECT max(n.id) FROM check_change n WHERE n.backend = substr(g.name, :prefix))"
    " WHERE g.id IN (SELECT value FROM json_each(:ids))"
)
_ESTIMATED = text(
    "SELECT m.value AS gauge, sum(e.amount) AS total,"
    " sum(CASE WHEN e.kind = 'estimated' THEN e.amount ELSE 0 END) AS estimated"
    " FROM (SELECT * FROM entry ORDER BY id DESC LIMIT :most) e JOIN gset s ON s.id = e.gset_id"
    " JOIN json_each(s.gauges) m JOIN gauge g ON g.id = m.value JOIN limit_rule l ON l.name = g.name"
    " WHERE e.kind IN ('settled', 'charged', 'estimated', 'reconciled') AND e.unit = l.body->>'unit'"
    " AND e.counted_at >= g.began AND g.id IN (SELECT value FROM json_each(:ids)) GROUP BY 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugeFacts:
    """A gauge as its row says it, and what stands behind it and holds it."""

    gauge: Gauge
    lanes: int = 0
    tasks: int = 0
    queued: int = 0
    """Tasks of the queues whose every task passes it."""
    holders: Sequence[Holder] = ()
    estimated: float | None = None
    shut: Cause | None = None
    """The last time that it was shut."""
    failing: Mapping[str, int] = field(default_factory=dict)
    check: CheckChange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFacts:
    """A limit with what was changed of it, as configured, and the fullest of its gauges."""

    limit: Limit
    configured: Limit
    changed: Cause | None
    keys: int
    gauges: Sequence[GaugeFacts] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitFacts:
    """What the store has of limits; `offset` = how far engine time is ahead of the wall clock, ms."""

    rules: Sequence[RuleFacts] = ()
    frozen: Cause | None = None
    offset: int = 0
    now: int = 0
    """ms UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GaugePage:
    """Gauges of one limit in order of their keys; `next` = the key to go on after, None = no more."""

    gauges: Sequence[GaugeFacts]
    next: str | None
    offset: int
    now: int


@dataclass(slots=True)
class _Behind:
    """What the statements found of some gauges, by their ids."""

    waiting: dict[int, tuple[int, int]] = field(default_factory=dict)
    queued: dict[int, int] = field(default_factory=dict)
    holders: dict[int, list[Holder]] = field(default_factory=dict)
    estimated: dict[int, float] = field(default_factory=dict)
    failing: dict[int, dict[str, int]] = field(default_factory=dict)
    checks: dict[int, CheckChange] = field(default_factory=dict)


class LimitReports:
    """Limits with their fullest gauges, and pages of gauges."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def all(self) -> LimitFacts:
        """Return all limits and budgets by name."""
        async with self._source.snapshot() as db:
            rows = (await db.execute(_RULES)).all()
            frozen = cause(*(await db.execute(_FROZEN)).one())
            limits = {row.name: from_text(Limit, row.body, row.changed) for row in rows}
            chosen = [row.id for row in (await db.execute(_FULLEST, {"most": GAUGES})).all()]
            gauges = await _read(db, chosen, limits, is_frozen=frozen is not None, now=self._source.now())
            offset = await engine_offset(db)
        by_name: dict[str, list[GaugeFacts]] = {}
        for one in gauges:
            by_name.setdefault(one.gauge.limit.name, []).append(one)
        rules = [
            RuleFacts(
                limit=limits[row.name],
                configured=from_text(Limit, row.body, None),
                changed=cause(row.changed_at, row.changed_by, row.change_reason),
                keys=int(row.keys),
                gauges=by_name.get(row.name, ()),
            )
            for row in rows
        ]
        return LimitFacts(rules=rules, frozen=frozen, offset=offset, now=self._source.now())

    async def gauges(self, name: str, *, after: str | None, limit: int) -> GaugePage:
        """Return the gauges of a limit after a key; raise `NotFound` (`limit.unknown`)."""
        limit = bounded_limit(limit)
        async with self._source.snapshot() as db:
            rows = (await db.execute(_RULES)).all()
            limits = {row.name: from_text(Limit, row.body, row.changed) for row in rows}
            if name not in limits:
                raise _unknown(name, limits)
            frozen = cause(*(await db.execute(_FROZEN)).one())
            more = {"name": name, "limit": limit + 1}
            found = await db.execute(
                *((_FIRST, more) if after is None else (_PAGE, {**more, "after": after}))
            )
            chosen = [row.id for row in found.all()]
            gauges = await _read(
                db, chosen[:limit], limits, is_frozen=frozen is not None, now=self._source.now()
            )
            offset = await engine_offset(db)
        last = gauges[-1].gauge.key if len(chosen) > limit else None
        return GaugePage(gauges=gauges, next=last, offset=offset, now=self._source.now())


async def _read(
    db: AsyncConnection, chosen: Collection[int], limits: Mapping[str, Limit], *, is_frozen: bool, now: int
) -> list[GaugeFacts]:
    rows = (await db.execute(_GAUGES, {"ids": ids(chosen)})).all()
    behind = await _behind(db, chosen, now=now)
    return [
        GaugeFacts(
            gauge=gauge_in(row, limits[row.name], is_frozen=is_frozen),
            lanes=behind.waiting.get(row.id, (0, 0))[0],
            tasks=behind.waiting.get(row.id, (0, 0))[1],
            queued=behind.queued.get(row.id, 0),
            holders=behind.holders.get(row.id, ()),
            estimated=behind.estimated.get(row.id),
            shut=cause(row.shut_at, row.shut_by, row.shut_reason),
            failing=behind.failing.get(row.id, {}),
            check=behind.checks.get(row.id),
        )
        for row in rows
        if row.name in limits
    ]


async def _behind(db: AsyncConnection, chosen: Collection[int], *, now: int) -> _Behind:
    named, found = ids(chosen), _Behind()
    for row in (await db.execute(_WAITING, {"ids": named, "most": WAITING_MOST + 1})).all():
        found.waiting[row.gauge] = (row.lanes, row.tasks)
    for row in (await db.execute(_QUEUED)).all():
        found.queued[row.gauge] = int(row.tasks)
    for row in (await db.execute(_HOLDERS, {"ids": named, "most": _OPEN_MOST})).all():
        listed = found.holders.setdefault(row.gauge, [])
        if len(listed) < HOLDERS:
            listed.append(
                Holder(task_id=row.id, job_id=row.job_id, key=row.key, since=row.started_at, child=row.child)
            )
    for row in (await db.execute(_ESTIMATED, {"ids": named, "most": ENTRIES})).all():
        if row.total > 0:
            found.estimated[row.gauge] = row.estimated / row.total
    for row in (await db.execute(_FAILING, {"ids": named, "now": now})).all():
        found.failing.setdefault(row.gauge, {})[row.code] = int(row.n)
    for row in (await db.execute(_CHECKS, {"ids": named, "prefix": len(PREFIX) + 1})).all():
        found.checks[row.gauge] = CheckChange(
            at=row.at, status=CheckStatus(row.status), reason=row.reason, took_ms=row.took_ms
        )
    return found


def _unknown(name: str, known: Collection[str]) -> NotFound:
    shown = safe_line(name)
    return NotFound(
        "limit.unknown",
        f"`{shown}` is not a limit or budget{one_of(name, known)}",
        hint="'taskdeck limits' and 'taskdeck budgets' list them",
        facts={"limit": shown},
    )
