"""Calendar windows of quotas and budgets: when one began, when it turns.

Called for a gauge whose window has turned, or that is new.

Days, weeks and months begin at a time of the wall clock: if it does not exist that day, at the first moment
after the gap; if it comes twice, at the first. Such a day may have 23 or 25 hours. Minutes and hours are
elapsed time, aligned to the clock of the zone: an hour that comes twice is two windows. Where a change of the
clock moves their alignment (by half an hour on Lord Howe) the window ends with it, and the next is as short
as aligns it again. Windows leave no moment out and never overlap.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import TYPE_CHECKING

from core.model.limits import Per
from core.model.zones import zone_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model.limits import Window

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def turn(window: Window, at: int) -> tuple[int, int | None]:
    """Return when the window that holds the moment `at` began and when it turns, all in ms UTC.

    It holds `at` if began <= at < turns. Windows `total` and `job` began at 0 and never turn: None. Raises
    `Invalid` (`zone.unknown`).
    """
    match window.per:
        case Per.TOTAL | Per.JOB:
            return 0, None
        case Per.MINUTE:
            return _elapsed(window, at, _MINUTE)
        case Per.HOUR:
            return _elapsed(window, at, _HOUR)
        case Per.DAY | Per.WEEK | Per.MONTH:
            return _by_calendar(window, at)


def _elapsed(window: Window, at: int, length: int) -> tuple[int, int]:
    zone = zone_of(window.zone)
    offset = _offset(zone, at)
    began = at - (at + offset - window.starts_ms) % length
    turns = began + length
    # Most changes are whole hours, which move nothing.
    if (_offset(zone, began) - offset) % length:
        began = _change(zone, began, at)
    if (_offset(zone, turns - 1) - offset) % length:
        turns = _change(zone, at, turns - 1)
    return began, turns


def _by_calendar(window: Window, at: int) -> tuple[int, int]:
    zone = zone_of(window.zone)
    today = (_EPOCH + at * _MS).astimezone(zone).date()
    starts = (_starts_at(zone, day, window.starts_ms) for day in _first_days(window.per, today))
    for began, turns in pairwise(starts):
        if began <= at < turns:
            return began, turns
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


def _starts_at(zone: tzinfo, day: date, starts_ms: int) -> int:
    """Return the first moment at which the clock of a zone shows that time of a day, or a later one."""
    wall = datetime.combine(day, time()) + starts_ms * _MS
    earlier, later = wall.replace(tzinfo=zone), wall.replace(tzinfo=zone, fold=1)
    moment = _ms(earlier)
    if (earlier.utcoffset() or timedelta()) >= (later.utcoffset() or timedelta()):
        return moment
    # The clock is put forward over it: by the offset before the change it lies behind it, else before it.
    return _change(zone, _ms(later), moment)


def _change(zone: tzinfo, low: int, high: int) -> int:
    """Return the first moment after `low` with the offset that the zone has at `high`."""
    offset = _offset(zone, high)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, middle) == offset:
            high = middle
        else:
            low = middle
    return high


def _offset(zone: tzinfo, at: int) -> int:
    return ((_EPOCH + at * _MS).astimezone(zone).utcoffset() or timedelta()) // _MS


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // _MS
