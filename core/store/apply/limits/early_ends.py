"""Attempts that may end early, because a budget of theirs is spent.

Called at the end of each batch, and by charges; the engine tells the attempts.
"""

from __future__ import annotations

from core.model.limits.gauges import Gauge
from core.model.limits.limits import OnExhausted
from core.model.text import safe_line
from core.store.batch import Batch
from core.store.batch_report import MayEnd
from core.store.rows import Subject
from core.store.sql import member, raw

_FINISHES = f"coalesce({member('t.spec', '$.on_exhausted')}, ?2) = ?3"
_UNDER = (
    "SELECT a.task_id, a.epoch, t.job_id FROM attempt a INDEXED BY attempt_open"
    " JOIN gset s ON s.id = a.gset_id JOIN json_each(s.gauges) m ON m.value = ?1"
    f" JOIN task t ON t.id = a.task_id WHERE a.status = 'running' AND a.exhausted IS NULL AND {_FINISHES}"
    " ORDER BY a.task_id"
)
_ONE = (
    "SELECT a.task_id, a.epoch, t.job_id FROM attempt a JOIN task t ON t.id = a.task_id"
    f" WHERE a.task_id = ?1 AND a.epoch = ?4 AND a.status = 'running' AND a.exhausted IS NULL AND {_FINISHES}"
)
_MARK = "UPDATE attempt SET exhausted = CAST(? AS TEXT) WHERE task_id = ? AND epoch = ?"


def end_early(batch: Batch) -> None:
    """Let attempts under budgets that this batch spent end early, where they or the budgets say so."""
    for gauge in batch.gauges.take_spent():
        found = batch.rows(_UNDER, gauge.id, gauge.limit.on_exhausted, OnExhausted.FINISH)
        for task_id, epoch, job_id in found:
            _tell(batch, gauge, Subject(job_id, task_id, epoch))


def end_one_early(batch: Batch, task_id: int, epoch: int, gauge: Gauge) -> None:
    """Let the attempt that was told that nothing is left for it end early, where it or the budget says so."""
    found = batch.rows(_ONE, task_id, gauge.limit.on_exhausted, OnExhausted.FINISH, epoch)
    for _, _, job_id in found:
        _tell(batch, gauge, Subject(job_id, task_id, epoch))


def _tell(batch: Batch, gauge: Gauge, subject: Subject) -> None:
    name, key = gauge.limit.name, gauge.key
    shown = safe_line(f"{name}={key}" if key else name)
    batch.run(_MARK, raw(shown), subject.task_id, subject.attempt)
    batch.event("task.exhausted", subject, data={"limit": name, "key": key})
    if subject.task_id is not None and subject.attempt is not None:
        batch.report.may_end.append(MayEnd(task_id=subject.task_id, epoch=subject.attempt, limit=shown))
