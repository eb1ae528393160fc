"""Plans: retry policies, tasks, stages and jobs before they have ids.

Made by admission and from what programs ask for (`core.model.task_specs`); stored by the journal.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct, field

from core.model.expressions import OPENING
from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef, OnExhausted
from core.model.limits.once import Once
from core.model.patterns.children import OnFailure, PinnedDocument
from core.model.patterns.instances import ForEach
from core.model.patterns.variables import VariablePlan
from core.model.values import JsonObject


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


class Leftovers(StrEnum):
    """What becomes of processes that live on when the command of an attempt has ended."""

    KILL = "kill"
    """Those in its session are ended; what began a session of its own is kept and listed."""
    KEEP = "keep"
    """All are kept and listed."""


class OnOverflow(StrEnum):
    """What happens to an attempt whose output exceeds its limit."""

    DROP_MIDDLE = "drop_middle"
    """Head and tail stay, half of the limit each."""
    FAIL = "fail"
    """The task fails for good."""


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


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """When a failed attempt is followed by another; lengths in ms.

    `on` holds patterns of error codes (`core.model.codes`): `timeout`, `http`, `http.503`,
    `shell.exit.64-78`. `output` holds patterns (RE2) of the last output of a process, for errors that are not
    permanent. What either names is retried; both empty = every error that is not permanent.
    """

    max_attempts: int = 1
    backoff: Backoff = Backoff.EXPONENTIAL
    base_ms: int = 1_000
    max_ms: int = 300_000
    jitter: Jitter = Jitter.FULL
    on: tuple[str, ...] = ()
    output: tuple[str, ...] = ()


NO_RETRY = RetryPolicy()
"""A task without `retry:` has one attempt."""


class Watchdog(Struct, frozen=True, kw_only=True):
    """How long an attempt may take or say nothing beside its timeout, in ms; 0 = without a limit.

    Past a soft one the history tells so, and the attempt goes on.
    """

    soft_timeout_ms: int = 0
    silence_ms: int = 0
    """Without output for so long it is ended."""
    soft_silence_ms: int = 0


NO_WATCHDOG = Watchdog()
"""None of these limits is on by default."""
SILENCES = ("silence", "soft_silence")
WATCHDOG_FIELDS = ("soft_timeout", *SILENCES)
"""Their names in documents."""


class NeedPlan(Struct, frozen=True, kw_only=True):
    """An edge to the task that is needed, by key."""

    key: str
    when: NeedWhen = NeedWhen.SUCCEEDED
    each: bool = False
    """It is met when the instances of that task are known; each instance waits for the one of its index."""


class TaskPlan(Struct, frozen=True, kw_only=True):
    """One task before it has an id; `with_` may still hold `${{ }}` expressions."""

    key: str
    uses: str
    with_: JsonObject = field(default_factory=dict)
    name: str | None = None
    needs: tuple[NeedPlan, ...] = ()
    when: str | None = None
    """Source of an expression without `${{ }}`, or None."""
    queue: str = "default"
    priority: int = 0
    timeout_ms: int | None = None
    """None = the engine's default, 0 = no limit."""
    watchdog: Watchdog = NO_WATCHDOG
    on_loss: OnLoss | None = None
    """None = `retry`, or `ask` where the connector says that a call may not be repeated."""
    retry: RetryPolicy = NO_RETRY
    output_limit: int | None = None
    """Bytes of output kept of an attempt; None = the engine's `output_cap`."""
    on_overflow: OnOverflow | None = None
    """None = the engine's `output_policy`."""
    leftovers: Leftovers = Leftovers.KILL
    success_exit_codes: tuple[int, ...] = ()
    """Exit codes of its process that are a success; empty = what the connector says."""
    skip_exit_codes: tuple[int, ...] = ()
    """Exit codes of its process that say that there was nothing to do."""
    continue_on_error: bool = False
    """Its failure is tolerated: its job goes on as if it had succeeded."""
    waits: bool = False
    """It does no work of its own: it waits outside a slot for a moment or an answer."""
    for_each: ForEach | None = None
    """It is a group, and its work is done by its instances; None = it works itself."""
    on_failure: OnFailure | None = None
    """The worklet that decides what follows its failure."""
    limits: tuple[LimitRef, ...] = ()
    """Limits that it names; a key that needs outputs still has its expressions, as `cost` may have."""
    cost: Estimate | None = None
    """None = nothing is estimated."""
    prefer: tuple[str, ...] = ()
    """Pools, the first first; empty = any that drains its queue."""
    on_exhausted: OnExhausted | None = None
    """None = what the budget says."""
    tags: tuple[str, ...] = ()
    project: str | None = None
    """That of its job, or of a loose task."""
    once: Once | None = None
    """None = it is created whatever there is."""
    set_: JsonObject = field(default_factory=dict)
    """Values that variables of its job get when it succeeds, with expressions."""
    artifacts: JsonObject = field(default_factory=dict)
    """Patterns of the files that it leaves for others, by name, with expressions."""
    metadata: JsonObject = field(default_factory=dict)
    context: JsonObject = field(default_factory=dict)
    """Where it was asked for: `cwd`, `env` (captured variables)."""

    @property
    def has_open_terms(self) -> bool:
        """Whether a key of its limits or an amount of its cost needs outputs to be known."""
        return needs_outputs(self.limits, self.cost)

    @property
    def is_conditional(self) -> bool:
        """Whether it is judged when its needs are met, before it is queued."""
        return self.when is not None or self.has_open_terms or self.waits or self.for_each is not None


def needs_outputs(limits: tuple[LimitRef, ...], cost: Estimate | None) -> bool:
    """Return whether a key or an amount still has expressions."""
    if not limits and cost is None:
        return False
    return any(OPENING in ref.key for ref in limits) or bool(cost and cost.expressions)


class StagePlan(Struct, frozen=True, kw_only=True):
    """A named barrier and its tasks, in the order of the document."""

    name: str
    tasks: tuple[TaskPlan, ...]
    is_finally: bool = False
    """It runs when all other stages are closed, whatever the verdict."""


class JobPlan(Struct, frozen=True, kw_only=True):
    """A job ready for admission: needs point to known keys, the graph has no cycle."""

    name: str
    stages: tuple[StagePlan, ...]
    params: JsonObject = field(default_factory=dict)
    variables: tuple[VariablePlan, ...] = ()
    on_task_failure: OnTaskFailure = OnTaskFailure.STOP
    definition_hash: str = ""
    definition: JsonObject = field(default_factory=dict)
    """The document as parsed; stored once per hash."""
    notify: str | None = None
    expect_ms: int | None = None
    """A job of this name has to succeed so often; else it is told, once."""
    client_key: str | None = None
    """Same key and input = the same job; other input = conflict."""
    project: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    outputs: JsonObject = field(default_factory=dict)
    """What it gives out when it succeeds, with its expressions."""
    documents: tuple[PinnedDocument, ...] = ()
    """Those that its tasks, and their children, name; a child has those of its root."""


def silence_fault(name: str, uses: str) -> str:
    """Return in a sentence why a task of a connector without output has no such limit."""
    return f"`{name}` counts the output of a program, and a call of `{uses}` has none while it runs"
