"""Succeed jobs with the last of their tasks, all at once.

Called by the stages. What a batch reads and writes here takes so many statements for one job as for hundreds;
what else may follow from the end of a stage, such as a verdict, a next stage or `finally`, is left to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from core.model.status import JOB, JobStatus, StageStatus
from core.store.apply.ends import EndedJob, tell_successes
from core.store.apply.judged_counts import counts_of_stages
from core.store.apply.moves import jobs, stages
from core.store.apply.moves.stages import OpenStage
from core.store.batch import Batch
from core.store.sql import among, pack

_WELL = frozenset({StageStatus.SUCCEEDED, StageStatus.SKIPPED})
"""A job of such stages has no failure that is not tolerated: no verdict follows from its tasks."""
# What waits for a child is answered by itself.
_LAST = (
    "SELECT s.id, s.name, job.id, job.status, job.name, job.notify, job.schedule_id"
    " FROM json_each(?) AS j CROSS JOIN stage s ON s.id = j.value->>0"
    " AND s.open_tasks = j.value->>1 AND s.status = 'open'"
    f" CROSS JOIN job ON job.id = s.job_id AND {among(JOB['succeed'].sources, 'job.status')}"
    " AND job.parent_task IS NULL"
    " WHERE NOT EXISTS (SELECT 1 FROM stage o WHERE o.job_id = s.job_id AND o.id != s.id"
    f" AND (o.open_tasks > 0 OR NOT {among(_WELL, 'o.status')}))"
)


class _LastStage(NamedTuple):
    """The only open stage of a job, whose others are closed well; the last of its tasks have ended."""

    id: int
    name: str
    job_id: int
    job_status: str
    job_name: str
    notify: str | None
    schedule_id: int | None


def succeed_plain(batch: Batch, ended: Mapping[int, int]) -> Iterable[int]:
    """Close the stages whose last tasks these were and succeed their jobs, where nothing else follows.

    `ended` = how many tasks of each stage ended. Returns the stages that are left; none of their tasks is
    counted off.
    """
    last = batch.typed(_LastStage, _LAST, pack([[stage_id, number] for stage_id, number in ended.items()]))
    if not last:
        return ended
    counts = counts_of_stages(batch, [stage.id for stage in last])
    closing: dict[StageStatus, list[_LastStage]] = {}
    for stage in last:
        status = batch.rules.status_of_stage(counts[stage.id])
        # Tolerated failures count as failures here: what they leave well is found well by itself.
        if status in _WELL:
            closing.setdefault(status, []).append(stage)
    for status, some in closing.items():
        stages.close_ended(batch, [OpenStage(one.job_id, one.id, one.name) for one in some], status=status)
    done = [stage for some in closing.values() for stage in some]
    jobs.succeed_many(batch, {one.job_id: JobStatus(one.job_status) for one in done})
    tell_successes(batch, [EndedJob(one.job_id, one.job_name, one.notify, one.schedule_id) for one in done])
    succeeded = {stage.id for stage in done}
    return [stage_id for stage_id in ended if stage_id not in succeeded]
