"""Commands to the journal, and their results.

Made by the engine and the control; carried out by the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

from msgspec import Struct, field

from core.model import bounds
from core.model.actors import Door, claim
from core.model.limits.limits import Spent
from core.model.outcomes import Accept, Decision, Outcome
from core.model.patterns.artifacts import ArtifactFile
from core.model.plans import JobPlan, TaskPlan
from core.model.predictions import UnitCost
from core.model.refusals import Refusal
from core.model.values import JsonObject, JsonValue

ENGINE = "engine"
"""Actor of what no person asked for."""
R_co = TypeVar("R_co", covariant=True)


class RowRef(NamedTuple):
    """A row that a command is for."""

    kind: Literal["task", "job", "queue", "family", "followup", "pool", "limit", "backend", "schedule"]
    key: int | str


class Command(Struct, Generic[R_co], frozen=True, kw_only=True):
    """What a caller asks of the journal; answered with an `R_co`."""

    def rows(self) -> tuple[RowRef, ...]:
        """Name the rows it is for, as far as two commands could meet there."""
        return ()


class Submitted(Struct, frozen=True, kw_only=True):
    """The job was admitted, or stood there already under its client key."""

    job_id: int
    duplicate: bool = False


class Enqueued(Struct, frozen=True, kw_only=True):
    """The ids of the admitted tasks, in the order of the command."""

    task_ids: tuple[int, ...]
    duplicates: tuple[int, ...] = ()
    """Which of them, from 0, were not created: a task with the key of their `once` stood already."""


class Completed(Struct, frozen=True, kw_only=True):
    """Whether the completion landed; False = the attempt was closed already."""

    landed: bool


class Forecast(Struct, frozen=True, kw_only=True):
    """The status that a job gets if all its tasks that have not ended succeed, and why."""

    job_id: int
    status: str
    reason: str
    """Empty where nothing stands in the way."""


class Operated(Struct, frozen=True, kw_only=True):
    """What an operator's verb changed: how many tasks or switches moved, and what it refused."""

    changed: int
    refused: tuple[Refusal, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    """Of each job that had ended and goes on."""
    starts: tuple[int, ...] = ()
    """Of a rehearsal: the tasks that would be started, the first time or once more."""
    costs: tuple[UnitCost, ...] = ()
    """What these are expected to spend."""


class Operation(Command[Operated], frozen=True, kw_only=True):
    """What an operator asks."""


class Effect(StrEnum):
    """Whether a verb is carried out."""

    CHANGE = "change"
    NONE = "none"
    """It is answered as if it were, and nothing changes."""


class Rehearse(Operation, frozen=True, kw_only=True):
    """Answer what an operation would change and refuse, and change nothing."""

    operation: Operation

    def rows(self) -> tuple[RowRef, ...]:
        return self.operation.rows()


class Submit(Command[Submitted], frozen=True, kw_only=True):
    """Admit a job."""

    plan: JobPlan
    actor: str = ENGINE
    surroundings: str = ""
    """The text of their stored form, kept once under its hash, which the `context.at` of the tasks names;
    empty = none."""
    schedule_id: int | None = None
    """The schedule whose fire it is."""


class DocumentText(Struct, frozen=True, kw_only=True):
    """A workflow as it stands in a file that the engine cannot read; `name` is what faults call it."""

    name: str
    text: str


Document: TypeAlias = Mapping[str, JsonValue] | str | DocumentText
"""A workflow: as parsed, the path of its file relative to the caller's directory, or its text."""


class SubmitOptions(Struct, frozen=True, kw_only=True):
    """Who submits a document, where, and under which names."""

    actor: str = claim(Door.API)
    """A claim (`actors.claim`): the control signs it with the user."""
    cwd: str | None = None
    """Directory of its tasks; None = the folder of the file, or the engine's own for a mapping."""
    env: JsonObject = field(default_factory=dict)
    """Captured variables, name to text."""
    client_key: str | None = None
    """Same key and input = the same job; other input = conflict."""
    name: str | None = None
    """Name of the job instead of the document's."""
    retry: int = 0
    """How often a failed task that has no `retry` of its own is run again."""
    project: str | None = None
    """Label of the job instead of the document's."""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_optional_text("client_key", self.client_key)
        bounds.check_optional_text("name", self.name)
        bounds.check_optional_text("project", self.project)
        bounds.check_directory(self.cwd)
        bounds.check_environment(self.env)
        bounds.check_whole("retry", self.retry, least=0, most=bounds.ATTEMPTS_MAX - 1)


class Enqueue(Command[Enqueued], frozen=True, kw_only=True):
    """Admit loose tasks into the inbox, in order."""

    tasks: tuple[TaskPlan, ...]
    group: str | None = None
    """The name under which `--where group:` finds them."""
    actor: str = ENGINE
    surroundings: str = ""
    """The text of their stored form, kept once under its hash, which the tasks name as `context.at`; empty =
    none."""


class Claimed(Struct, frozen=True, kw_only=True):
    """One claimed task with what its runner needs; `spec` is the stored JSON text."""

    task_id: int
    epoch: int
    job_id: int
    key: str
    uses: str
    spec: str
    generation: int
    tries: int
    """Attempts that counted against `max_attempts` before this one."""
    losses: int
    bounces: int
    conditional: bool
    """It has a `when` that is judged again at the start."""


class Complete(Command[Completed], frozen=True, kw_only=True):
    """Close an attempt with its outcome, decided by `rules`; a success sets variables and keeps artifacts."""

    task_id: int
    epoch: int
    outcome: Outcome
    decision: Decision = field(default_factory=Accept)
    spent: tuple[Spent, ...] = ()
    """What it reported; of a unit that is not among these its estimate is booked."""
    unread: str = ""
    """What is wrong with the rest of what it reported, which is ignored."""
    variables: JsonObject = field(default_factory=dict)
    artifacts: tuple[ArtifactFile, ...] = ()
    cut: JsonObject = field(default_factory=dict)
    """What of its output is missing: `dropped` bytes, `lost`; empty = it is whole."""
    abandoned: bool = False
    """Its call ignored its cancel and was given up: it may go on."""

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.task_id),)


class ComeDue(Command[None], frozen=True, kw_only=True):
    """Queue the retrying tasks whose time has come, at most one batch full."""


class FollowUp(Command[None], frozen=True, kw_only=True):
    """Carry out the consequences that an earlier batch left over."""

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("followup", 0),)


class Force(StrEnum):
    """How what runs is made to end."""

    ASK = "ask"
    """It is asked, has its grace, and is killed after that."""
    KILL = "kill"
    """It is killed at once; a grace that is under way is cut short."""


class Cancel(Operation, frozen=True, kw_only=True):
    """Cancel a whole job (`job_id`) or single tasks (`task_ids`)."""

    job_id: int | None = None
    task_ids: tuple[int, ...] = ()
    reason: str = ""
    actor: str = ENGINE
    force: Force = Force.ASK

    def rows(self) -> tuple[RowRef, ...]:
        return (*_tasks(self.task_ids), *_job(self.job_id))


class Kill(Operation, frozen=True, kw_only=True):
    """End what runs of tasks at once; tasks that do not run stay as they are."""

    task_ids: tuple[int, ...]
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


class Pause(Operation, frozen=True, kw_only=True):
    """Stop claiming from a job or a queue; what runs is left alone."""

    job_id: int | None = None
    queue: str | None = None
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return (*_job(self.job_id), *_queue(self.queue))


class Resume(Operation, frozen=True, kw_only=True):
    """Claim again from a job or a queue."""

    job_id: int | None = None
    queue: str | None = None
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return (*_job(self.job_id), *_queue(self.queue))


class Hold(Operation, frozen=True, kw_only=True):
    """Keep tasks from being claimed."""

    task_ids: tuple[int, ...]
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


class Unhold(Operation, frozen=True, kw_only=True):
    """Release held tasks."""

    task_ids: tuple[int, ...]
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


class Fail(Operation, frozen=True, kw_only=True):
    """Give held tasks up: they end as failed."""

    task_ids: tuple[int, ...]
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


class Prioritise(Operation, frozen=True, kw_only=True):
    """Give tasks that are not final another priority."""

    task_ids: tuple[int, ...]
    priority: int
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


class Acknowledge(Operation, frozen=True, kw_only=True):
    """Note that failure families are known: for so long (ms), or (None) until they return."""

    families: tuple[str, ...]
    for_ms: int | None = None
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return tuple(RowRef("family", family) for family in self.families)


class Unacknowledge(Operation, frozen=True, kw_only=True):
    """Count failure families as news again."""

    families: tuple[str, ...]
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return tuple(RowRef("family", family) for family in self.families)


class AttemptNote(StrEnum):
    """What the history says of an attempt beside its moves."""

    SLOW = "task.slow"
    """It runs for longer than its soft timeout; told once."""
    SILENT = "task.silent"
    """It wrote nothing for as long as its soft silence."""
    FOUND = "orphan.found"
    """Its wrapper died and processes of it live on."""
    KEPT = "orphan.kept"
    """An operator lets them run on."""
    LEFT = "orphan.left"
    """Its command has ended and processes of it live on, or did until they were killed."""
    CALL_ENDED = "call.ended"
    """Its call, which was given up before, has ended; nothing of it is taken."""


class NoteAttempt(Command[None], frozen=True, kw_only=True):
    """Write into the history what is seen of an attempt; no row changes."""

    task_id: int
    epoch: int
    kind: AttemptNote
    data: JsonObject = field(default_factory=dict)
    actor: str = ENGINE


class Repair(Command[int], frozen=True, kw_only=True):
    """Make the rows of a job agree again; answered with how many repairs were made."""

    job_id: int

    def rows(self) -> tuple[RowRef, ...]:
        return _job(self.job_id)


class Recount(Command[int], frozen=True, kw_only=True):
    """Count run times, families and ends again where they are wrong; answered with how many were."""


class FailJob(Command[bool], frozen=True, kw_only=True):
    """Fail a job that cannot go on; False = its verdict is in already."""

    job_id: int
    reason: str

    def rows(self) -> tuple[RowRef, ...]:
        return _job(self.job_id)


class NoteFault(Command[None], frozen=True, kw_only=True):
    """Set a task, an attempt of it, or (None) a job aside, and say why."""

    job_id: int
    task_id: int | None
    epoch: int | None = None
    message: str = ""


class StopMode(StrEnum):
    """How an engine ends."""

    STOP = "stop"
    """Claim nothing more, give inline calls their grace, leave children to the next engine."""
    DRAIN = "drain"
    """Claim nothing more, wait for all that runs, then stop."""
    KILL = "kill"
    """End the children too."""


class Rerun(Operation, frozen=True, kw_only=True):
    """Run final tasks again, or of a job all that failed, was cancelled or skipped after such."""

    job_id: int | None = None
    task_ids: tuple[int, ...] = ()
    downstream: bool = False
    """Also everything that depends on the tasks, directly or through others."""
    force: bool = False
    """Also tasks that were retried as often as they may be."""
    fresh: bool = False
    """Tasks that wait for a child begin a new one."""
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return (*_tasks(self.task_ids), *_job(self.job_id))


def _tasks(task_ids: tuple[int, ...]) -> tuple[RowRef, ...]:
    return tuple(RowRef("task", task_id) for task_id in task_ids)


def _job(job_id: int | None) -> tuple[RowRef, ...]:
    return () if job_id is None else (RowRef("job", job_id),)


def _queue(queue: str | None) -> tuple[RowRef, ...]:
    return () if queue is None else (RowRef("queue", queue),)
