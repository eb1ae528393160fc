"""RowWindow: the rows of a list that are in memory, and the cursor among them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice
from typing import Generic, TypeVar

V = TypeVar("V")


class RowWindow(Generic[V]):
    """Rows by their number, from 0; the cursor keeps to the key of its row, or to its place."""

    def __init__(self, key: Callable[[V], Hashable]) -> None:
        self.key = key
        """Returns what stays the same when a row changes."""
        self.rows: Mapping[int, V] = {}
        self.count = 0
        """How many rows are known to be there, in memory or not."""
        self.cursor = 0
        self.is_following = True
        """The cursor keeps to its row; else to its place."""
        self._kept: Hashable = None

    @property
    def selected(self) -> V | None:
        """The row under the cursor, if it is in memory."""
        return self.rows.get(self.cursor)

    @property
    def first(self) -> int | None:
        """The number of the first row in memory."""
        return min(self.rows, default=None)

    def take(self, rows: Mapping[int, V], count: int) -> None:
        """Take other rows; the cursor goes where its row went, or stays near."""
        self.rows, self.count = rows, count
        at = self.selected
        if self.is_following and self._kept is not None and (at is None or self.key(at) != self._kept):
            found = (number for number, view in rows.items() if self.key(view) == self._kept)
            self.cursor = min(found, key=lambda number: abs(number - self.cursor), default=self.cursor)
        self.go_to(self.cursor)

    def go_to(self, number: int) -> None:
        """Move the cursor to a row, as near as there is one."""
        self.cursor = max(0, min(number, self.count - 1))
        at = self.selected
        self._kept = None if at is None else self.key(at)

    def span(self, first: int, last: int) -> dict[int, V] | None:
        """Return the rows of two numbers and between; None if one of them is not in memory."""
        numbers = range(first, last + 1)
        if any(number not in self.rows for number in numbers):
            return None
        return {number: self.rows[number] for number in numbers}

    def near(self, number: int, *, most: int) -> Iterator[V]:
        """Return at most so many rows in memory, from a page before a number on."""
        begin = max(self.first or 0, number - most // 2)
        found = (self.rows.get(at) for at in range(begin, self.count))
        return islice((view for view in found if view is not None), most)
