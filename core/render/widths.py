"""Sharing: how the columns of a list share the width of a terminal; decisions alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from core.model.text import cells
from core.render.columns import GAP, Column, Form

Shape: TypeAlias = tuple[tuple[Column, int], ...]
"""Columns from left to right, each with the cells it has; `GAP` more lie between two of them."""


def choose(columns: Sequence[Column], width: int) -> tuple[Column, ...]:
    """Return the columns that have room in `width` cells, in order; those of priority 0 always stay.

    What the rows hold plays no part: a list keeps its columns while it is paged and changes.
    """
    chosen = list(columns)
    while sum(column.floor + GAP for column in chosen) - GAP > width:
        # Of equals the rightmost goes.
        goes = max(reversed(chosen), key=lambda column: column.priority)
        if goes.priority == 0:
            break
        chosen.remove(goes)
    return tuple(chosen)


def share(columns: Sequence[Column], needs: Mapping[str, int], width: int) -> Shape:
    """Choose columns and give each what it needs, as far as `width` cells go; what is over is not given.

    `needs` = cells of the longest text, by name; no column needs less than its title. Everyone has its
    floor, or what it needs if that is less; then each in order of priority is filled up to its width;
    then all that need more share evenly. A width below the floors of priority 0 is taken from the
    widest, and from there on columns go from the right.
    """
    shown = choose(columns, width)[: max(0, (width + GAP) // (1 + GAP))]
    needed = [max(cells(column.title), needs.get(column.name, 0)) for column in shown]
    rooms = [
        column.floor if column.steady else min(column.floor, need)
        for column, need in zip(shown, needed, strict=True)
    ]
    space = width - GAP * (len(shown) - 1)
    _squeeze(rooms, space)
    best = [min(need, column.width) for column, need in zip(shown, needed, strict=True)]
    for index in sorted(range(len(shown)), key=lambda index: shown[index].priority):
        rooms[index] += _portion(best[index] - rooms[index], space - sum(rooms))
    _pour(rooms, needed, space)
    return tuple(zip(shown, rooms, strict=True))


def filled(shape: Shape, width: int) -> Shape:
    """Give all that is left of the width to the last column whose text may be of any length."""
    spare = width - sum(room for _, room in shape) - GAP * (len(shape) - 1)
    last = max((index for index, (column, _) in enumerate(shape) if _is_flexible(column)), default=None)
    return tuple(
        (column, room + (max(0, spare) if index == last else 0)) for index, (column, room) in enumerate(shape)
    )


def longest(needs: Mapping[str, int], names: Sequence[str], rows: Iterable[Sequence[str]]) -> dict[str, int]:
    """Return the needs as they are with the texts of more rows: none becomes less."""
    found = dict(needs)
    for row in rows:
        for name, text in zip(names, row, strict=True):
            if len(text) and (length := cells(text)) > found.get(name, 0):
                found[name] = length
    return found


def _squeeze(rooms: list[int], space: int) -> None:
    over = sum(rooms) - space
    while over > 0:
        rooms[rooms.index(max(rooms))] -= 1
        over -= 1


def _pour(rooms: list[int], needed: Sequence[int], space: int) -> None:
    """Give what is left evenly to those who need more."""
    while True:
        left = space - sum(rooms)
        hungry = [index for index, need in enumerate(needed) if need > rooms[index]]
        if left <= 0 or not hungry:
            return
        even = max(1, left // len(hungry))
        for index in hungry:
            rooms[index] += _portion(min(even, needed[index] - rooms[index]), space - sum(rooms))


def _portion(wanted: int, left: int) -> int:
    return max(0, min(wanted, left))


def _is_flexible(column: Column) -> bool:
    return not column.right and column.form not in (Form.TIME, Form.CLOCK)
