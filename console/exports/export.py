"""Export: what a screen shows written to a file, piece by piece.

Run by the exporter of a screen.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial

from console.background import finish_in_thread
from console.exports.export_file import ExportFile
from console.exports.extract import Extract, Piece
from console.exports.file_formats import Format
from core.filters.terms import Filter

ROWS = 1_000
"""Rows of a page: progress is shown after each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedRows:
    """The rows that a filter finds, in its order, without some by their keys."""

    where: Filter
    label: str
    without: frozenset[Hashable] = frozenset()


@dataclass(slots=True, kw_only=True)
class Export:
    """Pieces on their way into a file; `number` = how many rows, lines or bytes are written."""

    file: ExportFile
    keep: Callable[[], None]
    """Gives the whole file its name: `keep_new` or `keep_over` of the file."""
    extract: Extract
    format: Format
    show_progress: Callable[[], None]
    """Called after each piece."""
    number: int = 0
    searched: int | None = None

    async def run(self) -> None:
        """Write all of it; whatever goes wrong, also the end of the console, leaves no file behind."""
        try:
            await finish_in_thread(self.file.open)
            after: str | None = None
            while True:
                piece = await self.extract.read(self.format, after)
                await finish_in_thread(partial(self._write, piece))
                self.number += piece.number
                self.show_progress()
                # One that only ended early is followed by others: the last one tells.
                after, self.searched = piece.next, piece.searched
                if after is None:
                    break
            await finish_in_thread(self.keep)
        finally:
            self.file.discard()

    def _write(self, piece: Piece) -> None:
        self.file.write(piece.data())

    @property
    def amount(self) -> str:
        """Say how much is written."""
        return self.extract.counted(self.number)

    def summary(self) -> str:
        """Say what was written, and whether the list was cut."""
        cut = (
            ""
            if self.searched is None
            else f"; only the newest {self.searched:,} were searched in this order, sort:id exports all"
        )
        return f"{self.amount} to {self.file.path}{cut}"
