"""Pen: strokes become characters; lines of one net join where they meet, others cross.

Where two nets cross, the one that goes down is drawn and the other is broken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_ACROSS, _ALONG = (_LEFT, _RIGHT, _LEFT | _RIGHT), (_UP, _DOWN, _UP | _DOWN)
_LINES = " │││─┘┐┤─└┌├─┴┬┼"
"""The character for each sum of directions."""


@dataclass(frozen=True, slots=True, order=True)
class Stroke:
    """A straight piece of a line, both ends included; `x1` = `x2` or `y1` = `y2`, the lesser first."""

    x1: int
    y1: int
    x2: int
    y2: int

    def cells(self) -> Iterable[tuple[int, int]]:
        """Return its cells as (x, y)."""
        return ((x, y) for y in range(self.y1, self.y2 + 1) for x in range(self.x1, self.x2 + 1))


@dataclass(slots=True)
class Pen:
    """Collects for each cell the directions in which each net leaves it."""

    _cells: dict[tuple[int, int], dict[int, int]] = field(default_factory=dict)
    _signs: dict[tuple[int, int], str] = field(default_factory=dict)

    def stroke(self, net: int, stroke: Stroke) -> None:
        """Draw a piece of a net."""
        before, after = (_UP, _DOWN) if stroke.y1 != stroke.y2 else (_LEFT, _RIGHT)
        cells = list(stroke.cells())
        for cell in cells:
            masks = self._cells.setdefault(cell, {})
            mask = (before if cell != cells[0] else 0) | (after if cell != cells[-1] else 0)
            masks[net] = masks.get(net, 0) | (mask or before | after)

    def sign(self, x: int, y: int, sign: str) -> None:
        """Put a character of its own where no line runs."""
        self._signs[x, y] = sign

    def lines(self, width: int, height: int) -> tuple[str, ...]:
        """Return what was drawn, row by row."""
        rows = [[" "] * width for _ in range(height)]
        for (x, y), sign in self._signs.items():
            rows[y][x] = sign
        for (x, y), masks in self._cells.items():
            rows[y][x] = _character(list(masks.values()))
        return tuple(map("".join, rows))


def _character(masks: list[int]) -> str:
    across = sum(mask in _ACROSS for mask in masks)
    along = sum(mask in _ALONG for mask in masks)
    if across and along and across + along == len(masks):
        return _LINES[_UP | _DOWN]
    joined = 0
    for mask in masks:
        joined |= mask
    return _LINES[joined]
