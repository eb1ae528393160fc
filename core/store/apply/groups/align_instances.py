"""Bring the instances of a group in line with it.

Called by the judgements, the consequences and what an earlier batch left over; limited per batch.
"""

from __future__ import annotations

from core.model.status import TASK, TASK_FINAL, TaskStatus
from core.store.apply.children.child_stops import HAS_CHILD, stop_children_of_set
from core.store.apply.groups.groups import Again, GroupSet, begin_more, decide, read_set
from core.store.apply.groups.make_instances import make_some
from core.store.apply.moves import idle
from core.store.apply.moves.idle import IdleTask
from core.store.apply.start_over import start_over_instances
from core.store.apply.stops import stop_set
from core.store.apply.waits import answers
from core.store.batch import Batch
from core.store.rows import PLACE, Cause, LeftOver, TaskPlace
from core.store.sql import among

GROUP_HELD = "its group is held"
"""Why an instance is held that no operator held by itself."""
# Instances have rising ids: what else the job has need not be read.
_SPAN = (
    "id BETWEEN (SELECT id FROM task INDEXED BY task_item WHERE set_id = ?2 ORDER BY item LIMIT 1)"
    " AND (SELECT id FROM task INDEXED BY task_item WHERE set_id = ?2 ORDER BY item DESC LIMIT 1)"
)
_OF_SET = (
    f"SELECT {PLACE}, status FROM task INDEXED BY task_list WHERE job_id = ?1 AND {{status}}"
    f" AND {_SPAN} AND set_id = ?2{{more}} LIMIT ?3"
)
# What waits for a child ends with it.
_CANCELLABLE = _OF_SET.format(
    status=among(idle.CANCELLABLE), more=f" AND NOT (status IN ('waiting', 'held') AND {HAS_CHILD})"
)
_HOLDABLE = _OF_SET.format(status=among(TASK["hold"].sources), more="")
_HELD = (
    f"SELECT {PLACE} FROM task INDEXED BY task_list WHERE job_id = ?1 AND status = 'held' AND {_SPAN}"
    " AND set_id = ?2 AND status_reason = ?3 LIMIT ?4"
)
_AGAIN = (
    "SELECT id, item, status FROM task INDEXED BY task_item WHERE set_id = ? AND item >= ?"
    " ORDER BY item LIMIT ?"
)
_DEPENDENTS = (
    "SELECT max(i.id) FROM edge e JOIN task t ON t.id = e.task_id AND t.status = 'waiting'"
    " JOIN instance_set i ON i.task_id = t.id WHERE e.need_id = ? GROUP BY t.id HAVING sum(i.made < i.total)"
)


def align(batch: Batch, set_id: int) -> None:
    """Do as much of it as the budget lets; what is left stands in `followup`."""
    group = read_set(batch, set_id)
    if group is None:
        return
    if group.status is TaskStatus.WAITING:
        if not group.is_live:
            return
        is_done = _forward(batch, group)
    elif group.status is TaskStatus.HELD:
        is_done = _hold(batch, group)
    elif group.status in TASK_FINAL:
        is_done = _end_rest(batch, group)
    else:
        return
    if not is_done:
        batch.followups.append(LeftOver("set", set_id))


def _room(batch: Batch) -> int:
    return max(0, batch.budget)


def _forward(batch: Batch, group: GroupSet) -> bool:
    """Release, run again, make and begin instances; True = nothing is left to do."""
    if not _release(batch, group):
        return False
    if group.again is not None:
        if not _run_again(batch, group, group.again):
            return False
        batch.run("UPDATE instance_set SET again = NULL, only_failed = 0 WHERE id = ?", group.id)
        group = group._replace(again=None)
    while group.made < group.total and _room(batch):
        made = make_some(batch, group, limit=_room(batch))
        if not made:
            # It waits for the instances that its own need, and is taken up by those.
            break
        batch.budget -= made
        group = group._replace(made=group.made + made)
        batch.followups += [LeftOver("set", one) for (one,) in batch.rows(_DEPENDENTS, group.place.task_id)]
    else:
        if group.made < group.total:
            return False
    room = _room(batch)
    begun = begin_more(batch, group, limit=room)
    batch.budget -= begun
    if begun == room and group.parallel is None:
        return False
    decide(batch, group)
    return True


def _release(batch: Batch, group: GroupSet) -> bool:
    """Let go what was held with the group; True = nothing of it is left."""
    room = _room(batch)
    places = batch.places(_HELD, group.place.job_id, group.id, GROUP_HELD, room)
    batch.budget -= len(places)
    for place in places:
        answers.release(batch, place, Cause(actor=None))
    return len(places) < room


def _run_again(batch: Batch, group: GroupSet, first: int) -> bool:
    """Run instances again from an index on; True = all that should."""
    room = _room(batch)
    rows = batch.rows(_AGAIN, group.id, first, room)
    again = [
        task_id
        for task_id, _, status in rows
        if status in TASK_FINAL and not (group.runs_again is Again.FAILED and status == TaskStatus.SUCCEEDED)
    ]
    batch.budget -= len(again)
    fresh = again if group.runs_again is Again.ALL_FRESH else []
    start_over_instances(batch, again, Cause(reason="its group runs again"), fresh=fresh)
    if len(rows) < room:
        return True
    batch.run("UPDATE instance_set SET again = ? WHERE id = ?", first + len(rows), group.id)
    return False


def _hold(batch: Batch, group: GroupSet) -> bool:
    room = _room(batch)
    tasks = _idle(batch, _HOLDABLE, group, room)
    batch.budget -= len(tasks)
    for task in tasks:
        idle.hold(batch, task, Cause(reason=GROUP_HELD))
    return len(tasks) < room


def _end_rest(batch: Batch, group: GroupSet) -> bool:
    """Cancel what has not ended of a group that has; items without a row get none.

    Instances that run are asked to stop, and so are those that wait for a child: they end with it.
    """
    if group.runs_on:
        return True
    if group.status is TaskStatus.SUCCEEDED:
        # A group that failed or was cancelled may go on with them.
        batch.run("DELETE FROM instance_page WHERE set_id = ?", group.id)
    cause = _cause(batch, group)
    stop_set(batch, group.id, cause)
    room = _room(batch)
    asked = stop_children_of_set(batch, group.place.job_id, group.id, cause, limit=room)
    tasks = _idle(batch, _CANCELLABLE, group, room - asked)
    batch.budget -= asked + len(tasks)
    batch.finals += idle.cancel_idle(batch, tasks, cause)
    return asked + len(tasks) < room


def _cause(batch: Batch, group: GroupSet) -> Cause:
    ((by, reason, error),) = batch.rows(
        "SELECT status_by, status_reason, error->>'$.message' FROM task WHERE id = ?", group.place.task_id
    )
    why = reason or error
    told = (
        f"its group {group.key} {'was cancelled' if group.status is TaskStatus.CANCELLED else group.status}"
    )
    return Cause(
        reason=f"{told}: {why}" if why else told,
        actor=by or Cause().actor,
        facts={"group": group.place.task_id},
    )


def _idle(batch: Batch, sql: str, group: GroupSet, room: int) -> list[IdleTask]:
    rows = batch.rows(sql, group.place.job_id, group.id, room)
    return [IdleTask(TaskPlace(*place), TaskStatus(status)) for *place, status in sorted(rows)]
