"""Moves of groups: into the wait for instances, out, back.

Called by what makes and decides groups, and by reruns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from core.model.outcomes import TaskError
from core.model.status import TASK, TaskStatus
from core.model.values import JsonObject
from core.store.apply.moves import jobs
from core.store.apply.moves.attempts import error_note
from core.store.apply.moves.idle import note_end
from core.store.batch import Batch
from core.store.rows import PLACE, Cause, TaskPlace, by_task_id
from core.store.sql import guard, ids, pack, raw

_BEGIN = (
    "UPDATE task SET status = 'waiting', started_at = ?, wait_reason = NULL, status_by = NULL,"
    f" status_reason = NULL WHERE id = ? AND wait_reason = 'condition' AND {guard(TASK['await_answer'])}"
    f" RETURNING {PLACE}"
)
_EMPTY = (
    "UPDATE task SET status = 'succeeded', finished_at = ?, wait_reason = NULL, output = ?, status_by = NULL,"
    f" status_reason = 'empty' WHERE id = ? AND wait_reason = 'condition' AND {guard(TASK['succeed_empty'])}"
    f" RETURNING {PLACE}"
)
_SUCCEED = (
    "UPDATE task SET status = 'succeeded', finished_at = ?, output = ?, error = NULL, status_by = NULL,"
    f" status_reason = ? WHERE id = ? AND {guard(TASK['answer_succeeded'])}"
)
_FAIL = (
    "UPDATE task SET status = 'failed', finished_at = ?, output = NULL, error = ?,"
    " family = coalesce(?, family), status_by = NULL, status_reason = NULL"
    f" WHERE id = ? AND {guard(TASK['answer_failed'])}"
)
_UNHOLD = (
    "UPDATE task SET status = 'waiting', status_by = CAST(? AS TEXT), status_reason = CAST(? AS TEXT)"
    f" WHERE id = ? AND {guard(TASK['unhold_waiting'])} AND id IN (SELECT task_id FROM instance_set)"
)
_BEFORE = "SELECT id, status, tolerated FROM task WHERE id IN (SELECT value FROM json_each(?))"
_REOPEN = (
    "UPDATE task SET status = 'waiting', generation = generation + 1, tries = 0, losses = 0, bounces = 0,"
    " started_at = ?, queued_at = NULL, finished_at = NULL, output = NULL, error = NULL, tolerated = 0,"
    " status_by = CAST(? AS TEXT), status_reason = CAST(? AS TEXT)"
    f" WHERE id IN (SELECT value FROM json_each(?)) AND {guard(TASK['rerun_waiting'])} RETURNING {PLACE}"
)


def begin_group(batch: Batch, task_id: int, facts: JsonObject) -> bool:
    """Let a group wait for its instances; False = it does not wait for that judgement."""
    places = batch.places(_BEGIN, batch.wall, task_id)
    for place in places:
        batch.task_moved(place, TASK["await_answer"], data=facts)
        # A job that waits has begun, though nothing of it was claimed.
        jobs.start(batch, [place.job_id])
    return bool(places)


def succeed_empty(batch: Batch, task_id: int, output: JsonObject) -> bool:
    """End a group without items; False = it does not wait for that judgement."""
    places = batch.places(_EMPTY, batch.wall, pack(output), task_id)
    for place in places:
        jobs.start(batch, [place.job_id])
        note_end(batch, place, TASK["succeed_empty"], {"output": output, "reason": "empty", "empty": True})
    return bool(places)


def succeed_group(batch: Batch, place: TaskPlace, output: JsonObject, *, reason: str) -> None:
    """End a waiting group as its instances want it; what is not waiting is left as it is."""
    if batch.run(_SUCCEED, batch.wall, pack(output), reason or None, place.task_id) == 1:
        note: JsonObject = {"output": output, **({"reason": reason} if reason else {})}
        note_end(batch, place, TASK["answer_succeeded"], note)


def fail_group(batch: Batch, place: TaskPlace, error: TaskError) -> None:
    """End a waiting group that its instances failed; what is not waiting is left as it is."""
    stored = error.to_json()
    if batch.run(_FAIL, batch.wall, pack(stored), batch.families.id_of(stored), place.task_id) == 1:
        note_end(batch, place, TASK["answer_failed"], error_note(stored, batch.families.note(stored, place)))


def unhold_group(batch: Batch, place: TaskPlace, cause: Cause) -> bool:
    """Let a held group wait on for its instances; False = it is not held, or not a group."""
    if batch.run(_UNHOLD, raw(cause.actor), raw(cause.reason or None), place.task_id) != 1:
        return False
    batch.task_moved(place, TASK["unhold_waiting"], actor=cause.actor, data=cause.note)
    return True


def reopen_groups(batch: Batch, task_ids: Iterable[int], cause: Cause) -> Sequence[TaskPlace]:
    """Let ended groups wait again for instances that run again; return them."""
    listed = ids(task_ids)
    before = {task_id: (status, tolerated) for task_id, status, tolerated in batch.rows(_BEFORE, listed)}
    bound = (batch.wall, raw(cause.actor), raw(cause.reason or None), listed)
    places = sorted(batch.places(_REOPEN, *bound), key=by_task_id)
    for place in places:
        status, tolerated = before[place.task_id]
        if tolerated:
            batch.count_tolerated(place, -1)
        move = TASK["rerun_waiting"].leaving(TaskStatus(status))
        note: JsonObject = {"status": TaskStatus.WAITING, **cause.note}
        batch.task_moved(place, move, actor=cause.actor, data=note)
    if places:
        # A group may fail again in this batch, with an error of another family.
        batch.families.flush()
    return places
