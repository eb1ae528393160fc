"""Carry out what operators ask: cancel, kill, pause, resume, hold, unhold, fail."""

from __future__ import annotations

from core.model.commands import Cancel, Fail, Force, Hold, Kill, Operated, Pause, Resume, Unhold
from core.model.errors import Conflict, Invalid, NotFound, TaskdeckError
from core.model.outcomes import TaskError
from core.model.status import JOB, TASK, TASK_FINAL, JobStatus, Move, TaskStatus
from core.model.values import INBOX, JsonObject
from core.store.apply.ends import give_verdict
from core.store.apply.stops import Cause, stop_job, stop_tasks
from core.store.apply.verdicts import cancel_idle
from core.store.batch import Batch
from core.store.sql import guard, ids, pack, raw

_READ = (
    "SELECT t.id, t.job_id, t.stage_id, t.queue, t.lane_id, t.status, t.epoch, t.stop_at, t.retry_at,"
    " job.status FROM json_each(?) AS j JOIN task t ON t.id = j.value JOIN job ON job.id = t.job_id"
    " ORDER BY t.id"
)
_HOLD = f"UPDATE task SET status = 'held' WHERE id = ? AND {guard(TASK['hold'])}"
_UNHOLD = (
    "UPDATE task SET status = ?, queued_at = coalesce(?, queued_at), retry_at = ?,"
    " sort_key = CASE WHEN ? IS NULL THEN sort_key ELSE ? - priority * ? END"
    f" WHERE id = ? AND {guard(TASK['unhold'])}"
)
_FAIL = (
    "UPDATE task SET status = 'failed', finished_at = ?, retry_at = NULL, error = ?"
    " WHERE id = ? AND status = 'held'"
)
GIVEN_UP = "task.given_up"
"""Error code of a task that an operator gave up."""


def apply_cancel(batch: Batch, command: Cancel) -> Operated | TaskdeckError:
    """Cancel a job by verdict, or single tasks: running ones are asked to stop, the others end at once."""
    if command.job_id is not None:
        return _cancel_job(batch, command, command.job_id)
    rows, refused = read_tasks(batch, command.task_ids)
    idle, running = [], []
    for row in rows:
        status = TaskStatus(row[5])
        if status is TaskStatus.RUNNING:
            running.append(row[0])
        elif status in TASK_FINAL:
            refused.append((row[0], f"it is {status} already"))
        else:
            idle.append(row[:6])
    cause = Cause(reason=command.reason, actor=command.actor, force=command.force)
    asked = stop_tasks(batch, running, cause)
    batch.finals += cancel_idle(batch, idle, actor=command.actor)
    return Operated(changed=len(asked) + len(idle), refused=tuple(refused))


def apply_kill(batch: Batch, command: Kill) -> Operated:
    """End what runs of tasks at once; what does not run is refused, and so is what is killed already."""
    rows, refused = read_tasks(batch, command.task_ids)
    running = [row[0] for row in rows if row[5] == TaskStatus.RUNNING]
    cause = Cause(reason=command.reason, actor=command.actor, force=Force.KILL)
    asked = stop_tasks(batch, running, cause)
    for task_id, *_, status in (row[:6] for row in rows):
        if status in TASK_FINAL:
            refused.append((task_id, f"it is {status} already"))
        elif status != TaskStatus.RUNNING:
            refused.append((task_id, f"it is {status}: nothing of it runs"))
        elif task_id not in asked:
            refused.append((task_id, "it is being killed already"))
    return Operated(changed=len(asked), refused=tuple(refused))


def apply_pause(batch: Batch, command: Pause) -> Operated | TaskdeckError:
    """Pause a job or a queue; pausing what is paused changes nothing."""
    if command.queue is not None:
        return _pause_queue(batch, command, command.queue)
    if command.job_id is None:
        return _nothing_named()
    note: JsonObject = {"reason": command.reason} if command.reason else {}
    return _move_job(batch, command.job_id, JOB["pause"], (command.actor, note))


def apply_resume(batch: Batch, command: Resume) -> Operated | TaskdeckError:
    """Resume a job or a queue."""
    if command.queue is not None:
        return _resume_queue(batch, command, command.queue)
    if command.job_id is None:
        return _nothing_named()
    row = batch.one("SELECT started_at FROM job WHERE id = ?", command.job_id)
    move = JOB["resume"] if row is None or row[0] is not None else JOB["resume_unstarted"]
    return _move_job(batch, command.job_id, move, (command.actor, {}))


def apply_hold(batch: Batch, command: Hold) -> Operated | TaskdeckError:
    """Hold queued and retrying tasks."""
    rows, refused = read_tasks(batch, command.task_ids)
    changed = 0
    for row in rows:
        if batch.run(_HOLD, row[0]) != 1:
            refused.append((row[0], f"it is {row[5]}; only queued and retrying tasks can be held"))
            continue
        changed += 1
        batch.moved(row[1:4], TASK["hold"], row[5])
        batch.queued(row[4])
        note: JsonObject = {"reason": command.reason} if command.reason else {}
        batch.event(TASK["hold"].event, (row[1], row[0], None), actor=command.actor, data=note)
    return Operated(changed=changed, refused=tuple(refused))


def apply_unhold(batch: Batch, command: Unhold) -> Operated | TaskdeckError:
    """Let held tasks go on: queued, or retrying while their time lies ahead."""
    rows, refused = read_tasks(batch, command.task_ids)
    changed = 0
    for row in rows:
        if not unhold(batch, row, command.actor):
            refused.append((row[0], f"it is {row[5]}, not held"))
            continue
        changed += 1
    return Operated(changed=changed, refused=tuple(refused))


def unhold(batch: Batch, row: tuple, actor: str) -> bool:  # type: ignore[type-arg]
    """Unhold one task read by `read_tasks`; False when it is not held."""
    later = row[8] is not None and row[8] > batch.now
    move = TASK["unhold_later"] if later else TASK["unhold"]
    moment = None if later else batch.now
    retry_at = row[8] if later else None
    args = (move.target, moment, retry_at, moment, moment, batch.aging_step, row[0])
    if batch.run(_UNHOLD, *args) != 1:
        return False
    batch.moved(row[1:4], move, TaskStatus.HELD)
    batch.queued(row[4])
    note: JsonObject = {"retry_at": retry_at} if later else {}
    batch.event(move.event, (row[1], row[0], None), actor=actor, data=note)
    return True


def apply_fail(batch: Batch, command: Fail) -> Operated | TaskdeckError:
    """Give held tasks up: they end as failed, with what follows for their jobs."""
    rows, refused = read_tasks(batch, command.task_ids)
    message = command.reason or f"given up by {command.actor}"
    error = TaskError(code=GIVEN_UP, message=message).to_json()
    changed = 0
    for task_id, job_id, stage_id, queue, _, status, *_ in rows:
        if batch.run(_FAIL, batch.now, pack(error), task_id) != 1:
            already = f"it is {status} already" if status in TASK_FINAL else f"it is {status}, not held"
            refused.append((task_id, already))
            continue
        changed += 1
        batch.moved((job_id, stage_id, queue), TASK["give_up"], TaskStatus.HELD)
        batch.final(task_id, (job_id, stage_id, queue), TaskStatus.FAILED)
        subject = (job_id, task_id, None)
        batch.event(TASK["give_up"].event, subject, actor=command.actor, data={"error": error})
    return Operated(changed=changed, refused=tuple(refused))


def read_tasks(batch: Batch, task_ids: tuple[int, ...]) -> tuple[list[tuple], list[tuple[int, str]]]:  # type: ignore[type-arg]
    """Read tasks for a verb, each id once; what does not exist is refused."""
    if not task_ids:
        return [], []
    rows = batch.rows(_READ, ids(dict.fromkeys(task_ids)))
    missing = set(task_ids) - {row[0] for row in rows}
    return rows, [(task_id, "there is no such task") for task_id in sorted(missing)]


def _cancel_job(batch: Batch, command: Cancel, job_id: int) -> Operated | TaskdeckError:
    if job_id == INBOX:
        return Conflict(
            "job.inbox",
            "the inbox cannot be cancelled",
            hint="cancel its tasks: 'taskdeck cancel --where group:NAME'",
        )
    status = _job_status(batch, job_id)
    if isinstance(status, TaskdeckError):
        return status
    reason = command.reason or f"cancelled by {command.actor}"
    cause = Cause(reason=reason, actor=command.actor, force=command.force)
    if not give_verdict(batch, job_id, "cancelled", cause):
        # What an ending job still waits for may be killed.
        asked = stop_job(batch, job_id, cause) if command.force is Force.KILL else frozenset()
        refused = () if asked else ((job_id, f"the job is {status} already"),)
        return Operated(changed=len(asked), refused=refused)
    (left,) = batch.rows("SELECT coalesce(sum(open_tasks), 0) FROM stage WHERE job_id = ?", job_id)[0]
    return Operated(changed=int(left))


def _pause_queue(batch: Batch, command: Pause, queue: str) -> Operated | TaskdeckError:
    if batch.one("SELECT 1 FROM queue WHERE name = CAST(? AS TEXT)", raw(queue)) is None:
        return _no_queue(batch, queue)
    changed = batch.run(
        "UPDATE queue SET paused_at = ?, paused_by = CAST(? AS TEXT), pause_reason = CAST(? AS TEXT)"
        " WHERE name = CAST(? AS TEXT) AND paused_at IS NULL",
        batch.now,
        raw(command.actor),
        raw(command.reason),
        raw(queue),
    )
    if changed:
        note: JsonObject = {"queue": queue, "reason": command.reason}
        batch.event("queue.paused", (None, None, None), actor=command.actor, data=note)
    return Operated(changed=changed)


def _resume_queue(batch: Batch, command: Resume, queue: str) -> Operated | TaskdeckError:
    if batch.one("SELECT 1 FROM queue WHERE name = CAST(? AS TEXT)", raw(queue)) is None:
        return _no_queue(batch, queue)
    changed = batch.run(
        "UPDATE queue SET paused_at = NULL, paused_by = NULL, pause_reason = NULL"
        " WHERE name = CAST(? AS TEXT) AND paused_at IS NOT NULL",
        raw(queue),
    )
    if changed:
        batch.event("queue.resumed", (None, None, None), actor=command.actor, data={"queue": queue})
    return Operated(changed=changed)


def _move_job(
    batch: Batch, job_id: int, move: Move[JobStatus], cause: tuple[str, JsonObject]
) -> Operated | TaskdeckError:
    status = _job_status(batch, job_id)
    if isinstance(status, TaskdeckError):
        return status
    if batch.run(f"UPDATE job SET status = ? WHERE id = ? AND {guard(move)}", move.target, job_id) != 1:
        return Operated(changed=0, refused=((job_id, f"the job is {status}"),))
    batch.event(move.event, (job_id, None, None), actor=cause[0], data=cause[1])
    return Operated(changed=1)


def _job_status(batch: Batch, job_id: int) -> str | TaskdeckError:
    row = batch.one("SELECT status FROM job WHERE id = ?", job_id)
    if row is None:
        return NotFound("job.unknown", f"there is no job {job_id}", hint="'taskdeck jobs' lists them")
    return str(row[0])


def _no_queue(batch: Batch, queue: str) -> NotFound:
    known = [name for (name,) in batch.rows("SELECT name FROM queue ORDER BY name LIMIT 20")]
    return NotFound("queue.unknown", f"there is no queue {queue!r}", hint=f"known queues: {', '.join(known)}")


def _nothing_named() -> Invalid:
    return Invalid("target.none", "neither a job nor a queue was named", hint="name a job or a queue")
