"""Run final tasks again: chosen ones, dependants, or a job's failures.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from core.model import refusals
from core.model.commands.work import Forecast, Operated, Rerun
from core.model.decisions import StageTally
from core.model.errors import Conflict, TaskdeckError
from core.model.plans import OnTaskFailure
from core.model.refusals import ONCE_TAKEN, RETRY_LIMIT, Refusal, refuse_job, refuse_task
from core.model.status import JOB_FINAL, TASK_FINAL, JobStatus, TaskStatus
from core.model.values import INBOX
from core.store.apply.children import child_places
from core.store.apply.children.child_marks import spread_pause, supersede
from core.store.apply.groups.group_reruns import refuse_groups, reopened_groups, run_whole, wait_again
from core.store.apply.judged_counts import judged_counts
from core.store.apply.limits.lane_sets import leave_retries
from core.store.apply.limits.once_keys import take_again
from core.store.apply.moves import jobs, queueing, stages
from core.store.apply.operate import read_tasks, refuse_inbox, unknown_job
from core.store.apply.start_over import let_needs_wait
from core.store.apply.upkeep.purge import purging
from core.store.apply.waits import answers
from core.store.batch import Batch
from core.store.rows import Cause, LeftOver
from core.store.sql import among, ids

_WENT_WRONG = (
    "SELECT t.id FROM task t INDEXED BY task_list WHERE t.job_id = ? AND t.status IN ('failed', 'cancelled')"
    # What a group had no use for any more did not go wrong.
    " AND (t.set_id IS NULL OR EXISTS (SELECT 1 FROM task g WHERE g.id = t.group_task"
    " AND g.status IN ('failed', 'cancelled') AND t.set_id = (SELECT max(i.id) FROM instance_set i"
    " WHERE i.task_id = g.id))) ORDER BY t.id"
)
_WITH_SKIPPED = """
WITH RECURSIVE again(id) AS (
  SELECT value FROM json_each(?1)
  UNION
  SELECT e.task_id FROM again JOIN edge e ON e.need_id = again.id)
SELECT t.id FROM again JOIN task t ON t.id = again.id
WHERE t.id IN (SELECT value FROM json_each(?1)) OR t.status = 'skipped'
"""
_OFTEN = (
    "SELECT id, retried FROM task WHERE id IN (SELECT value FROM json_each(?)) AND retried >= ? ORDER BY id"
)
_DOWNSTREAM = """
WITH RECURSIVE again(id) AS (
  SELECT value FROM json_each(?)
  UNION
  SELECT e.task_id FROM again JOIN edge e ON e.need_id = again.id)
SELECT id FROM again
"""
_GROUPS_OF = (
    "SELECT group_task FROM task WHERE id IN (SELECT value FROM json_each(?)) AND group_task IS NOT NULL"
)
_ENDED_JOBS = (
    "SELECT DISTINCT job.id, job.on_task_failure FROM json_each(?) AS j JOIN task t ON t.id = j.value"
    f" JOIN job ON job.id = t.job_id WHERE job.id != ? AND {among(JOB_FINAL, 'job.status')} ORDER BY job.id"
)
_STAGES_OF = "SELECT id, name FROM stage WHERE job_id = ? ORDER BY position"
FORECASTS_MOST = 100
"""Jobs whose end is foretold in one answer."""
_NEEDS_THAT_FAILED = f"""
SELECT e.task_id, n.key, n.id FROM json_each(?1) AS j
JOIN edge e ON e.task_id = j.value JOIN task n ON n.id = e.need_id
WHERE {among(TASK_FINAL, "n.status")} AND n.status != 'succeeded' AND NOT n.tolerated AND e.kind != 'done'
  AND n.id NOT IN (SELECT value FROM json_each(?1))
"""


_FINALLY_AGAIN = f"""
SELECT f.id FROM (SELECT DISTINCT t.job_id FROM json_each(?1) AS j JOIN task t ON t.id = j.value
                  JOIN stage s ON s.id = t.stage_id AND NOT s.is_finally
                  JOIN job ON job.id = t.job_id AND {among(JOB_FINAL, "job.status")}) again
JOIN stage s ON s.job_id = again.job_id AND s.is_finally JOIN task f INDEXED BY task_list
  ON f.job_id = s.job_id AND f.id BETWEEN s.first_task AND s.last_task
WHERE {among(TASK_FINAL, "f.status")} AND f.id NOT IN (SELECT value FROM json_each(?1))
"""


def apply_rerun(batch: Batch, command: Rerun) -> Operated | TaskdeckError:
    """Run tasks again; refuse those of an ending job and those whose needs did not succeed.

    Held tasks are unheld and retrying ones queued at once: that is what "run it again" means there.
    """
    cause = Cause(reason=command.reason, actor=command.actor)
    if command.job_id is not None:
        return _rerun_job(batch, command, command.job_id, cause)
    tasks, refused = read_tasks(batch, command.task_ids)
    chosen, queued_at_once = [], 0
    going = frozenset(purging(batch, command.task_ids))
    for task in tasks:
        if task.id in going:
            refused.append(refusals.purged(task.id, task.place.job_id))
        elif task.job_status is JobStatus.ENDING:
            job_id = task.place.job_id
            hint = f"wait for its end: 'taskdeck wait {job_id}', then 'taskdeck retry {job_id}'"
            refused.append(refuse_task(task.id, "job.ending", "its job is ending", hint=hint, job=job_id))
        elif task.status in TASK_FINAL:
            chosen.append(task.id)
        elif task.status is TaskStatus.HELD:
            queued_at_once += answers.release(batch, task.place, cause)
        elif task.status is TaskStatus.RETRYING:
            queued_at_once += queueing.retry_now(batch, task.place, cause)
        else:
            refused.append(refusals.misfit(task.id, task.status, f"it is {task.status}"))
    amiss = refuse_groups(batch, chosen)
    refused += amiss.values()
    chosen = [task_id for task_id in chosen if task_id not in amiss]
    often = _retried_often(batch, command, chosen)
    refused += often.values()
    named = chosen = [task_id for task_id in chosen if task_id not in often]
    if command.downstream:
        chosen = _with_downstream(batch, chosen, refused)
    repeated = take_again(batch, chosen)
    refused += _refusals(repeated)
    chosen = [task_id for task_id in chosen if task_id not in repeated]
    failed_needs = _failed_needs(batch, chosen)
    refused += [_refuse_for_need(task_id, key, need_id) for task_id, (key, need_id) in failed_needs.items()]
    ready = [task_id for task_id in chosen if task_id not in failed_needs]
    ended = _ended_jobs(batch, ready)
    fresh = [task_id for task_id in named if task_id in ready] if command.fresh else []
    run_whole(batch, ready, fresh=fresh)
    supersede(batch, ids(ready), fresh=ids(fresh))
    changed = _start_over(batch, ready, cause, counted=named)
    return Operated(
        changed=changed + queued_at_once, refused=tuple(refused), forecasts=_forecasts(batch, ended)
    )


def _rerun_job(batch: Batch, command: Rerun, job_id: int, cause: Cause) -> Operated | TaskdeckError:
    """Run again what failed or was cancelled of a job, and what was skipped for that."""
    refusal = _refuse_job(batch, job_id)
    if refusal is not None:
        return refusal
    wrong = [task_id for (task_id,) in batch.rows(_WENT_WRONG, job_id)]
    if not wrong:
        return Operated(changed=0, refused=(_none_failed(job_id),))
    often = _retried_often(batch, command, wrong)
    again = [task_id for task_id in wrong if task_id not in often]
    chosen = [task_id for (task_id,) in batch.rows(_WITH_SKIPPED, ids(again))]
    repeated = take_again(batch, chosen)
    chosen = [task_id for task_id in chosen if task_id not in repeated]
    # A need that is not run again, skipped by its own `when` say, skips its dependants once more.
    idle = {need for _, _, need in batch.rows(_NEEDS_THAT_FAILED, ids(chosen))}
    batch.followups += [LeftOver("task", need) for need in sorted(idle)]
    ended = _ended_jobs(batch, chosen)
    supersede(batch, ids(chosen), fresh=ids(again if command.fresh else []))
    changed = _start_over(batch, chosen, cause, counted=again)
    refused = [*often.values(), *_refusals(repeated)]
    return Operated(changed=changed, refused=tuple(refused), forecasts=_forecasts(batch, ended))


def _refuse_job(batch: Batch, job_id: int) -> TaskdeckError | None:
    row = batch.one("SELECT status FROM job WHERE id = ?", job_id)
    if job_id == INBOX:
        counts = batch.task_counts("job", INBOX)
        number = counts.get(TaskStatus.FAILED, 0) + counts.get(TaskStatus.CANCELLED, 0)
        return refuse_inbox("retried", f"{number} of them failed or were cancelled", verb="retry")
    if row is None:
        return unknown_job(batch, job_id)
    if batch.one("SELECT 1 FROM purge WHERE job_id = ?", job_id) is not None:
        return Conflict(
            "job.purged",
            f"job {job_id} is being purged",
            hint="submit it again",
            facts={"job": job_id},
        )
    if row[0] == "ending":
        return Conflict(
            "job.ending",
            f"job {job_id} is ending",
            hint="wait for its end, then retry",
            facts={"job": job_id},
        )
    return None


class _EndedJob(NamedTuple):
    """A final job, and what it makes of the failure of a task."""

    id: int
    on_task_failure: str


def _ended_jobs(batch: Batch, task_ids: list[int]) -> list[_EndedJob]:
    """Return the final jobs of tasks, before the tasks start over."""
    return [_EndedJob(*row) for row in batch.rows(_ENDED_JOBS, ids(task_ids), INBOX)]


def _forecasts(batch: Batch, jobs: list[_EndedJob]) -> tuple[Forecast, ...]:
    """Say how jobs that go on will end at best, by what stays of their other tasks."""
    found = []
    for job_id, on_task_failure in jobs[:FORECASTS_MOST]:
        stages = [
            StageTally(str(name), judged_counts(batch, "stage", stage_id))
            for stage_id, name in batch.rows(_STAGES_OF, job_id)
        ]
        verdict = batch.rules.forecast(OnTaskFailure(on_task_failure), stages)
        status = JobStatus.SUCCEEDED if verdict is None else verdict.status
        found.append(Forecast(job_id=job_id, status=status, reason="" if verdict is None else verdict.reason))
    return tuple(found)


def _with_downstream(batch: Batch, chosen: list[int], refused: list[Refusal]) -> list[int]:
    """Add all dependants; one that has not ended would run twice, so it is refused."""
    # What needs a group runs again with each of its instances, the group does so as these want it.
    groups = {task_id for (task_id,) in batch.rows(_GROUPS_OF, ids(chosen))} - set(chosen)
    rows = batch.rows(
        f"SELECT t.id, t.status, {among(TASK_FINAL, 't.status')} FROM ({_DOWNSTREAM}) d"
        " JOIN task t ON t.id = d.id WHERE t.id NOT IN (SELECT value FROM json_each(?))",
        ids([*chosen, *groups]),
        ids(groups),
    )
    # Blocked and queued dependants run after the rerun anyway.
    refused += [
        refusals.misfit(task_id, TaskStatus(status), f"it is {status}")
        for task_id, status, final in rows
        if not final and status == "running"
    ]
    return [task for task, _, final in rows if final]


def _failed_needs(batch: Batch, chosen: list[int]) -> dict[int, tuple[str, int]]:
    """Name those whose needs ended otherwise than well and stay so, and those that depend on such."""
    failed: dict[int, tuple[str, int]] = {}
    while more := batch.rows(_NEEDS_THAT_FAILED, ids(task for task in chosen if task not in failed)):
        failed |= {task: (key, need) for task, key, need in more}
    return failed


def _retried_often(batch: Batch, command: Rerun, task_ids: list[int]) -> dict[int, Refusal]:
    """Refuse tasks that were retried as often as they may be, unless they are forced."""
    if command.force:
        return {}
    return {
        task_id: refuse_task(
            task_id,
            RETRY_LIMIT,
            f"maximum retry limit reached: it was retried {retried} times by hand (`manual_retries`);"
            " --force retries it once more",
            hint=f"'taskdeck retry --task {task_id} --force'",
            retried=retried,
        )
        for task_id, retried in batch.rows(_OFTEN, ids(task_ids), batch.manual_retries)
    }


def _refusals(repeated: Mapping[int, int]) -> list[Refusal]:
    """Refuse tasks whose key another task has."""
    return [
        refuse_task(
            task_id,
            ONCE_TAKEN,
            f"task {other} has its key, by `once`",
            hint=f"'taskdeck why --task {other}' says how that one stands",
            other=other,
        )
        for task_id, other in repeated.items()
    ]


def _refuse_for_need(task_id: int, key: str, need_id: int) -> Refusal:
    reason = f"its need {key} did not succeed; rerun that one downstream"
    hint = f"'taskdeck retry --task {need_id} --downstream'"
    return refuse_task(task_id, "task.need", reason, hint=hint, need=need_id, key=key)


def _none_failed(job_id: int) -> Refusal:
    hint = f"name what to run again: 'taskdeck retry {job_id}/KEY'"
    return refuse_job(job_id, "job.nothing_failed", "none of its tasks failed", hint=hint)


def _start_over(batch: Batch, task_ids: list[int], cause: Cause, *, counted: list[int]) -> int:
    if not task_ids:
        return 0
    again = _finally_again(batch, task_ids)
    supersede(batch, ids(again), fresh="[]")
    run_whole(batch, again)
    groups = reopened_groups(batch, task_ids)
    task_ids = [*dict.fromkeys((*task_ids, *again, *groups))]
    let_needs_wait(batch, task_ids)
    _reopen(batch, ids(task_ids), cause)
    waiting = wait_again(batch, groups, cause)
    rows = [task_id for task_id in task_ids if task_id not in waiting]
    leave_retries(batch, rows)
    number = queueing.rerun(batch, rows, cause, counted=frozenset(counted))
    batch.report.reopened = True
    return number - len(again)


def _finally_again(batch: Batch, task_ids: list[int]) -> list[int]:
    """Return the tasks of `finally` that run again because their jobs, which have ended, go on."""
    again = [task_id for (task_id,) in batch.rows(_FINALLY_AGAIN, ids(task_ids))]
    # What they need and is not run again skips them once more, if it did not succeed.
    left = (
        {need for _, _, need in batch.rows(_NEEDS_THAT_FAILED, ids([*task_ids, *again]))} if again else set()
    )
    batch.followups += [LeftOver("task", need) for need in sorted(left)]
    return again


def _reopen(batch: Batch, listed: str, cause: Cause) -> None:
    """Reopen the jobs and stages of these tasks before the tasks themselves."""
    rows = batch.rows(
        "SELECT t.job_id, t.stage_id, s.position, count(*), job.status FROM json_each(?) AS j"
        " JOIN task t ON t.id = j.value JOIN stage s ON s.id = t.stage_id JOIN job ON job.id = t.job_id"
        f" WHERE t.job_id != {INBOX} GROUP BY t.stage_id ORDER BY t.job_id, s.position",
        listed,
    )
    first: dict[int, int] = {}
    for job_id, _, position, _, status in rows:
        if status in JOB_FINAL and job_id not in first:
            first[job_id] = position
            _reopen_job(batch, job_id, position, cause)
    for job_id, stage_id, _, _, _ in rows:
        if job_id not in first:
            stages.reopen_stage(batch, job_id, stage_id)
    tasks = Counter({stage_id: number for _, stage_id, _, number, _ in rows})
    batch.many(
        "UPDATE stage SET open_tasks = open_tasks + ? WHERE id = ?", [(n, s) for s, n in tasks.items()]
    )


def _reopen_job(batch: Batch, job_id: int, position: int, cause: Cause) -> None:
    jobs.reopen(batch, job_id, cause)
    spread_pause(batch, job_id)
    child_places.ask(batch, job_id)
    later = batch.rows(
        "SELECT id, position, is_finally FROM stage WHERE job_id = ? AND position >= ? ORDER BY position",
        job_id,
        position,
    )
    for stage_id, at, is_finally in later:
        if at == position:
            stages.reopen_stage(batch, job_id, stage_id)
            if is_finally:
                jobs.begin_finally(batch, job_id)
        else:
            stages.reset_stage(batch, job_id, stage_id)
