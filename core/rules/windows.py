"""Calendar windows of quotas and budgets: when one began, when it turns.

Called for a gauge whose window has turned, or that is new.

Days, weeks and months begin at a time of the wall clock: if it does not exist that day, at the first moment
after the gap; if it comes twice, at the first. Such a day may have 23 or 25 hours. Minutes and hours are
elapsed time, aligned to the clock of the zone: an hour that comes twice is two windows. Where a change of the
clock moves their alignment (by half an hour on Lord Howe) the window ends with it, and the next is as short
as aligns it again. Windows leave no moment out and never overlap.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from core.model.limits.limits import Per, WindowTime
from core.model.timing.wall_clock import EPOCH, MS, change_between, first_showing, offset_at
from core.model.timing.zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model.limits.limits import Window

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000


def turn(window: Window, at: int) -> WindowTime:
    """Return the window that holds the moment `at` (ms UTC).

    It holds `at` if began <= at < turns. Windows `total` and `job` began at 0 and never turn: None. Raises
    `Invalid` (`zone.unknown`).
    """
    match window.per:
        case Per.TOTAL | Per.JOB:
            return WindowTime(0, None)
        case Per.MINUTE:
            return _elapsed(window, at, _MINUTE)
        case Per.HOUR:
            return _elapsed(window, at, _HOUR)
        case Per.DAY | Per.WEEK | Per.MONTH:
            return _by_calendar(window, at)


def _elapsed(window: Window, at: int, length: int) -> WindowTime:
    zone = zone_of(window.zone)
    offset = offset_at(zone, at)
    began = at - (at + offset - window.starts_ms) % length
    turns = began + length
    # Most changes are whole hours, which move nothing.
    if (offset_at(zone, began) - offset) % length:
        began = change_between(zone, began, at)
    if (offset_at(zone, turns - 1) - offset) % length:
        turns = change_between(zone, at, turns - 1)
    return WindowTime(began, turns)


def _by_calendar(window: Window, at: int) -> WindowTime:
    zone = zone_of(window.zone)
    today = (EPOCH + at * MS).astimezone(zone).date()
    starts = (
        first_showing(zone, datetime.combine(day, time()) + window.starts_ms * MS)
        for day in _first_days(window.per, today)
    )
    for began, turns in pairwise(starts):
        if began <= at < turns:
            return WindowTime(began, turns)
    raise AssertionError(window, at)


def _first_days(per: Per, today: date) -> Iterator[date]:
    """Yield the first days of a few windows around a day, in order."""
    # One before: today's may not have begun. Three after: a zone that changes sides of the date line
    # leaves a day out, and clocks put back at midnight show a date again whose successor has begun.
    around = range(-2, 4)
    match per:
        case Per.MONTH:
            months = [today.year * 12 + today.month - 1 + step for step in around]
            yield from (date(month // 12, month % 12 + 1, 1) for month in months)
        case Per.WEEK:
            monday = today - timedelta(days=today.weekday())
            yield from (monday + timedelta(weeks=step) for step in around)
        case _:
            yield from (today + timedelta(days=step) for step in around)
