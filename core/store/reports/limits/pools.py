"""Pools: slots, what holds them, what waits, which queues they drain.

Read by the control.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.model.limits.limit_forms import from_text
from core.model.limits.limit_views import HOLDERS, Cause, Holder, PoolView
from core.model.limits.limits import DEFAULT_POOL, Pool
from core.store.reports.rows import AnyRow
from core.store.reports.source import Source

_POOLS = text(
    "SELECT name, body, changed, changed_at, changed_by, change_reason, paused_at, paused_by, pause_reason,"
    " removed_at FROM pool ORDER BY removed_at IS NOT NULL, position, name"
)
_TAKEN = text(
    "SELECT coalesce(pool, :default) AS pool, count(*) AS n FROM attempt INDEXED BY attempt_open"
    " WHERE status = 'running' GROUP BY 1"
)
_HOLDERS = text(
    "SELECT o.pool, o.task_id, t.job_id, t.key, o.started_at FROM ("
    " SELECT coalesce(pool, :default) AS pool, task_id, started_at, row_number() OVER ("
    "  PARTITION BY coalesce(pool, :default) ORDER BY started_at, task_id) AS place"
    " FROM attempt INDEXED BY attempt_open WHERE status = 'running') o"
    " JOIN task t ON t.id = o.task_id WHERE o.place <= :most ORDER BY o.started_at, o.task_id"
)
_WAITING = text(
    "SELECT ref, n FROM counter WHERE scope = 'queue' AND status = 'queued' AND n > 0 ORDER BY ref"
)


class PoolReports:
    """The list of pools, which is never paged."""

    def __init__(self, source: Source) -> None:
        self._source = source

    async def all(self) -> tuple[PoolView, ...]:
        """Return the pools in the order in which they are asked; last, removed ones in which something runs.

        A store that no engine has opened yet has none.
        """
        async with self._source.snapshot() as db:
            rows = (await db.execute(_POOLS)).all()
            taken = {
                row.pool: int(row.n) for row in (await db.execute(_TAKEN, {"default": DEFAULT_POOL})).all()
            }
            waiting = {row.ref: int(row.n) for row in (await db.execute(_WAITING)).all()}
            holders = await _holders(db)
        return tuple(
            _view(row, taken.get(row.name, 0), waiting, holders.get(row.name, ()))
            for row in rows
            if row.removed_at is None or taken.get(row.name)
        )


async def read_drains(db: AsyncConnection) -> Sequence[Pool]:
    """Return the pools as they are configured, in order; a store without any has one `default`."""
    rows = (await db.execute(_POOLS)).all()
    pools = [from_text(Pool, row.body, row.changed) for row in rows if row.removed_at is None]
    return pools or [Pool(name=DEFAULT_POOL, slots=1)]


async def read_paused(db: AsyncConnection) -> frozenset[str]:
    """Return the names of the pools that are paused."""
    return frozenset(row.name for row in (await db.execute(_POOLS)).all() if row.paused_at is not None)


def pools_of(queue: str, pools: Sequence[Pool]) -> tuple[str, ...]:
    """Return the names of the pools that drain a queue."""
    return tuple(pool.name for pool in pools if not pool.queues or queue in pool.queues)


async def _holders(db: AsyncConnection) -> Mapping[str, Sequence[Holder]]:
    found: dict[str, list[Holder]] = {}
    for row in (await db.execute(_HOLDERS, {"default": DEFAULT_POOL, "most": HOLDERS})).all():
        holder = Holder(task_id=row.task_id, job_id=row.job_id, key=row.key, since=row.started_at)
        found.setdefault(row.pool, []).append(holder)
    return found


def _view(row: AnyRow, taken: int, waiting: Mapping[str, int], holders: Sequence[Holder]) -> PoolView:
    pool, configured = from_text(Pool, row.body, row.changed), from_text(Pool, row.body, None)
    return PoolView(
        name=row.name,
        slots=pool.slots,
        configured_slots=configured.slots,
        queues=pool.queues,
        order=pool.order,
        taken=taken,
        waiting=sum(n for queue, n in waiting.items() if not pool.queues or queue in pool.queues),
        holders=tuple(holders),
        changed=cause(row.changed_at, row.changed_by, row.change_reason),
        paused=cause(row.paused_at, row.paused_by, row.pause_reason),
        is_removed=row.removed_at is not None,
    )


def cause(at: int | None, by: str | None, reason: str | None) -> Cause | None:
    """Return who changed or switched something, and why; None = it is as configured."""
    return None if at is None else Cause(at=at, by=by or "", reason=reason or "")
