"""Plans: retry policies, tasks, stages and jobs before they have ids.

Made by admission and by programs (`TaskSpec`); stored by the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import force_setattr

from core.model import bounds
from core.model.expressions import OPENING
from core.model.limits import limit_fields
from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef, OnExhausted
from core.model.limits.once import Once, read_once
from core.model.patterns.children import OnFailure, PinnedDocument
from core.model.patterns.instances import ForEach
from core.model.patterns.variables import VariablePlan
from core.model.records import replace
from core.model.sizes import parse_output_limit
from core.model.timing.durations import LONGEST_MS
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


class TaskSpec(Struct, frozen=True, kw_only=True):
    """A loose task for the inbox, as programs ask for it.

    `uses` names a connector, `with_` is its input. `key` need not be unique. `timeout` is a number of
    seconds or a length as in documents (`10m`); 0 or `none` lifts the limit, None is the engine's default.
    Raises `Invalid` (`task.FIELD`) for what is out of bounds.
    """

    uses: str
    with_: JsonObject = field(default_factory=dict)
    key: str = "task"
    name: str | None = None
    queue: str = "default"
    priority: int = 0
    timeout: float | str | None = None
    soft_timeout: float | str | None = None
    """As `timeout`; after so long the history tells so, and the attempt goes on."""
    silence: float | str | None = None
    """An attempt that writes no output for so long is ended."""
    soft_silence: float | str | None = None
    on_loss: OnLoss | None = None
    """None = `retry`, or `ask` where the connector says that a call may not be repeated."""
    retry: RetryPolicy = NO_RETRY
    output_limit: int | str | None = None
    """Bytes of output kept of an attempt, or a size as in documents (`64MiB`); None = `output_cap`."""
    on_overflow: OnOverflow | None = None
    """None = the engine's `output_policy`."""
    leftovers: Leftovers = Leftovers.KILL
    success_exit_codes: tuple[int, ...] = ()
    """Exit codes of its process that are a success; empty = what the connector says."""
    skip_exit_codes: tuple[int, ...] = ()
    """Exit codes of its process that say that there was nothing to do: the task is skipped."""
    limits: tuple[LimitRef, ...] = ()
    """Limits that it names, beside those that are for it anyway; a name alone is a limit without a key."""
    cost: Mapping[str, float | str] | str | None = None
    """What it is expected to use: amounts by unit (`{"usd": "0.02"}`), or `auto`."""
    prefer: tuple[str, ...] = ()
    """Pools, the first first; empty = any that drains its queue."""
    on_exhausted: OnExhausted | None = None
    """None = what the budget says."""
    tags: tuple[str, ...] = ()
    project: str | None = None
    once: Once | None = None
    """Its key, under which a second task is not created; a text alone is a key that is `unfinished`."""
    metadata: JsonObject = field(default_factory=dict)
    context: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is out of bounds; words for `on_loss` and in `retry` become their members."""
        check_task(self)
        bounds.read_timeout(self.timeout)
        _watchdog(self)
        if self.on_loss is not None:
            force_setattr(self, "on_loss", OnLoss(self.on_loss))
        if self.leftovers is not Leftovers.KILL:
            force_setattr(self, "leftovers", Leftovers(self.leftovers))
        if self.on_overflow is not None:
            force_setattr(self, "on_overflow", OnOverflow(self.on_overflow))
        if self.retry is not NO_RETRY:
            force_setattr(self, "retry", _typed(self.retry))
        if self.limits != ():
            force_setattr(self, "limits", limit_fields.read_limits(self.limits))
        for name in ("prefer", "tags", "success_exit_codes", "skip_exit_codes"):
            if getattr(self, name) != ():
                force_setattr(self, name, tuple(getattr(self, name)))
        if self.on_exhausted is not None:
            force_setattr(self, "on_exhausted", OnExhausted(self.on_exhausted))
        if self.once is not None:
            force_setattr(self, "once", read_once(self.once))

    def to_plan(self) -> TaskPlan:
        return TaskPlan(
            key=self.key,
            uses=self.uses,
            with_=self.with_,
            name=self.name,
            queue=self.queue,
            priority=self.priority,
            timeout_ms=bounds.read_timeout(self.timeout),
            watchdog=_watchdog(self),
            on_loss=self.on_loss,
            retry=self.retry,
            output_limit=_limit(self.output_limit),
            on_overflow=self.on_overflow,
            leftovers=self.leftovers,
            success_exit_codes=self.success_exit_codes,
            skip_exit_codes=self.skip_exit_codes,
            limits=self.limits,
            cost=limit_fields.read_cost(self.cost),
            prefer=self.prefer,
            on_exhausted=self.on_exhausted,
            tags=self.tags,
            project=self.project,
            once=self.once,
            metadata=self.metadata,
            context=self.context,
        )


def check_task(task: TaskPlan | TaskSpec) -> None:
    """Refuse a task whose fields are out of bounds (`task.FIELD`); its input is not looked at."""
    bounds.check_text("uses", task.uses)
    bounds.check_text("key", task.key)
    bounds.check_optional_text("name", task.name)
    bounds.check_queue(task.queue)
    bounds.check_priority(task.priority)
    if isinstance(task, TaskPlan):
        bounds.check_timeout_ms(task.timeout_ms)
        for name in WATCHDOG_FIELDS:
            bounds.check_timeout_ms(getattr(task.watchdog, f"{name}_ms"), name)
    if task.on_loss is not None:
        bounds.read_choice("on_loss", task.on_loss, OnLoss)
    _limit(task.output_limit)
    bounds.read_choice("leftovers", task.leftovers, Leftovers)
    if task.on_overflow is not None:
        bounds.read_choice("on_overflow", task.on_overflow, OnOverflow)
    _check_exit_codes(task)
    _check_limits(task)
    for name, value in (("with", task.with_), ("metadata", task.metadata), ("context", task.context)):
        if not isinstance(value, dict):
            raise bounds.refused(name, value, "a mapping")
    if task.context:
        bounds.check_directory(task.context.get("cwd"))
        bounds.check_environment(task.context.get("env", {}))
    if task.retry is not NO_RETRY:
        _check_retry(task.retry)


def _check_exit_codes(task: TaskPlan | TaskSpec) -> None:
    bounds.check_exit_codes("success_exit_codes", task.success_exit_codes)
    bounds.check_exit_codes("skip_exit_codes", task.skip_exit_codes)
    both = set(task.success_exit_codes) & set(task.skip_exit_codes)
    if both:
        raise bounds.refused("skip_exit_codes", min(both), "a code that is not in `success_exit_codes`")


def _check_limits(task: TaskPlan | TaskSpec) -> None:
    """Refuse what a loose task says of limits and pools, if it says anything."""
    if task.limits != ():
        limit_fields.read_limits(task.limits)
    if isinstance(task, TaskPlan):
        limit_fields.check_estimate(task.cost)
    else:
        limit_fields.read_cost(task.cost)
    if task.prefer != ():
        limit_fields.read_pools(task.prefer)
    if task.tags != ():
        limit_fields.read_tags(task.tags)
    if task.on_exhausted is not None:
        bounds.read_choice("on_exhausted", task.on_exhausted, OnExhausted)
    bounds.check_optional_text("project", task.project)
    read_once(task.once)


def silence_fault(name: str, uses: str) -> str:
    """Return in a sentence why a task of a connector without output has no such limit."""
    return f"`{name}` counts the output of a program, and a call of `{uses}` has none while it runs"


def _watchdog(task: TaskSpec) -> Watchdog:
    given = {name: bounds.read_timeout(getattr(task, name), name) for name in WATCHDOG_FIELDS}
    if not any(given.values()):
        return NO_WATCHDOG
    return Watchdog(**{f"{name}_ms": ms or 0 for name, ms in given.items()})


def _limit(given: object) -> int | None:
    return None if given is None else parse_output_limit(given)


def _check_retry(policy: object) -> None:
    if not isinstance(policy, RetryPolicy):
        raise bounds.refused("retry", policy, "a RetryPolicy")
    bounds.check_whole("retry.max_attempts", policy.max_attempts, least=1, most=bounds.ATTEMPTS_MAX)
    bounds.check_whole("retry.base_ms", policy.base_ms, least=0, most=LONGEST_MS)
    bounds.check_whole("retry.max_ms", policy.max_ms, least=0, most=LONGEST_MS)
    bounds.read_choice("retry.backoff", policy.backoff, Backoff)
    bounds.read_choice("retry.jitter", policy.jitter, Jitter)
    _check_codes(policy.on)
    for text in policy.output:
        bounds.check_text("retry.output", text)


def _check_codes(codes: object) -> None:
    # One text is a sequence of texts too.
    if not isinstance(codes, tuple | list) or len(codes) > bounds.CODES_MAX:
        raise bounds.refused("retry.on", codes, f"a list of at most {bounds.CODES_MAX} error codes")
    for code in codes:
        bounds.check_text("retry.on", code)


def _typed(policy: RetryPolicy) -> RetryPolicy:
    return replace(policy, backoff=Backoff(policy.backoff), jitter=Jitter(policy.jitter), on=tuple(policy.on))
