"""Read models that sum up: what changed, how much, how fast, what fails, what waits, what is orphaned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.model.values import JsonValue
from core.model.views import EngineInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is new since an event, and how everything stands now; counts hold only statuses that occur."""

    last_event: int
    """Up to which event this is told; 0 = nothing has ever happened."""
    kinds: frozenset[str]
    """Kinds of the events since then, empty when nothing happened; all kinds if nobody knows any more."""
    tasks: Mapping[str, int]
    jobs: Mapping[str, int]
    """Jobs that are not final, by status; the inbox, which never ends, is not among them."""
    paused_queues: int
    engine: EngineInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many rows a filter finds.

    Exact when `searched` is None; otherwise only the newest `searched` rows were looked at.
    """

    number: int
    searched: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a verb on a filter would act on, as of an event."""

    as_of: int
    """The newest event when this was judged, or the one that was asked for."""
    number: int
    by_status: Mapping[str, int]
    first: tuple[int, ...]
    """The lowest ids, at most five."""
    since: int = 0
    """Tasks that the filter finds now, but that changed after `as_of`: a verb leaves them alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many tasks ended in each status within `seconds` from `at` (ms UTC) on."""

    at: int
    seconds: int
    ended: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """Tasks that failed, or are retried, with the same error code; `message` and `keys` are of the newest."""

    code: str
    message: str
    tasks: int
    newest_task: int
    newest_job: int
    at: int
    keys: tuple[str, ...]


class WaitKind(StrEnum):
    """Why tasks are not running."""

    QUEUED = "queued"
    """Their turn has not come: a queue waits for slots; `subject` is the queue."""
    PAUSED_QUEUE = "paused queue"
    PAUSED_JOB = "paused job"
    NEEDS = "needs"
    """Others have to end first, or a `when` has to be judged."""
    RETRYING = "retrying"
    """They wait for their next attempt; `until` is the earliest."""
    HELD = "held"
    """An operator holds them, or must say what becomes of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Tasks that wait for one reason; `subject` is the queue's name or the job's id, if there is one."""

    kind: WaitKind
    subject: str
    tasks: int
    since: int | None = None
    """Since when the longest of them waits (ms UTC), where that is known."""
    until: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseView:
    """How the whole store does."""

    rates: tuple[Rate, ...]
    """Without gaps, oldest first, the last one still under way."""
    failing: tuple[Failing, ...]
    """Most tasks first, at most 20."""
    failing_searched: int | None
    """How many troubled tasks were looked at, if not all."""
    waiting: tuple[Waiting, ...]
    """Most tasks first, at most 20."""


class OrphanKind(StrEnum):
    """What became of an orphan's owner."""

    LIVING = "living"
    """The wrapper died, processes of its session go on; the attempt keeps its slot and is watched."""
    LOST = "lost"
    """Nobody saw the attempt end; the task is held until an operator decides (`on_loss: ask`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanView:
    """An attempt whose end nobody will see, with what is known of it."""

    kind: OrphanKind
    task_id: int
    job_id: int
    key: str
    epoch: int
    since: int | None
    """When it was found (ms UTC)."""
    reason: str
    pids: tuple[int, ...] = ()
    commands: tuple[str, ...] = ()
    """What the living processes are, in order of `pids`."""
    kept: bool = False
    """An operator has decided to keep watching it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParamView:
    """One parameter of a workflow; `type` is string, integer, number, boolean, array or object."""

    name: str
    type: str
    required: bool
    default: JsonValue = None
    min: float | None = None
    max: float | None = None
    choices: tuple[JsonValue, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowView:
    """A workflow that could be submitted."""

    name: str
    stages: int
    tasks: int
    params: tuple[ParamView, ...] = ()
    warnings: tuple[str, ...] = field(default=())
