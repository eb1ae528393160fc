"""Canvas: line segments as characters; segments of one net join, others cross.

Used by the layout and the drawing.

Where two nets cross, the one that goes down is drawn and the other is broken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_ACROSS, _ALONG = (_LEFT, _RIGHT, _LEFT | _RIGHT), (_UP, _DOWN, _UP | _DOWN)
_BOX_CHARACTERS = " │││─┘┐┤─└┌├─┴┬┼"
"""The character for each sum of directions."""


class Cell(NamedTuple):
    """A cell of a drawing."""

    x: int
    y: int


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """A straight piece of a line, both ends included; `x1` = `x2` or `y1` = `y2`, the lesser first."""

    x1: int
    y1: int
    x2: int
    y2: int

    def cells(self) -> Iterable[Cell]:
        return (Cell(x, y) for y in range(self.y1, self.y2 + 1) for x in range(self.x1, self.x2 + 1))


@dataclass(slots=True)
class Canvas:
    """Collects for each cell the directions in which each net leaves it."""

    _cells: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)
    _characters: dict[tuple[int, int], str] = field(default_factory=dict)

    def draw(self, net: int, segment: Segment) -> None:
        before, after = (_UP, _DOWN) if segment.y1 != segment.y2 else (_LEFT, _RIGHT)
        cells = list(segment.cells())
        for cell in cells:
            masks = self._cells.setdefault(cell, {})
            mask = (before if cell != cells[0] else 0) | (after if cell != cells[-1] else 0)
            masks[net] = masks.get(net, 0) | (mask or before | after)

    def put(self, x: int, y: int, character: str) -> None:
        """Put a character of its own where no line runs."""
        self._characters[x, y] = character

    def lines(self, width: int, height: int) -> tuple[str, ...]:
        """Return what was drawn, row by row."""
        rows = [[" "] * width for _ in range(height)]
        for (x, y), character in self._characters.items():
            rows[y][x] = character
        for (x, y), masks in self._cells.items():
            rows[y][x] = _line_character(list(masks.values()))
        return tuple(map("".join, rows))


def _line_character(masks: list[int]) -> str:
    across = sum(mask in _ACROSS for mask in masks)
    along = sum(mask in _ALONG for mask in masks)
    if across and along and across + along == len(masks):
        return _BOX_CHARACTERS[_UP | _DOWN]
    joined = 0
    for mask in masks:
        joined |= mask
    return _BOX_CHARACTERS[joined]
