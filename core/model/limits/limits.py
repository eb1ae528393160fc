"""Pools and limits: what shares the slots and the money.

Made by the configuration; kept by the store, decided on by the rules.

Amounts are integers: attempts for a limit without a unit, millionths of the unit for one with a unit, so that
`usd` is counted in micro-dollars.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from core.model.backend_checks import Check
from core.model.notices import Sink
from core.model.retention import RetentionPolicy

MICRO = 1_000_000
"""Parts in which a unit is counted."""
DEFAULT_POOL = "default"
"""The pool that drains every queue where none is configured."""
Amounts: TypeAlias = Mapping[str, int]
"""Millionths by unit: `{"usd": 20_000}` is two cents."""


class LimitKind(StrEnum):
    """What a limit counts."""

    CONCURRENCY = "concurrency"
    """Attempts that are open."""
    RATE = "rate"
    """Starts, by a bucket that refills."""
    QUOTA = "quota"
    """Starts, or an amount, of a calendar window."""
    BUDGET = "budget"
    """An amount of a window: reserved before the start, settled after the end."""
    RETRIES = "retries"
    """Retries of a backend, as a share of its starts over the last minutes."""


class WindowTime(NamedTuple):
    """When a window began, and when it turns (ms UTC); None = never."""

    began: int
    turns: int | None


class Per(StrEnum):
    """The window of a quota or budget."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"
    """It never turns."""
    JOB = "job"
    """It never turns; each job has a gauge of its own."""


class Dimension(StrEnum):
    """A property of a task by which it comes under a limit."""

    QUEUE = "queue"
    POOL = "pool"
    CONNECTOR = "connector"
    PROJECT = "project"
    WORKFLOW = "workflow"
    HOST = "host"
    MODEL = "model"
    TAG = "tag"


class OnExhausted(StrEnum):
    """What a task does whose budget is spent."""

    WAIT = "wait"
    FAIL = "fail"
    FINISH = "finish"
    """What runs may end early, as partial; what has not begun fails."""


class EntryKind(StrEnum):
    """What a row of the ledger tells."""

    SETTLED = "settled"
    """An attempt reported it."""
    ESTIMATED = "estimated"
    """An attempt reported nothing: its estimate was booked."""
    CHARGED = "charged"
    """It was booked while the attempt ran."""
    UNKNOWN = "unknown"
    """The end of the attempt was not observed; an estimate, until it is reconciled."""
    RECONCILED = "reconciled"
    """What became of an unknown amount."""
    CORRECTION = "correction"
    """An operator corrected a gauge."""


class Window(Struct, frozen=True, kw_only=True):
    """When a quota or budget begins again: `starts_ms` after midnight in a zone; Mondays, the 1st."""

    per: Per = Per.TOTAL
    zone: str = "UTC"
    starts_ms: int = 0


class Limit(Struct, frozen=True, kw_only=True):
    """A cap that attempts share; one gauge for each key it is used with."""

    name: str
    kind: LimitKind
    max: int
    """Attempts, or millionths of the unit; of a rate the burst: starts that may come at once."""
    unit: str = ""
    """Empty = attempts."""
    step_us: int = 0
    """Of a rate: microseconds in which one start is allowed again; of retries: in which one always is."""
    rate: str = ""
    """Of a rate: as it was written, `60/min`."""
    window: Window = Window()
    on: Mapping[Dimension, str] | None = None
    """Which tasks are under it, all must fit, empty = every task; None = those that name it."""
    by: Dimension | None = None
    """Each value of this property has a gauge of its own; tasks without one are not under it."""
    backend: Backend | None = None
    """The outside system that it stands for; None = it is a limit that was configured."""
    soft: float | None = None
    """The share of `max` from which on operators are told."""
    default_cost: int = 0
    """Reserved of a task that estimates nothing."""
    estimate_after_ms: int | None = None
    """When an unknown amount is booked as estimated; None = an operator reconciles it."""
    on_exhausted: OnExhausted = OnExhausted.WAIT
    window_max: int | None = None
    """Changed at run time: stands for `max` in the window that turns at `window_turns` (ms UTC)."""
    window_turns: int = 0

    @property
    def is_metered(self) -> bool:
        """Whether amounts of it are reserved at the claim and settled at the end."""
        return self.kind is LimitKind.BUDGET or (self.kind is LimitKind.QUOTA and bool(self.unit))

    @property
    def most(self) -> int:
        """The larger of `max` and of what stands for it in some window."""
        return max(self.max, self.window_max or 0)


class PoolOrder(StrEnum):
    """Which of its queues a pool takes from first."""

    PRIORITY = "priority"
    """One order over all its queues."""
    LISTED = "listed"
    """The first queue first."""


class Pool(Struct, frozen=True, kw_only=True):
    """Named slots; no queues = it drains every queue."""

    name: str
    slots: int
    queues: tuple[str, ...] = ()
    order: PoolOrder = PoolOrder.PRIORITY


class LimitRef(Struct, frozen=True, kw_only=True):
    """A limit that a task names, under a key."""

    name: str
    key: str = ""


class TaskFacts(Struct, frozen=True, kw_only=True):
    """What decides which limits a task is under; an absent property fits no `on` that names it."""

    queue: str
    connector: str
    project: str | None = None
    workflow: str | None = None
    host: str | None = None
    model: str | None = None
    tags: tuple[str, ...] = ()
    named: tuple[LimitRef, ...] = ()
    job_id: int = 0
    repeats_in: str | None = None
    """The pool of the attempt that its next one repeats; None = its next one is a first attempt."""


class GaugeKey(Struct, frozen=True, kw_only=True, order=True):
    """One limit under one key."""

    name: str
    key: str = ""


class Price(Struct, frozen=True, kw_only=True):
    """What a model costs from a moment on (ms UTC): micro-dollars per `per` tokens."""

    model: str
    input: int
    output: int
    per: int = MICRO
    since: int = 0


class Backend(Struct, frozen=True, kw_only=True):
    """An outside system that may refuse: whom it serves, and how its refusals are met."""

    name: str
    match: Mapping[Dimension, str]
    failures: int = 5
    """Failures of one class within `period_ms` that open its breaker."""
    period_ms: int = 60_000
    rest_ms: int = 30_000
    """How long an open breaker lets nothing through; then single probes."""
    retry_share: float = 0.2
    """Retries may be so much of its starts over the last five minutes; one in 10 s may always start."""
    check: Check | None = None
    """How the engine looks whether it is there; None = it does not."""


class Capacity(Struct, frozen=True, kw_only=True):
    """All that is configured beside settings: pools, limits, backends, prices, notices."""

    pools: tuple[Pool, ...] = ()
    """None = one pool `default` of the setting `slots` drains every queue."""
    limits: tuple[Limit, ...] = ()
    backends: tuple[Backend, ...] = ()
    prices: tuple[Price, ...] = ()
    retention: RetentionPolicy = RetentionPolicy()
    sinks: tuple[Sink, ...] = ()
    """Where operators are told of what happens."""


UNPRICED = "none"
"""In the place of a price: the model has none, and its tokens were booked as 0."""


class Spent(Struct, frozen=True, kw_only=True):
    """What an attempt reported of one unit, in millionths; with its model and the price that was used."""

    unit: str
    amount: int
    model: str | None = None
    price: str | None = None
    charge: str | None = None
    """The id of the charge that it is part of; None = reported at the end."""
