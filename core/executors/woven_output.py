"""WovenFile: two streams of an attempt as one.

Used by the readers of outputs. The collector notes where the other stream went on. What is written to both
within less time than it needs to wake is in the order of its reads, not of the writes.
"""

from __future__ import annotations

import os
import struct
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from typing import TYPE_CHECKING

from core.executors.output_lines import LineFile
from core.executors.output_times import LATEST
from core.executors.outputs import ORDER
from core.files.untrusted import open_regular
from core.model.log_views import OutputTime
from core.model.ranges import Range

if TYPE_CHECKING:
    from pathlib import Path

_RECORD = struct.Struct("<QQQ")
_MOST = 100_000
"""Records that are read: as many as the collector writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """From these offsets in both streams on one of them went on, at that time (ms UTC)."""

    out: int
    err: int
    at: int
    is_err: bool
    """Standard error went on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Piece:
    """Bytes of one stream: where they begin among those of both, and in their own file."""

    begin: int
    end: int
    is_err: bool
    offset: int


def read_turns(directory: Path) -> tuple[Turn, ...]:
    """Return the turns of an attempt, in order; empty = they are not known, or there is one stream alone."""
    try:
        descriptor = open_regular(directory / ORDER)
    except OSError:
        return ()
    try:
        data = os.pread(descriptor, _MOST * _RECORD.size, 0)
    finally:
        os.close(descriptor)
    whole = len(data) - len(data) % _RECORD.size
    turns: list[Turn] = []
    for turn in map(_turn, _RECORD.iter_unpack(data[:whole])):
        # A command may write there: only what never goes back is believed.
        if turn.at > LATEST or (turns and (turn.out < turns[-1].out or turn.err < turns[-1].err)):
            break
        turns.append(turn)
    return tuple(turns)


def woven_size(directory: Path, *, out: int, err: int, is_final: bool) -> int:
    """Return how many bytes of both streams, of these sizes, have their place; 0 = the order is not known.

    While an attempt runs, what came on the other stream since the last turn has none before the next one.
    """
    try:
        descriptor = open_regular(directory / ORDER)
    except OSError:
        return 0
    try:
        whole = os.fstat(descriptor).st_size // _RECORD.size
        data = os.pread(descriptor, _RECORD.size, max(0, whole - 1) * _RECORD.size)
    finally:
        os.close(descriptor)
    if len(data) < _RECORD.size:
        return 0
    if is_final:
        return out + err
    last = _turn(_RECORD.unpack(data))
    return out + min(err, last.err) if not last.is_err else min(out, last.out) + err


def _turn(record: tuple[int, ...]) -> Turn:
    out, err, at = record
    return Turn(out=out >> 1, err=err, at=at, is_err=bool(out & 1))


class WovenFile(LineFile):
    """Offsets are those among the bytes of both streams, as one terminal would have got them."""

    def __init__(self, out: LineFile, err: LineFile, turns: tuple[Turn, ...]) -> None:
        self._files, self._turns = (out, err), turns
        self._pieces = _pieces_of(turns, out.size, err.size)
        self._begins = [piece.begin for piece in self._pieces]
        self.size = out.size + err.size
        self._holes = self._find_holes()
        self._hole_ends = [end for _, end in self._holes]

    def errors(self, starts: tuple[int, ...]) -> tuple[int, ...]:
        """Return which of these lines begin with bytes of standard error."""
        return tuple(
            number
            for number, start in enumerate(starts)
            if self._pieces and self._pieces[bisect_right(self._begins, start) - 1].is_err
        )

    def times(self, begin: int, end: int, *, began: int) -> tuple[OutputTime, ...]:
        """Return when the bytes between two offsets came, as `OutputTimes.between` does."""
        known = [OutputTime(0, began), *(OutputTime(turn.out + turn.err, turn.at) for turn in self._turns)]
        first = max(0, bisect_right(known, begin, key=itemgetter(0)) - 1)
        return tuple(known[first : bisect_left(known, end, key=itemgetter(0))])

    def extent(self, offset: int) -> Range:
        """Return the first data at or behind an offset; it is at the size, and empty, if there is none."""
        begin, at = offset, bisect_right(self._hole_ends, offset)
        for hole_begin, hole_end in self._holes[at:]:
            if begin < hole_begin:
                return Range(min(begin, self.size), min(hole_begin, self.size))
            begin = hole_end
        return Range(min(begin, self.size), self.size)

    def read(self, begin: int, end: int) -> bytes:
        parts: list[bytes] = []
        at = max(0, bisect_right(self._begins, begin) - 1)
        while begin < end and at < len(self._pieces):
            piece = self._pieces[at]
            first = piece.offset + begin - piece.begin
            part = self._files[piece.is_err].read(first, first + min(end, piece.end) - begin)
            parts.append(part)
            begin, at = begin + len(part), at + 1
            if begin < min(end, piece.end):
                # It was cut while it is read.
                break
        return b"".join(parts)

    def _find_holes(self) -> list[Range]:
        """Return the holes of both files among the bytes of both, in order and apart."""
        holes: list[Range] = []
        for is_err, file in enumerate(self._files):
            at = 0
            while at < file.size:
                begin, end = file.extent(at)
                if begin > at:
                    holes += self._placed(at, begin, is_err=bool(is_err))
                at = max(end, begin)
        merged: list[Range] = []
        for begin, end in sorted(holes):
            if merged and merged[-1].end >= begin:
                merged[-1] = Range(merged[-1].begin, max(end, merged[-1].end))
            else:
                merged.append(Range(begin, end))
        return merged

    def _placed(self, begin: int, end: int, *, is_err: bool) -> list[Range]:
        """Return where bytes of one file are among those of both."""
        places: list[Range] = []
        for piece in self._pieces:
            first, last = max(begin, piece.offset), min(end, piece.offset + piece.end - piece.begin)
            if piece.is_err == is_err and first < last:
                moved = piece.begin - piece.offset
                places.append(Range(first + moved, last + moved))
        return places


def _pieces_of(turns: tuple[Turn, ...], out: int, err: int) -> list[_Piece]:
    """Share files of these sizes out by the turns.

    Where no turn tells bytes of both apart, those of the stream that went on come first.
    """
    first = Turn(out=0, err=0, at=0, is_err=False)
    last = Turn(out=out, err=err, at=0, is_err=False)
    whole = [first, *(turn for turn in turns if turn.out <= out and turn.err <= err), last]
    pieces: list[_Piece] = []
    at = 0
    for here, there in pairwise(whole):
        steps = ((False, here.out, there.out), (True, here.err, there.err))
        for is_err, begin, end in sorted(steps, key=lambda step: step[0] != here.is_err):
            if end > begin:
                pieces.append(_Piece(begin=at, end=at + end - begin, is_err=is_err, offset=begin))
                at += end - begin
    return pieces
