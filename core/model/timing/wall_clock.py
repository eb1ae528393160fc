"""The wall clock of a zone, and when it changes.

Used by the windows of limits, by days and by schedules.

All moments are ms UTC. What a clock shows is a `datetime` without a zone. A change is the first moment with
another offset: the clock is put forward (times are skipped) or back (times come twice).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache

from msgspec import Struct

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MS = timedelta(milliseconds=1)

_BARE_EPOCH = EPOCH.replace(tzinfo=None)
_DAY_MS = 86_400_000
_SPAN_MS = 366 * _DAY_MS
"""Changes are found, and kept, for spans of this length."""


class ClockChange(Struct, frozen=True, kw_only=True):
    """A moment at which the offset of a zone becomes another."""

    at: int
    before: int
    """The offset until then, in ms."""
    after: int


def offset_at(zone: tzinfo, at: int) -> int:
    """Return by how many ms the clock of a zone is ahead of UTC."""
    return ((EPOCH + at * MS).astimezone(zone).utcoffset() or timedelta()) // MS


def moment(aware: datetime) -> int:
    """Return a time that has a zone as a moment."""
    return (aware - EPOCH) // MS


def shown_with(offset: int, at: int) -> datetime:
    """Return what a clock with this offset shows."""
    return _BARE_EPOCH + (at + offset) * MS


def moment_with(offset: int, wall: datetime) -> int:
    """Return when a clock with this offset shows a time."""
    return (wall - _BARE_EPOCH) // MS - offset


def first_showing(zone: tzinfo, wall: datetime) -> int:
    """Return the first moment at which the clock of a zone shows that time, or a later one."""
    earlier, later = wall.replace(tzinfo=zone), wall.replace(tzinfo=zone, fold=1)
    at = moment(earlier)
    if (earlier.utcoffset() or timedelta()) >= (later.utcoffset() or timedelta()):
        return at
    # The clock is put forward over it: by the offset before the change it lies behind it, else before it.
    return change_between(zone, moment(later), at)


def latest_shown(zone: tzinfo, at: int) -> datetime:
    """Return the latest time that the clock of a zone has shown by then.

    Where clocks were put back it is later than what the clock shows now.
    """
    shown = (EPOCH + at * MS).astimezone(zone)
    if shown.fold:
        repeated = (shown.replace(fold=0).utcoffset() or timedelta()) - (shown.utcoffset() or timedelta())
        shown = (EPOCH + (change_between(zone, at - repeated // MS, at) - 1) * MS).astimezone(zone)
    return shown.replace(tzinfo=None, fold=0)


def change_between(zone: tzinfo, low: int, high: int) -> int:
    """Return the first moment after `low` with the offset that the zone has at `high`."""
    offset = offset_at(zone, high)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(zone, middle) == offset:
            high = middle
        else:
            low = middle
    return high


def first_change(zone: tzinfo, after: int, until: int) -> ClockChange | None:
    """Return the first change with after < at <= until."""
    for span in range(after // _SPAN_MS, until // _SPAN_MS + 1):
        for change in _changes(zone, span):
            if after < change.at:
                return change if change.at <= until else None
    return None


def last_change(zone: tzinfo, after: int, until: int) -> ClockChange | None:
    """Return the last change with after < at <= until."""
    for span in range(until // _SPAN_MS, after // _SPAN_MS - 1, -1):
        for change in reversed(_changes(zone, span)):
            if change.at <= until:
                return change if after < change.at else None
    return None


@lru_cache(maxsize=4096)
def _changes(zone: tzinfo, span: int) -> tuple[ClockChange, ...]:
    """Return the changes of a span in order; two on one day are not seen."""
    found = []
    start = span * _SPAN_MS
    before = offset_at(zone, start - 1)
    for day in range(start - 1, start + _SPAN_MS - 1, _DAY_MS):
        after = offset_at(zone, day + _DAY_MS)
        if after != before:
            at = change_between(zone, day, day + _DAY_MS)
            found.append(ClockChange(at=at, before=before, after=after))
        before = after
    return tuple(found)
