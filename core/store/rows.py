"""Typed rows that the files of the writer pass to each other.

Used by `core.store.apply`.

Some are made and read for every task of a batch. These are slotted but not frozen: a frozen dataclass
takes several times as long to make, a named tuple to read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Literal, NamedTuple, TypeAlias

from core.model.commands.work import ENGINE, Force
from core.model.status import TaskStatus
from core.model.values import JsonObject


class Subject(NamedTuple):
    """What an event is about; `attempt` is the epoch of one."""

    job_id: int | None = None
    task_id: int | None = None
    attempt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who asked for a change and why; for an end also how hard what runs is asked."""

    reason: str = ""
    actor: str | None = ENGINE
    force: Force = Force.ASK
    facts: JsonObject = field(default_factory=dict)
    """What its events carry beside the reason, such as the verdict that brought it."""

    @property
    def note(self) -> JsonObject:
        """Return what an event says of it."""
        return {"reason": self.reason, **self.facts} if self.reason else dict(self.facts)


@dataclass(slots=True)
class TaskPlace:
    """A task and what it is counted under: its job, stage, queue and lane."""

    task_id: int
    job_id: int
    stage_id: int
    queue: str
    lane_id: int
    set_id: int | None
    """Of an instance: the set that it is counted under in the place of job and stage."""


PLACE = "id, job_id, stage_id, queue, lane_id, set_id"
"""The columns of a `TaskPlace`, in its order."""
OF_PLACE = len(PLACE.split(", "))
"""How many these are."""
PLACED = ", ".join(f"t.{column}" for column in PLACE.split(", "))
"""The same of a task `t`."""


@dataclass(slots=True)
class ReadyRow:
    """A task that a statement may have queued, and what became of it."""

    task_id: int
    job_id: int
    stage_id: int
    queue: str
    lane_id: int
    set_id: int | None
    status: str
    wait_reason: str | None

    @property
    def is_queued(self) -> bool:
        """Return whether it may be claimed."""
        return self.status == TaskStatus.QUEUED


@dataclass(slots=True)
class ClaimedRow:
    """A claimed task as its row says it."""

    task_id: int
    job_id: int
    stage_id: int
    queue: str
    lane_id: int
    set_id: int | None
    epoch: int
    key: str
    uses: str
    spec: str
    generation: int
    tries: int
    losses: int
    bounces: int
    conditional: int


Placed: TypeAlias = TaskPlace | ReadyRow | ClaimedRow
"""A row of a task that says what the task is counted under."""
by_task_id = attrgetter("task_id")
"""The order in which events of one kind are noted."""


@dataclass(slots=True)
class Success:
    """An attempt that succeeded: `output` as stored, and what its event says."""

    task_id: int
    epoch: int
    output: str | None
    note: JsonObject
    reason: str | None = None
    """Why it is partial."""


@dataclass(slots=True)
class Awaited:
    """What a task that waits is waiting for, as its row says it (`schema.awaited`)."""

    due_at: int | None = None
    until: int | None = None
    fails_at: int | None = None
    name: str | None = None
    key: str | None = None
    job_key: str | None = None
    job_name: str | None = None
    wanted: str | None = None
    path: str | None = None
    root: str | None = None
    stable_ms: int | None = None
    every_ms: int | None = None
    url: str | None = None

    child_id: int | None = None
    asks: Literal["worklet", "outputs"] | None = None
    on_child_failure: str | None = None

    @property
    def is_looked_for(self) -> bool:
        """Return whether the engine looks for its answer."""
        return self.path is not None or self.every_ms is not None


@dataclass(slots=True)
class Hold:
    """What an attempt takes with it, as its row says it (`schema.attempt`)."""

    pool: str | None = None
    gset_id: int = 0
    held: str | None = None
    counted_at: int | None = None


NO_HOLDS: Mapping[int, Hold] = {}


class Bound(NamedTuple):
    """A judged task under its terms: its lane, the column of its cost, its spec with the terms."""

    lane_id: int
    cost: str | None
    spec: str


@dataclass(slots=True)
class FinalTask:
    """A task that became final in this batch, as the consequences need it."""

    task_id: int
    job_id: int
    stage_id: int
    status: TaskStatus
    tolerated: bool = False
    set_id: int | None = None
    """Of an instance; nothing but its group and what needs it follows from its end."""

    @property
    def counts_as(self) -> TaskStatus:
        """The end that needs, stages and verdicts see: a tolerated failure is none."""
        return TaskStatus.SUCCEEDED if self.tolerated else self.status


class LeftOver(NamedTuple):
    """What a batch leaves to a later one: edges of a task, tasks of a stage, a job's verdict or its lanes.

    `limits` = the tasks that wait, from this one on, are to be brought under changed limits. `spent`,
    `dear` = tasks of this aisle, of this lane, wait for a budget in vain. `set` = instances of this set
    are to be brought in line with their group.
    """

    kind: Literal["task", "stage", "job", "lanes", "limits", "spent", "dear", "set"]
    id: int
