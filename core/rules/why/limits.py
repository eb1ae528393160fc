"""Decide which pools and limits keep a task back.

Called with the reasons of a task.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.model.lanes import Need
from core.model.limits.capacity_facts import PoolFacts
from core.model.limits.limits import LimitKind
from core.model.status import TaskStatus
from core.model.waits import LaneHead, Reason, TaskFacts, WaitCode
from core.rules.why.capacity import Capacity
from core.rules.why.gauges import amount_text, gauge_numbers, gauge_reason

_ORDER = tuple(WaitCode)
_OF_A_MOMENT = (LimitKind.CONCURRENCY, LimitKind.RATE, LimitKind.RETRIES)
"""What these have left says nothing of a task that is not queued yet."""
_NEVER = 2**63


def limit_reasons(task: TaskFacts, capacity: Capacity) -> Iterator[Reason]:
    """Return what of pools and gauges keeps a task back, in the order in which it ends.

    Of a gauge whose window turns, or that is shut, it is told before the task is queued, too.
    """
    is_queued = task.status == TaskStatus.QUEUED
    if capacity.facts.is_being_keyed and is_queued:
        yield _being_keyed()
    pools = capacity.pools_of(task.queue, task.prefer)
    if capacity.facts.pools and not pools:
        yield _no_pool(task)
    elif pools and all(pool.paused is not None for pool in pools):
        yield _paused(pools)
    if capacity.facts.is_being_keyed:
        # The gauges of its row may be those of other limits.
        return
    yield from sorted(
        (
            gauge_reason(task, need, capacity)
            for need in _refused(task, capacity)
            if is_queued or capacity.gauges[need.gauge_id].limit.kind not in _OF_A_MOMENT
        ),
        key=lambda reason: (_ORDER.index(reason.code), reason.until or _NEVER),
    )
    if is_queued:
        yield from _behind(task, capacity)


def _refused(task: TaskFacts, capacity: Capacity) -> Sequence[Need]:
    """Return the gauges that keep a task back, those of pools only where every pool has one."""
    found = list(capacity.refusals(task.gauges, task.costs))
    pools = [pool for pool in capacity.pools_of(task.queue, task.prefer) if pool.paused is None]
    of_pools = [list(capacity.refusals(pool.gauges, task.costs)) for pool in pools]
    if of_pools and all(of_pools):
        found += [need for need in of_pools[0] if need not in found]
    return found


def _behind(task: TaskFacts, capacity: Capacity) -> Iterator[Reason]:
    head = task.head
    if head is None:
        return
    dear = [need for need in capacity.refusals(task.gauges, head.costs) if capacity.left[need.gauge_id] > 0]
    if dear:
        yield _behind_head(task, head, dear[0], capacity)


def _behind_head(task: TaskFacts, head: LaneHead, need: Need, capacity: Capacity) -> Reason:
    gauge = capacity.gauges[need.gauge_id]
    limit, left = gauge.limit, capacity.left[need.gauge_id]
    return Reason(
        code=WaitCode.BEHIND,
        short=f"behind {head.task_id}",
        text=(
            f"{head.key} (task {head.task_id}) is before it and needs {amount_text(limit, need.amount)} of"
            f" {limit.kind} {gauge.label}, which has {amount_text(limit, left)} left; the order of tasks of"
            " one job, queue and set of limits is kept"
        ),
        ends=(
            f"what lets that task run: 'taskdeck why --task {head.task_id}';"
            f" 'taskdeck hold --task {head.task_id}' takes it out of the line"
        ),
        since=task.queued_at,
        until=None if need.amount > gauge.most else gauge.turns_at,
        numbers={**gauge_numbers(gauge, needs=need.amount, left=left), "task": head.task_id},
    )


def _being_keyed() -> Reason:
    return Reason(
        code=WaitCode.KEYED,
        short="new limits",
        text="pools or limits were changed: what waits is being brought under them, and nothing is claimed",
        ends="the engine, 1,000 tasks at a time",
    )


def _no_pool(task: TaskFacts) -> Reason:
    return Reason(
        code=WaitCode.NO_POOL,
        short="a pool",
        text=f"no pool drains queue {task.queue}",
        ends=f"a pool in config.toml that has {task.queue} among its `queues`, then 'taskdeck config reload'",
        numbers={"queue": task.queue},
    )


def _paused(pools: Sequence[PoolFacts]) -> Reason:
    told = "; ".join(_switched(pool) for pool in pools)
    since = [pool.paused.at for pool in pools if pool.paused is not None and pool.paused.at is not None]
    return Reason(
        code=WaitCode.POOL_PAUSED,
        short="paused pool",
        text=told,
        ends=f"'taskdeck pools resume {pools[0].name}'" + (" or one of the others" if len(pools) > 1 else ""),
        since=min(since, default=None),
        numbers={"pools": [pool.name for pool in pools]},
    )


def _switched(pool: PoolFacts) -> str:
    switch = pool.paused
    by = f" by {switch.by}" if switch is not None and switch.by else ""
    why = f": {switch.reason}" if switch is not None and switch.reason else ""
    return f"pool {pool.name} is paused{by}{why}"
