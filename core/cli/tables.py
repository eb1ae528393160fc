"""Write lists as tables to the terminal.

Used by the commands that list.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from core.cli.output import Painted, Piece, is_live, say, status, width
from core.model.present import present_ms
from core.model.text import SafeText, cells, fit, fit_name
from core.render.columns import GAP, Column, cell
from core.render.widths import allot_widths, widened_needs


class Table:
    """A table that is written page by page; the first page sets the widths."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._columns = columns
        self._widths: list[int] | None = None

    def page(self, views: Sequence[object]) -> None:
        """Write rows, and the titles above the first of them."""
        now = present_ms()
        if self._widths is None:
            self._measure(views, now)
            titles = self._line([SafeText(column.title) for column in self._columns])
            say(Painted(text="".join(map(str, titles)).rstrip(), colour="bold"))
        for view in views:
            texts = [cell(column, view, now=now) for column in self._columns]
            say(*self._coloured(self._line(texts), texts))

    def _measure(self, views: Sequence[object], now: int) -> None:
        self._columns = tuple(
            column
            for column in self._columns
            if not column.is_rare or any(cell(column, view, now=now) for view in views)
        )
        names = [column.name for column in self._columns]
        rows = ([cell(column, view, now=now) for column in self._columns] for view in views)
        needs = widened_needs({column.name: cells(column.title) for column in self._columns}, names, rows)
        if sys.stdout.isatty():
            shape = allot_widths(self._columns, needs, width())
            self._columns = tuple(column for column, _ in shape)
            self._widths = [room for _, room in shape]
        else:
            self._widths = [needs[name] for name in names]

    def _line(self, texts: Sequence[SafeText]) -> list[str]:
        widths = self._widths or []
        fitted = [
            fit_name(text, size) if column.is_name else fit(text, size, right=column.flush_right)
            for text, size, column in zip(texts, widths, self._columns, strict=True)
        ]
        return [*(f"{text}{' ' * GAP}" for text in fitted[:-1]), fitted[-1].rstrip()]

    def _coloured(self, pieces: list[str], texts: Sequence[SafeText]) -> list[Piece]:
        if not is_live(sys.stdout):
            return ["".join(pieces).rstrip()]
        return [
            status(text, piece) if column.name == "status" else piece
            for piece, text, column in zip(pieces, texts, self._columns, strict=True)
        ]
