"""Commands to the journal, and their results.

Made by the engine and the control; carried out by the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Literal, NamedTuple, TypeAlias, TypeVar

from core.model import bounds
from core.model.actors import Door, claim
from core.model.outcomes import Accept, Decision, Outcome, TaskError
from core.model.plans import JobPlan, TaskPlan
from core.model.values import JsonObject, JsonValue

ENGINE = "engine"
"""Actor of what no person asked for."""
R_co = TypeVar("R_co", covariant=True)


class RowRef(NamedTuple):
    """A row that a command is for."""

    kind: Literal["task", "job", "queue", "followup"]
    key: int | str


class Command(Generic[R_co]):
    """What a caller asks of the journal; answered with an `R_co`."""

    __slots__ = ()

    def rows(self) -> tuple[RowRef, ...]:
        """Name the rows it is for, as far as two commands could meet there."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """The job was admitted, or stood there already under its client key."""

    job_id: int
    duplicate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """The ids of the admitted tasks, in the order of the command."""

    task_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """Whether the completion landed; False = the attempt was closed already."""

    landed: bool


class Refusal(NamedTuple):
    """A task or job that a verb leaves as it is, and why."""

    id: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The status that a job gets if all its tasks that have not ended succeed, and why."""

    job_id: int
    status: str
    reason: str
    """Empty where nothing stands in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operated:
    """What an operator's verb changed: how many tasks or switches moved, and what it refused."""

    changed: int
    refused: tuple[Refusal, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    """Of each job that had ended and goes on."""


class Operation(Command[Operated]):
    """What an operator asks."""

    __slots__ = ()


class Effect(StrEnum):
    """Whether a verb is carried out."""

    CHANGE = "change"
    NONE = "none"
    """It is answered as if it were, and nothing changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearse(Operation):
    """Answer what an operation would change and refuse, and change nothing."""

    operation: Operation

    def rows(self) -> tuple[RowRef, ...]:
        return self.operation.rows()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit(Command[Submitted]):
    """Admit a job."""

    plan: JobPlan
    actor: str = ENGINE
    surroundings: JsonObject = field(default_factory=dict)
    """Kept once under its hash, which the `context.at` of the tasks names; empty = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentText:
    """A workflow as it stands in a file that the engine cannot read; `name` is what faults call it."""

    name: str
    text: str


Document: TypeAlias = Mapping[str, JsonValue] | str | DocumentText
"""A workflow: as parsed, the path of its file relative to the caller's directory, or its text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmitOptions:
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

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_optional_text("client_key", self.client_key)
        bounds.check_optional_text("name", self.name)
        bounds.check_directory(self.cwd)
        bounds.check_environment(self.env)
        bounds.check_whole("retry", self.retry, least=0, most=bounds.ATTEMPTS_MAX - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue(Command[Enqueued]):
    """Admit loose tasks into the inbox, in order."""

    tasks: tuple[TaskPlan, ...]
    group: str | None = None
    """The name under which `--where group:` finds them."""
    actor: str = ENGINE
    surroundings: JsonObject = field(default_factory=dict)
    """Kept once under its hash, which the tasks name as `context.at`; empty = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete(Command[Completed]):
    """Close an attempt with its outcome; the decision was made by `rules`."""

    task_id: int
    epoch: int
    outcome: Outcome
    decision: Decision = field(default_factory=Accept)

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.task_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proceed:
    """The `when` of a blocked task is true."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipIt:
    """The `when` of a blocked task is false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailIt:
    """The `when` of a blocked task cannot be judged."""

    error: TaskError


@dataclass(frozen=True, slots=True, kw_only=True)
class Decide(Command[None]):
    """Carry out the judgement of a `when`."""

    task_id: int
    verdict: Proceed | SkipIt | FailIt

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.task_id),)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComeDue(Command[None]):
    """Queue the retrying tasks whose time has come, at most one batch full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp(Command[None]):
    """Carry out the consequences that an earlier batch left over."""

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("followup", 0),)


class Force(StrEnum):
    """How what runs is made to end."""

    ASK = "ask"
    """It is asked, has its grace, and is killed after that."""
    KILL = "kill"
    """It is killed at once; a grace that is under way is cut short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Operation):
    """Cancel a whole job (`job_id`) or single tasks (`task_ids`)."""

    job_id: int | None = None
    task_ids: tuple[int, ...] = ()
    reason: str = ""
    actor: str = ENGINE
    force: Force = Force.ASK

    def rows(self) -> tuple[RowRef, ...]:
        return (*_tasks(self.task_ids), *_job(self.job_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill(Operation):
    """End what runs of tasks at once; tasks that do not run stay as they are."""

    task_ids: tuple[int, ...]
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Operation):
    """Stop claiming from a job or a queue; what runs is left alone."""

    job_id: int | None = None
    queue: str | None = None
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return (*_job(self.job_id), *_queue(self.queue))


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Operation):
    """Claim again from a job or a queue."""

    job_id: int | None = None
    queue: str | None = None
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return (*_job(self.job_id), *_queue(self.queue))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Operation):
    """Keep tasks from being claimed."""

    task_ids: tuple[int, ...]
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhold(Operation):
    """Release held tasks."""

    task_ids: tuple[int, ...]
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Operation):
    """Give held tasks up: they end as failed."""

    task_ids: tuple[int, ...]
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prioritise(Operation):
    """Give tasks that are not final another priority."""

    task_ids: tuple[int, ...]
    priority: int
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        return _tasks(self.task_ids)


class OrphanEvent(StrEnum):
    """What the history says of an orphan."""

    FOUND = "orphan.found"
    """Its wrapper died and processes of it live on."""
    KEPT = "orphan.kept"
    """An operator lets them run on."""
    LEFT = "orphan.left"
    """Its command has ended and processes of it live on, or did until they were killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteOrphan(Command[None]):
    """Write into the history what became of an orphaned attempt; no row changes."""

    task_id: int
    epoch: int
    kind: OrphanEvent
    data: JsonObject = field(default_factory=dict)
    actor: str = ENGINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair(Command[int]):
    """Make the rows of a job agree again; answered with how many repairs were made."""

    job_id: int

    def rows(self) -> tuple[RowRef, ...]:
        return _job(self.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class FailJob(Command[bool]):
    """Fail a job that cannot go on; False = its verdict is in already."""

    job_id: int
    reason: str

    def rows(self) -> tuple[RowRef, ...]:
        return _job(self.job_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteFault(Command[None]):
    """Set a task, or an attempt of it, aside: it cannot be gone on with, and the history says why."""

    job_id: int
    task_id: int
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun(Operation):
    """Run final tasks again, or of a job all that failed, was cancelled or skipped after such."""

    job_id: int | None = None
    task_ids: tuple[int, ...] = ()
    downstream: bool = False
    """Also everything that depends on the tasks, directly or through others."""
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
