"""Pages: the few loaded pages of a list, read by keyset.

Used by the row source of a list screen and by the export.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeAlias, TypeVar

from core.model.views import Page

V = TypeVar("V")
Read: TypeAlias = Callable[[str | None, int], Awaitable[Page[V]]]
"""Return the page after a cursor (None = the first), of at most so many rows."""

ROWS = 200
"""Rows of a page."""
REACH = 100_000
"""Rows that are read on the way to the end of a list before an operator is asked to go on."""


class Pages(Generic[V]):
    """The page in view and one on either side; of all others only where they start.

    A page that is read again may end elsewhere than before: then the pages behind it are read again too. A
    page that ended early because it had searched enough is the last one.
    """

    def __init__(self, read: Read[V], *, rows: int = ROWS) -> None:
        self._read = read
        self._size = rows
        self._starts: list[str | None] = [None]
        self._rows: dict[int, tuple[V, ...]] = {}
        self._lengths: dict[int, int] = {}
        self._searched: dict[int, int] = {}
        self.more = True
        """Whether more rows may follow."""

    @property
    def searched(self) -> int | None:
        """How many rows were searched, if more may belong to the list; None = the list is whole."""
        return max(self._searched.values(), default=None)

    @property
    def count(self) -> int:
        """How many rows are known to be there."""
        return sum(self._lengths.get(number, 0) for number in range(len(self._starts)))

    def window(self) -> dict[int, V]:
        """Return the rows in memory by their number, from 0."""
        window: dict[int, V] = {}
        for number, rows in self._rows.items():
            first = self._first(number)
            window.update(enumerate(rows, first))
        return window

    def before(self, row: int) -> Pages[V]:
        """Return pages that know those before the page of a row: from that one on all is read again."""
        number = self._page_of(row)
        pages = Pages(self._read, rows=self._size)
        pages._starts = self._starts[: number + 1]
        pages._rows = {n: rows for n, rows in self._rows.items() if n < number}
        pages._lengths = {n: length for n, length in self._lengths.items() if n < number}
        pages._searched = {n: rows for n, rows in self._searched.items() if n < number}
        return pages

    async def show(self, first: int, last: int) -> None:
        """Read again the pages of these rows, and one after them if it was never read."""
        number = self._page_of(first)
        while True:
            await self._load(number)
            if self._first(number) + self._lengths[number] > last or number + 1 >= len(self._starts):
                break
            number += 1
        if number + 1 < len(self._starts) and number + 1 not in self._lengths:
            await self._load(number + 1)
        self._forget(self._page_of(first) - 1, number + 1)

    async def reach_end(self) -> bool:
        """Read on to the last row, `REACH` rows a call at the most; False if more follow."""
        number, stop = len(self._starts) - 1, (self.count // REACH + 1) * REACH
        await self._load(number)
        while number + 1 < len(self._starts) and self.count < stop:
            number += 1
            await self._load(number)
            self._forget(number - 1, number)
        return not self.more

    async def _load(self, number: int) -> None:
        page = await self._read(self._starts[number], self._size)
        ended_early = page.searched is not None and len(page.rows) < self._size
        following = None if ended_early else page.next
        known = self._starts[number + 1] if number + 1 < len(self._starts) else None
        if following is None or following != known:
            del self._starts[number + 1 :]
            self._forget(0, number)
        self._rows[number] = page.rows
        self._lengths[number] = len(page.rows)
        self._searched.pop(number, None)
        if page.searched is not None:
            self._searched[number] = page.searched
        if following is not None and number + 1 == len(self._starts):
            self._starts.append(following)
        last = len(self._starts) - 1
        self.more = last not in self._lengths

    def _page_of(self, row: int) -> int:
        for number in range(len(self._starts)):
            length = self._lengths.get(number)
            if length is None or row < length:
                return number
            row -= length
        return len(self._starts) - 1

    def _first(self, number: int) -> int:
        return sum(self._lengths.get(before, 0) for before in range(number))

    def _forget(self, first: int, last: int) -> None:
        self._rows = {number: rows for number, rows in self._rows.items() if first <= number <= last}
        self._lengths = {n: length for n, length in self._lengths.items() if n < len(self._starts)}
        self._searched = {n: rows for n, rows in self._searched.items() if n < len(self._starts)}
