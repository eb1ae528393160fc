"""Loose tasks as programs ask for them, and their bounds.

Made by programs and the wire; checked here and by admission.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field
from msgspec.structs import force_setattr

from core.model import bounds
from core.model.limits import limit_fields
from core.model.limits.limits import LimitRef, OnExhausted
from core.model.limits.once import Once, read_once
from core.model.plans import (
    NO_RETRY,
    NO_WATCHDOG,
    WATCHDOG_FIELDS,
    Backoff,
    Jitter,
    Leftovers,
    OnLoss,
    OnOverflow,
    RetryPolicy,
    TaskPlan,
    Watchdog,
)
from core.model.records import leaves_out, replace
from core.model.sizes import parse_output_limit
from core.model.timing.durations import LONGEST_MS
from core.model.values import JsonObject


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
        _check_said_by_all(self)
        if self.retry is not NO_RETRY:
            force_setattr(self, "retry", _typed(self.retry))
        if self.leftovers is not Leftovers.KILL:
            force_setattr(self, "leftovers", bounds.read_choice("leftovers", self.leftovers, Leftovers))
        if _is_plain_spec(self):
            return
        _check_said_by_few(self)
        bounds.read_timeout(self.timeout)
        _watchdog(self)
        limit_fields.read_cost(self.cost)
        if self.on_loss is not None:
            force_setattr(self, "on_loss", OnLoss(self.on_loss))
        if self.on_overflow is not None:
            force_setattr(self, "on_overflow", OnOverflow(self.on_overflow))
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
        plan = TaskPlan(
            key=self.key,
            uses=self.uses,
            with_=self.with_,
            name=self.name,
            queue=self.queue,
            priority=self.priority,
            retry=self.retry,
            metadata=self.metadata,
            context=self.context,
        )
        if _is_plain_spec(self):
            return plan
        return replace(
            plan,
            timeout_ms=bounds.read_timeout(self.timeout),
            watchdog=_watchdog(self),
            on_loss=self.on_loss,
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
        )


_SAID_BY_FEW = (
    "on_loss",
    "output_limit",
    "on_overflow",
    "leftovers",
    "success_exit_codes",
    "skip_exit_codes",
    "limits",
    "cost",
    "prefer",
    "on_exhausted",
    "tags",
    "project",
    "once",
)
_is_plain_spec = leaves_out(TaskSpec, "timeout", *WATCHDOG_FIELDS, *_SAID_BY_FEW)
_is_plain_plan = leaves_out(TaskPlan, "timeout_ms", *_SAID_BY_FEW)


def check_task(plan: TaskPlan) -> None:
    """Refuse a task whose fields are out of bounds (`task.FIELD`); its input is not looked at."""
    _check_said_by_all(plan)
    if plan.watchdog is not NO_WATCHDOG:
        for name in WATCHDOG_FIELDS:
            bounds.check_timeout_ms(getattr(plan.watchdog, f"{name}_ms"), name)
    if not _is_plain_plan(plan):
        _check_said_by_few(plan)
        bounds.check_timeout_ms(plan.timeout_ms)
        limit_fields.check_estimate(plan.cost)


def _check_said_by_all(task: TaskPlan | TaskSpec) -> None:
    bounds.check_text("uses", task.uses)
    bounds.check_text("key", task.key)
    bounds.check_optional_text("name", task.name)
    bounds.check_queue(task.queue)
    bounds.check_priority(task.priority)
    for name, value in (("with", task.with_), ("metadata", task.metadata), ("context", task.context)):
        if not isinstance(value, dict):
            raise bounds.refused(name, value, "a mapping")
    if task.context:
        bounds.check_directory(task.context.get("cwd"))
        bounds.check_environment(task.context.get("env", {}))
    if task.retry is not NO_RETRY:
        _check_retry(task.retry)


def _check_said_by_few(task: TaskPlan | TaskSpec) -> None:
    if task.on_loss is not None:
        bounds.read_choice("on_loss", task.on_loss, OnLoss)
    _limit(task.output_limit)
    bounds.read_choice("leftovers", task.leftovers, Leftovers)
    if task.on_overflow is not None:
        bounds.read_choice("on_overflow", task.on_overflow, OnOverflow)
    _check_exit_codes(task)
    _check_limits(task)


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
    if task.prefer != ():
        limit_fields.read_pools(task.prefer)
    if task.tags != ():
        limit_fields.read_tags(task.tags)
    if task.on_exhausted is not None:
        bounds.read_choice("on_exhausted", task.on_exhausted, OnExhausted)
    bounds.check_optional_text("project", task.project)
    read_once(task.once)


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
