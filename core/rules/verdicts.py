"""Decide how stages and jobs end.

Called by the store's writer, through `writer`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from core.model.decisions import ClosedStages, StageTally, Verdict
from core.model.plans import OnTaskFailure
from core.model.status import TASK_FINAL, JobStatus, StageStatus, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.model.decisions import TaskCounts


def status_of_stage(tasks: TaskCounts) -> StageStatus:
    """Return the status of a stage that closes: the worst end of its tasks, SKIPPED without any."""
    if TaskStatus.FAILED in tasks:
        return StageStatus.FAILED
    if TaskStatus.CANCELLED in tasks:
        return StageStatus.CANCELLED
    return StageStatus.SUCCEEDED if TaskStatus.SUCCEEDED in tasks else StageStatus.SKIPPED


def verdict_of_task(on_task_failure: OnTaskFailure, key: str) -> Verdict | None:
    """Return the verdict that the first FAILED task of a job, named by key, brings at once."""
    if on_task_failure is not OnTaskFailure.STOP:
        return None
    return Verdict(status=JobStatus.FAILED, reason=f"task {key} failed")


def needs_verdict(closed: StageStatus, following: StageStatus | None) -> bool:
    """Return whether the closed stages must be judged before the job goes on after one of them.

    `following` is the next stage that is not closed. The end of the last stage asks for it too: a rerun
    of later tasks may have left an earlier stage as badly as it was.
    """
    return closed in {StageStatus.FAILED, StageStatus.CANCELLED} or following is None


def verdict_of_stages(on_task_failure: OnTaskFailure, closed: ClosedStages) -> Verdict | None:
    """Return the verdict that the closed stages bring; `continue` bears a failed one, not a cancelled one."""
    if closed.failed is not None and on_task_failure is not OnTaskFailure.CONTINUE:
        return Verdict(status=JobStatus.FAILED, reason=f"stage {closed.failed} failed")
    if closed.cancelled is not None:
        return Verdict(status=JobStatus.CANCELLED, reason=f"stage {closed.cancelled} was cancelled")
    return None


def verdict_of_finally(closed: StageStatus) -> Verdict | None:
    """Return the verdict that the end of `finally` brings on a job that would have succeeded."""
    if closed is StageStatus.FAILED:
        return Verdict(status=JobStatus.FAILED, reason="a task of finally failed")
    if closed is StageStatus.CANCELLED:
        return Verdict(status=JobStatus.CANCELLED, reason="a task of finally was cancelled")
    return None


def verdict_of_tasks(tasks: TaskCounts) -> Verdict | None:
    """Return the verdict on a job whose stages brought none: a failure without any success fails it."""
    if TaskStatus.FAILED in tasks and TaskStatus.SUCCEEDED not in tasks:
        return Verdict(status=JobStatus.FAILED, reason="no task succeeded")
    return None


def forecast(on_task_failure: OnTaskFailure, stages: Sequence[StageTally]) -> Verdict | None:
    """Return the verdict that a job will get if every task that has not ended succeeds; None = it succeeds.

    `stages` are in order.
    """
    ended = [(name, status_of_stage(_at_best(tasks))) for name, tasks in stages]
    first = {status: name for name, status in reversed(ended)}
    closed = ClosedStages(failed=first.get(StageStatus.FAILED), cancelled=first.get(StageStatus.CANCELLED))
    verdict = verdict_of_stages(on_task_failure, closed)
    if verdict is not None:
        return verdict
    total: Counter[TaskStatus] = Counter()
    for _, tasks in stages:
        total.update(_at_best(tasks))
    return verdict_of_tasks(total)


def _at_best(tasks: TaskCounts) -> TaskCounts:
    best: Counter[TaskStatus] = Counter()
    for status, number in tasks.items():
        best[status if status in TASK_FINAL else TaskStatus.SUCCEEDED] += number
    return best
