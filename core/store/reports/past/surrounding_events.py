"""Events around a job: pauses of what it uses, engine stops.

Woven into its history by `EventReports`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.status import JOB_FINAL
from core.store.predicates import Condition
from core.store.reports.limits.pools import pools_of, read_drains
from core.store.tables.schema import EVENTS_APART, event

AROUND_MAX = 1_000
"""Events around a job that are woven into one page."""
APART_MAX = 100_000
"""Events of no job that are looked at for them."""
_TASKS = 10_000
"""Tasks of a job whose queues are known, the first ones."""
_SLACK_MS = 3_600_000
"""How far a clock that is set back may put an event out of the order of its time."""
_ENGINE = ("engine.started", "engine.stop_requested", "engine.resumed", "engine.stopped", "claims.closed")
_QUEUE = ("queue.paused", "queue.resumed")
_POOL = ("pool.paused", "pool.resumed")
_OF_JOB = "FROM event INDEXED BY event_job WHERE job_id = :job AND job_id > 1"
_LIFE = text(
    f"SELECT (SELECT min(id) {_OF_JOB}) AS first, (SELECT max(id) {_OF_JOB}) AS last, status"
    " FROM job WHERE id = :job"
)
_QUEUES = text(f"SELECT DISTINCT queue FROM (SELECT queue FROM task WHERE job_id = :job LIMIT {_TASKS})")
_AT = text("SELECT at FROM event WHERE id <= :id ORDER BY id DESC LIMIT 1")


def _listed(kinds: Sequence[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


_AROUND = (
    "SELECT id FROM (SELECT id, kind, job_id, data FROM event INDEXED BY event_apart"
    f" WHERE {EVENTS_APART} AND at BETWEEN :since AND :until ORDER BY at LIMIT {APART_MAX})"
    " WHERE id > :above AND id < :below AND job_id IS NULL AND ("
    f"kind IN ({_listed(_ENGINE)})"
    f" OR (kind IN ({_listed(_QUEUE)})"
    "  AND json_extract(data, '$.queue') IN (SELECT value FROM json_each(:queues)))"
    f" OR (kind IN ({_listed(_POOL)})"
    "  AND json_extract(data, '$.pool') IN (SELECT value FROM json_each(:pools)))"
    ") ORDER BY id {} LIMIT :most"
)
_RISING, _FALLING = text(_AROUND.format("")), text(_AROUND.format("DESC"))
_NEWEST = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The events with ids between two others, in which order they are told."""

    above: int
    below: int
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AroundJob:
    """Ids of events around a job in order; behind `end`, if there is one, more may follow."""

    ids: Sequence[int] = ()
    end: int | None = None


async def read_around(
    db: AsyncConnection, job_id: int, stretch: Stretch, conditions: Sequence[Condition]
) -> AroundJob:
    """Return which events of a stretch are around a job, from its first event to its end, and match.

    They are pauses of the queues of its tasks and of the pools that drain these, and starts, drains and
    stops of the engine. At most `AROUND_MAX` are looked at.
    """
    life = (await db.execute(_LIFE, {"job": job_id})).one_or_none()
    if life is None or life.first is None:
        return AroundJob()
    above = max(stretch.above, life.first)
    below = min(stretch.below, life.last if life.status in JOB_FINAL else _NEWEST)
    if above >= below:
        return AroundJob()
    asked = {
        "above": above,
        "below": below,
        "most": AROUND_MAX,
        **await _names(db, job_id),
        **await _times(db, above, below),
    }
    found = (await db.execute(_FALLING if stretch.descending else _RISING, asked)).scalars().all()
    if not found:
        return AroundJob()
    matching = select(event.c.id).where(event.c.id.in_(bindparam("ids", expanding=True)), *conditions)
    kept = set((await db.execute(matching, {"ids": list(found)})).scalars())
    end = found[-1] if len(found) == AROUND_MAX else None
    return AroundJob(ids=[one for one in found if one in kept], end=end)


async def _names(db: AsyncConnection, job_id: int) -> Mapping[str, str]:
    queues = [str(name) for name in (await db.execute(_QUEUES, {"job": job_id})).scalars()]
    pools = await read_drains(db)
    drains = {name for queue in queues for name in pools_of(queue, pools)}
    return {"queues": json.dumps(queues), "pools": json.dumps(sorted(drains))}


async def _times(db: AsyncConnection, above: int, below: int) -> Mapping[str, int]:
    """Return between which times the events of a stretch are, with room for a clock that was set."""
    since = (await db.execute(_AT, {"id": above})).scalar() or 0
    until = _NEWEST if below == _NEWEST else (await db.execute(_AT, {"id": below})).scalar() or _NEWEST
    return {"since": min(since, until) - _SLACK_MS, "until": max(since, until) + _SLACK_MS}
