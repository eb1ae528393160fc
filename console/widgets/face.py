"""Faces: how a view becomes the cells of a row, and how much room each column gets."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.style import Style

from core.model.columns import GAP, Column, choose
from core.model.text import SafeText

V = TypeVar("V")


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
