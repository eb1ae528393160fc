"""Pools, limits and gauges as readers see them; times in ms UTC.

Filled by the store's reports and the control; shown by the commands and the console.

Amounts are whole numbers as in `core.model.limits.limits`: attempts, or millionths of the unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from core.model.backend_checks import CheckChange
from core.model.limits.limits import Backend, Dimension, LimitKind, OnExhausted, PoolOrder, Window

HOLDERS = 10
"""Attempts that are listed of one pool or gauge."""
WAITING_MOST = 1_000
"""Up to so many lanes and tasks behind a gauge are counted; one more = more."""


class Cause(Struct, frozen=True, kw_only=True):
    """When something was changed or switched, by whom and why."""

    at: int
    by: str
    reason: str


class Holder(Struct, frozen=True, kw_only=True):
    """An open attempt that has a slot, or a place of a limit; or a task whose `child` has such a place."""

    task_id: int
    job_id: int
    key: str
    since: int
    child: int | None = None

    @property
    def label(self) -> str:
        """Return its key, with the child if that is what holds."""
        return self.key if self.child is None else f"{self.key} (child job {self.child})"


class PoolView(Struct, frozen=True, kw_only=True):
    """A pool: its slots, what holds them, and how many tasks wait in its queues."""

    name: str
    slots: int
    configured_slots: int
    queues: tuple[str, ...]
    """Those that it drains; none = every queue."""
    order: PoolOrder
    taken: int
    """Open attempts in it; more than `slots` where it was made smaller than its use."""
    waiting: int
    """Queued tasks of its queues, which other pools may take too."""
    holders: tuple[Holder, ...] = ()
    """The longest first, at most `HOLDERS`."""
    changed: Cause | None = None
    """Its slots were changed at run time."""
    paused: Cause | None = None
    is_removed: bool = False
    """It is configured no more; what runs in it runs on."""


class BreakerState(StrEnum):
    """What the backend of a gauge lets through; of any other gauge it is closed."""

    CLOSED = "closed"
    """Everything."""
    SHUT = "shut"
    """Nothing until a moment: it refused."""
    OPEN = "open"
    """Nothing: its breaker has opened, or an operator opened it."""
    DOWN = "down"
    """Nothing: its check says that it is down."""
    TRIED_OUT = "tried out"
    """One task at a time: the rest of its breaker is over."""


class GaugeView(Struct, frozen=True, kw_only=True):
    """What is used and left of one limit under one key, in the window of this moment."""

    limit: str
    key: str
    max: int
    """In this window; of a rate the burst."""
    used: int
    reserved: int
    unknown: int
    left: int
    """Not above 0 = nothing starts; below 0 = so much is over."""
    starts: int | None = None
    """Of the retries of a backend: its starts over the last five minutes, of which `used` are retries."""
    began: int
    turns_at: int | None = None
    next_at: int | None = None
    """When it has more by itself, where nothing is left; None = never, or something is left."""
    breaker: BreakerState = BreakerState.CLOSED
    shut_until: int | None = None
    """When what shuts it ends by itself; None = nothing does, or an operator opened it until it is closed."""
    shut: Cause | None = None
    """Where its breaker is not closed: when it was shut, by whom and why."""
    check: CheckChange | None = None
    """What the check of its backend says, and since when; None = it has none, or has not looked yet."""
    probe: int | None = None
    """The task that tries its backend out now."""
    failing: Mapping[str, int] = {}
    """Failures that count for the breaker of its backend, by their class."""
    soft_at: int | None = None
    """When its soft limit was passed in this window."""
    estimated: float | None = None
    """Which share of what the newest entries of the ledger count here is estimated; None = no entries."""
    lanes: int = 0
    """Lanes that wait for it, at most one more than `WAITING_MOST`."""
    tasks: int = 0
    """Tasks that wait for it, bounded in the same way."""
    holders: tuple[Holder, ...] = ()
    """Open attempts of a concurrency limit, the longest first, at most `HOLDERS`."""


class LimitView(Struct, frozen=True, kw_only=True):
    """A limit or budget, with the gauges of which most is used."""

    name: str
    kind: LimitKind
    unit: str
    """Empty = attempts."""
    max: int
    """As it is changed for good; see `GaugeView.max` for this window."""
    configured_max: int
    share: float | None = None
    """Of the retries of a backend: which share of its starts they may be."""
    step_us: int = 0
    """Of a rate: microseconds from one start to the next."""
    rate: str = ""
    """Of a rate: as it was written, `60/min`."""
    configured_rate: str = ""
    window: Window = Window()
    on: Mapping[Dimension, str] | None = None
    """Which tasks are under it, none = every task; None = those that name it."""
    backend: Backend | None = None
    """The outside system that it stands for."""
    soft: float | None = None
    default_cost: int = 0
    on_exhausted: OnExhausted = OnExhausted.WAIT
    window_max: int | None = None
    """Changed for the window that turns at `window_turns`."""
    window_turns: int | None = None
    changed: Cause | None = None
    keys: int = 0
    """How many gauges it has."""
    gauges: tuple[GaugeView, ...] = ()
    """Those of which most is used, at most `GAUGES`; `gauges()` pages through all."""


GAUGES = 10
"""Gauges that a list shows of one limit."""


class CapacityView(Struct, frozen=True, kw_only=True):
    """All pools in the order in which they are asked, all limits and budgets by name."""

    pools: tuple[PoolView, ...] = ()
    limits: tuple[LimitView, ...] = ()
    frozen: Cause | None = None
    """All spending is stopped."""


class LimitGauge(NamedTuple):
    """A limit under one of its keys."""

    limit: LimitView
    gauge: GaugeView | None
    """None = nothing was counted yet."""
