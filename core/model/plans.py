"""Plans: retry policies, tasks, stages and jobs before they have ids.

Made by admission and by programs (`TaskSpec`); stored by the journal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from core.model.values import JsonObject

PRIORITY_MAX = 100
"""Priorities are whole numbers from 0 to this."""


class Backoff(StrEnum):
    """How the delay grows from attempt to attempt."""

    FIXED = "fixed"
    EXPONENTIAL = "exponential"


class Jitter(StrEnum):
    """How the delay is drawn."""

    FULL = "full"
    """Uniform in [0, delay]."""
    NONE = "none"


class OnLoss(StrEnum):
    """What follows an attempt whose end was not observed."""

    RETRY = "retry"
    FAIL = "fail"
    ASK = "ask"


class OnTaskFailure(StrEnum):
    """What the first FAILED task means for its job."""

    STOP = "stop"
    FINISH = "finish"
    CONTINUE = "continue"


class NeedWhen(StrEnum):
    """What an edge waits for."""

    SUCCEEDED = "succeeded"
    DONE = "done"
    """Any final status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """When a failed attempt is followed by another; lengths in ms.

    `on` names error codes or their dotted prefixes (`http`, `http.5xx`, `timeout`); empty = every
    error that is not permanent.
    """

    max_attempts: int = 1
    backoff: Backoff = Backoff.EXPONENTIAL
    base_ms: int = 1_000
    max_ms: int = 300_000
    jitter: Jitter = Jitter.FULL
    on: tuple[str, ...] = ()


NO_RETRY = RetryPolicy()
"""A task without `retry:` has one attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedPlan:
    """An edge to the task that is needed, by key."""

    key: str
    when: NeedWhen = NeedWhen.SUCCEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPlan:
    """One task before it has an id; `with_` may still hold `${{ }}` expressions."""

    key: str
    uses: str
    with_: JsonObject = field(default_factory=dict)
    name: str | None = None
    needs: tuple[NeedPlan, ...] = ()
    when: str | None = None
    """CEL source without `${{ }}`, or None."""
    queue: str = "default"
    priority: int = 0
    timeout_ms: int | None = None
    """None = the engine's default."""
    on_loss: OnLoss = OnLoss.RETRY
    retry: RetryPolicy = NO_RETRY
    metadata: JsonObject = field(default_factory=dict)
    context: JsonObject = field(default_factory=dict)
    """Where it was asked for: `cwd`, `env` (captured variables)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """A named barrier and its tasks, in the order of the document."""

    name: str
    tasks: tuple[TaskPlan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """A job ready for admission: needs point to known keys, the graph has no cycle."""

    name: str
    stages: tuple[StagePlan, ...]
    params: JsonObject = field(default_factory=dict)
    on_task_failure: OnTaskFailure = OnTaskFailure.STOP
    definition_hash: str = ""
    definition: JsonObject = field(default_factory=dict)
    """The document as parsed; stored once per hash."""
    notify: str | None = None
    client_key: str | None = None
    """Same key and input = the same job; other input = conflict."""
    metadata: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSpec:
    """A loose task for the inbox, as programs ask for it; lengths in seconds.

    `uses` names a connector, `with_` is its input. `key` need not be unique.
    """

    uses: str
    with_: JsonObject = field(default_factory=dict)
    key: str = "task"
    name: str | None = None
    queue: str = "default"
    priority: int = 0
    timeout: float | None = None
    on_loss: OnLoss = OnLoss.RETRY
    retry: RetryPolicy = NO_RETRY
    metadata: JsonObject = field(default_factory=dict)
    context: JsonObject = field(default_factory=dict)

    def to_plan(self) -> TaskPlan:
        return TaskPlan(
            key=self.key,
            uses=self.uses,
            with_=self.with_,
            name=self.name,
            queue=self.queue,
            priority=self.priority,
            timeout_ms=None if self.timeout is None else round(self.timeout * 1000),
            on_loss=self.on_loss,
            retry=self.retry,
            metadata=self.metadata,
            context=self.context,
        )
