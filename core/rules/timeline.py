"""Tell what a task did when; the critical path.

Called by the control for the timeline of a job.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.model.status import TASK_FINAL, TASK_IDLE, TASK_MOVES, TaskStatus
from core.model.timelines import Pause, Segment, TaskPast

PAUSED = "paused"
"""The status of a stretch in which a task was queued and its job or queue was paused."""
_REACHED = {move.event: move.target for move in TASK_MOVES if move.event}
# These two kinds name the status they lead to.
_NAMED = ("task.created", "task.rerun")


def segments(past: TaskPast, pauses: Sequence[Pause] = ()) -> tuple[Segment, ...]:
    """Return the stretches of a task in order; one that stands so now has no end.

    `pauses` are those of its job and queue, in order and apart. Moments that go back, because
    the clock was set, make stretches of no length.
    """
    found: list[Segment] = []
    status, start, attempt = "", 0, None
    for event in past.events:
        reached = event.status if event.kind in _NAMED else _REACHED.get(event.kind)
        if reached is None:
            continue
        at = max(event.at, start)
        if status:
            found += _split(status, start, at, attempt=attempt, pauses=pauses)
        status, start = str(reached), at
        attempt = event.attempt if status == TaskStatus.RUNNING else None
        if status in TASK_FINAL:
            status = ""
    if status:
        found += _split(status, start, None, attempt=attempt, pauses=pauses)
    return tuple(found)


def joined(*pauses: Sequence[Pause]) -> tuple[Pause, ...]:
    """Return pauses of several things as stretches in which at least one was paused, in order and apart."""
    found: list[Pause] = []
    for start, end in sorted((pause for some in pauses for pause in some), key=lambda pause: pause.start):
        if found and (found[-1].end is None or found[-1].end >= start):
            begun, last = found[-1]
            found[-1] = Pause(begun, None if last is None or end is None else max(last, end))
        else:
            found.append(Pause(start, end))
    return tuple(found)


def critical_path(tasks: Sequence[TaskPast]) -> tuple[int, ...]:
    """Return the ids of the chain that decided the end of a job, in order.

    From the task that ran last (of a job that goes on, of those that do not wait) back: each waited last
    for the need that ended last, or without needs for the task of the earlier stage that ended last.
    """
    by_id = {task.task_id: task for task in tasks}
    moving = [task for task in tasks if task.status not in TASK_IDLE and _ran(task)]
    if not moving:
        return ()
    chain = [max(moving, key=_end)]
    while True:
        task = chain[-1]
        needs = [by_id[need] for need in task.needs if need in by_id]
        earlier = needs or _stage_before(task, tasks)
        ended = [one for one in earlier if one.finished_at is not None and one not in chain]
        if not ended:
            return tuple(one.task_id for one in reversed(chain))
        chain.append(max(ended, key=_end))


def _ran(task: TaskPast) -> bool:
    # What waits outside a slot takes its time as well.
    return any(_REACHED.get(event.kind) in (TaskStatus.RUNNING, TaskStatus.WAITING) for event in task.events)


def _stage_before(task: TaskPast, tasks: Sequence[TaskPast]) -> list[TaskPast]:
    positions = [one.position for one in tasks if one.position < task.position]
    last = max(positions, default=None)
    return [one for one in tasks if one.position == last]


def _end(task: TaskPast) -> tuple[int, int]:
    # What has not ended ends after all that has.
    return (2**62 if task.finished_at is None else task.finished_at), task.task_id


def _split(
    status: str,
    start: int,
    end: int | None,
    *,
    attempt: int | None,
    pauses: Sequence[Pause],
) -> Iterator[Segment]:
    """Return a stretch, a queued one in parts: while its job was paused, and while it was not."""
    if status == TaskStatus.QUEUED:
        for pause, resumed in pauses:
            begins = max(start, pause)
            ends = end if resumed is None else resumed if end is None else min(end, resumed)
            if (end is not None and begins >= end) or (ends is not None and ends <= begins):
                continue
            if begins > start:
                yield Segment(status=status, start=start, end=begins)
            yield Segment(status=PAUSED, start=begins, end=ends)
            if ends is None:
                return
            start = ends
    if end is None or end > start or attempt is not None:
        yield Segment(status=status, start=start, end=end, attempt=attempt)
