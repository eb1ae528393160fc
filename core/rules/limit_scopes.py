"""Which gauges a task passes, by the scopes of limits.

Called by admission and the store. A limit is broad where a queue alone decides who is under it: its gauge
belongs to the queue. Any other is narrow: its gauge belongs to the task. Those for a pool are neither: the
claim asks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from core.model.limits.limits import Dimension, GaugeKey, Limit, LimitKind, Per, TaskFacts
from core.model.near_misses import one_of
from core.model.text import safe_line
from core.model.values import INBOX

_BROAD = frozenset({Dimension.QUEUE})


def gauge_keys(facts: TaskFacts, limits: Sequence[Limit]) -> tuple[GaugeKey, ...]:
    """Return the gauges that a task passes beside those of its queue, sorted, each once.

    These are of the narrow limits that are for it and of those that it names. A limit `per: job` has the
    gauge `job:ID`, with a key `job:ID:KEY`, and none for a loose task, which has no job. Named limits that
    are not known have none (`limit_faults`).
    """
    known = {limit.name: limit for limit in limits}
    keys = {
        GaugeKey(name=limit.name, key=key)
        for limit in limits
        if limit.on is not None and not is_broad(limit) and _binds(limit, facts)
        for key in _keys(limit, _value(limit.by, facts), facts)
    }
    keys |= {
        GaugeKey(name=ref.name, key=key)
        for ref in facts.named
        if ref.name in known
        for key in _keys(known[ref.name], ref.key, facts)
    }
    return tuple(sorted(keys.difference(broad_keys(facts.queue, limits))))


def place_keys(facts: TaskFacts, limits: Sequence[Limit]) -> tuple[GaugeKey, ...]:
    """Return the gauges that count the child of a task, sorted, each once.

    These are of `concurrency` limits that the task names, or that are for its connector. Any other binds
    the tasks of the child as well, which could never start while their own job has its last place.
    """
    named = {ref.name for ref in facts.named}
    counting = [
        limit
        for limit in limits
        if limit.kind is LimitKind.CONCURRENCY
        and limit.backend is None
        and (limit.name in named or Dimension.CONNECTOR in (limit.on or {}))
    ]
    return tuple(sorted({*gauge_keys(facts, counting), *broad_keys(facts.queue, counting)}))


def broad_keys(queue: str, limits: Sequence[Limit]) -> tuple[GaugeKey, ...]:
    """Return the gauges that every task of a queue passes, sorted."""
    return tuple(
        sorted(
            GaugeKey(name=limit.name)
            for limit in limits
            if is_broad(limit) and (limit.on or {}).get(Dimension.QUEUE, queue) == queue
        )
    )


def is_broad(limit: Limit) -> bool:
    """Return whether the queue of a task alone decides whether it is under a limit."""
    return limit.on is not None and _BROAD.issuperset(limit.on) and not _is_per_job(limit)


def limit_faults(facts: TaskFacts, limits: Sequence[Limit]) -> Iterator[str]:
    """Yield, in sentences, why the limits that a task names cannot be obeyed."""
    known = {limit.name: limit for limit in limits}
    for name in dict.fromkeys(ref.name for ref in facts.named):
        if name not in known:
            yield f"`{safe_line(name)}` is not a limit{one_of(name, known)}"
        elif _is_per_job(known[name]) and _is_loose(facts):
            yield f"`{safe_line(name)}` is counted per job, and a loose task has none"


def _value(by: Dimension | None, facts: TaskFacts) -> str:
    """Return the key that a property gives; empty = it gives none."""
    return facts.host or "" if by is Dimension.HOST else ""


def _keys(limit: Limit, key: str, facts: TaskFacts) -> tuple[str, ...]:
    if limit.by is not None and not key:
        return ()
    if not _is_per_job(limit):
        return (key,)
    # All loose tasks are in one job that never ends: its gauge would never turn.
    if _is_loose(facts):
        return ()
    return (f"job:{facts.job_id}:{key}" if key else f"job:{facts.job_id}",)


def _is_per_job(limit: Limit) -> bool:
    return limit.kind in (LimitKind.QUOTA, LimitKind.BUDGET) and limit.window.per is Per.JOB


def _is_loose(facts: TaskFacts) -> bool:
    return facts.job_id in (0, INBOX)


def _binds(limit: Limit, facts: TaskFacts) -> bool:
    """Return whether a task is under a limit; under that on the retries of a backend only as one of them."""
    if limit.kind is LimitKind.RETRIES and facts.repeats_in is None:
        return False
    return all(
        value == facts.repeats_in
        if dimension is Dimension.POOL and limit.kind is LimitKind.RETRIES
        else _fits_one(dimension, value, facts)
        for dimension, value in (limit.on or {}).items()
    )


def _fits_one(dimension: Dimension, value: str, facts: TaskFacts) -> bool:
    match dimension:
        case Dimension.POOL:
            return False
        case Dimension.TAG:
            return value in facts.tags
        case Dimension.HOST:
            return value.lower() == facts.host
        case Dimension.QUEUE:
            return value == facts.queue
        case Dimension.CONNECTOR:
            return value == facts.connector
        case Dimension.PROJECT:
            return value == facts.project
        case Dimension.WORKFLOW:
            return value == facts.workflow
        case Dimension.MODEL:
            return value == facts.model
        case _:
            assert_never(dimension)
