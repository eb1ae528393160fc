"""Row format: the cells of a view, and how they are drawn.

Used by the table, the listings and the screens.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.model.text import SafeText, fit, fit_name
from core.render.columns import GAP, Column
from core.render.widths import ColumnLayout

V = TypeVar("V")
# Most cells of a page are like those of others.
_fit, _fit_name = lru_cache(4_096)(fit), lru_cache(4_096)(fit_name)


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat(Generic[V]):
    """How a view becomes a row: its key, a safe text and a style for each column."""

    columns: tuple[Column, ...]
    key: Callable[[V], Hashable]
    write: Callable[[V, Sequence[Column]], tuple[SafeText, ...]]
    style: Callable[[V, Column], Style | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowStyle:
    """The base style of a row, its width, and the text of its margin."""

    base: Style
    width: int
    margin: str
    edge: Style | None = None
    """The style of the margin; None = that of the row."""


def draw_row(
    shape: ColumnLayout,
    cells: Sequence[str],
    styles: Sequence[Style | None],
    paper: RowStyle,
) -> Strip:
    """Draw the cells of a row; those without a style of their own run together."""
    segments: list[Segment] = []
    text, drawn = paper.margin, len(paper.margin)
    if paper.edge is not None:
        segments.append(Segment(text, paper.edge))
        text = ""
    for index, ((column, room), cell, style) in enumerate(zip(shape, cells, styles, strict=True)):
        gap = " " * GAP if index else ""
        drawn += len(gap) + room
        written = _fit_name(cell, room) if column.is_name else _fit(cell, room, right=column.flush_right)
        if style is None:
            text += gap + written
            continue
        segments += (Segment(text + gap, paper.base), Segment(written, paper.base + style))
        text = ""
    segments.append(Segment(text + " " * (paper.width - drawn), paper.base))
    return Strip(segments, max(paper.width, drawn)).crop(0, paper.width)
