"""Decide when the turn of a queued task comes.

Called for one task that is asked for.
"""

from __future__ import annotations

from typing import NamedTuple

from core.model.lanes import Head
from core.model.limits.capacity_facts import LineFacts
from core.model.limits.limit_forms import costs_of
from core.model.limits.limits import DEFAULT_POOL
from core.model.records import replace
from core.model.waits import EngineFacts, Place, TaskFacts
from core.rules.queue_scene import scene_of
from core.rules.simulation import Scene, simulate
from core.rules.why.capacity import Capacity
from core.rules.why.slots import by_pace, place_in_order

HOLDERS_MAX = 10


def place_of(task: TaskFacts, line: LineFacts, engine: EngineFacts, capacity: Capacity) -> Place:
    """Return where a queued task stands, who has the slots it may get, and when its turn comes.

    The time is told by how long the tasks that run and stand before it usually take; if that is not known of
    one of them, by the pace at which tasks of these queues ended lately.
    """
    pools, queues = _reach(task.queue, line, capacity)
    lanes = [lane for lane in line.lanes if lane[0].queue in queues]
    open_lanes = [lane for lane in lanes if _may_start(lane[0], line, capacity)]
    place = Place(ahead=line.before, at_least=not line.is_alone or line.before >= line.before_max)
    if open_lanes and engine.aging_step:
        place = place_in_order(
            task.task_id,
            open_lanes,
            limit=line.lane_limit,
            now=capacity.facts.now,
            aging_step=engine.aging_step,
        )
        place = replace(place, ahead=max(place.ahead, line.before))
    may_run_in = {pool.name for pool in capacity.pools_of(task.queue, task.prefer)} or {DEFAULT_POOL}
    holding = [one.holder for one in line.open if not capacity.facts.pools or one.pool in may_run_in]
    place = replace(place, holders=tuple(holding[:HOLDERS_MAX]))
    if lanes and engine.aging_step:
        starts_at = _simulated(
            task.task_id, scene_of(lanes, pools, line=line, engine=engine, capacity=capacity)
        )
        if starts_at is not None:
            return replace(place, starts_at=starts_at - capacity.offset)
    pace = sum(rate for queue, rate in line.ends_per_minute.items() if not queues or queue in queues)
    return by_pace(place, per_minute=pace, now=capacity.facts.wall)


class _Reach(NamedTuple):
    """Pools and queues by name."""

    pools: set[str]
    queues: set[str]


def _reach(queue: str, line: LineFacts, capacity: Capacity) -> _Reach:
    """Return the pools and queues whose tasks may delay one of a queue, by slots that they share."""
    queues = {queue, *(lane[0].queue for lane in line.lanes), *line.ends_per_minute}
    if not capacity.facts.pools:
        return _Reach({DEFAULT_POOL}, queues)
    pools: set[str] = set()
    near = {queue}
    while True:
        reached = {pool.name for one in near for pool in capacity.pools_of(one)}
        if reached == pools:
            return _Reach(pools, near)
        pools = reached
        near |= {one for one in queues if any(pool.name in pools for pool in capacity.pools_of(one))}


def _may_start(head: Head, line: LineFacts, capacity: Capacity) -> bool:
    """Return whether the gauges of a lane let its first task through now."""
    gauges = (*line.sets.get(line.queue_sets.get(head.queue, 0), ()), *line.sets.get(head.gset_id, ()))
    return not any(capacity.refusals(gauges, costs_of(head.cost)))


def _simulated(task_id: int, scene: Scene) -> int | None:
    return next((start.at for start in simulate(scene) if start.task_id == task_id), None)
