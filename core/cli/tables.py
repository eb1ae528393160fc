"""Draw lists as tables: fitted to a terminal, whole and plain in a file."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from core.cli.output import Painted, Piece, is_live, say, status, width
from core.model.columns import COLUMNS, GAP, Column, cell, choose
from core.model.fields import Noun
from core.model.text import SafeText, cells, fit


class Table:
    """A table whose pages come one after the other; the first page sets the widths."""

    def __init__(self, noun: Noun) -> None:
        self._columns: tuple[Column, ...] = COLUMNS[noun]
        self._widths: list[int] | None = None

    def page(self, views: Sequence[object]) -> None:
        """Write rows, and the titles above the first of them."""
        now = time.time_ns() // 1_000_000
        if self._widths is None:
            self._measure(views, now)
            titles = self._line([SafeText(column.title) for column in self._columns])
            say(Painted(text="".join(map(str, titles)).rstrip(), colour="bold"))
        for view in views:
            texts = [cell(column, view, now=now) for column in self._columns]
            say(*self._coloured(self._line(texts), texts))

    def _measure(self, views: Sequence[object], now: int) -> None:
        live = sys.stdout.isatty()
        if live:
            self._columns = choose(self._columns, width())
        wanted = [
            max(cells(column.title), *(cells(cell(column, view, now=now)) for view in views), 0)
            for column in self._columns
        ]
        self._widths = _share(wanted, self._columns, width()) if live else wanted

    def _line(self, texts: Sequence[SafeText]) -> list[str]:
        widths = self._widths or []
        fitted = [
            fit(text, size, right=column.right)
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


def _share(wanted: Sequence[int], columns: Sequence[Column], room: int) -> list[int]:
    """Give each column what it wants up to its width, then the rest from left to right."""
    widths = [min(want, column.width) for want, column in zip(wanted, columns, strict=True)]
    left = room - sum(widths) - GAP * (len(widths) - 1)
    for index, want in enumerate(wanted):
        more = max(0, min(want - widths[index], left))
        widths[index] += more
        left -= more
    while left < 0 and max(widths) > 4:
        # Also a terminal of twenty columns gets lines that fit.
        widths[widths.index(max(widths))] -= 1
        left += 1
    return widths
