"""Fires of wall-clock times in a zone.

Called by timetables. Moments are ms UTC and whole seconds; both directions give the same ones.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from core.model.timing.wall_clock import (
    first_change,
    first_showing,
    last_change,
    latest_shown,
    moment_with,
    offset_at,
    shown_with,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from core.model.timing.wall_clock import ClockChange
    from core.timetables.cron import CronTimes

_SECOND = timedelta(seconds=1)


class OnceFires:
    """Each time of the clock fires once: when it is first shown, or at the first moment after it.

    Times that are skipped together fall on one moment and are one fire.
    """

    def __init__(self, times: CronTimes, zone: ZoneInfo) -> None:
        self._times = times
        self._zone = zone

    def after(self, at: int) -> Iterator[int]:
        """Yield the fires after a moment, in order."""
        for wall in self._times.after(latest_shown(self._zone, at)):
            found = first_showing(self._zone, wall)
            if found > at:
                yield found
                at = found

    def last(self, at: int) -> int | None:
        """Return the last fire at a moment or before it."""
        wall = next(self._times.until(latest_shown(self._zone, at)), None)
        return None if wall is None else first_showing(self._zone, wall)


class ShownFires:
    """Times fire whenever the clock shows them; with `makes_up` skipped ones fire at the next moment."""

    def __init__(self, times: CronTimes, zone: ZoneInfo, *, makes_up: bool) -> None:
        self._times = times
        self._zone = zone
        self._makes_up = makes_up

    def after(self, at: int) -> Iterator[int]:
        """Yield the fires after a moment, in order."""
        offset, wall = offset_at(self._zone, at), shown_with(offset_at(self._zone, at), at)
        while True:
            change = None
            for time in self._times.after(wall):
                found = moment_with(offset, time)
                change = first_change(self._zone, at, found)
                if change is not None:
                    break
                yield found
                at = found
            if change is None:
                return
            at, offset = change.at, change.after
            wall = shown_with(offset, at)
            if self._is_made_up(change):
                yield at
            else:
                # The change itself may be a fire.
                wall -= _SECOND

    def last(self, at: int) -> int | None:
        """Return the last fire at a moment or before it."""
        offset = offset_at(self._zone, at)
        while (wall := next(self._times.until(shown_with(offset, at)), None)) is not None:
            found = moment_with(offset, wall)
            change = last_change(self._zone, found, at)
            if change is None:
                return found
            if self._is_made_up(change):
                return change.at
            at, offset = change.at - 1, change.before
        return None

    def _is_made_up(self, change: ClockChange) -> bool:
        """Return whether a time was skipped that fires at the change."""
        if not self._makes_up or change.after < change.before:
            return False
        begin, end = shown_with(change.before, change.at), shown_with(change.after, change.at)
        skipped = next(self._times.after(begin - _SECOND), None)
        return skipped is not None and skipped < end
