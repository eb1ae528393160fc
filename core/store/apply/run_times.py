"""Keep how long the last attempts of each task took.

Called by the completion of attempts that succeeded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from core.model.values import INBOX
from core.store.batch import Batch
from core.store.derived import RUN_TIME_KEY
from core.store.sql import pack, raw
from core.store.tables.schema import RUN_TIMES

_ADD = (
    "INSERT INTO run_time (workflow, key, task_id, epoch, ms)"
    f" SELECT job.name, {RUN_TIME_KEY}, t.id, a.epoch, max(0, a.finished_at - a.started_at)"
    " FROM json_each(?) AS j"
    " CROSS JOIN attempt a ON a.task_id = j.value->>0 AND a.epoch = j.value->>1"
    f" CROSS JOIN task t ON t.id = a.task_id AND t.job_id != {INBOX} CROSS JOIN job ON job.id = t.job_id"
    " RETURNING workflow, key"
)
_OF = "workflow = CAST(?1 AS TEXT) AND key = CAST(?2 AS TEXT)"
_PRUNE = (
    f"DELETE FROM run_time WHERE {_OF} AND (task_id, epoch) <= (SELECT task_id, epoch FROM run_time"
    f" WHERE {_OF} ORDER BY task_id DESC, epoch DESC LIMIT 1 OFFSET {RUN_TIMES})"
)
_FORGET = (
    "DELETE FROM run_time WHERE workflow = (SELECT j.name FROM task t JOIN job j ON j.id = t.job_id"
    f" WHERE t.id = ?1) AND key = (SELECT {RUN_TIME_KEY} FROM task t WHERE t.id = ?1)"
    " AND task_id = ?1 AND epoch = ?2"
)


class TimedAttempt(NamedTuple):
    """An attempt that was closed."""

    job_id: int
    task_id: int
    epoch: int


def keep_run_times(batch: Batch, attempts: Sequence[TimedAttempt]) -> None:
    """Add closed attempts of workflows; of each task the newest `RUN_TIMES` stay."""
    of_workflows = [one for one in attempts if one.job_id != INBOX]
    if of_workflows:
        added = batch.rows(_ADD, pack([[one.task_id, one.epoch] for one in of_workflows]))
        batch.many(_PRUNE, [(raw(workflow), raw(key)) for workflow, key in set(added)])


def forget_run_time(batch: Batch, task_id: int, epoch: int) -> None:
    """Delete what an attempt took whose success turned out to be none."""
    batch.run(_FORGET, task_id, epoch)
