"""Days by the clock of a zone, as moments.

Used by the commands that count by day.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from core.model.timing.wall_clock import EPOCH, MS, moment


def day_starts(since: int, until: int, zone: tzinfo | None) -> tuple[int, ...]:
    """Return when each day of a time begins, all in ms UTC; the first begins at `since` or before.

    By the clock of a zone, None = of this machine. A day without midnight begins when clocks went forward.
    """
    day, starts = _local(since, zone).date(), []
    while (start := _start(day, zone)) < until:
        starts.append(start)
        day += timedelta(days=1)
    return tuple(starts)


def day_name(start: int, zone: tzinfo | None) -> str:
    """Return the date of a day by the moment at which it begins."""
    return _local(start, zone).date().isoformat()


def _local(at: int, zone: tzinfo | None) -> datetime:
    return (EPOCH + at * MS).astimezone(zone)


def _start(day: date, zone: tzinfo | None) -> int:
    return moment(datetime(day.year, day.month, day.day, tzinfo=zone).astimezone())
