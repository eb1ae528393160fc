"""Time columns: as ages or as clock times.

Used by the column keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from core.model.records import replace
from core.render.columns import Column, Form

_CELLS = 14
"""Width of a moment of this year by the clock."""
_LONGEST = 16
_AGE_CELLS = 6
_CREATED, _AT, _AGE = "CREATED", "AT", "AGE"


class Times(StrEnum):
    """How moments are shown."""

    AGES = "ages"
    CLOCK = "clock"

    @property
    def other(self) -> Times:
        return Times.CLOCK if self is Times.AGES else Times.AGES


def usual(columns: Sequence[Column]) -> Times:
    """Return how the moments of a list are shown at first."""
    return Times.CLOCK if any(column.form is Form.TIME for column in columns) else Times.AGES


def shown_as(columns: Sequence[Column], times: Times) -> tuple[Column, ...]:
    """Return columns with their moments shown in a way; durations and due times stay."""
    if times is Times.AGES:
        return tuple(_aged(column) for column in columns)
    clocks = [_clocked(column) for column in columns]
    first = next((index for index, column in enumerate(clocks) if column.form is Form.CLOCK), None)
    # An operator who asks for the clock must see it, however narrow the list is.
    return tuple(
        replace(column, priority=0) if index == first else column for index, column in enumerate(clocks)
    )


def _aged(column: Column) -> Column:
    if column.form is not Form.TIME:
        return column
    title = _AGE if column.title == _AT else column.title
    return replace(column, form=Form.AGE, title=title, min_width=_AGE_CELLS, width=_AGE_CELLS + 1)


def _clocked(column: Column) -> Column:
    if column.form not in (Form.AGE, Form.TIME):
        return column
    title = _CREATED if column.title == _AGE else column.title
    return replace(column, form=Form.CLOCK, title=title, min_width=_CELLS, width=_LONGEST)
