"""Facts of pools and gauges, for the reasons of waits.

Read by the store once for a list, judged by `core.rules.why`. Engine time and wall clock are in ms.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from core.model.lanes import Head
from core.model.limits.gauges import Gauge
from core.model.limits.limits import PoolOrder
from core.model.waits import Holder, Switch


class PoolFacts(Struct, frozen=True, kw_only=True):
    """A configured pool and how many of its slots are taken; no queues = it drains every queue."""

    name: str
    slots: int
    queues: tuple[str, ...] = ()
    order: PoolOrder = PoolOrder.PRIORITY
    taken: int = 0
    paused: Switch | None = None
    gauges: tuple[int, ...] = ()
    """What each attempt in it passes."""


class CapacityFacts(Struct, frozen=True, kw_only=True):
    """Pools and gauges that tasks of a list share, as their rows are."""

    pools: tuple[PoolFacts, ...] = ()
    """In the order in which they are asked; none = one of all slots drains every queue."""
    gauges: Mapping[int, Gauge] = field(default_factory=dict)
    """Those that these tasks pass, by id; their windows may be over."""
    prefers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Pools that tasks of a gauge set prefer: if one of them drains its queue, a task starts in no other."""
    frozen: Switch | None = None
    """Who stopped all spending."""
    is_being_keyed: bool = False
    """Tasks that wait are being brought under changed limits; nothing is claimed meanwhile."""
    holders: Mapping[int, tuple[Holder, ...]] = field(default_factory=dict)
    """Open attempts by gauge, longest first, at most ten each; read for one task only."""
    now: int = 0
    """Engine time."""
    wall: int = 0
    """ms UTC."""


NO_LIMITS = CapacityFacts()


class OpenAttempt(Struct, frozen=True, kw_only=True):
    """An attempt that has a slot, how long it has run, and how long such ones take (None = not known)."""

    holder: Holder
    pool: str
    gauges: tuple[int, ...] = ()
    held: Mapping[int, int] = field(default_factory=dict)
    """What it holds of metered gauges."""
    ran_ms: int = 0
    usual_ms: int | None = None


class LineFacts(Struct, frozen=True, kw_only=True):
    """What decides the turn of one queued task."""

    lanes: tuple[tuple[Head, ...], ...] = ()
    """The first tasks of all open lanes; empty = there are too many, or the task is too far behind."""
    lane_limit: int = 0
    """How many of a lane were read at the most."""
    before: int = 0
    """Tasks before it in its own lane, counted up to `before_max`."""
    before_max: int = 0
    is_alone: bool = True
    """No other lane is open."""
    open: tuple[OpenAttempt, ...] = ()
    """Longest first."""
    is_partial: bool = False
    """There are more open lanes or attempts than were read."""
    sets: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Gauges by gauge set, of the heads."""
    queue_sets: Mapping[str, int] = field(default_factory=dict)
    usual_ms: Mapping[int, int] = field(default_factory=dict)
    """By task of the lanes: the median of its last attempts, or the mean of others' where it was not read."""
    ends_per_minute: Mapping[str, float] = field(default_factory=dict)
    """Tasks that ended per minute lately, by queue."""
