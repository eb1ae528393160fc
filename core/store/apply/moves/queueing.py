"""Moves of tasks that may queue them: unblock, come due, unhold, rerun.

Called by the consequences, the stages, the judgements, reruns and the operators' commands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from core.model.errors import Bug
from core.model.status import TASK, Move, TaskStatus
from core.model.values import JsonObject
from core.store.batch import Batch
from core.store.rows import PLACE, Bound, Cause, ReadyRow, TaskPlace, by_task_id
from core.store.sql import SORT_KEY, WALL, guard, ids, pack, raw
from core.store.tables.instance_tables import UNBEGUN

_QUEUE = f"status = 'queued', queued_at = {WALL}, sort_key = {SORT_KEY}"
_NO_CAUSE = "status_by = NULL, status_reason = NULL"
_BY = "status_by = CAST(?4 AS TEXT), status_reason = CAST(?5 AS TEXT)"


def _ready(condition: str) -> str:
    """Return the assignments that queue a ready task, or let it wait for the judgement of its `when`."""
    queued = f"{condition} AND NOT conditional"
    return (
        f"status = CASE WHEN {queued} THEN 'queued' ELSE 'blocked' END,"
        f" queued_at = CASE WHEN {queued} THEN {WALL} END,"
        f" sort_key = CASE WHEN {queued} THEN {SORT_KEY} END,"
        f" wait_reason = CASE WHEN {condition} AND conditional THEN 'condition' END"
    )


_READY = f"RETURNING {PLACE}, status, wait_reason"
# What stays blocked keeps what was said of it: no event tells that it lost it.
_FORGET = ", ".join(
    f"{column} = CASE WHEN {{free}} AND NOT conditional THEN NULL ELSE {column} END"
    for column in ("status_by", "status_reason")
)
# Of a job of which nothing was claimed the tasks of `finally` stay blocked: its stage skips them.
_MEET_NEEDS = f"""
WITH d AS (SELECT j.value->>0 AS t, j.value->>1 AS c FROM json_each(?3) AS j),
free AS (SELECT d.t AS t, d.c AS c, n.needs_left = d.c AND s.status = 'open' AND n.set_id IS NULL
           AND (NOT s.is_finally OR (SELECT started_at FROM job WHERE job.id = s.job_id) IS NOT NULL) AS met
         FROM d JOIN task n ON n.id = d.t JOIN stage s ON s.id = n.stage_id)
UPDATE task SET needs_left = needs_left - free.c, {_ready("free.met")}, {_FORGET.format(free="free.met")}
FROM free WHERE task.id = free.t AND {guard(TASK["unblock"], "task.status")} {_READY}
"""
_OPEN_STAGE = f"""
UPDATE task SET {_ready("1")}, {_FORGET.format(free="1")}
WHERE id IN (
  SELECT t.id FROM stage s JOIN task t INDEXED BY task_list
    ON t.job_id = s.job_id AND t.id BETWEEN s.first_task AND s.last_task
  WHERE s.id = ?3 AND t.status = 'blocked' AND t.needs_left = 0
    AND t.wait_reason IS NULL ORDER BY t.id LIMIT ?4)
AND {guard(TASK["unblock"])} {_READY}
"""
_OPEN_SET = f"""
UPDATE task SET {_ready("1")}, {_FORGET.format(free="1")}
WHERE id IN (
  SELECT id FROM task INDEXED BY task_unbegun WHERE set_id = ?3 AND {UNBEGUN} ORDER BY item LIMIT ?4)
AND {guard(TASK["unblock"])} {_READY}
"""
_PROCEED = (
    f"UPDATE task SET {_QUEUE}, wait_reason = NULL, {_NO_CAUSE} WHERE id = ?3 AND wait_reason = 'condition'"
    f" AND {guard(TASK['unblock'])} RETURNING {PLACE}"
)
# What `cost: auto` stands for was worked out at admission.
_PROCEED_BOUND = _PROCEED.replace(
    "wait_reason = NULL", "wait_reason = NULL, lane_id = ?4, cost = coalesce(?5, cost), spec = ?6"
)
_COME_DUE = (
    f"UPDATE task SET {_QUEUE}, retry_at = NULL, {_NO_CAUSE}"
    " WHERE id IN (SELECT id FROM task INDEXED BY task_due WHERE status = 'retrying' AND retry_at <= ?1"
    f" ORDER BY retry_at LIMIT ?3) AND {guard(TASK['come_due'])} RETURNING {PLACE}"
)
_DUE = (
    f"SELECT {PLACE} FROM task INDEXED BY task_due WHERE status = 'retrying' AND retry_at <= ?"
    " ORDER BY retry_at LIMIT ?"
)
_RETRY_NOW = f"UPDATE task SET {_QUEUE}, retry_at = NULL, {_BY} WHERE id = ?3 AND {guard(TASK['come_due'])}"
_UNHOLD = f"UPDATE task SET {_QUEUE}, retry_at = NULL, {_BY} WHERE id = ?3 AND {guard(TASK['unhold'])}"
_UNHOLD_LATER = (
    "UPDATE task SET status = 'retrying', status_by = CAST(? AS TEXT), status_reason = CAST(? AS TEXT)"
    f" WHERE id = ? AND {guard(TASK['unhold_later'])}"
)
_BEFORE = "SELECT id, status, retried, tolerated FROM task WHERE id IN (SELECT value FROM json_each(?))"
_RERUN = f"""
UPDATE task SET {_ready("n.left = 0 AND s.status = 'open' AND task.set_id IS NULL")},
  needs_left = n.left, generation = generation + 1, tries = 0, losses = 0, bounces = 0, retry_at = NULL,
  started_at = NULL, finished_at = NULL, stop_at = NULL, stop_by = NULL, stop_reason = NULL,
  stop_how = NULL, output = NULL, error = NULL, tolerated = 0, {_BY},
  retried = retried + (task.id IN (SELECT value FROM json_each(?6)))
FROM (SELECT j.value AS t, (SELECT count(*) FROM edge WHERE task_id = j.value AND met = 0) AS left
      FROM json_each(?3) AS j) AS n, stage AS s
WHERE task.id = n.t AND s.id = task.stage_id AND {guard(TASK["rerun"], "task.status")} {_READY}
"""


def unblock_by_needs(batch: Batch, met: Mapping[int, int]) -> int:
    """Count met needs (task id to number) off blocked tasks; return how many became queued."""
    listed = pack([[task_id, number] for task_id, number in met.items()])
    return _note_unblocked(batch, _may_queue(batch, _MEET_NEEDS, listed))


def unblock_by_stage(batch: Batch, stage_id: int, *, limit: int) -> int:
    """Unblock tasks of an open stage that wait for nothing else, the first ones; return how many."""
    ready = _may_queue(batch, _OPEN_STAGE, stage_id, limit)
    _note_unblocked(batch, ready)
    return len(ready)


def unblock_instances(batch: Batch, set_id: int, *, limit: int) -> int:
    """Let instances of a set begin that wait for nothing but their turn, the first ones; return how many."""
    ready = _may_queue(batch, _OPEN_SET, set_id, limit)
    _note_unblocked(batch, ready)
    return len(ready)


def unblock_by_judgement(batch: Batch, task_id: int) -> bool:
    """Queue a task whose `when` is true; False = it does not wait for that judgement."""
    places = batch.places(_PROCEED, batch.now, batch.aging_step, task_id)
    for place in places:
        batch.task_moved(place, TASK["unblock"])
    return bool(places)


def unblock_under_terms(batch: Batch, task_id: int, bound: Bound) -> bool:
    """Queue a task in the lane of its terms; False = it does not wait for that judgement."""
    places = batch.places(_PROCEED_BOUND, batch.now, batch.aging_step, task_id, *bound)
    for place in places:
        batch.task_moved(place, TASK["unblock"])
    return bool(places)


def come_due(batch: Batch, *, limit: int) -> None:
    """Queue the retrying tasks whose time has come, those that wait longest first.

    Raises `Bug` where none of those that are due was queued: each would be tried at once, without end.
    """
    queued = sorted(batch.places(_COME_DUE, batch.now, batch.aging_step, limit), key=by_task_id)
    for place in queued:
        batch.task_moved(place, TASK["come_due"])
    if not queued and (left := due(batch, limit=1)):
        raise _unqueued(left[0])


def due(batch: Batch, *, limit: int) -> list[TaskPlace]:
    """Return retrying tasks whose time has come, those that wait longest first."""
    return batch.places(_DUE, batch.now, limit)


def come_due_alone(batch: Batch, place: TaskPlace) -> None:
    """Queue one retrying task whose time has come; raise `Bug` if that does not land."""
    if not _queue_now(batch, place, Cause(actor=None), sql=_RETRY_NOW, move=TASK["come_due"]):
        raise _unqueued(place)


def _unqueued(place: TaskPlace) -> Bug:
    return Bug("task.unqueued", "a task that is due could not be queued", facts={"task": place.task_id})


def put_off(batch: Batch, place: TaskPlace, *, retry_at: int) -> None:
    """Let a retrying task come due later."""
    batch.run("UPDATE task SET retry_at = ? WHERE id = ? AND status = 'retrying'", retry_at, place.task_id)
    batch.task_event(TASK["retry_later"].event, place, data=batch.due(retry_at))


def retry_now(batch: Batch, place: TaskPlace, cause: Cause) -> bool:
    """Queue a retrying task before its time; False = it is not retrying."""
    return _queue_now(batch, place, cause, sql=_RETRY_NOW, move=TASK["come_due"])


def unhold(batch: Batch, place: TaskPlace, cause: Cause) -> bool:
    """Queue a held task; False = it is not held."""
    return _queue_now(batch, place, cause, sql=_UNHOLD, move=TASK["unhold"])


def unhold_later(batch: Batch, place: TaskPlace, cause: Cause, *, retry_at: int) -> bool:
    """Let a held task wait on for its retry, whose (engine) time lies ahead; False = it is not held."""
    if batch.run(_UNHOLD_LATER, raw(cause.actor), raw(cause.reason or None), place.task_id) != 1:
        return False
    note: JsonObject = {**batch.due(retry_at), **cause.note}
    batch.task_moved(place, TASK["unhold_later"], actor=cause.actor, data=note)
    return True


def rerun(batch: Batch, task_ids: Iterable[int], cause: Cause, *, counted: Collection[int]) -> int:
    """Start final tasks over, queued or blocked as their needs and stage want it; return how many.

    It counts as a manual retry of those that are `counted`.
    """
    listed = ids(task_ids)
    before = {task_id: of_it for task_id, *of_it in batch.rows(_BEFORE, listed)}
    bound = (raw(cause.actor), raw(cause.reason or None), ids(counted))
    ready = _may_queue(batch, _RERUN, listed, *bound)
    for task in ready:
        move = TASK["rerun"] if task.is_queued else TASK["rerun_blocked"]
        status, retried, tolerated = before[task.task_id]
        if tolerated:
            batch.count_tolerated(task, -1)
        note: JsonObject = {"status": task.status, **cause.note}
        if task.task_id in counted:
            note["retry"] = retried + 1
        left = move.leaving(TaskStatus(status))
        batch.task_moved(task, left, actor=cause.actor, data=note)
    batch.turns.update(task.set_id for task in ready if task.set_id is not None)
    _note_conditions(batch, ready)
    return len(ready)


def _queue_now(batch: Batch, place: TaskPlace, cause: Cause, *, sql: str, move: Move[TaskStatus]) -> bool:
    bound = (batch.now, batch.aging_step, place.task_id, raw(cause.actor), raw(cause.reason or None))
    if batch.run(sql, *bound) != 1:
        return False
    batch.task_moved(place, move, actor=cause.actor, data=cause.note)
    return True


def _may_queue(batch: Batch, sql: str, *args: object) -> list[ReadyRow]:
    ready = batch.typed(ReadyRow, sql, batch.now, batch.aging_step, *args)
    return sorted(ready, key=by_task_id)


def _note_unblocked(batch: Batch, ready: Sequence[ReadyRow]) -> int:
    # Instances whose needs are met begin when it is their turn.
    batch.turns.update(task.set_id for task in ready if task.set_id is not None)
    queued = [task for task in ready if task.is_queued]
    for task in queued:
        batch.task_moved(task, TASK["unblock"])
    _note_conditions(batch, ready)
    return len(queued)


def _note_conditions(batch: Batch, ready: Iterable[ReadyRow]) -> None:
    batch.report.conditions += [task.task_id for task in ready if task.wait_reason == "condition"]
