"""Throughput, failures and waits of the fake control, from its rows."""

from __future__ import annotations

from collections import Counter

from core.model.failures import FamilyState, FamilyView
from core.model.pulse import PulseView, Rate, Waiting, WaitKind
from core.model.views import TaskView
from core.model.waits import OF_LIMITS, WaitCode
from tests.console.support_fake_rows import NOW, FakeRows

_STEP = 10
_LIMITED = {code.value for code in (WaitCode.POOL_PAUSED, *OF_LIMITS)} - {WaitCode.BEHIND.value}


def pulse_of(rows: FakeRows, minutes: int) -> PulseView:
    """Sum up the last minutes before `NOW`."""
    return PulseView(
        rates=_rates(rows, minutes),
        failing=families_of(rows)[:20],
        failing_searched=None,
        waiting=_waiting(rows),
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


def families_of(rows: FakeRows) -> tuple[FamilyView, ...]:
    """Put failed and retrying tasks together by code; their `family`, if they have one, is the id."""
    by_code: dict[str, list[TaskView]] = {}
    for task in rows.task_rows.values():
        if task.status in ("failed", "retrying") and task.error is not None:
            by_code.setdefault(str(task.error.get("code", "")), []).append(task)
    found = [_family(rows, code, tasks) for code, tasks in by_code.items()]
    return tuple(sorted(found, key=lambda family: (family.acknowledged is not None, -family.tasks)))


def _family(rows: FakeRows, code: str, tasks: list[TaskView]) -> FamilyView:
    known = rows.known_families.get(tasks[0].family or "")
    failed = sum(task.status == "failed" for task in tasks)
    message = str((tasks[-1].error or {}).get("message", ""))
    return FamilyView(
        id=tasks[0].family or "",
        state=FamilyState.FAILING if known is None else FamilyState.ACKNOWLEDGED,
        code=code,
        pattern=message,
        message=message,
        failed=failed,
        retrying=len(tasks) - failed,
        jobs=len({task.job_id for task in tasks}),
        failures=len(tasks),
        first_at=tasks[0].finished_at or NOW,
        last_at=tasks[-1].finished_at or NOW,
        newest_task=tasks[-1].id,
        trend=(0,) * 23 + (len(tasks),),
        acknowledged=known,
        known=0 if known is None else failed,
    )


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
        case "queued" if task.wait_reason in _LIMITED:
            return WaitKind(task.wait_reason), (task.waits_for or "").partition(" ")[2]
        case "queued":
            return WaitKind.QUEUED, task.queue
        case "blocked":
            return WaitKind.NEEDS, str(task.job_id)
        case "retrying":
            return WaitKind.RETRYING, ""
        case "held":
            return WaitKind.HELD, ""
    return None
