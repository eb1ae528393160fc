"""Row window: the loaded rows of a list, and its cursor.

Used by the scroll list.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice
from typing import Generic, TypeVar

V = TypeVar("V")


class RowWindow(Generic[V]):
    """Rows by number, from 0; the cursor keeps to the key of its row, or to its number."""

    def __init__(self, key: Callable[[V], Hashable]) -> None:
        self.key = key
        """Returns what stays the same when a row changes."""
        self.rows: Mapping[int, V] = {}
        self.count = 0
        """How many rows are known to be there, in memory or not."""
        self.cursor = 0
        self.is_following = True
        """The cursor keeps to its row; else to its number."""
        self._cursor_key: Hashable = None

    @property
    def selected(self) -> V | None:
        """The row under the cursor, if it is in memory."""
        return self.rows.get(self.cursor)

    @property
    def first(self) -> int | None:
        """The number of the first row in memory."""
        return min(self.rows, default=None)

    def take(self, rows: Mapping[int, V], count: int) -> int:
        """Replace the rows; the cursor follows its row, or stays at its number; return how far it moved."""
        self.rows, self.count = rows, count
        before = self.cursor
        at = self.selected
        if (
            self.is_following
            and self._cursor_key is not None
            and (at is None or self.key(at) != self._cursor_key)
        ):
            moved_to = (number for number, view in rows.items() if self.key(view) == self._cursor_key)
            self.cursor = min(moved_to, key=lambda number: abs(number - self.cursor), default=self.cursor)
        self.go_to(self.cursor)
        return self.cursor - before

    def start_over(self) -> None:
        """Begin at the first row, whichever that will be."""
        self.cursor, self._cursor_key = 0, None

    def go_to(self, number: int) -> None:
        """Move the cursor to the row of a number, at most the first or the last."""
        self.cursor = max(0, min(number, self.count - 1))
        at = self.selected
        self._cursor_key = None if at is None else self.key(at)

    def span(self, first: int, last: int) -> dict[int, V] | None:
        """Return the rows from `first` to `last`; None if one of them is not in memory."""
        numbers = range(first, last + 1)
        if any(number not in self.rows for number in numbers):
            return None
        return {number: self.rows[number] for number in numbers}

    def near(self, number: int, *, most: int) -> Iterator[V]:
        """Return at most `most` rows in memory, about half of them before a number."""
        begin = max(self.first or 0, number - most // 2)
        views = (self.rows.get(at) for at in range(begin, self.count))
        return islice((view for view in views if view is not None), most)
