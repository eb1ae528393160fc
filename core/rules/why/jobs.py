"""Decide why tasks of a job wait, told together.

Called by the control for one job.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from core.model.records import replace
from core.model.status import JOB_FINAL, TASK_IDLE
from core.model.waits import Reason, ReasonGroup, TaskFacts, WaitCode, waiting_text
from core.rules.why.tasks import TURN_IN_GROUP

_ALIKE = {
    WaitCode.SLOTS: "they wait for a slot",
    WaitCode.RETRY: "they wait for their next attempt",
    WaitCode.SETTLING: "the engine is about to queue them",
    WaitCode.CONDITION: "their `when` is being judged",
}
"""What is said where the reasons of several tasks differ only in numbers."""

_AMOUNTS = (WaitCode.QUOTA, WaitCode.BUDGET)
"""Reasons that say how much a task needs."""
_SHARED = frozenset(
    {"limit", "key", "kind", "unit", "max", "left", "used", "reserved", "unknown", "open", "task"}
)
"""Numbers that hold for all tasks of a group."""


class TaskReasons(NamedTuple):
    """A task, and why it does not run."""

    task: TaskFacts
    reasons: tuple[Reason, ...]


def grouped(tasks: Iterable[TaskReasons]) -> tuple[ReasonGroup, ...]:
    """Return the reasons of tasks, those that mean the same together, most tasks first."""
    groups: dict[tuple[WaitCode, str], ReasonGroup] = {}
    for task, found in tasks:
        for reason in found:
            # "need fetch (1 of 2)" and "need fetch" wait for the same first.
            key = reason.code, _plain(reason) if _alike(reason) is None else ""
            known = groups.get(key)
            groups[key] = (
                ReasonGroup(reason=_alone(reason), tasks=1, example=task.task_id)
                if known is None
                else replace(known, tasks=known.tasks + 1, reason=_both(known.reason, reason))
            )
    return tuple(sorted(groups.values(), key=lambda group: -group.tasks))


def job_summary(status: str, counts: Mapping[str, int], groups: tuple[ReasonGroup, ...]) -> str:
    """Return one sentence: how many tasks wait, and for what."""
    waiting = sum(counts.get(status, 0) for status in TASK_IDLE)
    running = counts.get("running", 0)
    if status in JOB_FINAL:
        return f"it has {status}: nothing of it waits"
    if not waiting and groups:
        ended = "1 attempt has ended" if groups[0].tasks == 1 else f"{groups[0].tasks:,} attempts have ended"
        return f"nothing of it waits, but {ended} that the store does not take: {groups[0].reason.text}"
    if not waiting:
        return f"nothing of it waits: {running:,} run" if running else "nothing of it waits"
    parts = [f"{group.tasks:,} {waiting_text(group.tasks, group.reason)}" for group in groups[:4]]
    others = len(groups) - len(parts)
    more = f" and {others} other reason{'' if others == 1 else 's'}" if others else ""
    tasks = "1 task" if waiting == 1 else f"{waiting:,} tasks"
    if any(group.tasks > waiting for group in groups):
        # Instances are among what waits, and what runs of them is told with their group.
        return f"{tasks} and instances of groups: {', '.join(parts)}{more}"
    return f"{tasks}: {', '.join(parts)}{more}; {running:,} run"


def _alike(reason: Reason) -> str | None:
    # An instance waits for others of its group: the engine is not about to do anything.
    return None if reason.short == TURN_IN_GROUP else _ALIKE.get(reason.code)


def _alone(reason: Reason) -> Reason:
    """Return the reason without what only the first task says."""
    numbers = {name: value for name, value in reason.numbers.items() if name in _SHARED}
    return replace(reason, short=_plain(reason), text=_alike(reason) or reason.text, numbers=numbers)


def _plain(reason: Reason) -> str:
    return reason.short.partition(" (1 of ")[0]


def _both(one: Reason, other: Reason) -> Reason:
    """Return what both say: the earlier end, the earlier beginning."""
    untils = [moment for moment in (one.until, other.until) if moment is not None]
    sinces = [moment for moment in (one.since, other.since) if moment is not None]
    is_same = one.text == other.text or one.code not in _AMOUNTS
    return replace(
        one,
        text=one.text if is_same else f"{one.short} has less left than each of them needs",
        until=min(untils, default=None),
        since=min(sinces, default=None),
    )
