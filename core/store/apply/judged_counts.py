"""The tasks of a stage or job as verdicts see them.

Called by the stages, the ends of jobs and reruns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.model.decisions import TaskCounts
from core.model.status import TaskStatus
from core.store.batch import Batch
from core.store.sql import ids

_TOLERATED = "SELECT n FROM counter WHERE scope = ? AND ref = ? AND n > 0"
_OF_STAGES = (
    "SELECT j.value, c.status, c.n FROM json_each(?) AS j"
    " CROSS JOIN counter c ON c.scope = 'stage' AND c.ref = CAST(j.value AS TEXT) AND c.n > 0"
)
_FAILED, _SUCCEEDED = TaskStatus.FAILED, TaskStatus.SUCCEEDED


def judged_counts(batch: Batch, scope: str, number: int) -> TaskCounts:
    """Return how many tasks of a `stage` or `job` stand where; tolerated failures count as successes."""
    counts = dict(batch.task_counts(scope, number))
    failed = counts.pop(_FAILED, 0)
    if not failed:
        return counts
    row = batch.one(_TOLERATED, f"{scope}_tolerated", str(number))
    tolerated = 0 if row is None else int(row[0])
    judged = {**counts, _FAILED: failed - tolerated, _SUCCEEDED: counts.get(_SUCCEEDED, 0) + tolerated}
    return {status: n for status, n in judged.items() if n > 0}


def counts_of_stages(batch: Batch, stage_ids: Iterable[int]) -> Mapping[int, TaskCounts]:
    """Return of each stage how many tasks stand where; tolerated failures count as failures."""
    batch.flush_counts()
    found: dict[int, dict[TaskStatus, int]] = {number: {} for number in stage_ids}
    for number, status, n in batch.rows(_OF_STAGES, ids(found)):
        found[number][TaskStatus(status)] = n
    return found
