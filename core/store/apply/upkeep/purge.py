"""Purge ended jobs and loose tasks, in bites.

Called through the table in `core.store.dispatch`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from core.model.commands.purges import FilesRemoved, Purge, Purged, RemoveOutputs, SweepPayloads, SweepPurged
from core.model.purges import (
    JobFacts,
    LooseFacts,
    OutputFacts,
    why_job_stays,
    why_loose_stays,
    why_outputs_stay,
)
from core.model.refusals import Refusal, unknown_job, unknown_task
from core.model.status import TaskStatus
from core.model.values import INBOX, JsonObject
from core.store.apply.upkeep.purged_counts import keep_for_gauges, take_out_of_ends, take_out_of_families
from core.store.apply.upkeep.purged_facts import counted, keep_ids, note_at_once
from core.store.batch import Batch
from core.store.purge_facts import JOB_FACTS, LOOSE_FACTS, OUTPUT_FACTS
from core.store.rows import PLACE, Cause, Subject, TaskPlace
from core.store.sql import ids, pack

ROWS_PER_BATCH = 1_000
"""Rows that one batch deletes at the most, and those of one task more."""
ROWS_EACH = 6
"""Rows that a batch deletes in place of one consequence that it may carry out."""
JOBS_PER_SWEEP = 50
"""Jobs without tasks whose own rows one batch deletes."""
_TASKS_READ = 300

_LISTED = "(SELECT value FROM json_each(?))"
_OF_JOB = f"SELECT {PLACE}, status, epoch FROM task INDEXED BY task_list WHERE job_id = ? LIMIT {_TASKS_READ}"
_PLACES = f"SELECT {PLACE}, status, epoch FROM task WHERE id IN {_LISTED} ORDER BY id"
_HISTORY = "SELECT count(*) FROM event INDEXED BY event_task WHERE task_id = ?"
_DELETE = (
    f"DELETE FROM edge WHERE need_id IN {_LISTED}",
    f"DELETE FROM edge WHERE task_id IN {_LISTED}",
    f"DELETE FROM attempt WHERE task_id IN {_LISTED}",
    f"DELETE FROM work_item_entry WHERE item_id IN (SELECT id FROM work_item WHERE task_id IN {_LISTED})",
    f"DELETE FROM work_item WHERE task_id IN {_LISTED}",
    f"DELETE FROM followup WHERE kind = 'task' AND id IN {_LISTED}",
    f"DELETE FROM task WHERE id IN {_LISTED}",
)
_TOLERATED = f"SELECT {PLACE} FROM task WHERE tolerated AND id IN {_LISTED}"
_DELETE_EVENTS = f"DELETE FROM event WHERE task_id IN {_LISTED}"
_DELETE_ARTIFACTS = f"DELETE FROM artifact WHERE task_id IN {_LISTED}"
_REMOVE = (
    "INSERT INTO removal (task_id, epoch) VALUES (?, ?)"
    " ON CONFLICT (task_id) DO UPDATE SET epoch = max(epoch, excluded.epoch)"
)
_EMPTY = f"SELECT job_id, event FROM purge WHERE is_empty LIMIT {JOBS_PER_SWEEP}"
_OF_STAGES = f"SELECT CAST(id AS TEXT) FROM stage WHERE job_id IN {_LISTED}"
_OF_SETS = f"SELECT CAST(id AS TEXT) FROM instance_set WHERE job_id IN {_LISTED}"
_SWEEP = (
    f"DELETE FROM counter WHERE scope IN ('stage', 'stage_tolerated') AND ref IN ({_OF_STAGES})",
    (
        "DELETE FROM counter WHERE scope IN ('job', 'job_tolerated')"
        " AND ref IN (SELECT CAST(value AS TEXT) FROM json_each(?))"
    ),
    f"DELETE FROM followup WHERE kind = 'dear' AND id IN (SELECT id FROM lane WHERE job_id IN {_LISTED})",
    f"DELETE FROM followup WHERE kind = 'stage' AND id IN (SELECT id FROM stage WHERE job_id IN {_LISTED})",
    f"DELETE FROM followup WHERE kind IN ('job', 'lanes') AND id IN {_LISTED}",
    f"DELETE FROM counter WHERE scope = 'set' AND ref IN ({_OF_SETS})",
    f"DELETE FROM followup WHERE kind = 'set' AND CAST(id AS TEXT) IN ({_OF_SETS})",
    f"DELETE FROM instance_page WHERE set_id IN (SELECT id FROM instance_set WHERE job_id IN {_LISTED})",
    f"DELETE FROM instance_set WHERE job_id IN {_LISTED}",
    f"DELETE FROM lane WHERE job_id IN {_LISTED}",
    f"DELETE FROM stage WHERE job_id IN {_LISTED}",
    f"DELETE FROM pinned_text WHERE job_id IN {_LISTED}",
    f"DELETE FROM variable WHERE job_id IN {_LISTED}",
    # What is said of others, and of the purge, stays true.
    (
        f"DELETE FROM event WHERE job_id > 1 AND job_id IN {_LISTED}"
        " AND kind NOT IN ('job.purged', 'expectation.met')"
    ),
    f"DELETE FROM job WHERE id IN {_LISTED}",
    f"DELETE FROM purge WHERE job_id IN {_LISTED}",
)


class _Task(NamedTuple):
    """A task whose rows go."""

    place: TaskPlace
    status: TaskStatus
    epoch: int


class _Room:
    """How many rows the batch may still delete."""

    def __init__(self, batch: Batch) -> None:
        self.left = min(ROWS_PER_BATCH, ROWS_EACH * batch.limit)
        self.tasks = self.events = 0

    def taken(self, batch: Batch, tasks: Sequence[_Task]) -> list[_Task]:
        """Return as many of the tasks as there is room for; at least one while there is any."""
        chosen: list[_Task] = []
        for task in tasks:
            if self.left <= 0:
                break
            ((events,),) = batch.rows(_HISTORY, task.place.task_id)
            self.left -= 1 + task.epoch + events
            self.events += events
            chosen.append(task)
        self.tasks += len(chosen)
        return chosen


def apply_purge(batch: Batch, command: Purge) -> Purged:
    """Take as much as fits; refuse what has not ended, is pinned, or has a key that lasts."""
    room, refused, done, left, files = _Room(batch), list[Refusal](), 0, list[int](), list[int]()
    batch.flush_counts()
    jobs = batch.typed(JobFacts, JOB_FACTS, batch.now, ids(command.job_ids))
    missing = sorted({*command.job_ids} - {job.id for job in jobs})
    refused += map(unknown_job, missing)
    for job in jobs:
        stays = why_job_stays(job)
        if stays is not None:
            refused.append(stays)
        elif room.left <= 0:
            left.append(job.id)
        else:
            tasks = _purge_job(batch, job, command, room=room)
            files += tasks.files
            left += () if tasks.is_empty else (job.id,)
            done += tasks.is_empty
    if command.task_ids and not jobs:
        loose = _loose(batch, command)
        refused += loose.refused
        chosen = room.taken(batch, loose.tasks)
        files += _purge_loose(batch, chosen, command)
        left += [task.place.task_id for task in loose.tasks[len(chosen) :]]
    return Purged(
        jobs=done,
        tasks=room.tasks,
        events=room.events,
        refused=tuple(refused),
        left=tuple(left),
        files=tuple(files),
    )


def apply_sweep_purged(batch: Batch, _: SweepPurged) -> int:
    """Delete what jobs without tasks have left; no row refers to it any more."""
    batch.flush_facts()
    rows = batch.rows(_EMPTY)
    listed = ids(job_id for job_id, _ in rows)
    for job_id, event in rows:
        keep_ids(batch, "job", [job_id], event=event)
    for statement in _SWEEP if rows else ():
        batch.run(statement, listed)
    return len(rows)


def apply_sweep_payloads(batch: Batch, command: SweepPayloads) -> int:
    """Delete texts; return how many."""
    sql = f"DELETE FROM payload WHERE hash IN {_LISTED} AND used_at < ?"
    return batch.run(sql, pack([*command.hashes]), command.before)


def apply_remove_outputs(batch: Batch, command: RemoveOutputs) -> Purged:
    """Decide that outputs go; those of unfinished jobs and of what is pinned stay."""
    sizes = {one.task_id: one.size for one in command.outputs}
    refused, chosen = list[Refusal](), dict[int, int]()
    for task in batch.typed(OutputFacts, OUTPUT_FACTS, batch.now, ids(sizes)):
        stays = why_outputs_stay(task)
        if stays is None:
            chosen[task.id] = task.epoch
        else:
            refused.append(stays)
    if chosen:
        facts = counted(
            tasks=len(chosen),
            bytes=sum(sizes[task_id] for task_id in chosen),
            first=min(chosen),
            last=max(chosen),
            cause=str(command.cause),
        )
        cause = Cause(reason=command.reason, actor=command.actor)
        event = note_at_once(batch, "outputs.removed", Subject(), _with(cause, facts))
        keep_ids(batch, "output", chosen, event=event)
        batch.many(_REMOVE, list(chosen.items()))
        batch.run(_DELETE_ARTIFACTS, ids(chosen))
    return Purged(tasks=len(chosen), refused=tuple(refused), files=tuple(chosen))


def apply_files_removed(batch: Batch, command: FilesRemoved) -> None:
    """Forget removals that were carried out."""
    batch.run(f"DELETE FROM removal WHERE task_id IN {_LISTED}", ids(command.task_ids))


class _Purging(NamedTuple):
    """How far the purge of a job came: whether no task is left, and the tasks whose files go."""

    is_empty: bool
    files: list[int]


def _purge_job(batch: Batch, job: JobFacts, command: Purge, *, room: _Room) -> _Purging:
    event = _begin(batch, job, command) if job.event is None else job.event
    files: list[int] = []
    while room.left > 0:
        tasks = [
            _Task(TaskPlace(*place), TaskStatus(status), epoch)
            for *place, status, epoch in batch.rows(_OF_JOB, job.id)
        ]
        files += _delete(batch, room.taken(batch, tasks), event=event)
        if batch.one("SELECT 1 FROM task INDEXED BY task_list WHERE job_id = ? LIMIT 1", job.id) is None:
            batch.run("UPDATE purge SET is_empty = 1 WHERE job_id = ?", job.id)
            return _Purging(is_empty=True, files=files)
    return _Purging(is_empty=False, files=files)


def _begin(batch: Batch, job: JobFacts, command: Purge) -> int:
    """Note that a job goes; from here on it does, also after a crash."""
    counts = batch.task_counts("job", job.id)
    facts: JsonObject = {
        "name": job.name,
        "status": job.status,
        "finished_at": job.finished_at,
        "tasks": {str(status): number for status, number in counts.items()},
        **counted(first=job.first_task, last=job.last_task, cause=str(command.cause)),
    }
    cause = Cause(reason=command.reason, actor=command.actor)
    event = note_at_once(batch, "job.purged", Subject(job.id), _with(cause, facts))
    batch.run("INSERT INTO purge (job_id, event) VALUES (?, ?)", job.id, event)
    return event


class _Loose(NamedTuple):
    """Loose tasks that go, and the others with the reason."""

    tasks: list[_Task]
    refused: list[Refusal]


def _loose(batch: Batch, command: Purge) -> _Loose:
    facts = batch.typed(LooseFacts, LOOSE_FACTS, batch.now, ids(command.task_ids))
    stays = {one.id: refusal for one in facts if (refusal := why_loose_stays(one)) is not None}
    refused = [*stays.values()]
    missing = sorted({*command.task_ids} - {one.id for one in facts})
    refused += map(unknown_task, missing)
    rows = batch.rows(_PLACES, ids(one.id for one in facts if one.id not in stays))
    return _Loose(
        [_Task(TaskPlace(*place), TaskStatus(status), epoch) for *place, status, epoch in rows], refused
    )


def _purge_loose(batch: Batch, tasks: Sequence[_Task], command: Purge) -> list[int]:
    if not tasks:
        return []
    numbers = [task.place.task_id for task in tasks]
    facts = counted(tasks=len(tasks), first=min(numbers), last=max(numbers), cause=str(command.cause))
    cause = Cause(reason=command.reason, actor=command.actor)
    event = note_at_once(batch, "task.purged", Subject(INBOX), _with(cause, facts))
    return _delete(batch, tasks, event=event)


def _delete(batch: Batch, tasks: Sequence[_Task], *, event: int) -> list[int]:
    """Delete tasks with all that is theirs; return those that may have files."""
    if not tasks:
        return []
    listed = ids(task.place.task_id for task in tasks)
    for task in tasks:
        batch.count_gone(task.place, task.status)
    for place in batch.places(_TOLERATED, listed):
        batch.count_tolerated(place, -1)
    # The families are read from the rows.
    batch.families.flush()
    take_out_of_families(batch, listed)
    take_out_of_ends(batch, listed)
    keep_for_gauges(batch, listed)
    batch.run(_DELETE_EVENTS, listed)
    for statement in _DELETE:
        batch.run(statement, listed)
    keep_ids(batch, "task", (task.place.task_id for task in tasks), event=event)
    with_files = [(task.place.task_id, task.epoch) for task in tasks if task.epoch]
    batch.many(_REMOVE, with_files)
    return [task_id for task_id, _ in with_files]


def _with(cause: Cause, facts: JsonObject) -> Cause:
    return Cause(reason=cause.reason, actor=cause.actor, facts=facts)


def purging(batch: Batch, task_ids: Sequence[int]) -> Iterator[int]:
    """Yield the tasks whose job is being purged."""
    rows = batch.rows(
        f"SELECT t.id FROM task t JOIN purge p ON p.job_id = t.job_id WHERE t.id IN {_LISTED}", ids(task_ids)
    )
    yield from (task_id for (task_id,) in rows)
