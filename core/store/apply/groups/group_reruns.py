"""Reruns of groups: whole, of what failed, of one instance.

Called by the reruns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from core.model.refusals import Refusal, refuse_task
from core.model.status import TASK_FINAL
from core.store.apply.groups.groups import Again, sets_of
from core.store.apply.moves.groups import reopen_groups
from core.store.batch import Batch
from core.store.rows import Cause
from core.store.sql import among, ids

_CURRENT = "i.number = (SELECT max(number) FROM instance_set WHERE task_id = i.task_id)"
_FORMER = (
    "SELECT t.id, i.number FROM json_each(?) AS j JOIN task t ON t.id = j.value"
    f" JOIN instance_set i ON i.id = t.set_id AND NOT {_CURRENT} ORDER BY t.id"
)
_UNENDED = (
    "SELECT i.task_id, (SELECT coalesce(sum(n), 0) FROM counter WHERE scope = 'set'"
    f" AND ref = CAST(i.id AS TEXT) AND NOT {among(TASK_FINAL)}) AS unended FROM json_each(?) AS j"
    f" JOIN instance_set i ON i.task_id = j.value AND {_CURRENT} WHERE unended > 0"
)
_REOPENED = (
    "SELECT DISTINCT g.id FROM json_each(?1) AS j JOIN task t ON t.id = j.value"
    f" JOIN task g ON g.id = coalesce(t.group_task, t.id) AND {among(TASK_FINAL, 'g.status')}"
    f" JOIN instance_set i ON i.task_id = g.id AND {_CURRENT} ORDER BY g.id"
)
# A group that runs again as a whole has its items worked out first.
_READY = (
    "SELECT t.id FROM json_each(?) AS j JOIN task t ON t.id = j.value JOIN stage s ON s.id = t.stage_id"
    f" AND s.status = 'open' JOIN instance_set i ON i.task_id = t.id AND {_CURRENT} AND i.again IS NULL"
)
_WHOLE = "UPDATE instance_set SET again = 0, only_failed = ? WHERE id IN (SELECT value FROM json_each(?))"
_LATER = (
    f"UPDATE instance_set SET again = 0, only_failed = {Again.FAILED:d}"
    " WHERE again IS NULL AND id IN (SELECT value FROM json_each(?))"
)


def refuse_groups(batch: Batch, task_ids: Collection[int]) -> dict[int, Refusal]:
    """Refuse groups of which instances still run, and instances of a set that another one followed."""
    listed = ids(task_ids)
    batch.flush_counts()
    refused = {
        task_id: refuse_task(
            task_id,
            "group.superseded",
            f"it is of set {number} of its group, which has other items since",
            hint="run its group again: 'taskdeck retry JOB/KEY'",
            set=number,
        )
        for task_id, number in batch.rows(_FORMER, listed)
    }
    for task_id, number in batch.rows(_UNENDED, listed):
        have = "instance has" if number == 1 else "instances have"
        refused[task_id] = refuse_task(
            task_id,
            "group.unended",
            f"{number:,} of its {have} not ended; cancel them or wait",
            hint=f"'taskdeck cancel --task {task_id}' ends them",
            unended=number,
        )
    return refused


def run_whole(batch: Batch, task_ids: Collection[int], *, fresh: Collection[int] = ()) -> None:
    """Note of final tasks that are groups that all their instances run again, over items worked out again.

    Those of `fresh` among them take new children, also where the one before failed.
    """
    batch.run(_WHOLE, Again.ALL, ids(sets_of(batch, task_ids)))
    batch.run(_WHOLE, Again.ALL_FRESH, ids(sets_of(batch, fresh)))


def reopened_groups(batch: Batch, task_ids: Collection[int]) -> list[int]:
    """Return the ended groups that run again with these tasks, by themselves or by instances."""
    return [task_id for (task_id,) in batch.rows(_REOPENED, ids(task_ids))]


def wait_again(batch: Batch, task_ids: Sequence[int], cause: Cause) -> frozenset[int]:
    """Let groups wait for their instances again; the others, not returned, have to be judged first."""
    ready = [task_id for (task_id,) in batch.rows(_READY, ids(task_ids))]
    reopen_groups(batch, ready, cause)
    batch.sets.update(sets_of(batch, ready))
    batch.run(_LATER, ids(sets_of(batch, set(task_ids) - set(ready))))
    return frozenset(ready)
