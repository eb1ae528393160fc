"""Carry out the operators' commands on jobs, tasks and queues.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from core.model import refusals
from core.model.commands.work import (
    Cancel,
    Fail,
    Force,
    Hold,
    Kill,
    Operated,
    Pause,
    Prioritise,
    Resume,
    Unhold,
)
from core.model.decisions import Verdict
from core.model.errors import Conflict, Invalid, NotFound, TaskdeckError
from core.model.outcomes import TaskError
from core.model.purges import purged_refusal
from core.model.refusals import Refusal, misfit_job, refuse_task
from core.model.status import TASK_FINAL, JobStatus, TaskStatus
from core.model.stored_text import json_or_note
from core.model.values import INBOX, JsonObject
from core.store.apply.children import child_stops
from core.store.apply.children.child_marks import spread_pause
from core.store.apply.claims import lanes
from core.store.apply.ends import give_verdict
from core.store.apply.groups.groups import sets_of
from core.store.apply.moves import idle, jobs, queueing
from core.store.apply.moves.idle import IdleTask
from core.store.apply.stops import stop_set, stop_tasks
from core.store.apply.waits import answers
from core.store.batch import Batch
from core.store.rows import PLACED, Cause, Subject, TaskPlace
from core.store.sql import among, ids, raw

_PURGED = (
    "SELECT at, actor, data FROM event INDEXED BY event_job WHERE job_id = ? AND job_id > 1"
    " AND kind = 'job.purged' LIMIT 1"
)
_READ = (
    f"SELECT {PLACED}, t.status, t.retry_at, job.status"
    " FROM json_each(?) AS j JOIN task t ON t.id = j.value JOIN job ON job.id = t.job_id ORDER BY t.id"
)
# The key moves by whole levels: when the task was queued is not asked, the wall clock may have been set.
_PRIORITISE = (
    "UPDATE task SET priority = ?1,"
    " sort_key = CASE WHEN status = 'queued' THEN sort_key + (priority - ?1) * ?2 ELSE sort_key END"
    f" WHERE id = ?3 AND {among(set(TaskStatus) - TASK_FINAL)}"
)
GIVEN_UP = "task.given_up"
"""Error code of a task that an operator gave up."""


class NamedTask(NamedTuple):
    """A task that a verb names, as it stands."""

    place: TaskPlace
    status: TaskStatus
    retry_at: int | None
    job_status: JobStatus

    @property
    def id(self) -> int:
        """Return the task's id."""
        return self.place.task_id


def apply_cancel(batch: Batch, command: Cancel) -> Operated | TaskdeckError:
    """Cancel a job by verdict, or single tasks: running ones are asked to stop, the others end at once."""
    if command.job_id is not None:
        return _cancel_job(batch, command, command.job_id)
    tasks, refused = read_tasks(batch, command.task_ids)
    cause = Cause(reason=command.reason, actor=command.actor, force=command.force)
    parents = child_stops.parents_among(batch, [task.id for task in tasks])
    idle_tasks, running, stopped = [], [], 0
    for task in tasks:
        if task.id in parents:
            if child_stops.stop(batch, parents[task.id], cause):
                stopped += 1
            else:
                refused.append(_is_asked(task))
        elif task.status is TaskStatus.RUNNING:
            running.append(task.id)
        elif task.status in TASK_FINAL:
            refused.append(refusals.ended(task.id, task.status))
        else:
            idle_tasks.append(IdleTask(task.place, task.status))
    asked = stop_tasks(batch, running, cause)
    batch.finals += idle.cancel_idle(batch, idle_tasks, cause)
    sets = sets_of(batch, [task.place.task_id for task in idle_tasks])
    batch.sets.update(sets)
    if command.force is Force.KILL:
        # Instances of a group that was cancelled are asked with grace otherwise.
        for set_id in sets:
            stop_set(batch, set_id, cause)
    return Operated(changed=len(asked) + len(idle_tasks) + stopped, refused=tuple(refused))


def apply_kill(batch: Batch, command: Kill) -> Operated:
    """End what runs of tasks at once; what does not run is refused, and so is what is killed already."""
    tasks, refused = read_tasks(batch, command.task_ids)
    running = [task.id for task in tasks if task.status is TaskStatus.RUNNING]
    cause = Cause(reason=command.reason, actor=command.actor, force=Force.KILL)
    asked = stop_tasks(batch, running, cause)
    parents = child_stops.parents_among(batch, [task.id for task in tasks])
    asked |= {task_id for task_id, parent in parents.items() if child_stops.stop(batch, parent, cause)}
    for task in tasks:
        if task.status in TASK_FINAL:
            refused.append(refusals.ended(task.id, task.status))
        elif task.status != TaskStatus.RUNNING and task.id not in parents:
            hint = f"'taskdeck cancel --task {task.id}' ends it"
            reason = f"it is {task.status}: nothing of it runs"
            refused.append(refusals.misfit(task.id, task.status, reason, hint=hint))
        elif task.id not in asked:
            hint = "wait for its end; 'taskdeck orphans' lists processes that live on after a kill"
            refused.append(refuse_task(task.id, "task.stopping", "it is being killed already", hint=hint))
    return Operated(changed=len(asked), refused=tuple(refused))


def apply_pause(batch: Batch, command: Pause) -> Operated | TaskdeckError:
    """Pause a job or a queue; pausing what is paused changes nothing."""
    if command.queue is not None:
        return _pause_queue(batch, command, command.queue)
    paused = _move_job(batch, command.job_id, partial(jobs.pause, batch, cause=_cause(command)))
    if isinstance(paused, Operated) and paused.changed and command.job_id is not None:
        spread_pause(batch, command.job_id)
    return paused


def apply_resume(batch: Batch, command: Resume) -> Operated | TaskdeckError:
    """Resume a job or a queue."""
    if command.queue is not None:
        return _resume_queue(batch, command, command.queue)
    resumed = _move_job(batch, command.job_id, partial(jobs.resume, batch, cause=_cause(command)))
    if isinstance(resumed, Operated) and resumed.changed and command.job_id is not None:
        spread_pause(batch, command.job_id)
    return resumed


def apply_hold(batch: Batch, command: Hold) -> Operated | TaskdeckError:
    """Hold queued, retrying and waiting tasks."""
    tasks, refused = read_tasks(batch, command.task_ids)
    changed, cause = 0, _cause(command)
    for task in tasks:
        named = IdleTask(task.place, task.status)
        if idle.hold(batch, named, cause):
            changed += 1
        else:
            reason = f"it is {task.status}; only queued, retrying and waiting tasks can be held"
            refused.append(refusals.misfit(task.id, task.status, reason))
    batch.sets.update(sets_of(batch, command.task_ids))
    return Operated(changed=changed, refused=tuple(refused))


def apply_unhold(batch: Batch, command: Unhold) -> Operated | TaskdeckError:
    """Release held tasks: queued, or retrying while their time lies ahead."""
    tasks, refused = read_tasks(batch, command.task_ids)
    changed, cause = 0, _cause(command)
    for task in tasks:
        if _unhold(batch, task, cause):
            changed += 1
        else:
            refused.append(refusals.misfit(task.id, task.status, f"it is {task.status}, not held"))
    return Operated(changed=changed, refused=tuple(refused))


def _unhold(batch: Batch, task: NamedTask, cause: Cause) -> bool:
    if answers.unhold(batch, task.place, cause):
        return True
    if task.retry_at is not None and task.retry_at > batch.now:
        return queueing.unhold_later(batch, task.place, cause, retry_at=task.retry_at)
    return queueing.unhold(batch, task.place, cause)


def _cause(command: Pause | Resume | Hold | Unhold | Fail) -> Cause:
    return Cause(reason=command.reason, actor=command.actor)


def apply_fail(batch: Batch, command: Fail) -> Operated | TaskdeckError:
    """Give held tasks up: they end as failed, with what follows for their jobs."""
    tasks, refused = read_tasks(batch, command.task_ids)
    message = command.reason or f"given up by {command.actor}"
    error = TaskError(code=GIVEN_UP, message=message).to_json()
    parents = child_stops.parents_among(batch, [task.id for task in tasks])
    changed = 0
    for task in tasks:
        if idle.fail_held(batch, task.place, error, _cause(command)):
            changed += 1
            if task.id in parents:
                child_stops.end_child(batch, parents[task.id], _cause(command))
            continue
        if task.status in TASK_FINAL:
            refused.append(refusals.ended(task.id, task.status))
            continue
        hint = f"'taskdeck hold --task {task.id}' first, or 'taskdeck cancel --task {task.id}'"
        refused.append(refusals.misfit(task.id, task.status, f"it is {task.status}, not held", hint=hint))
    batch.sets.update(sets_of(batch, command.task_ids))
    return Operated(changed=changed, refused=tuple(refused))


def apply_prioritise(batch: Batch, command: Prioritise) -> Operated:
    """Give tasks another priority; queued ones take their new place in the lane at once."""
    tasks, refused = read_tasks(batch, command.task_ids)
    changed = 0
    for task in tasks:
        (before,) = batch.rows("SELECT priority FROM task WHERE id = ?", task.id)[0]
        if before == command.priority:
            reason, hint = f"it has priority {before} already", "name another one, or leave it as it is"
            refused.append(refuse_task(task.id, "task.same", reason, hint=hint, priority=before))
            continue
        if batch.run(_PRIORITISE, command.priority, batch.aging_step, task.id) != 1:
            refused.append(refusals.ended(task.id, task.status))
            continue
        changed += 1
        batch.reorder_lane(task.place)
        note: JsonObject = {"priority": command.priority, "before": before}
        if command.reason:
            note["reason"] = command.reason
        batch.task_event("task.prioritised", task.place, actor=command.actor, data=note)
    return Operated(changed=changed, refused=tuple(refused))


def refuse_inbox(done: str, which: str, *, verb: str) -> Conflict:
    """Refuse a verb on the inbox as a whole, with how to say what was meant."""
    return Conflict(
        "job.inbox",
        f"job {INBOX} is the inbox, with all loose tasks; it is not {done} as a whole: {which}",
        hint=f"name tasks: 'taskdeck {verb} {INBOX}/KEY', --task ID, or --where 'job:{INBOX} ...'",
        facts={"job": INBOX},
    )


def _is_asked(task: NamedTask) -> Refusal:
    reason = "it was asked already; it ends when its child has ended"
    hint = f"wait for that, or end it at once: 'taskdeck kill --task {task.id} --reason ...'"
    return refuse_task(task.id, "task.stopping", reason, hint=hint)


class TasksRead(NamedTuple):
    """The tasks that a verb names, and those that do not exist."""

    tasks: list[NamedTask]
    refused: list[Refusal]


def read_tasks(batch: Batch, task_ids: tuple[int, ...]) -> TasksRead:
    """Read tasks for a verb, each id once, in order of id; what does not exist is refused."""
    if not task_ids:
        return TasksRead([], [])
    tasks = [
        NamedTask(TaskPlace(*place), TaskStatus(status), retry_at, JobStatus(job_status))
        for *place, status, retry_at, job_status in batch.rows(_READ, ids(dict.fromkeys(task_ids)))
    ]
    missing = set(task_ids) - {task.id for task in tasks}
    return TasksRead(tasks, [*map(refusals.unknown_task, sorted(missing))])


def _cancel_job(batch: Batch, command: Cancel, job_id: int) -> Operated | TaskdeckError:
    if job_id == INBOX:
        counts = batch.task_counts("job", INBOX)
        number = sum(n for status, n in counts.items() if status not in TASK_FINAL)
        return refuse_inbox("cancelled", f"{number} of them have not ended", verb="cancel")
    status = _job_status(batch, job_id)
    if isinstance(status, TaskdeckError):
        return status
    reason = command.reason or f"cancelled by {command.actor}"
    verdict = Verdict(status=JobStatus.CANCELLED, reason=reason)
    if not give_verdict(batch, job_id, verdict, actor=command.actor, force=command.force):
        # What an ending job still waits for may be killed, and its `finally` be cut short.
        cause = Cause(reason=reason, actor=command.actor, force=command.force)
        asked = child_stops.press(batch, job_id, cause)
        refused = () if asked else (misfit_job(job_id, status, f"the job is {status} already"),)
        return Operated(changed=asked, refused=refused)
    if command.force is Force.KILL:
        cause = Cause(reason=reason, actor=command.actor, force=command.force)
        child_stops.stop_children(batch, job_id, cause, spared=0, limit=-1)
    (left,) = batch.rows("SELECT coalesce(sum(open_tasks), 0) FROM stage WHERE job_id = ?", job_id)[0]
    return Operated(changed=int(left))


def _pause_queue(batch: Batch, command: Pause, queue: str) -> Operated | TaskdeckError:
    if batch.one("SELECT 1 FROM queue WHERE name = CAST(? AS TEXT)", raw(queue)) is None:
        return _no_queue(batch, queue)
    changed = batch.run(
        "UPDATE queue SET paused_at = ?, paused_by = CAST(? AS TEXT), pause_reason = CAST(? AS TEXT)"
        " WHERE name = CAST(? AS TEXT) AND paused_at IS NULL",
        batch.wall,
        raw(command.actor),
        raw(command.reason),
        raw(queue),
    )
    if changed:
        lanes.shut_queue(batch, queue)
        note: JsonObject = {"queue": queue, "reason": command.reason}
        batch.event("queue.paused", Subject(), actor=command.actor, data=note)
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
        lanes.open_queue(batch, queue)
        note: JsonObject = {"queue": queue, **_cause(command).note}
        batch.event("queue.resumed", Subject(), actor=command.actor, data=note)
    return Operated(changed=changed)


def _move_job(batch: Batch, job_id: int | None, move: Callable[[int], bool]) -> Operated | TaskdeckError:
    """Move a job; one that the move does not fit is refused with the status it had."""
    if job_id is None:
        return Invalid("target.none", "neither a job nor a queue was named", hint="name a job or a queue")
    status = _job_status(batch, job_id)
    if isinstance(status, TaskdeckError):
        return status
    if move(job_id):
        return Operated(changed=1)
    return Operated(changed=0, refused=(misfit_job(job_id, status, f"the job is {status}"),))


def _job_status(batch: Batch, job_id: int) -> str | TaskdeckError:
    row = batch.one("SELECT status FROM job WHERE id = ?", job_id)
    if row is None:
        return unknown_job(batch, job_id)
    return str(row[0])


def _no_queue(batch: Batch, queue: str) -> NotFound:
    known = [name for (name,) in batch.rows("SELECT name FROM queue ORDER BY name LIMIT 20")]
    return NotFound(
        "queue.unknown",
        f"queue {queue!r} does not exist",
        hint=f"known queues: {', '.join(known)}",
        facts={"queue": queue},
    )


def unknown_job(batch: Batch, job_id: int) -> NotFound:
    """Return the refusal of a job that is not there: when it was purged and by whom, if it was."""
    if (purged := batch.one(_PURGED, job_id)) is not None:
        told = json_or_note(purged[2])
        facts = told if isinstance(told, dict) else {}
        return purged_refusal("job", job_id, at=purged[0], actor=purged[1], facts=facts)
    return NotFound(
        "job.unknown",
        f"job {job_id} does not exist",
        hint="'taskdeck jobs' lists them",
        facts={"job": job_id},
    )
