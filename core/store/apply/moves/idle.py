"""Moves of tasks that hold no slot: hold, skip, cancel, give up.

Called by the consequences, the judgements, the verdicts and the operators' commands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.model.errors import Bug
from core.model.status import TASK, Move, TaskStatus
from core.model.values import JsonObject
from core.store.apply.moves import work_items
from core.store.apply.moves.attempts import error_note
from core.store.apply.moves.tolerance import NOTE, is_tolerated
from core.store.batch import Batch
from core.store.rows import PLACE, Cause, FinalTask, TaskPlace, by_task_id
from core.store.sql import guard, ids, pack, raw

CANCELLABLE = TASK["cancel"].sources - {TaskStatus.RUNNING}
"""Statuses that `cancel_idle` moves from."""
NOT_WANTED = "its condition is false"
"""Why a task is skipped that no need of it failed."""
_ENDS = {"cancelled": "was cancelled", "skipped": "was skipped"}

_BY = "status_by = CAST(? AS TEXT), status_reason = CAST(? AS TEXT)"
_HOLD = f"UPDATE task SET status = 'held', {_BY} WHERE id = ? AND {guard(TASK['hold'])}"
_SKIP = (
    "UPDATE task SET status = 'skipped', finished_at = ?, wait_reason = NULL, status_by = NULL,"
    " status_reason = j.value->>1 FROM json_each(?) AS j"
    f" WHERE task.id = j.value->>0 AND {guard(TASK['skip'], 'task.status')} RETURNING {PLACE}"
)
_BLOCKED_OF_STAGE = (
    "SELECT t.id FROM stage s JOIN task t INDEXED BY task_list ON t.job_id = s.job_id"
    f" AND t.id BETWEEN s.first_task AND s.last_task WHERE s.id = ? AND {guard(TASK['skip'], 't.status')}"
    " ORDER BY t.id LIMIT ?"
)
_NEEDS = "SELECT id, key, status FROM task WHERE id IN (SELECT value FROM json_each(?))"
_JUDGED = "WHERE id = ? AND wait_reason = 'condition'"
_SKIP_JUDGED = (
    "UPDATE task SET status = 'skipped', finished_at = ?, wait_reason = NULL,"
    " status_by = NULL, status_reason = ?"
    f" {_JUDGED} AND {guard(TASK['skip'])} RETURNING {PLACE}"
)
_FAIL_JUDGED = (
    "UPDATE task SET status = 'failed', finished_at = ?, wait_reason = NULL, error = ?, family = ?,"
    " status_by = NULL, status_reason = NULL"
    f" {_JUDGED} AND {guard(TASK['give_up'], sources={TaskStatus.BLOCKED})} RETURNING {PLACE}"
)
_FAIL_QUEUED = (
    "UPDATE task SET status = 'failed', finished_at = ?, error = ?, family = ?, status_by = NULL,"
    f" status_reason = NULL WHERE id = ? AND {guard(TASK['give_up'], sources={TaskStatus.QUEUED})}"
)
_FAIL_HELD = (
    f"UPDATE task SET status = 'failed', finished_at = ?, retry_at = NULL, error = ?, family = ?, {_BY}"
    f" WHERE id = ? AND {guard(TASK['give_up'], sources={TaskStatus.HELD})}"
)
_CANCEL = (
    f"UPDATE task SET status = 'cancelled', finished_at = ?, wait_reason = NULL, retry_at = NULL, {_BY}"
    f" FROM json_each(?) AS j WHERE task.id = j.value"
    f" AND {guard(TASK['cancel'], 'task.status', sources=CANCELLABLE)}"
)


_FORGET_AWAITED = "DELETE FROM awaited WHERE task_id IN (SELECT value FROM json_each(?))"


class IdleTask(NamedTuple):
    """A task without a slot, and where it stands."""

    place: TaskPlace
    status: TaskStatus


def hold(batch: Batch, task: IdleTask, cause: Cause) -> bool:
    """Keep a queued or retrying task from being claimed, or a waiting one from its answer.

    False = it is none of these.
    """
    if batch.run(_HOLD, *_bound(cause), task.place.task_id) != 1:
        return False
    if task.status is TaskStatus.WAITING:
        batch.run("UPDATE awaited SET is_held = 1 WHERE task_id = ?", task.place.task_id)
        work_items.hold(batch, task.place.task_id)
        batch.report.lookouts.append(task.place.task_id)
    batch.task_moved(task.place, TASK["hold"].leaving(task.status), actor=cause.actor, data=cause.note)
    return True


def skip_for_needs(batch: Batch, needs: Mapping[int, int]) -> int:
    """Skip blocked tasks (id to the need that did not succeed); return how many."""
    why = {
        need: f"its need {key} (task {need}) {_ENDS.get(status, status)}"
        for need, key, status in batch.rows(_NEEDS, ids(dict.fromkeys(needs.values())))
    }
    listed = pack([[task_id, why[need]] for task_id, need in needs.items()])
    skipped = sorted(batch.places(_SKIP, batch.wall, listed), key=by_task_id)
    for place in skipped:
        need = needs[place.task_id]
        note_end(batch, place, TASK["skip"], {"need": need, "reason": why[need]})
    return len(skipped)


def skip_repeated(batch: Batch, repeated: Mapping[int, int]) -> None:
    """Skip new tasks (id to the task that has the key of their `once`)."""
    if not repeated:
        return
    why = {task_id: f"task {first} has its key, by `once`" for task_id, first in repeated.items()}
    listed = pack([[task_id, reason] for task_id, reason in why.items()])
    for place in sorted(batch.places(_SKIP, batch.wall, listed), key=by_task_id):
        note: JsonObject = {"once": repeated[place.task_id], "reason": why[place.task_id]}
        note_end(batch, place, TASK["skip"], note)


def skip_because(batch: Batch, reasons: Mapping[int, str]) -> None:
    """Skip blocked tasks, each for a reason."""
    listed = pack([[task_id, reason] for task_id, reason in reasons.items()])
    for place in sorted(batch.places(_SKIP, batch.wall, listed), key=by_task_id):
        note_end(batch, place, TASK["skip"], {"reason": reasons[place.task_id]})


def skip_stage(batch: Batch, stage_id: int, reason: str, *, limit: int) -> int:
    """Skip blocked tasks of a stage, the first ones; return how many."""
    rows = batch.rows(_BLOCKED_OF_STAGE, stage_id, limit)
    listed = pack([[task_id, reason] for (task_id,) in rows])
    for place in sorted(batch.places(_SKIP, batch.wall, listed), key=by_task_id):
        note_end(batch, place, TASK["skip"], {"reason": reason})
    return len(rows)


def skip_by_judgement(batch: Batch, task_id: int) -> bool:
    """Skip a task whose `when` is false; False = it does not wait for that judgement."""
    places = batch.places(_SKIP_JUDGED, batch.wall, NOT_WANTED, task_id)
    for place in places:
        note_end(batch, place, TASK["skip"], {"when": False, "reason": NOT_WANTED})
    return bool(places)


def fail_by_judgement(batch: Batch, task_id: int, error: JsonObject) -> bool:
    """Fail a task whose `when` cannot be judged; False = it does not wait for that judgement."""
    places = batch.places(_FAIL_JUDGED, batch.wall, pack(error), batch.families.id_of(error), task_id)
    for place in places:
        note = error_note(error, batch.families.note(error, place))
        note_end(batch, place, TASK["give_up"].leaving(TaskStatus.BLOCKED), note)
    return bool(places)


def fail_queued(batch: Batch, place: TaskPlace, error: JsonObject) -> bool:
    """Fail a queued task that waits in vain; False = it is not queued."""
    family = batch.families.id_of(error)
    if batch.run(_FAIL_QUEUED, batch.wall, pack(error), family, place.task_id) != 1:
        return False
    note = error_note(error, batch.families.note(error, place))
    note_end(batch, place, TASK["give_up"].leaving(TaskStatus.QUEUED), note)
    return True


def fail_held(batch: Batch, place: TaskPlace, error: JsonObject, cause: Cause) -> bool:
    """Fail a held task that an operator gives up; False = it is not held."""
    family = batch.families.id_of(error)
    if batch.run(_FAIL_HELD, batch.wall, pack(error), family, *_bound(cause), place.task_id) != 1:
        return False
    batch.run(_FORGET_AWAITED, ids([place.task_id]))
    work_items.cancel(batch, ids([place.task_id]), cause)
    move = TASK["give_up"].leaving(TaskStatus.HELD)
    note = error_note(error, batch.families.note(error, place))
    note_end(batch, place, move, {**note, **cause.note}, actor=cause.actor)
    return True


def cancel_idle(batch: Batch, tasks: Sequence[IdleTask], cause: Cause) -> list[FinalTask]:
    """Cancel tasks that hold no slot; return them: the caller follows what their end means."""
    listed = ids(task.place.task_id for task in tasks)
    if batch.run(_CANCEL, batch.wall, *_bound(cause), listed) != len(tasks):
        raise Bug("cancel.refused", "a task without a slot could not be cancelled")
    if any(task.status in (TaskStatus.WAITING, TaskStatus.HELD) for task in tasks):
        batch.run(_FORGET_AWAITED, listed)
        work_items.cancel(batch, listed, cause)
        batch.report.lookouts += [task.place.task_id for task in tasks]
    for place, status in tasks:
        batch.task_moved(place, TASK["cancel"].leaving(status), actor=cause.actor, data=cause.note)
    return [
        FinalTask(place.task_id, place.job_id, place.stage_id, TaskStatus.CANCELLED, set_id=place.set_id)
        for place, _ in tasks
    ]


def _bound(cause: Cause) -> tuple[str | bytes | None, str | bytes | None]:
    return raw(cause.actor), raw(cause.reason or None)


def note_end(
    batch: Batch,
    place: TaskPlace,
    move: Move[TaskStatus],
    note: JsonObject,
    *,
    actor: str | None = None,
) -> None:
    """Note the end of a task that held no slot, with what follows from it."""
    tolerated = move.target is TaskStatus.FAILED and is_tolerated(batch, place)
    batch.task_moved(place, move, actor=actor, data={**note, **NOTE} if tolerated else note)
    batch.follow(place, move.target, tolerated=tolerated)
