"""Search in an output, piece by piece, forward and backward.

Used by the readers of outputs, in a thread: a search goes on until a deadline, and says how far it came.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from core.executors.output_lines import BLOCK, LineFile, cut_behind
from core.filters.text_query import TextSearch

PIECE = 1_048_576
"""Bytes that are read at a time; other threads run at least as often."""
_CHECK = 2_000
"""Matches between two looks at the clock."""


@dataclass(slots=True, kw_only=True)
class Deadline:
    """The end of the time that a search may take."""

    seconds: float
    _end: float = field(init=False)

    def __post_init__(self) -> None:
        self._end = time.monotonic() + self.seconds

    def is_over(self) -> bool:
        return time.monotonic() >= self._end


@dataclass(slots=True, kw_only=True)
class Counted:
    """How many lines matched, the first of them, and up to where was looked."""

    number: int = 0
    lines: list[int] = field(default_factory=list)
    end: int = 0
    missing: int = 0
    """Bytes of what was looked at that are gone."""


class FoundLines(NamedTuple):
    """The begins of lines that match, and where to go on."""

    begins: list[int]
    end: int


class OutputSearch:
    """Looks for lines in an open output."""

    def __init__(self, file: LineFile, search: TextSearch) -> None:
        self.file = file
        self._search = search

    def forward(self, offset: int, *, most: int, deadline: Deadline) -> FoundLines:
        """Return at most so many matching lines from an offset on."""
        found: list[int] = []
        at = self.file.line_of(offset)
        while at < self.file.size:
            piece = self._piece(at)
            for line in self._matching(piece):
                found.append(line)
                if len(found) >= most:
                    return FoundLines(found, self._behind(line))
                if len(found) % _CHECK == 0 and deadline.is_over():
                    return FoundLines(found, self._behind(line))
            at = piece.next
            if deadline.is_over():
                break
        return FoundLines(found, at)

    def backward(self, offset: int, *, most: int, deadline: Deadline) -> FoundLines:
        """Return at most so many matching lines before that of an offset, in rising order.

        Its `end` is 0 once the begin was reached.
        """
        found: list[int] = []
        end, size = self.file.line_of(offset), BLOCK
        while end > 0:
            begin = self.file.line_of(max(0, end - size))
            if begin == end:
                begin = self.file.line_of(end - 1)
            lines = list(self._between(begin, end))
            room = most - len(found)
            found = [*lines[-room:], *found]
            # Those that did not fit are found from the first one on that did.
            end = found[0] if len(lines) > room else begin
            size = PIECE
            if len(found) >= most or deadline.is_over():
                break
        return FoundLines(found, end)

    def count(self, offset: int, *, most: int, deadline: Deadline) -> Counted:
        """Count matching lines from an offset on, and keep the begins of the first ones."""
        counted = Counted(end=self.file.line_of(offset))
        while counted.end < self.file.size:
            piece = self._piece(counted.end)
            quick = self._quick_count(piece) if len(counted.lines) >= most else None
            for line in self._matching(piece) if quick is None else ():
                counted.number += 1
                if len(counted.lines) < most:
                    counted.lines.append(line)
                if counted.number % _CHECK == 0 and deadline.is_over():
                    counted.end = self._behind(line)
                    return counted
            counted.number, counted.end = counted.number + (quick or 0), piece.next
            # At least a piece each time, so that a busy machine looks through everything too.
            if deadline.is_over():
                break
        return counted

    def _quick_count(self, piece: _Piece) -> int | None:
        """Count the matching lines of a piece of whole lines, in parts: other threads run between them."""
        if piece.next != piece.begin + piece.end:
            return None
        if self._search.over(piece.data).first(0, piece.end) is None:
            return 0
        number, at = 0, 0
        while at < piece.end:
            end = piece.data.rfind(b"\n", at, at + BLOCK) + 1
            end = piece.end if end <= at or at + BLOCK >= piece.end else end
            # Behind the last line end begins the next part.
            some = self._search.count_in(piece.data[at:end].removesuffix(b"\n"), longest=BLOCK)
            if some is None:
                return None
            number, at = number + some, end
        return number

    def _piece(self, at: int) -> _Piece:
        """Read whole lines from a line's begin on; of a line longer than a piece, some of its parts."""
        begin, extent_end = self.file.extent(at)
        end = min(begin + PIECE, extent_end)
        data = self.file.read(begin, end)
        if end == extent_end:
            return _Piece(begin=begin, data=data, end=len(data), next=end)
        whole = data.rfind(b"\n") + 1
        if whole:
            return _Piece(begin=begin, data=data, end=whole, next=begin + whole)
        # What lies across the seam is seen on both sides, and belongs to the one where it begins.
        return _Piece(begin=begin, data=data, end=len(data), next=self.file.line_of(end - BLOCK))

    def _matching(self, piece: _Piece) -> Iterator[int]:
        """Return the begins of the lines before the next piece that match."""
        finder = self._search.over(piece.data)
        at = 0
        while (found := finder.first(at, piece.end)) is not None:
            if found.line_end - found.line <= BLOCK and found.line:
                line = piece.begin + found.line
                at = found.line_end + 1
            else:
                # It may be cut, or have begun before the piece.
                line = self.file.line_of(piece.begin + found.begin)
                at = min(found.line_end + 1, cut_behind(line) - piece.begin)
            if line >= piece.next:
                return
            yield line

    def _between(self, begin: int, end: int) -> Iterator[int]:
        at = begin
        while at < end:
            data_begin, data_end = self.file.extent(at)
            stop = min(data_end, end)
            data = self.file.read(data_begin, min(data_end, end + BLOCK)) if data_begin < stop else b""
            yield from self._matching(_Piece(begin=data_begin, data=data, end=len(data), next=stop))
            at = stop

    def _behind(self, line: int) -> int:
        return self.file.forward(line, lines=1).end


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Data at an offset, up to where it is looked through, and where the piece behind it begins."""

    begin: int
    data: bytes
    end: int
    next: int
