"""The table of requests: what each verb asks, answers, and may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar, get_args, get_origin

from core.control.arguments import LOG_BYTES, OPERATOR, PAGE, DocumentSource, EventQuery, Target
from core.filters.terms import Filter
from core.model import counts, events, orphans, pulse, views, workflow_views
from core.model.commands import Force, Operated, StopMode, SubmitOptions, Submitted
from core.model.errors import Bug
from core.model.plans import TaskSpec
from core.model.values import JsonObject, JsonValue

R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[R_co]):
    """What one verb asks; its type argument is what it answers. `ControlAPI` says what each promises."""


class Kind(StrEnum):
    """What a request may do, and who can answer it."""

    READ = "read"
    """Answered from the store and the output directory; changes nothing."""
    ENGINE = "engine"
    """Answered by the engine alone; changes nothing."""
    WAIT = "wait"
    """Answered by the engine when something happens; changes nothing."""
    CHANGE = "change"
    """Changes the store, or what the engine does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs(Request[views.Page[views.JobView]]):
    where: Filter | None = None
    after: str | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Request[views.JobView]):
    job_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetail(Request[views.JobDetail]):
    job_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks(Request[views.Page[views.TaskView]]):
    where: Filter | None = None
    after: str | None = None
    limit: int = PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Request[views.TaskDetail]):
    task_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FindTask(Request[int]):
    ref: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Queues(Request[tuple[views.QueueView, ...]]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Events(Request[views.Page[events.EventView]]):
    query: EventQuery | None = None
    after_id: int = 0
    limit: int = PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Log(Request[views.LogChunk]):
    task_id: int
    epoch: int | None = None
    offset: int = 0
    limit: int = LOG_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Request[counts.Count]):
    where: Filter


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview(Request[counts.Preview]):
    where: Filter
    as_of: int | None = None
    excluding: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse(Request[pulse.PulseView]):
    minutes: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition(Request[JsonObject]):
    job_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Orphans(Request[tuple[orphans.OrphanView, ...]]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Describe(Request[workflow_views.WorkflowView]):
    document: DocumentSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Request[views.EngineInfo]):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes(Request[views.Changes]):
    after: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitJob(Request[views.JobResult]):
    job_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitTasks(Request[Mapping[str, int]]):
    task_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submit(Request[Submitted]):
    document: DocumentSource
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    options: SubmitOptions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue(Request[tuple[int, ...]]):
    specs: tuple[TaskSpec, ...]
    group: str | None = None
    actor: str = OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Operate(Request[Operated]):
    """What an operator's verb acts on, and who asks."""

    target: Target
    actor: str = OPERATOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Operate):
    reason: str = ""
    force: Force = Force.ASK


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill(Operate):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry(Operate):
    downstream: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause(Operate):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume(Operate):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Operate):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unhold(Operate):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail(Operate):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepOrphans(Operate):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class KillOrphans(Operate):
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopEngine(Request[None]):
    how: StopMode


RequestType: TypeAlias = type[Request[object]]

VERBS: Mapping[Kind, Mapping[str, RequestType]] = {
    Kind.READ: {
        "jobs": Jobs,
        "job": Job,
        "job_detail": JobDetail,
        "tasks": Tasks,
        "task": Task,
        "find_task": FindTask,
        "queues": Queues,
        "events": Events,
        "log": Log,
        "count": Count,
        "preview": Preview,
        "pulse": Pulse,
        "definition": Definition,
    },
    Kind.ENGINE: {
        "orphans": Orphans,
        "describe": Describe,
        "status": Status,
    },
    Kind.WAIT: {
        "changes": Changes,
        "wait_job": WaitJob,
        "wait_tasks": WaitTasks,
    },
    Kind.CHANGE: {
        "submit": Submit,
        "enqueue": Enqueue,
        "cancel": Cancel,
        "kill": Kill,
        "retry": Retry,
        "pause": Pause,
        "resume": Resume,
        "hold": Hold,
        "unhold": Unhold,
        "fail": Fail,
        "keep_orphans": KeepOrphans,
        "kill_orphans": KillOrphans,
        "stop_engine": StopEngine,
    },
}
"""Every verb by the name of its method, under what it may do. Routes, the remote client and the console's
protection follow from this table; a request that is not in it is refused everywhere."""

ROUTES: Mapping[str, RequestType] = {
    name: request for verbs in VERBS.values() for name, request in verbs.items() if request is not StopEngine
}
"""The verbs below `wire.PATH`; `stop_engine` has a path that all protocols share (`wire.STOP`)."""

_KINDS = {request: kind for kind, verbs in VERBS.items() for request in verbs.values()}
_ANSWERS: dict[type, object] = {}
_NAMES = {request: name for verbs in VERBS.values() for name, request in verbs.items()}


def kind_of(request: Request[object]) -> Kind:
    """Return what a request may do; raise `Bug` (`request.unknown`) if the table does not have it."""
    kind = _KINDS.get(type(request))
    if kind is None:
        raise _unknown(request)
    return kind


def name_of(request: Request[object]) -> str:
    """Return the verb of a request; raise `Bug` (`request.unknown`) if the table does not have it."""
    name = _NAMES.get(type(request))
    if name is None:
        raise _unknown(request)
    return name


def answer_of(request: Request[object]) -> object:
    """Return the type that a request declares for its answer."""
    kind = type(request)
    if kind not in _ANSWERS:
        bases = (base for one in kind.__mro__ for base in getattr(one, "__orig_bases__", ()))
        _ANSWERS[kind] = next(get_args(base)[0] for base in bases if get_origin(base) is Request)
    return _ANSWERS[kind]


def _unknown(request: object) -> Bug:
    return Bug("request.unknown", f"{type(request).__name__} is not in the table of requests")
