"""Faces: how a view becomes the cells of a row, and how much room each column gets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.model.columns import GAP, Column, choose
from core.model.text import SafeText, fit

V = TypeVar("V")
# Most cells of a page are like those of others.
_fit = lru_cache(4_096)(fit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face(Generic[V]):
    """How a view becomes a row: its key, one safe text for each column, the style of a column."""

    columns: tuple[Column, ...]
    key: Callable[[V], Hashable]
    write: Callable[[V, Sequence[Column]], tuple[SafeText, ...]]
    style: Callable[[V, Column], Style | None]


def lay_out(columns: Sequence[Column], width: int) -> tuple[tuple[Column, int], ...]:
    """Choose the columns for a width; what is left over goes to the widest text."""
    shown = choose(columns, width)
    spare = width - sum(column.width + GAP for column in shown) + GAP
    texts = [column for column in shown if not column.right]
    widest = max(texts, key=lambda column: column.width, default=None)
    return tuple((column, column.width + (max(0, spare) if column is widest else 0)) for column in shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What a row is drawn on: its plain style, its width, and what stands in its margin."""

    base: Style
    width: int
    margin: str


def draw_row(
    shape: Sequence[tuple[Column, int]],
    cells: Sequence[str],
    styles: Sequence[Style | None],
    paper: Paper,
) -> Strip:
    """Draw the cells of a row; those without a style of their own run together."""
    segments: list[Segment] = []
    text, drawn = paper.margin, len(paper.margin)
    for index, ((column, room), cell, style) in enumerate(zip(shape, cells, styles, strict=True)):
        gap = " " * GAP if index else ""
        drawn += len(gap) + room
        written = _fit(cell, room, right=column.right)
        if style is None:
            text += gap + written
            continue
        segments += (Segment(text + gap, paper.base), Segment(written, paper.base + style))
        text = ""
    segments.append(Segment(text + " " * (paper.width - drawn), paper.base))
    return Strip(segments, max(paper.width, drawn)).crop(0, paper.width)
