"""Text layout: lines as rows of a width, only those visible.

Used by the text view.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, islice
from typing import NamedTuple

from core.model.text import ELLIPSIS, SafeText, cells, clip
from core.render.wrapping import wrap

HANGING = SafeText("┆ ")
"""In front of a row that continues a line."""
_NARROW = 16
"""Least width of rows that begin with `HANGING`."""


class Spot(NamedTuple):
    """The position of a row: its line and the piece of that line, both from 0."""

    line: int = 0
    piece: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A piece of a line: what is put in front of it, its text, and where in the line that begins."""

    lead: SafeText = SafeText("")
    text: SafeText
    begin: int


class PlacedRow(NamedTuple):
    """A row, and the number of its line."""

    line: int
    row: Row


class TextLayout:
    """Wraps or cuts lines of safe text when they come into view."""

    def __init__(self) -> None:
        self.lines: tuple[SafeText, ...] = ()
        self.width = 1
        self.is_wrapped = True
        """Long lines are wrapped; else cut."""
        self.left = 0
        """Cells that are out of view on the left, of lines that are cut."""

    def rows(self, line: int) -> tuple[Row, ...]:
        """Return the rows of a line, at least one."""
        text = self.lines[line]
        return _wrapped(text, self.width) if self.is_wrapped else (_cut(text, self.left, self.width),)

    def view(self, top: Spot, height: int) -> list[PlacedRow]:
        """Return at most so many rows from one on."""
        return list(islice(self._from(top), height))

    def moved(self, spot: Spot, by: int) -> Spot:
        """Return the row that is `by` rows below, negative: above; at most the first or the last."""
        line, piece = spot.line, spot.piece + by
        while piece < 0 and line > 0:
            line -= 1
            piece += len(self.rows(line))
        while line + 1 < len(self.lines) and piece >= (many := len(self.rows(line))):
            piece -= many
            line += 1
        return self.nearest(Spot(line, piece))

    def nearest(self, spot: Spot) -> Spot:
        """Return the nearest row that exists."""
        if not self.lines:
            return Spot()
        line = min(spot.line, len(self.lines) - 1)
        return Spot(line, max(0, min(spot.piece, len(self.rows(line)) - 1)))

    def last(self, height: int) -> Spot:
        """Return the topmost row of a view whose bottom is the last row."""
        if not self.lines:
            return Spot()
        end = len(self.lines) - 1
        return self.moved(Spot(end, len(self.rows(end)) - 1), 1 - height)

    def begin_of(self, spot: Spot) -> int:
        """Return where in its line a row begins."""
        return self.rows(spot.line)[spot.piece].begin if self.lines else 0

    def at(self, line: int, place: int) -> Spot:
        """Return the row that holds a character of a line."""
        pieces = [number for number, row in enumerate(self.rows(line)) if row.begin <= place]
        return Spot(line, pieces[-1] if pieces else 0)

    def _from(self, top: Spot) -> Iterator[PlacedRow]:
        skipped = top.piece
        for line in range(top.line, len(self.lines)):
            yield from (PlacedRow(line, row) for row in self.rows(line)[skipped:])
            skipped = 0


@lru_cache(512)
def _wrapped(line: SafeText, width: int) -> tuple[Row, ...]:
    lead = HANGING if width >= _NARROW else SafeText("")
    pieces = list(wrap(line, width, continuation_width=width - cells(lead)))
    begins = accumulate(map(len, pieces), initial=0)
    first, *others = (Row(text=piece, begin=begin) for piece, begin in zip(pieces, begins, strict=False))
    return (first, *(_hanging(row, lead) for row in others))


def _hanging(row: Row, lead: SafeText) -> Row:
    # The blank between two words is not the beginning of the second.
    blank = len(row.text) > 1 and row.text[0] == " " != row.text[1]
    return Row(lead=lead, text=SafeText(row.text[blank:]), begin=row.begin + blank)


def _cut(line: SafeText, left: int, width: int) -> Row:
    if not left:
        return Row(text=clip(line, width), begin=0)
    begin, room = 0, left + 1
    # The first cell in view is the mark of what is not.
    while begin < len(line) and (room := room - cells(line[begin])) >= 0:
        begin += 1
    lead = SafeText(ELLIPSIS if line and width > 1 else "")
    return Row(lead=lead, text=clip(line[begin:], width - len(lead)), begin=begin)
