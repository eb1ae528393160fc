"""Views: the read models that commands and console show.

Read from the store, through the ControlAPI. Times are ms UTC; None = not yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct, field

from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef
from core.model.limits.once import Once
from core.model.patterns.group_views import GroupCounts
from core.model.patterns.instances import EMPTY
from core.model.run_times import UsualTime
from core.model.text import safe_line
from core.model.values import JsonObject, JsonValue


def place_text(place: JsonObject) -> str:
    """Return which place a child has or waits for: `a place under limit db`."""
    limits = place["limits"]
    names = ", ".join(safe_line(str(one)) for one in limits) if isinstance(limits, list) else ""
    return f"a place under limit {names}"


class JobView(Struct, frozen=True, kw_only=True):
    """A job and how many of its tasks stand where (only statuses that occur)."""

    id: int
    name: str
    status: str
    on_task_failure: str
    reason: str | None
    """Why it is ending or ended, in words."""
    created_at: int
    started_at: int | None
    finished_at: int | None
    tasks: Mapping[str, int]
    params: JsonObject = field(default_factory=dict)
    definition_hash: str | None = None
    actor: str | None = None
    """Who submitted it."""
    verdict_by: str | None = None
    """Who, or `engine`, brought the verdict that `reason` explains."""
    verdict_task: int | None = None
    """The task whose end brought it."""
    verdict_ends: int | None = None
    """How many tasks that had not ended the verdict found, and so ended."""
    paused: JsonObject | None = None
    """Who (`by`), when (`at`, ms), why (`reason`), while it is paused."""
    pinned: JsonObject | None = None
    """Who (`by`), when (`at`, ms), why (`reason`), while it is kept from being purged."""
    retry_until: int | None = None
    """When the last of its retries that wait is due; lists leave it out."""
    tolerated: int = 0
    """How many of its failed tasks are tolerated (`continue_on_error`)."""
    parent: JsonObject | None = None
    """Of a child: the task (`task`, `key`) that waits for it, and the `job` of that."""
    root: int | None = None
    """Of a child: the job above all, and how many jobs are above it."""
    depth: int | None = None
    paused_above: tuple[JsonObject, ...] = ()
    """Paused jobs above it, nearest first: `job`, `by`, `at` (ms), `reason`."""
    place: JsonObject | None = None
    """Of a child that limits count: under which (`limits`) it has a place, or `waits` for one."""

    @property
    def told(self) -> str | None:
        """Return why it is ending or ended, how many failures are tolerated, which pause above holds it."""
        parts = [self.reason] if self.reason else []
        parts += [f"{self.tolerated} tolerated"] if self.tolerated else []
        parts += [f"paused from above: job {above['job']}" for above in self.paused_above[:1]]
        if self.place is not None and self.place["waits"]:
            parts.append(f"waits for {place_text(self.place)}")
        return ", ".join(parts) or self.reason


class StageView(Struct, frozen=True, kw_only=True):
    """A stage of a job; `position` counts from 0."""

    id: int
    job_id: int
    position: int
    name: str
    status: str
    tasks: Mapping[str, int]


class TaskView(Struct, frozen=True, kw_only=True):
    """A task as lists show it; `attempts` = executions so far, `tries` = those since its last rerun."""

    id: int
    job_id: int
    stage_id: int
    key: str
    name: str | None
    uses: str
    queue: str
    priority: int
    group: str | None
    status: str
    attempts: int
    max_attempts: int
    wait_reason: str | None
    """The first of the reasons why it waits that its rows decide (`core.model.waits.OWN`)."""
    created_at: int
    queued_at: int | None
    started_at: int | None
    finished_at: int | None
    retry_at: int | None
    stop_requested: JsonObject | None
    """Who, when (ms), why, how (`ask`, `kill`): asked to stop but not yet stopped."""
    error: JsonObject | None
    actor: str | None = None
    """Who enqueued a loose task; those of a job have the actor of the job."""
    status_by: str | None = None
    """Who brought it to its status; None = it went there in the ordinary course."""
    status_reason: str | None = None
    waits_for: str | None = None
    """The first of all reasons why it waits, the engine's included, in a few words; `+1` = one more."""
    tries: int = 0
    usual: UsualTime | None = None
    """How long it usually takes, of a task of a workflow that runs, and on the page of one that has ended."""

    family: str | None = None
    """The family of its newest failure."""
    pinned: JsonObject | None = None
    """As that of a job; a job that is pinned keeps its tasks, too."""
    tolerated: bool = False
    """It failed, and its job goes on as if it had succeeded."""
    instances: GroupCounts | None = None
    """Of a group, once its items are known."""
    group_task: int | None = None
    """Of an instance: its group."""

    @property
    def shown_key(self) -> str:
        """Its key; of a group with how many instances ended, of how many, and how many failed."""
        return self.key if self.instances is None else f"{self.key} {self.instances.short}"

    @property
    def partial(self) -> bool:
        """Whether it succeeded and a spent budget cut it short; `status_reason` says which."""
        reason = self.status_reason
        is_own = self.instances is None and not (self.group_task and reason and reason.startswith("late"))
        return self.status == "succeeded" and reason not in (None, EMPTY) and is_own

    @property
    def trouble(self) -> JsonObject | None:
        """Return its error, or of one that succeeded in part what cut it short."""
        if self.tolerated and self.error is not None:
            return {**self.error, "message": f"tolerated: {self.error.get('message')}"}
        return {"message": self.status_reason} if self.partial else self.error

    @property
    def began_at(self) -> int | None:
        """When its latest attempt began, if that runs or the task has ended."""
        is_over = self.finished_at is not None or self.status == "running"
        return self.started_at if is_over else None

    def is_slow(self, now: int) -> bool:
        """Return whether its attempt takes, or took, longer than nearly all before it (`now` in ms UTC)."""
        if self.usual is None or self.began_at is None:
            return False
        end = now if self.finished_at is None else self.finished_at
        return end - self.began_at > self.usual.p95_ms


class TaskDetail(Struct, frozen=True, kw_only=True):
    """A task with what only its own page shows; `needs` are keys."""

    task: TaskView
    needs: tuple[str, ...]
    with_: JsonObject
    metadata: JsonObject
    output: JsonValue
    attempts: tuple[AttemptView, ...] = ()
    cwd: str | None = None
    """The folder that it was submitted for; None = the engine's own."""
    continue_on_error: bool = False
    success_exit_codes: tuple[int, ...] = ()
    skip_exit_codes: tuple[int, ...] = ()
    limits: tuple[LimitRef, ...] = ()
    """Limits that it names."""
    cost: Estimate | None = None
    """None = nothing is estimated."""
    prefer: tuple[str, ...] = ()
    on_exhausted: str | None = None
    tags: tuple[str, ...] = ()
    project: str | None = None
    """That of its job, or of a loose task."""
    once: Once | None = None


class AttemptView(Struct, frozen=True, kw_only=True):
    """One execution of a task."""

    epoch: int
    status: str
    started_at: int
    finished_at: int | None
    error: JsonObject | None


class GroupView(Struct, frozen=True, kw_only=True):
    """A group of loose tasks, as one `map` call makes it: how many of them stand where."""

    name: str
    tasks: Mapping[str, int]
    created_at: int
    """When the first of them was admitted (ms UTC)."""


class QueueView(Struct, frozen=True, kw_only=True):
    """A queue: how many of its tasks stand where, and whether and why it is paused."""

    name: str
    tasks: Mapping[str, int]
    paused_at: int | None
    paused_by: str | None
    pause_reason: str | None
    oldest_at: int | None = None
    """Since when the oldest of its queued tasks waits (ms UTC)."""
    rate: float = 0.0
    """Tasks that ended per minute, over the last five minutes."""
    ends: tuple[int, ...] = ()
    """How many tasks ended in each of the last ten half minutes, oldest first, the last one under way."""
    waited_ms: int | None = None
    """How long the tasks that run now had been queued, on average."""
    pools: tuple[str, ...] | None = None
    """Which pools drain it, in the order in which they are asked; None = that is not known."""
    paused_pools: tuple[str, ...] = ()
    """Which of them are paused."""

    @property
    def pools_text(self) -> str | None:
        """Return the pools that drain it, `cpu, gpu (paused)`; `none` = its tasks wait."""
        if self.pools is None:
            return None
        told = (f"{pool} (paused)" if pool in self.paused_pools else pool for pool in self.pools)
        return ", ".join(told) or "none"

    @property
    def depth(self) -> int:
        """Return how many of its tasks are queued."""
        return self.tasks.get("queued", 0)


class VariableView(Struct, frozen=True, kw_only=True):
    """A variable of a job, and the task that changed it last, if one has."""

    name: str
    type: str | None
    """None = any value."""
    value: JsonValue
    task_id: int | None = None
    key: str | None = None
    changed_at: int | None = None


class JobOutputs(Struct, frozen=True, kw_only=True):
    """What a job gives out."""

    job_id: int
    status: str
    outputs: JsonObject | None = None
    """None = its document has no `outputs`, or it has not succeeded."""
    error: str | None = None
    """Why they cannot be worked out."""


class ChildView(Struct, frozen=True, kw_only=True):
    """A job that a task waits for, or waited for, and that task."""

    job_id: int
    name: str
    status: str
    task_id: int
    key: str
    superseded: bool = False
    """Its task began a new one since."""
    is_worklet: bool = False


class JobDetail(Struct, frozen=True, kw_only=True):
    """A job with its stages and all its tasks in order of id."""

    job: JobView
    stages: tuple[StageView, ...]
    tasks: tuple[TaskDetail, ...]
    children: tuple[ChildView, ...] = ()
    """Jobs of its tasks, oldest first, at most 1,000."""


V = TypeVar("V")


class Page(Struct, Generic[V], frozen=True, kw_only=True):
    """Rows in the order asked for; `next` is the keyset cursor of the following page or None."""

    rows: tuple[V, ...]
    next: str | None = None
    searched: int | None = None
    """How many rows were looked at, where others may belong to the list as well; None = all that matter.

    In order of id the page ended there, and `next` looks on; in any other order the list is made of so
    many of the newest rows.
    """


class LogStream(StrEnum):
    """What a task wrote; standard error is part of the output unless the task keeps it apart."""

    OUT = "out"
    ERR = "err"
    BOTH = "both"
    """Both in the order they came, where that is known; else as `out`."""


class LogChunk(Struct, frozen=True, kw_only=True):
    """A piece of an attempt's output: raw bytes from `offset`; `end` = where the next one starts."""

    data: bytes
    offset: int
    end: int
    final: bool
    """The attempt has closed and nothing follows."""
    epoch: int
    dropped: int = 0
    """Bytes before `offset` that were asked for and are gone: the middle of an output over its limit."""
    lost: bool = False
    """Output is missing: it could not be written."""
    stderr: int = 0
    """Bytes of standard error, where it is kept apart."""


class JobResult(Struct, frozen=True, kw_only=True):
    """How a job ended, as waiters get it."""

    id: int
    status: str
    tasks: Mapping[str, int]
    reason: str | None


class ClaimsClosed(Struct, frozen=True, kw_only=True):
    """One reason why an engine claims nothing at present; tasks stay queued until it is gone."""

    code: str
    """`store.full`, `store.failed`, `short.disk`, `short.descriptors`, `short.processes`, ..."""
    message: str
    hint: str
    since: int
    """ms UTC."""
    until: int | None = None
    """When it is tried again; None = as soon as the reason is seen to be gone."""


class EngineInfo(Struct, frozen=True, kw_only=True):
    """The engine that answers: its process, its start (`epoch`) and how many slots are in use."""

    version: str
    pid: int
    epoch: int
    slots: int
    running: int
    home: str
    state: str = "serving"
    """`serving`, `draining` (claims nothing, ends when nothing runs) or `stopping`."""
    protected: bool = False
    """Its home is marked so: a console reads only, until changes are armed. Older engines do not say."""
    trouble: str = ""
    """Why it claims nothing although it serves, in one sentence. Older engines do not say."""
    closed: tuple[ClaimsClosed, ...] = ()
    """The same, each reason apart, the oldest first. Older engines do not say."""
    set_aside: str = ""
    """What of its work it cannot go on with, and why. Older engines do not say."""
    is_lasting: bool = True
    """False = a command or a console started it: it ends by itself, or with its terminal."""


class Changes(Struct, frozen=True, kw_only=True):
    """What is new since an event, and how everything stands now; counts hold only statuses that occur."""

    last_event: int
    """The newest event that is included; 0 = nothing has ever happened."""
    kinds: frozenset[str]
    """Kinds of the events since then, empty when there is none; all kinds if the engine lost count."""
    tasks: Mapping[str, int]
    jobs: Mapping[str, int]
    """Jobs that are not final, by status; the inbox, which never ends, is not among them."""
    paused_queues: int
    engine: EngineInfo
    lost: int = 0
    """Tasks that are held because the end of their attempt was not seen, at most 2,000."""
    acknowledged: int = 0
    """Failed tasks of families that an operator has acknowledged. Older engines do not say."""
    paused_pools: int = 0
    spent_budgets: int = 0
    """Budgets of which nothing is left under some key, or for which something waits."""
    is_frozen: bool = False
    """An operator stopped all spending."""
