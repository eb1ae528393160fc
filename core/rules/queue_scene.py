"""Queue scene: what is queued and runs, set up for the simulation.

Used by the rules of predicted starts and predicted jobs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.model.lanes import Head
from core.model.limits.capacity_facts import LineFacts, OpenAttempt
from core.model.limits.limits import DEFAULT_POOL, PoolOrder
from core.model.waits import EngineFacts
from core.rules.simulation import Running, Scene
from core.rules.why.capacity import Capacity


def scene_of(
    lanes: Sequence[Sequence[Head]],
    pools: Iterable[str],
    *,
    line: LineFacts,
    engine: EngineFacts,
    capacity: Capacity,
) -> Scene:
    """Return these lanes with what runs in these pools; without configured ones, with all that runs."""
    configured = capacity.facts.pools
    in_pool = {pool.name: pool.gauges for pool in configured}

    def gauges_of(head: Head, pool: str) -> Sequence[int]:
        of_queue = line.sets.get(line.queue_sets.get(head.queue, 0), ())
        return tuple(dict.fromkeys((*in_pool.get(pool, ()), *of_queue, *line.sets.get(head.gset_id, ()))))

    def pools_of(head: Head) -> Sequence[str]:
        prefer = capacity.facts.prefers.get(head.gset_id, ())
        return (
            [pool.name for pool in capacity.pools_of(head.queue, prefer)] if configured else (DEFAULT_POOL,)
        )

    now = capacity.facts.now
    slots = {pool.name: 0 if pool.paused else pool.slots for pool in configured if pool.name in pools}
    return Scene(
        lanes=lanes,
        running=[_running(one, now) for one in line.open if not configured or one.pool in pools],
        slots=slots if configured else {DEFAULT_POOL: engine.slots},
        total=engine.slots - sum(one.pool not in slots for one in line.open) if configured else engine.slots,
        listed={pool.name: pool.queues for pool in configured if pool.order is PoolOrder.LISTED},
        pools_of=pools_of,
        gauges=capacity.gauges,
        gauges_of=gauges_of,
        usual_ms=line.usual_ms.get,
        now=now,
        offset=capacity.offset,
        aging_step=engine.aging_step,
    )


def _running(one: OpenAttempt, now: int) -> Running:
    left = None if one.usual_ms is None else max(0, one.usual_ms - one.ran_ms)
    return Running(
        ends_at=None if left is None else now + left,
        pool=one.pool,
        held={gauge: one.held.get(gauge, 1) for gauge in one.gauges},
    )
