"""Timetables: the fires of a schedule, in both directions.

Called by the engine, and by commands that check or show schedules.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

from core.model.errors import Invalid
from core.model.near_misses import suggestion
from core.model.text import safe_line
from core.model.timing.wall_clock import EPOCH, MS, first_showing, last_change
from core.model.timing.zones import zone_of
from core.timetables.calendar_phrases import to_cron
from core.timetables.cron import Repetition, read_cron
from core.timetables.zoned_fires import OnceFires, ShownFires

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.model.timing.schedules import Timing

LAST_MS = (datetime(9000, 1, 1, tzinfo=EPOCH.tzinfo) - EPOCH) // MS
"""Nothing fires from here on: calendars end with the year 9999."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_OTHER_DATES = (
    re.compile(r"(?P<year>[0-9]{4})[/. ]?(?P<month>[0-9]{1,2})[/. ]?(?P<day>[0-9]{1,2})", re.ASCII),
    re.compile(r"(?P<day>[0-9]{1,2})\.(?P<month>[0-9]{1,2})\.(?P<year>[0-9]{4})", re.ASCII),
    re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})", re.ASCII),
)
_SHOWN = 60


class _Fires(Protocol):
    def after(self, at: int) -> Iterator[int]: ...
    def last(self, at: int) -> int | None: ...


class _IntervalFires:
    """Every so many ms from an anchor on, in elapsed time."""

    def __init__(self, every: int, anchor: int) -> None:
        self._every = every
        self._anchor = anchor

    def after(self, at: int) -> Iterator[int]:
        found = self._anchor + max(0, (at - self._anchor) // self._every + 1) * self._every
        while True:
            yield found
            found += self._every

    def last(self, at: int) -> int | None:
        return None if at < self._anchor else at - (at - self._anchor) % self._every


class _SingleFire:
    def __init__(self, once: int) -> None:
        self._once = once

    def after(self, at: int) -> Iterator[int]:
        return iter((self._once,) if self._once > at else ())

    def last(self, at: int) -> int | None:
        return self._once if self._once <= at else None


class Timetable:
    """The fires of a schedule, in ms UTC, from 1970 on; made by `timetable_of`."""

    def __init__(self, fires: _Fires, timing: Timing, excluded: frozenset[date]) -> None:
        self._fires = fires
        self._excluded = excluded
        self._zone = zone_of(timing.zone)
        self._starts = max(timing.starts or 0, 0)
        self._ends = LAST_MS if timing.ends is None else min(timing.ends, LAST_MS)

    def next_after(self, at: int) -> int | None:
        """Return the first fire after a moment; None = it was the last."""
        return next(self._after(at), None)

    def last_before(self, at: int, *, not_before: int) -> int | None:
        """Return the last fire at a moment or before it, but not before another; found backwards."""
        found = self._last(at)
        return found if found is not None and found >= max(not_before, self._starts) else None

    def between(self, begin: int, end: int, limit: int) -> Iterator[int]:
        """Yield at most so many fires with begin <= fire < end, in order."""
        return islice(takewhile(lambda found: found < end, self._after(begin - 1)), limit)

    def _after(self, at: int) -> Iterator[int]:
        at = max(at, self._starts - 1)
        while at < self._ends:
            for found in self._fires.after(at):
                if found >= self._ends:
                    return
                if (day := self._excluded_day(found)) is not None:
                    break
                yield found
            else:
                return
            # Past the day at once: a schedule of seconds has 86,400 fires on it. Clocks that were put back
            # at midnight show the day again, when the next one has begun before: then from fire to fire.
            at = max(found, self._begins(day + timedelta(days=1)) - 1)

    def _last(self, at: int) -> int | None:
        at = min(at, self._ends - 1)
        while (found := self._fires.last(at)) is not None:
            day = self._excluded_day(found) if found >= self._starts else None
            if day is None:
                break
            # A part of the day that clocks show again has the beginning of the next one before it.
            begins = self._begins(day)
            change = last_change(self._zone, begins, found)
            at = (begins if change is None else change.at) - 1
        return found

    def _excluded_day(self, at: int) -> date | None:
        if not self._excluded:
            return None
        day = (EPOCH + at * MS).astimezone(self._zone).date()
        return day if day in self._excluded else None

    def _begins(self, day: date) -> int:
        return first_showing(self._zone, datetime.combine(day, time()))


def timetable_of(timing: Timing) -> Timetable:
    """Return the timetable of a timing.

    Raises `Invalid`: `schedule.cron`, `schedule.calendar`, `schedule.exclude`, `zone.unknown`, and
    `schedule.never` when nothing fires from `starts` on, within fifty years.
    """
    excluded = frozenset(_excluded(text) for text in timing.exclude)
    timetable = Timetable(_fires(timing, zone_of(timing.zone)), timing, excluded)
    if timetable.next_after(-1) is None:
        raise _never(timing)
    return timetable


def _fires(timing: Timing, zone: ZoneInfo) -> _Fires:
    if timing.every_ms is not None:
        return _IntervalFires(timing.every_ms, timing.anchor)
    if timing.at is not None:
        return _SingleFire(timing.at)
    times = read_cron(to_cron(timing.calendar) if timing.calendar is not None else timing.cron or "")
    if times.repetition is Repetition.ONCE:
        return OnceFires(times, zone)
    return ShownFires(times, zone, makes_up=times.repetition is Repetition.SHOWN_OR_NEXT)


def _excluded(text: str) -> date:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError as error:
        shown = safe_line(text[:_SHOWN])
        raise Invalid(
            "schedule.exclude",
            f"exclude `{shown}` is not a date{suggestion(_near_dates(text))}",
            hint="write dates as 2026-12-24",
            facts={"field": "exclude", "value": shown},
        ) from error


def _near_dates(text: str) -> list[str]:
    for form in _OTHER_DATES:
        if match := form.fullmatch(text.strip()):
            try:
                return [date(int(match["year"]), int(match["month"]), int(match["day"])).isoformat()]
            except ValueError:
                continue
    return []


def _never(timing: Timing) -> Invalid:
    begins_late = timing.starts is not None and timing.ends is not None and timing.ends <= timing.starts
    reason = "it ends before it starts" if begins_late else "no time is left between starts, ends and exclude"
    if timing.ends is None and timing.starts is None and not timing.exclude:
        reason = "no date fits it within fifty years"
    return Invalid(
        "schedule.never",
        f"the schedule never fires: {reason}",
        hint="see the times of the next fires before adding it",
        facts={"field": "ends" if begins_late else "timing"},
    )
