"""Column widths: which columns fit a terminal, and how wide.

Used by the tables of commands and console.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from core.model.text import cells
from core.render.columns import GAP, Column, Form

_STANDS_BACK = 2
"""Priorities that a column without a text gives way to: not to those that hold something in every row."""


class SizedColumn(NamedTuple):
    """A column and its width in cells."""

    column: Column
    width: int


ColumnLayout: TypeAlias = tuple[SizedColumn, ...]
"""Columns from left to right; `GAP` more cells lie between two of them."""


def visible_columns(
    columns: Sequence[Column], width: int, *, empty: Collection[str] = ()
) -> tuple[Column, ...]:
    """Return the columns that have room in `width` cells, in order; those of priority 0 always stay.

    Those named `empty` have no text in the rows, and stand back behind others.
    """

    def rank(column: Column) -> int:
        return column.priority + (_STANDS_BACK if column.priority and column.name in empty else 0)

    visible = list(columns)
    while sum(column.floor + GAP for column in visible) - GAP > width:
        # Of equals the rightmost is dropped.
        dropped = max(reversed(visible), key=rank)
        if dropped.priority == 0:
            break
        visible.remove(dropped)
    return tuple(visible)


def allot_widths(columns: Sequence[Column], needs: Mapping[str, int], width: int) -> ColumnLayout:
    """Choose columns and give each what it needs, as far as `width` cells go; what is over is not given.

    `needs` = cells of the longest text, by name; no column needs less than its title. Each has its
    floor, or what it needs if that is less; then each in order of priority is widened up to its width;
    then all that need more share evenly. A width below the floors of priority 0 is taken from the
    widest, and from there on columns are dropped from the right.
    """
    visible = visible_columns(columns, width)[: max(0, (width + GAP) // (1 + GAP))]
    needed = [max(cells(column.title), needs.get(column.name, 0)) for column in visible]
    widths = [
        column.floor if column.keeps_floor else min(column.floor, need)
        for column, need in zip(visible, needed, strict=True)
    ]
    space = width - GAP * (len(visible) - 1)
    _shrink_widest(widths, space)
    usual = [min(need, column.width) for column, need in zip(visible, needed, strict=True)]
    for index in sorted(range(len(visible)), key=lambda index: visible[index].priority):
        widths[index] += _clamp(usual[index] - widths[index], space - sum(widths))
    _share_evenly(widths, needed, space)
    return tuple(map(SizedColumn, visible, widths))


def widen_last(layout: ColumnLayout, width: int) -> ColumnLayout:
    """Give all that is left of the width to the last column whose text may be of any length."""
    spare = max(0, width - sum(size for _, size in layout) - GAP * (len(layout) - 1))
    last = max((index for index, (column, _) in enumerate(layout) if _is_flexible(column)), default=None)
    return tuple(
        SizedColumn(column, size + (spare if index == last else 0))
        for index, (column, size) in enumerate(layout)
    )


def widened_needs(
    needs: Mapping[str, int], names: Sequence[str], rows: Iterable[Sequence[str]]
) -> dict[str, int]:
    """Return the needs as they are with the texts of more rows: none becomes less."""
    widened = dict(needs)
    for row in rows:
        for name, text in zip(names, row, strict=True):
            if len(text) and (length := cells(text)) > widened.get(name, 0):
                widened[name] = length
    return widened


def _shrink_widest(widths: list[int], space: int) -> None:
    over = sum(widths) - space
    while over > 0:
        widths[widths.index(max(widths))] -= 1
        over -= 1


def _share_evenly(widths: list[int], needed: Sequence[int], space: int) -> None:
    """Give what is left evenly to the columns that need more."""
    while True:
        left = space - sum(widths)
        lacking = [index for index, need in enumerate(needed) if need > widths[index]]
        if left <= 0 or not lacking:
            return
        even = max(1, left // len(lacking))
        for index in lacking:
            widths[index] += _clamp(min(even, needed[index] - widths[index]), space - sum(widths))


def _clamp(wanted: int, left: int) -> int:
    return max(0, min(wanted, left))


def _is_flexible(column: Column) -> bool:
    return not column.flush_right and column.form not in (Form.TIME, Form.CLOCK)
