"""The number of rows that match a filter, counted apart from reading.

Used by the row source of a list screen.
"""

from __future__ import annotations

import time

from console.rows.sort_order import BY_NAME, is_by_id, is_descending
from core.control.api import ControlAPI
from core.filters.fields import Noun
from core.filters.terms import Filter
from core.model.counts import Count
from core.model.records import replace
from core.model.text import SafeText

_SECONDS = 2.0
"""Between two counts of the same filter."""


class RowCount:
    """The newest count of a filter, and of all rows of its list.

    Queues, families and schedules are not counted: all are read.
    """

    def __init__(self, control: ControlAPI) -> None:
        self._control = control
        self._where: Filter | None = None
        self._matching: Count | None = None
        self._all: Count | None = None
        self._asked_at = 0.0
        self._changes = 0
        self._counted = 0
        """The change that the newest count includes."""

    def wants(self, where: Filter, *, changed: bool) -> bool:
        """Tell whether it is time to count; `changed` = rows have changed."""
        plain = replace(where, sort=None)
        if where.noun in (*BY_NAME, Noun.FAILURES) or not where.terms:
            return False
        if plain != self._where:
            self._matching = self._all = None
            return True
        self._changes += changed
        return self._counted != self._changes and time.monotonic() - self._asked_at > _SECONDS

    async def ask(self, where: Filter, base: Filter) -> None:
        """Count the rows of a filter, and of the list without it."""
        self._where, self._asked_at = replace(where, sort=None), time.monotonic()
        # Counted only when there is an answer: a question that fails is asked again.
        changes = self._changes
        matching, everything = await self._control.count(self._where), await self._control.count(base)
        if self._where == replace(where, sort=None):
            self._matching, self._all, self._counted = matching, everything, changes

    @property
    def number(self) -> int | None:
        """How many rows the filter finds, if that is known exactly."""
        return (
            None if self._matching is None or self._matching.searched is not None else self._matching.number
        )

    def words(self, where: Filter) -> tuple[str, ...]:
        """Return the count for the status bar; () = it is not known."""
        if self._matching is None or self._all is None or replace(where, sort=None) != self._where:
            return ()
        cut = self._matching.searched
        is_cut = cut is not None and self._all.number > cut
        text = f"filter {'>=' if is_cut else ''}{self._matching.number:,}/{self._all.number:,}"
        return (text, f"searched newest {_short(cut)}") if is_cut and cut is not None else (text,)


def cut_words(where: Filter, searched: int | None) -> SafeText:
    """Return what to say behind a filter whose list was searched only so far; '' = it is whole."""
    if searched is None:
        return SafeText("")
    if not is_by_id(where):
        return SafeText(f"   (sorted newest {_short(searched)})")
    end = "newest" if is_descending(where) else "oldest"
    return SafeText(f"   (searched {end} {_short(searched)})")


def first_words(number: int) -> SafeText:
    """Return what to say where the way to the end of a list stopped after so many rows."""
    return SafeText(f"this is row {number:,}, and more follow: the same key reads on")


def _short(number: int) -> str:
    return f"{number // 1000}k" if number % 1000 == 0 or number >= 10_000 else f"{number:,}"
