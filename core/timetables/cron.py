"""Cron expressions: the times that they name.

Called by the reader of timings and of crontabs. Reading, and the steps from time to time, are those of
cronsim, on a clock without zone; what becomes of times that are skipped or repeated is decided in
`core.timetables.zoned_fires`.
"""

from __future__ import annotations

from copy import copy
from datetime import datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING

from cronsim import CronSim, CronSimError

from core.timetables.cron_faults import PRESETS, fault_of, preset_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECOND = timedelta(seconds=1)
_START = datetime(2000, 1, 1)  # noqa: DTZ001 - times of a wall clock have no zone


class Repetition(Enum):
    """What becomes of times that a clock skips or shows twice."""

    ONCE = "once"
    """A time fires once: when it is first shown, or at the first moment after it was skipped."""
    SHOWN = "shown"
    """A time fires whenever it is shown; what is skipped stays out."""
    SHOWN_OR_NEXT = "shown or next"
    """A time fires whenever it is shown; times that are skipped fire at the first moment after them."""


class CronTimes:
    """The times of a wall clock that a cron expression names, without zone."""

    def __init__(self, expression: CronSim, repetition: Repetition) -> None:
        self._expression = expression
        self.repetition = repetition

    def after(self, wall: datetime) -> Iterator[datetime]:
        """Yield the times after this one, in order; they end where none comes for fifty years."""
        expression = copy(self._expression)
        expression.dt = wall.replace(microsecond=0)
        return expression

    def until(self, wall: datetime) -> Iterator[datetime]:
        """Yield this time, if it is one, and those before it, the latest first."""
        expression = copy(self._expression)
        expression.dt = wall.replace(microsecond=0) + _SECOND
        expression.tick_direction = -1
        return expression


def read_cron(text: str) -> CronTimes:
    """Read a cron expression: five fields, six with seconds first, or a name such as `@daily`.

    Raises `Invalid` (`schedule.cron`, `schedule.never`).
    """
    typed = " ".join(text.split())
    if typed.startswith("@"):
        if typed.lower() not in PRESETS:
            raise preset_fault(typed)
        typed = PRESETS[typed.lower()]
    try:
        expression = CronSim(typed, _START)
    except CronSimError as error:
        raise fault_of(typed, str(error)) from error
    return CronTimes(expression, _repetition(typed.split(), expression))


def _repetition(fields: list[str], expression: CronSim) -> Repetition:
    """Decide from the fields: what fires hourly or more often follows elapsed time, all else the clock.

    As Debian's cron does, a field that begins with `*` tells an interval from a list of times: `*/15 2 * * *`
    follows elapsed time, `0,15,30,45 2 * * *` names four times of the day.
    """
    if len(expression.hours) == 24:
        return Repetition.SHOWN
    named = zip(reversed(fields[:-4]), (expression.minutes, expression.seconds), strict=False)
    if any(len(values) > 1 and (field[0] == "*" or len(values) == 60) for field, values in named):
        return Repetition.SHOWN_OR_NEXT
    return Repetition.ONCE
