"""Moves of tasks that wait: into their wait, out of it.

Called by the judgements, the answers and the operators' commands.
"""

from __future__ import annotations

from core.model.commands.work import ENGINE, Force
from core.model.outcomes import TaskError
from core.model.patterns.work_items import EntryKind, ItemOutcome, NewItem
from core.model.status import TASK, Move, TaskStatus
from core.model.values import JsonObject
from core.store.apply.limits.lane_sets import join_retries
from core.store.apply.moves import jobs, work_items
from core.store.apply.moves.attempts import error_note
from core.store.apply.moves.idle import note_end
from core.store.apply.moves.work_items import Entry
from core.store.apply.stored_outputs import store_output
from core.store.batch import Batch
from core.store.rows import PLACE, Awaited, Cause, TaskPlace
from core.store.sql import SORT_KEY, WALL, among, guard, ids, pack, raw

_ASKED = (TaskStatus.WAITING, TaskStatus.HELD)
"""Statuses of a task with a child, which is asked to stop."""
_BEGIN = (
    "UPDATE task SET status = 'waiting', wait_reason = NULL, status_by = NULL, status_reason = NULL"
    f" WHERE id = ? AND wait_reason = 'condition' AND {guard(TASK['await_answer'])} RETURNING {PLACE}"
)
_ADD = (
    "INSERT INTO awaited (task_id, since, due_at, until, fails_at, name, key, job_key, job_name, wanted,"
    " path, root, stable_ms, every_ms, url, child_id, asks, on_child_failure)"
    " VALUES (?, ?, ?, ?, ?, CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), ?,"
    " CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), ?, ?, ?)"
)
_ANSWER = {
    move.name: f"UPDATE task SET status = '{move.target}', finished_at = ?, output = ?, error = ?,"
    " family = coalesce(?, family), status_by = CAST(? AS TEXT), status_reason = CAST(? AS TEXT)"
    f" WHERE id = ? AND {guard(move)}"
    for move in (TASK["answer_succeeded"], TASK["answer_failed"])
}
_SKIP = (
    "UPDATE task SET status = 'skipped', finished_at = ?, status_by = CAST(? AS TEXT),"
    f" status_reason = CAST(? AS TEXT) WHERE id = ? AND {guard(TASK['answer_skipped'])}"
)
_STAY_FAILED = (
    "UPDATE task SET status = 'failed', finished_at = ?, status_by = NULL, status_reason = CAST(? AS TEXT)"
    f" WHERE id = ? AND {guard(TASK['answer_failed'])}"
)
_FAILED_WAITING = (
    "UPDATE task SET error = ?, family = ?, tries = tries + 1 WHERE id = ? AND status = 'waiting'"
)
_CANCEL = (
    "UPDATE task SET status = 'cancelled', finished_at = ?, status_by = CAST(? AS TEXT),"
    " status_reason = CAST(? AS TEXT)"
    f" WHERE id = ? AND {guard(TASK['cancel'], sources=set(_ASKED))}"
)
_WAKE = (
    f"UPDATE task SET status = 'queued', queued_at = {WALL}, sort_key = {SORT_KEY}, status_by = NULL,"
    f" status_reason = CAST(?4 AS TEXT) WHERE id = ?3 AND {guard(TASK['wake'])}"
)
_ASK = (
    "UPDATE task SET stop_at = ?1, stop_by = CAST(?2 AS TEXT), stop_reason = CAST(?3 AS TEXT), stop_how = ?4"
    f" WHERE id = ?5 AND {among(_ASKED)} AND stop_how IS NOT ?4 AND stop_how IS NOT 'kill'"
)
_DONE = "DELETE FROM awaited WHERE task_id = ?"
_UNHOLD = (
    "UPDATE task SET status = 'waiting', status_by = CAST(? AS TEXT), status_reason = CAST(? AS TEXT)"
    f" WHERE id = ? AND {guard(TASK['unhold_waiting'])} AND id IN (SELECT task_id FROM awaited)"
)


def begin(batch: Batch, task_id: int, awaited: Awaited, item: NewItem | None = None) -> TaskPlace | None:
    """Let a task wait that was judged, for people too; None = it does not wait for that judgement."""
    places = batch.places(_BEGIN, task_id)
    for place in places:
        keep(batch, place, awaited)
        told = _told(batch, awaited)
        if item is not None:
            told |= {"item": work_items.add(batch, task_id, item), "title": item.title}
        batch.task_moved(place, TASK["await_answer"], data=told)
        # A job that waits has begun, though nothing of it was claimed.
        jobs.start(batch, [place.job_id])
    return places[0] if places else None


def keep(batch: Batch, place: TaskPlace, awaited: Awaited) -> None:
    """Note what a task waits for."""
    batch.run(
        _ADD,
        place.task_id,
        batch.wall,
        awaited.due_at,
        awaited.until,
        awaited.fails_at,
        raw(awaited.name),
        raw(awaited.key),
        raw(awaited.job_key),
        raw(awaited.job_name),
        awaited.wanted,
        raw(awaited.path),
        raw(awaited.root),
        awaited.stable_ms,
        awaited.every_ms,
        raw(awaited.url),
        awaited.child_id,
        awaited.asks,
        awaited.on_child_failure,
    )
    if awaited.is_looked_for:
        batch.report.lookouts.append(place.task_id)


def succeed(
    batch: Batch, place: TaskPlace, output: JsonObject, *, actor: str | None = None, reason: str = ""
) -> bool:
    """End a waiting task with its answer; False = it does not wait."""
    stored = store_output(batch, output)
    row = (batch.wall, stored.column, None, None, raw(actor), raw(reason or None), place.task_id)
    if batch.run(_ANSWER["answer_succeeded"], *row) != 1:
        return False
    note: JsonObject = {"output": stored.note, **({"reason": reason} if reason else {})}
    _end(batch, place, TASK["answer_succeeded"], note, actor=actor)
    return True


def fail(
    batch: Batch, place: TaskPlace, error: TaskError, *, actor: str | None = None, reason: str = ""
) -> bool:
    """End a waiting task whose answer did not come, or denies it; False = it does not wait."""
    stored = error.to_json()
    family = batch.families.id_of(stored)
    row = (batch.wall, None, pack(stored), family, raw(actor), raw(reason or None), place.task_id)
    if batch.run(_ANSWER["answer_failed"], *row) != 1:
        return False
    note = error_note(stored, batch.families.note(stored, place))
    note |= {"reason": reason} if reason else {}
    _end(batch, place, TASK["answer_failed"], note, actor=actor)
    return True


def ask_for_worklet(batch: Batch, place: TaskPlace, error: TaskError) -> bool:
    """Let a task whose parked attempt failed wait for its worklet; False = it does not wait.

    That attempt is one of those that its `retry` has.
    """
    stored = error.to_json()
    if batch.run(_FAILED_WAITING, pack(stored), batch.families.id_of(stored), place.task_id) != 1:
        return False
    batch.run(_DONE, place.task_id)
    keep(batch, place, Awaited(asks="worklet"))
    batch.report.lookouts.append(place.task_id)
    batch.report.conditions.append(place.task_id)
    # What it decides may be that the task runs again.
    join_retries(batch, place.task_id)
    note: JsonObject = {**error_note(stored, batch.families.note(stored, place)), "tried": True}
    batch.task_event("task.poll_failed", place, data=note)
    return True


def skip(batch: Batch, place: TaskPlace, reason: str, *, actor: str | None = None) -> bool:
    """End a waiting task that is not wanted; False = it does not wait."""
    if batch.run(_SKIP, batch.wall, raw(actor), raw(reason), place.task_id) != 1:
        return False
    _end(batch, place, TASK["answer_skipped"], {"reason": reason}, actor=actor)
    return True


def stay_failed(batch: Batch, place: TaskPlace, *, reason: str) -> bool:
    """End a task whose attempt failed before it waited; False = it does not wait."""
    if batch.run(_STAY_FAILED, batch.wall, raw(reason or None), place.task_id) != 1:
        return False
    _end(batch, place, TASK["answer_failed"], {"reason": reason} if reason else {})
    return True


def cancel(batch: Batch, place: TaskPlace, status: TaskStatus, cause: Cause) -> bool:
    """End a waiting or held task that was asked to stop; False = it is neither."""
    if batch.run(_CANCEL, batch.wall, raw(cause.actor), raw(cause.reason or None), place.task_id) != 1:
        return False
    _end(batch, place, TASK["cancel"].leaving(status), cause.note, actor=cause.actor)
    return True


def wake(batch: Batch, place: TaskPlace, *, reason: str) -> bool:
    """Queue a waiting task again; False = it does not wait."""
    if batch.run(_WAKE, batch.now, batch.aging_step, place.task_id, raw(reason)) != 1:
        return False
    batch.run(_DONE, place.task_id)
    batch.task_moved(place, TASK["wake"], data={"reason": reason})
    return True


def ask_to_stop(batch: Batch, place: TaskPlace, cause: Cause) -> bool:
    """Ask a task to stop that waits for a child; False = it was asked so, or does not wait."""
    row = (batch.wall, raw(cause.actor), raw(cause.reason), cause.force, place.task_id)
    if batch.run(_ASK, *row) != 1:
        return False
    note: JsonObject = {"reason": cause.reason, **cause.facts}
    if cause.force is Force.KILL:
        note["how"] = cause.force.value
    batch.task_event("task.stop_requested", place, actor=cause.actor, data=note)
    return True


def unhold(batch: Batch, place: TaskPlace, cause: Cause) -> bool:
    """Let a held task wait on; False = it is not held, or does not wait for an answer."""
    if batch.run(_UNHOLD, raw(cause.actor), raw(cause.reason or None), place.task_id) != 1:
        return False
    batch.run("UPDATE awaited SET is_held = 0 WHERE task_id = ?", place.task_id)
    work_items.unhold(batch, place.task_id)
    batch.report.lookouts.append(place.task_id)
    batch.task_moved(place, TASK["unhold_waiting"], actor=cause.actor, data=cause.note)
    return True


def _end(
    batch: Batch, place: TaskPlace, move: Move[TaskStatus], note: JsonObject, *, actor: str | None = None
) -> None:
    batch.run(_DONE, place.task_id)
    # One that is answered is closed already: this is left open by a deadline.
    work_items.close(batch, ids([place.task_id]), ItemOutcome.EXPIRED, Entry(EntryKind.EXPIRED, ENGINE))
    batch.report.lookouts.append(place.task_id)
    note_end(batch, place, move, note, actor=actor)


def _told(batch: Batch, awaited: Awaited) -> JsonObject:
    """Return what the event says: times by the wall clock."""
    ends = awaited.until if awaited.due_at is None else awaited.due_at - batch.offset
    told: JsonObject = {
        "until": ends,
        "fails_at": None if awaited.fails_at is None else awaited.fails_at - batch.offset,
        "signal": awaited.name,
        "key": awaited.key or awaited.job_key,
        "name": awaited.job_name,
        "wanted": awaited.wanted,
        "path": awaited.path,
        "child": awaited.child_id,
    }
    return {name: value for name, value in told.items() if value is not None}
