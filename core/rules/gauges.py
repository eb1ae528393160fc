"""Arithmetic of gauges: what is left, taken, settled; when one opens.

Called by the store's claim and settlement through `writer`, and by the rules that predict or explain.
Everything changes the gauge in memory; all gauges of a claim are looked at before any is lowered.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, assert_never

from core.model.limits.gauges import ALWAYS, RECENT_MOST, RECENT_MS, Recent
from core.model.limits.limits import LimitKind, WindowTime
from core.rules.windows import turn

if TYPE_CHECKING:
    from core.model.limits.gauges import Gauge
    from core.model.limits.limits import Limit


_ROUNDING = 1e-9
SLOW_US = 20_000
"""A rate with this time between two starts, or more, is slow."""


def begin(gauge: Gauge, *, wall: int) -> None:
    """Put a new gauge into the window of this moment (ms UTC)."""
    gauge.began, gauge.turns_at = window_of(gauge.limit, wall=wall)


def window_of(limit: Limit, *, wall: int) -> WindowTime:
    """Return the window of this moment (ms UTC)."""
    if limit.kind is LimitKind.RETRIES:
        began = wall - wall % RECENT_MS
        return WindowTime(began, began + RECENT_MS)
    return turn(limit.window, wall)


def turn_if_due(gauge: Gauge, *, wall: int) -> bool:
    """Begin the window of this moment if the gauge stands in an earlier one; return whether it did.

    What was reserved or unknown in the old window stays there. A clock that was set back turns nothing.
    """
    if gauge.turns_at is None or wall < gauge.turns_at:
        return False
    begin(gauge, wall=wall)
    if gauge.limit.kind is LimitKind.RETRIES:
        oldest = gauge.began - (RECENT_MOST - 1) * RECENT_MS
        gauge.recent = tuple(one for one in gauge.recent if one.at >= oldest)
        gauge.used = sum(one.retries for one in gauge.recent)
        return True
    gauge.used = gauge.reserved = gauge.unknown = 0
    gauge.soft_at = None
    return True


def left(gauge: Gauge, *, now: int) -> int:
    """Return how much may be taken now (attempts, or millionths of the unit); not above 0 = shut.

    `now` is engine time in ms. Below 0 where more was used than the limit allows, or it was lowered.
    """
    limit = gauge.limit
    if gauge.is_frozen or gauge.down_at is not None:
        return 0
    if gauge.shut_until is not None and now < gauge.shut_until:
        return 0
    if gauge.trial is not None:
        return 0 if gauge.trial else 1
    match limit.kind:
        case LimitKind.CONCURRENCY:
            return limit.max - gauge.reserved
        case LimitKind.RATE:
            ahead = now * 1_000 + limit.max * limit.step_us - _base(gauge, now)
            return min(limit.max, ahead // limit.step_us)
        case LimitKind.QUOTA | LimitKind.BUDGET:
            return gauge.cap - gauge.used - gauge.reserved - gauge.unknown
        case LimitKind.RETRIES:
            return max(_retries_left(gauge), 1 if now * 1_000 >= gauge.tat_us else 0)
        case _:
            assert_never(limit.kind)


def is_spent(gauge: Gauge, need: int) -> bool:
    """Return whether a budget has too little for a need, also if nothing is reserved any more.

    One that is frozen may have more when it is not.
    """
    limit = gauge.limit
    if not limit.is_metered or gauge.is_frozen:
        return False
    return gauge.cap - gauge.used - gauge.unknown < max(need, 1)


def take(gauge: Gauge, amount: int, *, now: int) -> None:
    """Hold an amount for attempts that are claimed now."""
    limit = gauge.limit
    if limit.kind is LimitKind.RATE:
        gauge.tat_us = _base(gauge, now) + amount * limit.step_us
    elif limit.kind is LimitKind.RETRIES:
        gauge.tat_us = now * 1_000 + limit.step_us
    elif limit.kind is LimitKind.QUOTA and not limit.is_metered:
        gauge.used += amount
    else:
        gauge.reserved += amount


def count_starts(gauge: Gauge, starts: int, retries: int, *, counted_at: int) -> None:
    """Count attempts of a backend that begin, and the retries among them; below 0: they never began.

    `gauge` is that of its retries. What is older than all that is counted is let alone.
    """
    at = counted_at - counted_at % RECENT_MS
    if at < gauge.began - (RECENT_MOST - 1) * RECENT_MS:
        return
    known = {one.at: one for one in gauge.recent}
    before = known.get(at, Recent(at, 0, 0))
    known[at] = Recent(at, before.starts + starts, before.retries + retries)
    gauge.recent = tuple(known[one] for one in sorted(known) if known[one].starts)
    gauge.used += retries


def settle(gauge: Gauge, held: int, spent: int, *, counted_at: int) -> None:
    """Give back what an attempt held and count what it spent; `counted_at` tells the window of both.

    What was held in an earlier window was given back when that turned, and is spent there.
    """
    if gauge.limit.kind is LimitKind.CONCURRENCY:
        gauge.reserved -= held
    elif gauge.limit.is_metered and counted_at >= gauge.began:
        gauge.reserved -= held
        gauge.used += spent


def charge(gauge: Gauge, amount: int, *, held: int, counted_at: int) -> int:
    """Count what an attempt spends while it runs; return what it holds from then on.

    What it holds shrinks by as much, never below 0; `counted_at` tells the window of that. What it spends
    is of the window of this moment.
    """
    released = min(held, amount)
    gauge.used += amount
    if counted_at >= gauge.began:
        gauge.reserved -= released
    return held - released


def available(gauge: Gauge, *, held: int) -> int:
    """Return what an attempt that holds so much may spend; not above 0 = the limit is spent for it."""
    if gauge.is_frozen:
        return 0
    return gauge.cap - gauge.used - gauge.reserved - gauge.unknown + held


def lose(gauge: Gauge, held: int, unknown: int, *, counted_at: int) -> None:
    """Give back what an attempt held and count what it may have spent: its end was not observed."""
    if gauge.limit.kind is LimitKind.CONCURRENCY:
        gauge.reserved -= held
    elif gauge.limit.is_metered and counted_at >= gauge.began:
        gauge.reserved -= held
        gauge.unknown += unknown


def give_back(gauge: Gauge, held: int, *, counted_at: int) -> None:
    """Undo what was taken for an attempt that never began."""
    limit = gauge.limit
    if limit.kind is LimitKind.RATE:
        gauge.tat_us -= held * limit.step_us
    elif limit.kind is LimitKind.QUOTA and not limit.is_metered:
        gauge.used -= held if counted_at >= gauge.began else 0
    else:
        settle(gauge, held, 0, counted_at=counted_at)


def reconcile(gauge: Gauge, unknown: int, spent: int, *, counted_at: int) -> None:
    """Count what was spent in the place of an amount that was unknown, where the window still holds both."""
    if counted_at >= gauge.began:
        gauge.unknown -= unknown
        gauge.used += spent


def is_past_soft(gauge: Gauge) -> bool:
    """Return whether operators are to be warned that a gauge is near its limit; once in a window."""
    soft = gauge.limit.soft
    if soft is None or gauge.soft_at is not None or not gauge.limit.is_metered:
        return False
    return gauge.used + gauge.reserved + gauge.unknown >= soft * gauge.cap


def is_used_up(gauge: Gauge) -> bool:
    """Return whether a budget has reached its cap, whatever is reserved; it stays so while its window stands.

    An amount that is reconciled or corrected, and a higher maximum, free it.
    """
    return gauge.limit.is_metered and gauge.used + gauge.unknown >= gauge.cap


def opens_at(gauge: Gauge, *, now: int, offset: int) -> int | None:
    """Return when a gauge has more by itself (engine time, ms); None = never.

    `offset` is how far engine time is ahead of the wall clock, by which windows turn.
    """
    if gauge.is_frozen or gauge.down_at is not None or gauge.shut_until == ALWAYS:
        return None
    times = []
    if gauge.shut_until is not None and now < gauge.shut_until:
        times.append(gauge.shut_until)
    if gauge.limit.kind is LimitKind.RATE:
        limit = gauge.limit
        times.append(-(-(gauge.tat_us - (limit.max - 1) * limit.step_us) // 1_000))
    elif gauge.limit.kind is LimitKind.RETRIES:
        times.append(-(-gauge.tat_us // 1_000))
    elif gauge.turns_at is not None and not times:
        times.append(gauge.turns_at + offset)
    return max(times, default=None)


def need_of(gauge: Gauge, cost: int | None) -> int:
    """Return what one attempt takes of a gauge; `cost` is the task's estimate in its unit, None = none."""
    if not gauge.limit.is_metered:
        return 1
    return gauge.limit.default_cost if cost is None else cost


def _retries_left(gauge: Gauge) -> int:
    """Return how many retries may start now by their share; each of them is a start, too.

    The most x with retries + x <= share * (starts + x). Source: the retry budget of Finagle, and "Addressing
    Cascading Failures" in "Site Reliability Engineering", Google, 2016.
    """
    share = 0.0 if gauge.limit.backend is None else gauge.limit.backend.retry_share
    if share >= 1:
        return gauge.limit.max
    return math.floor((share * gauge.starts - gauge.used) / (1 - share) + _ROUNDING)


def _base(gauge: Gauge, now: int) -> int:
    """Return from when on the next start counts (us).

    An alarm that rings late must not lose tokens of a quick rate: less than one step of lateness is credited.
    At a slow one it would bring two starts together, and a server that allows as many in any second refuses
    the second. Source: the generic cell rate algorithm, ITU-T I.371.
    """
    now_us, step_us = now * 1_000, gauge.limit.step_us
    credit = step_us - 1 if step_us < SLOW_US else 0
    return gauge.tat_us if now_us - credit <= gauge.tat_us else now_us
