"""Capacity: pools and gauges, for the reasons of waits.

Read within a snapshot by the reports of waits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.limits.capacity_facts import CapacityFacts, PoolFacts
from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import from_text
from core.model.limits.limits import Limit, Pool
from core.model.waits import Holder, Switch
from core.store.reports.limits.gauge_rows import GAUGE, gauge_in
from core.store.reports.rows import AnyRow
from core.store.sql import ids

HOLDERS_MAX = 10
"""Open attempts that are named of one gauge."""
OPEN_MAX = 1_000
"""Open attempts that are looked at for those of a gauge."""

_ENGINE = text(
    "SELECT time_offset, capacity, frozen_at, frozen_by, freeze_reason,"
    " EXISTS (SELECT 1 FROM followup WHERE kind = 'limits') AS is_being_keyed FROM engine"
)
PLACED = (
    "SELECT y.value AS gauge, t.id, t.key, t.job_id, coalesce(c.started_at, c.created_at) AS started_at,"
    " c.id AS child FROM job c INDEXED BY job_place CROSS JOIN gset s ON s.id = c.place_set"
    " CROSS JOIN json_each(s.gauges) y CROSS JOIN task t ON t.id = c.parent_task"
    " WHERE c.place_set > 0 AND y.value IN (SELECT value FROM json_each({}))"
)
"""Children that have a place under gauges, each with the task that waits for it."""
_POOLS = text(
    "SELECT p.body, p.changed, p.paused_at, p.paused_by, p.pause_reason, p.gset_id,"
    " (SELECT count(*) FROM attempt a INDEXED BY attempt_open WHERE a.status = 'running'"
    " AND a.pool IS nullif(p.name, 'default')) AS taken"
    " FROM pool p WHERE p.removed_at IS NULL ORDER BY p.position, p.name"
)
_GAUGES = text(
    f"SELECT s.id AS gset, s.prefer, {GAUGE}, r.body, r.changed"
    " FROM json_each(:gsets) x CROSS JOIN gset s ON s.id = x.value LEFT JOIN json_each(s.gauges) y"
    " LEFT JOIN gauge g ON g.id = y.value LEFT JOIN limit_rule r ON r.name = g.name"
    " AND r.removed_at IS NULL ORDER BY s.id, y.key"
)
_OPEN = text(
    "SELECT y.value AS gauge, t.id, t.key, t.job_id, a.started_at, NULL AS child"
    " FROM (SELECT task_id, gset_id, started_at FROM attempt INDEXED BY attempt_open"
    f" WHERE status = 'running' ORDER BY started_at, task_id LIMIT {OPEN_MAX}) a"
    " CROSS JOIN gset s ON s.id = a.gset_id CROSS JOIN json_each(s.gauges) y"
    " CROSS JOIN task t ON t.id = a.task_id WHERE y.value IN (SELECT value FROM json_each(:gauges))"
    f" UNION ALL {PLACED.format(':gauges')} ORDER BY 5, 2"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRows:
    """Pools and gauges, and which gauges the asked sets have; a limit that binds no more is not there."""

    facts: CapacityFacts
    sets: Mapping[int, tuple[int, ...]]

    def gauges_of(self, *gsets: int) -> tuple[int, ...]:
        """Return the gauges of sets, each once."""
        return tuple(dict.fromkeys(gauge for gset in gsets for gauge in self.sets.get(gset, ())))


async def read_capacity(db: AsyncConnection, gsets: Iterable[int], *, wall: int) -> CapacityRows:
    """Return what holds for tasks with these gauge sets at `wall` (ms UTC)."""
    engine = (await db.execute(_ENGINE)).one()
    now = wall + engine.time_offset
    if not engine.capacity:
        return CapacityRows(facts=CapacityFacts(now=now, wall=wall), sets={})
    pools = (await db.execute(_POOLS)).all()
    asked = {*gsets, *(row.gset_id for row in pools)} - {0}
    gauges: dict[int, Gauge] = {}
    sets: dict[int, tuple[int, ...]] = {}
    prefers: dict[int, tuple[str, ...]] = {}
    if asked:
        for row in await db.execute(_GAUGES, {"gsets": ids(sorted(asked))}):
            if row.prefer:
                prefers[row.gset] = tuple(map(str, json.loads(row.prefer)))
            if row.body is None:
                continue
            if row.id not in gauges:
                limit = from_text(Limit, row.body, row.changed)
                gauges[row.id] = gauge_in(row, limit, is_frozen=engine.frozen_at is not None)
            sets[row.gset] = (*sets.get(row.gset, ()), row.id)
    facts = CapacityFacts(
        pools=tuple(_pool(row, sets) for row in pools),
        gauges=gauges,
        prefers=prefers,
        frozen=_switch(engine.frozen_by, engine.frozen_at, engine.freeze_reason),
        is_being_keyed=bool(engine.is_being_keyed),
        now=now,
        wall=wall,
    )
    return CapacityRows(facts=facts, sets=sets)


async def read_holders(db: AsyncConnection, gauges: Iterable[int]) -> dict[int, tuple[Holder, ...]]:
    """Return the tasks with an open attempt, or with a child, under each gauge, longest first."""
    found: dict[int, tuple[Holder, ...]] = {}
    for row in await db.execute(_OPEN, {"gauges": ids(gauges)}):
        known = found.get(row.gauge, ())
        if len(known) < HOLDERS_MAX:
            since, child = row.started_at, row.child
            holder = Holder(task_id=row.id, key=row.key, job_id=row.job_id, since=since, child=child)
            found[row.gauge] = (*known, holder)
    return found


def _pool(row: AnyRow, sets: Mapping[int, tuple[int, ...]]) -> PoolFacts:
    pool = from_text(Pool, row.body, row.changed)
    return PoolFacts(
        name=pool.name,
        slots=pool.slots,
        queues=pool.queues,
        order=pool.order,
        taken=row.taken,
        paused=_switch(row.paused_by, row.paused_at, row.pause_reason),
        gauges=sets.get(row.gset_id, ()),
    )


def _switch(by: str | None, at: int | None, reason: str | None) -> Switch | None:
    return None if at is None else Switch(by=by, at=at, reason=reason or None)
