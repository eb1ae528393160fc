"""Pouring: bring all rows of a list into a file, page by page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from console.background import to_end
from console.exports.export_file import ExportFile
from console.exports.file_formats import Layout
from console.rows.pages import Read

V = TypeVar("V")
ROWS = 1_000
"""Rows of a page: so often is told how far it is."""


@dataclass(slots=True, kw_only=True)
class Export(Generic[V]):
    """Rows on their way into a file; `number` = how many are there.

    `searched` = the list is made of so many of the newest rows only: its order let nobody look further.
    """

    draft: ExportFile
    keep: Callable[[], None]
    """Gives the whole file its name: one of the draft's own ways."""
    layout: Layout[V]
    read: Read[V]
    is_wanted: Callable[[V], bool]
    tell: Callable[[], None]
    """Called after each page."""
    number: int = 0
    searched: int | None = None

    async def run(self) -> None:
        """Write all rows; whatever goes wrong, also the end of the console, leaves no file behind."""
        try:
            await to_end(self.draft.open)
            await to_end(partial(self.draft.write, self.layout.head))
            await self._pour()
            await to_end(self.keep)
        finally:
            self.draft.discard()

    async def _pour(self) -> None:
        after: str | None = None
        while True:
            page = await self.read(after, ROWS)
            rows = [row for row in page.rows if self.is_wanted(row)]
            # Thousands of rows take long enough to be felt at the keys.
            await to_end(partial(self._put, rows))
            self.number += len(rows)
            self.tell()
            # One that only ended early is followed by others: the last page tells.
            after, self.searched = page.next, page.searched
            if after is None:
                return

    def _put(self, rows: list[V]) -> None:
        self.draft.write(self.layout.write(rows))
