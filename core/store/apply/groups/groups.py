"""Groups of instances: their sets, and the decision on them.

Called by the judgements, the consequences, reruns and the operators' commands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from core.model.decisions import TaskCounts
from core.model.outcomes import TaskError
from core.model.patterns.instance_verdicts import GroupTally
from core.model.patterns.instances import GROUP_FAILED, AfterThreshold, ForEach
from core.model.status import TASK_FINAL, TaskStatus
from core.model.values import JsonObject
from core.store.apply.moves import queueing
from core.store.apply.moves.groups import fail_group, succeed_group
from core.store.batch import Batch
from core.store.rows import PLACED, FinalTask, Success, TaskPlace
from core.store.sql import among, ids, unpack

_READ = (
    f"SELECT {PLACED}, i.id, i.number, i.total, i.made, i.needed, i.parallel, i.again, i.only_failed,"
    " t.status, t.key, t.spec, (job.status IN ('pending', 'running', 'paused') OR job.status = 'ending'"
    " AND job.finishing = 1 AND s.is_finally)"
    " FROM instance_set i JOIN task t ON t.id = i.task_id JOIN job ON job.id = t.job_id"
    " JOIN stage s ON s.id = t.stage_id WHERE i.id = ?"
    " AND i.number = (SELECT max(number) FROM instance_set WHERE task_id = i.task_id)"
)
_OF_TASKS = (
    "SELECT max(i.id) FROM json_each(?) AS j JOIN instance_set i ON i.task_id = j.value GROUP BY i.task_id"
)
LATE = "late: its group was decided before"
"""Why a success did not count for its group."""
_LATE = (
    "SELECT t.id FROM json_each(?) AS j CROSS JOIN task t ON t.id = j.value AND t.group_task IS NOT NULL"
    f" JOIN task g ON g.id = t.group_task AND {among(TASK_FINAL, 'g.status')}"
)
_BEGUN = ("queued", "running", "retrying", "waiting", "held")
_JUDGED = "SELECT count(*) FROM task INDEXED BY task_judged WHERE wait_reason = 'condition' AND set_id = ?"


class Again(IntEnum):
    """Which instances of a set run again, as stored in `only_failed`."""

    ALL = 0
    FAILED = 1
    """Those that did not succeed."""
    ALL_FRESH = 2
    """All, and those that wait for a child get a new one."""


class GroupSet(NamedTuple):
    """The current set of a group, with the group as it stands."""

    place: TaskPlace
    id: int
    number: int
    total: int
    made: int
    needed: int | None
    parallel: int | None
    again: int | None
    runs_again: Again
    """Which of them do, from `again` on."""
    status: TaskStatus
    key: str
    spec: str
    is_live: bool
    """Its job goes on, so that something follows from its end."""

    @property
    def stored(self) -> JsonObject:
        """Return what the group says, as stored."""
        stored = unpack(self.spec)
        return stored if isinstance(stored, dict) else {}

    @property
    def runs_on(self) -> bool:
        """Whether its instances go on although it has succeeded."""
        return self.status is TaskStatus.SUCCEEDED and self.for_each.after is AfterThreshold.RUN_ALL

    @property
    def for_each(self) -> ForEach:
        """Return what the group says of its instances."""
        said = self.stored.get("for_each")
        return ForEach.from_json(said if isinstance(said, dict) else {})


def read_set(batch: Batch, set_id: int) -> GroupSet | None:
    """Return a set and its group; None = it is not there, or another set followed it."""
    row = batch.one(_READ, set_id)
    if row is None:
        return None
    columns = len(PLACED.split(","))
    *numbers, runs_again, status, key, spec, is_live = row[columns:]
    said = Again(runs_again), TaskStatus(status), key, spec, bool(is_live)
    return GroupSet._make((TaskPlace(*row[:columns]), *numbers, *said))


def sets_of(batch: Batch, task_ids: Iterable[int]) -> list[int]:
    """Return the current sets of those of the tasks that are groups."""
    listed = list(task_ids)
    return sorted(set_id for (set_id,) in batch.rows(_OF_TASKS, ids(listed))) if listed else []


def decide_groups(batch: Batch, finals: Iterable[FinalTask]) -> None:
    """Decide the groups of instances that ended, each at most once; let the next ones begin.

    Of a group that ended itself, however that came, the rest of the instances is ended.
    """
    finals = list(finals)
    batch.sets.update(sets_of(batch, (final.task_id for final in finals if final.set_id is None)))
    for set_id in sorted({final.set_id for final in finals if final.set_id is not None}):
        group = read_set(batch, set_id)
        if group is not None and not decide(batch, group):
            begin_more(batch, group, limit=batch.limit)


def decide(batch: Batch, group: GroupSet) -> bool:
    """End a group whose instances decide it, in this transaction; False = it goes on, or had ended."""
    if group.status is not TaskStatus.WAITING or not group.is_live:
        return False
    counts, said = batch.task_counts("set", group.id), group.for_each
    end = batch.rules.decide_group(
        GroupTally(
            total=group.total,
            counts=counts,
            needed=group.needed,
            after=said.after,
            on_failure=said.on_failure,
        )
    )
    if end is None:
        return False
    told = summary(group.total, counts, number=group.number)
    if end.is_success:
        succeed_group(batch, group.place, told, reason=end.reason)
    else:
        fail_group(batch, group.place, TaskError(code=GROUP_FAILED, message=end.reason, facts=told))
    runs_on = end.is_success and said.after is AfterThreshold.RUN_ALL
    # Instances that run on may still wait for a place under `max_parallel`.
    (batch.turns if runs_on else batch.sets).add(group.id)
    return True


def begin_more(batch: Batch, group: GroupSet, *, limit: int) -> int:
    """Let as many instances begin as may at once, the first ones; return how many did."""
    if not (group.status is TaskStatus.WAITING or group.runs_on) or not group.is_live:
        return 0
    if group.parallel is not None:
        limit = min(limit, group.parallel - begun(batch, group.id))
    return queueing.unblock_instances(batch, group.id, limit=limit) if limit > 0 else 0


def begun(batch: Batch, set_id: int) -> int:
    """Return how many instances have begun and not ended."""
    counts = batch.task_counts("set", set_id)
    ((judged,),) = batch.rows(_JUDGED, set_id)
    return int(judged) + sum(counts.get(TaskStatus(status), 0) for status in _BEGUN)


def mark_late(batch: Batch, successes: Sequence[Success]) -> None:
    """Mark successes of instances whose group was decided before."""
    if not successes:
        return
    late = {task_id for (task_id,) in batch.rows(_LATE, ids(one.task_id for one in successes))}
    for success in successes:
        if success.task_id in late:
            success.reason = success.reason or LATE
            success.note |= {"late": True, "reason": success.reason}


def summary(total: int, counts: TaskCounts, *, number: int) -> JsonObject:
    """Return what a group says of its instances as its output: how many ended so."""
    return {"total": total, "set": number, **{str(end): counts.get(end, 0) for end in sorted(TASK_FINAL)}}
