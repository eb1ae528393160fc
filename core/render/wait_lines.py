"""Why tasks wait, as lines of text.

Used by the command `why` and by the console.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model.text import SafeText, safe_line
from core.model.values import JsonObject, to_iso
from core.model.waits import JobWaits, Reason, TaskWaits, waiting_text
from core.render.times import duration_text


def task_wait_lines(waits: TaskWaits, *, now: int) -> Iterator[SafeText]:
    """Write how a task stands, then each reason with what ends it, at `now` (ms UTC)."""
    yield safe_line(f"task {waits.task_id} {waits.key} of job {waits.job_id}: {waits.status}")
    if not waits.reasons:
        yield safe_line(waits.summary)
    several = len(waits.reasons) > 1
    if several:
        yield SafeText("it waits for all of these, in this order:")
    for number, reason in enumerate(waits.reasons, start=1):
        yield SafeText("")
        yield from reason_lines(reason, head=f"{number}. " if several else "", now=now)


def job_wait_lines(waits: JobWaits, *, now: int) -> Iterator[SafeText]:
    """Write how a job stands, then for what its tasks wait, most tasks first."""
    yield safe_line(f"job {waits.job_id} {waits.name}: {waits.status}")
    yield safe_line(waits.summary)
    for group in waits.groups:
        tasks = "1 task" if group.tasks == 1 else f"{group.tasks:,} tasks"
        yield SafeText("")
        head = f"{tasks} {waiting_text(group.tasks, group.reason)}: "
        yield from reason_lines(group.reason, head=head, now=now)
        yield safe_line(f"   example  'taskdeck why --task {group.example}'")
    if waits.searched is not None:
        yield SafeText("")
        yield safe_line(f"looked at {waits.searched:,} of the {waits.waiting:,} tasks that wait")


def reason_lines(reason: Reason, *, head: str, now: int) -> Iterator[SafeText]:
    """Write one reason: what it is, since when, until when, what ends it."""
    yield safe_line(f"{head}{reason.text}")
    if reason.since is not None:
        yield safe_line(f"   since    {to_iso(reason.since)}, {duration_text(now - reason.since)} ago")
    if reason.until is not None:
        left = f"in {duration_text(reason.until - now)}" if reason.until > now else "now"
        yield safe_line(f"   until    {to_iso(reason.until)}, {left}")
    yield safe_line(f"   ends by  {reason.ends}")


def task_waits_shape(waits: TaskWaits) -> JsonObject:
    """Return the reasons of a task as `why --json` has them."""
    return {
        "task": waits.task_id,
        "job": waits.job_id,
        "key": waits.key,
        "status": waits.status,
        "summary": waits.summary,
        "reasons": [_reason_shape(reason) for reason in waits.reasons],
    }


def job_waits_shape(waits: JobWaits) -> JsonObject:
    """Return the reasons of the tasks of a job as `why --json` has them."""
    return {
        "job": waits.job_id,
        "name": waits.name,
        "status": waits.status,
        "summary": waits.summary,
        "waiting": waits.waiting,
        "searched": waits.searched,
        "tasks": dict(waits.tasks),
        "groups": [
            {**_reason_shape(group.reason), "tasks": group.tasks, "example": group.example}
            for group in waits.groups
        ],
    }


def _reason_shape(reason: Reason) -> JsonObject:
    return {
        "code": reason.code.value,
        "short": reason.short,
        "text": reason.text,
        "ends": reason.ends,
        "since": None if reason.since is None else to_iso(reason.since),
        "until": None if reason.until is None else to_iso(reason.until),
        "numbers": reason.numbers,
    }
