"""TextTable: rows as a table in plain text.

Used by the extracts of screens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from core.model.text import SafeText, cells, fit, fit_name
from core.render.columns import GAP, Column
from core.render.widths import widened_needs

V = TypeVar("V")
_WIDEST = 200
"""Cells of a column at the most."""


class TextTable(Generic[V]):
    """Written page by page; the first page sets the widths, and its titles stand above it."""

    def __init__(
        self, columns: Sequence[Column], write: Callable[[V, Sequence[Column]], tuple[SafeText, ...]]
    ) -> None:
        self._columns = tuple(columns)
        self._write = write
        self._widths: list[int] | None = None

    def page(self, views: Sequence[V]) -> str:
        """Return rows as lines; a name that is too long is cut in the middle."""
        rows = [self._write(view, self._columns) for view in views]
        if self._widths is None:
            names = [column.name for column in self._columns]
            needs = widened_needs({column.name: cells(column.title) for column in self._columns}, names, rows)
            self._widths = [min(needs[name], _WIDEST) for name in names]
            rows.insert(0, tuple(SafeText(column.title) for column in self._columns))
        return "".join(f"{self._line(row, self._widths)}\n" for row in rows)

    def _line(self, texts: Sequence[SafeText], widths: Sequence[int]) -> str:
        fitted = [
            fit_name(text, width) if column.is_name else fit(text, width, right=column.flush_right)
            for text, width, column in zip(texts, widths, self._columns, strict=True)
        ]
        return (" " * GAP).join(fitted).rstrip()
