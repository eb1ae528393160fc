"""Throughput, failures and waits of the fake control, from its rows."""

from __future__ import annotations

from collections import Counter

from core.model.pulse import Failing, PulseView, Rate, Waiting, WaitKind
from core.model.views import TaskView
from tests.console.support_fake_rows import NOW, FakeRows

_STEP = 10


def pulse_of(rows: FakeRows, minutes: int) -> PulseView:
    """Sum up the last minutes before `NOW`."""
    return PulseView(
        rates=_rates(rows, minutes), failing=_failing(rows), failing_searched=None, waiting=_waiting(rows)
    )


def _rates(rows: FakeRows, minutes: int) -> tuple[Rate, ...]:
    ended: dict[int, Counter[str]] = {}
    for task in rows.task_rows.values():
        if task.finished_at is not None:
            ended.setdefault(task.finished_at // (_STEP * 1000), Counter())[task.status] += 1
    last = NOW // (_STEP * 1000)
    steps = range(last - minutes * 60 // _STEP + 1, last + 1)
    return tuple(
        Rate(at=step * _STEP * 1000, seconds=_STEP, ended=dict(ended.get(step, {}))) for step in steps
    )


def _failing(rows: FakeRows) -> tuple[Failing, ...]:
    by_code: dict[str, list[TaskView]] = {}
    for task in rows.task_rows.values():
        if task.status in ("failed", "retrying") and task.error is not None:
            by_code.setdefault(str(task.error.get("code", "")), []).append(task)
    found = [
        Failing(
            code=code,
            message=str((tasks[-1].error or {}).get("message", "")),
            tasks=len(tasks),
            newest_task=tasks[-1].id,
            newest_job=tasks[-1].job_id,
            at=tasks[-1].finished_at or NOW,
            keys=tuple(task.key for task in tasks[-3:]),
        )
        for code, tasks in by_code.items()
    ]
    return tuple(sorted(found, key=lambda failing: -failing.tasks)[:20])


def _waiting(rows: FakeRows) -> tuple[Waiting, ...]:
    found: dict[tuple[WaitKind, str], list[TaskView]] = {}
    for task in rows.task_rows.values():
        reason = _reason(rows, task)
        if reason is not None:
            found.setdefault(reason, []).append(task)
    waits = [
        Waiting(
            kind=kind,
            subject=subject,
            tasks=len(tasks),
            since=min(task.queued_at or task.created_at for task in tasks),
            until=min((task.retry_at for task in tasks if task.retry_at), default=None),
        )
        for (kind, subject), tasks in found.items()
    ]
    return tuple(sorted(waits, key=lambda wait: -wait.tasks)[:20])


def _reason(rows: FakeRows, task: TaskView) -> tuple[WaitKind, str] | None:
    job = rows.job_rows.get(task.job_id)
    match task.status:
        case "queued" if task.queue in rows.paused:
            return WaitKind.PAUSED_QUEUE, task.queue
        case "queued" if job is not None and job.status == "paused":
            return WaitKind.PAUSED_JOB, str(job.id)
        case "queued":
            return WaitKind.QUEUED, task.queue
        case "blocked":
            return WaitKind.NEEDS, str(task.job_id)
        case "retrying":
            return WaitKind.RETRYING, ""
        case "held":
            return WaitKind.HELD, ""
    return None
