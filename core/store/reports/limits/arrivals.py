"""Arrivals: lanes, pools and gauges that a new job meets.

Read by the control for predictions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.limits.capacity_facts import CapacityFacts, LineFacts
from core.model.limits.gauges import Gauge
from core.model.limits.limit_forms import from_text
from core.model.limits.limits import GaugeKey, Limit
from core.model.predictions import WorkletShare
from core.model.run_times import Usual
from core.store.reports.limits.capacity import read_capacity
from core.store.reports.limits.gauge_rows import GAUGE, gauge_in
from core.store.reports.limits.lines import read_lanes
from core.store.reports.run_times import read_usual
from core.store.reports.source import Source
from core.store.sql import ids, pack

QUEUED_MAX = 20_000
"""Queued tasks that are read; those behind them are taken to be like them."""

_COUNTS = text(
    "SELECT x.value AS lane, (SELECT count(*) FROM task INDEXED BY task_claim WHERE lane_id = x.value"
    " AND status = 'queued') AS n FROM json_each(:lanes) x"
)
_QUEUED = text("SELECT coalesce(sum(n), 0) FROM counter WHERE scope = 'queue' AND status = 'queued'")
_PAUSED = text("SELECT name FROM queue WHERE paused_at IS NOT NULL")
_GAUGES = text(
    f"SELECT {GAUGE}, r.body, r.changed, r.name FROM json_each(:keys) x CROSS JOIN gauge g"
    " ON g.name = x.value->>0 AND g.key = x.value->>1 CROSS JOIN limit_rule r ON r.name = g.name"
    " AND r.removed_at IS NULL"
)


RUNS_MAX = 20
"""Runs of a workflow whose worklets are counted, the newest that have ended."""
_WORKLETS = text(
    "WITH run AS MATERIALIZED (SELECT id, coalesce(root_id, id) AS root FROM job INDEXED BY job_name"
    " WHERE name = :name AND id > 1 AND finished_at IS NOT NULL ORDER BY id DESC LIMIT :runs)"
    " SELECT (SELECT count(*) FROM run) AS runs, count(*) AS begun,"
    " coalesce(sum(w.finished_at - w.created_at), 0) AS took"
    " FROM run CROSS JOIN job w INDEXED BY job_of_root ON w.root_id = run.root AND w.is_worklet"
    " AND w.finished_at IS NOT NULL CROSS JOIN task t ON t.id = w.parent_task AND t.job_id = run.id"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What is there when a job arrives."""

    line: LineFacts = LineFacts()
    lane_counts: Mapping[int, int] = field(default_factory=dict)
    """Queued tasks by lane."""
    queued: int = 0
    """Queued tasks of all lanes, those that are not looked at among them."""
    capacity: CapacityFacts = CapacityFacts()
    gauges: Mapping[GaugeKey, Gauge] = field(default_factory=dict)
    """Those that were asked for, as far as they exist."""
    paused: frozenset[str] = frozenset()
    """Queues."""
    usual: Mapping[str, Usual] = field(default_factory=dict)
    """By key, of the tasks that were asked for."""
    worklets: WorkletShare = WorkletShare()
    """Those of the last runs."""


class ArrivalReports:
    """What a job meets if it is submitted."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def of_job(self, workflow: str, keys: Collection[str], gauges: Collection[GaugeKey]) -> Arrival:
        """Return it for the tasks and gauges of a job."""
        wall = self._source.now()
        async with self._source.snapshot() as db:
            lanes = await read_lanes(db, wall=wall, most=QUEUED_MAX)
            capacity = await read_capacity(db, lanes.gsets, wall=wall)
            line = lanes.with_sets(capacity.sets)
            counts = await db.execute(_COUNTS, {"lanes": ids(lane[0].lane_id for lane in line.lanes)})
            return Arrival(
                line=line,
                lane_counts={row.lane: row.n for row in counts},
                queued=(await db.execute(_QUEUED)).scalar_one(),
                capacity=capacity.facts,
                gauges=await _gauges(db, gauges, is_frozen=capacity.facts.frozen is not None),
                worklets=await _worklets(db, workflow),
                paused=frozenset((await db.execute(_PAUSED)).scalars()),
                usual={
                    key: usual
                    for (_, key), usual in (await read_usual(db, ((workflow, key) for key in keys))).items()
                },
            )


async def _worklets(db: AsyncConnection, workflow: str) -> WorkletShare:
    row = (await db.execute(_WORKLETS, {"name": workflow, "runs": RUNS_MAX})).one()
    return WorkletShare(runs=row.runs, begun=row.begun, took_ms=row.took)


async def _gauges(
    db: AsyncConnection, keys: Collection[GaugeKey], *, is_frozen: bool
) -> dict[GaugeKey, Gauge]:
    rows = (await db.execute(_GAUGES, {"keys": pack([[one.name, one.key] for one in keys])})).all()
    return {
        GaugeKey(name=row.name, key=row.key): gauge_in(
            row, from_text(Limit, row.body, row.changed), is_frozen=is_frozen
        )
        for row in rows
    }
