"""Export: all rows of a list written to a file, in pages.

Run by the exporter of a list screen; the picker chooses the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from console.background import finish_in_thread
from console.exports.export_file import ExportFile
from console.exports.file_formats import Layout
from console.rows.pages import Read
from core.filters.terms import Filter

V = TypeVar("V")
ROWS = 1_000
"""Rows of a page: progress is shown after each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRows:
    """The rows that a filter finds, in its order, without some by their keys."""

    where: Filter
    label: str
    without: frozenset[Hashable] = frozenset()


@dataclass(slots=True, kw_only=True)
class Export(Generic[V]):
    """Rows on their way into a file; `number` = how many are written."""

    file: ExportFile
    keep: Callable[[], None]
    """Gives the whole file its name: `keep_new` or `keep_over` of the file."""
    layout: Layout[V]
    read: Read[V]
    is_wanted: Callable[[V], bool]
    show_progress: Callable[[], None]
    """Called after each page."""
    number: int = 0
    searched: int | None = None
    """The list is made of so many of the newest rows only: its order limits the search."""

    async def run(self) -> None:
        """Write all rows; whatever goes wrong, also the end of the console, leaves no file behind."""
        try:
            await finish_in_thread(self.file.open)
            await finish_in_thread(partial(self.file.write, self.layout.head))
            await self._write_pages()
            await finish_in_thread(self.keep)
        finally:
            self.file.discard()

    def summary(self) -> str:
        """Say what was written, and whether the list was cut."""
        cut = (
            ""
            if self.searched is None
            else f"; only the newest {self.searched:,} were searched in this order, sort:id exports all"
        )
        return f"{rows_words(self.number)} to {self.file.path}{cut}"

    async def _write_pages(self) -> None:
        after: str | None = None
        while True:
            page = await self.read(after, ROWS)
            rows = [row for row in page.rows if self.is_wanted(row)]
            # Thousands of rows take long enough to be felt at the keys.
            await finish_in_thread(partial(self._write, rows))
            self.number += len(rows)
            self.show_progress()
            # One that only ended early is followed by others: the last page tells.
            after, self.searched = page.next, page.searched
            if after is None:
                return

    def _write(self, rows: list[V]) -> None:
        self.file.write(self.layout.write(rows))


def rows_words(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"
