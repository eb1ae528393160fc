"""Lines of an output from any offset, whatever its size.

Used by the readers of outputs and the search in them.

A line begins at 0, behind each newline, and at both ends of a hole. Where a whole block has no newline, a
line begins at the block's end as well: no line is longer than two blocks, and where lines begin is found
from any offset by reading at most two blocks.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from core.model.ranges import Range

BLOCK = 65_536
PAGE_LINES = 2_000
"""Lines of a page at the most."""
PAGE_BYTES = 262_144
"""Bytes of a page at the most, but for one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Lines from `begin` to `end`, or a hole of that size, without `starts`."""

    begin: int
    end: int
    data: bytes = b""
    starts: tuple[int, ...] = ()
    """Offsets in the file."""

    @property
    def missing(self) -> int:
        """Bytes of the hole."""
        return 0 if self.starts else self.end - self.begin


class LineFile:
    """An open output; what is written meanwhile is not part of it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def forward(self, offset: int, *, lines: int, limit: int = PAGE_BYTES) -> Lines:
        """Return lines from the one on that holds an offset."""
        begin = self.line_of(offset)
        if begin >= self.size:
            return Lines(begin=self.size, end=self.size)
        data_begin, data_end = self.extent(begin)
        if data_begin > begin:
            return Lines(begin=begin, end=data_begin)
        end = min(data_end, begin + limit + 2 * BLOCK)
        data = self.read(begin, end)
        starts = line_starts(data, begin)
        if end < data_end and len(starts) > 1:
            # The last one may go on.
            end = starts.pop()
        kept = [start for start in starts[:lines] if start == begin or start < begin + limit]
        end = starts[len(kept)] if len(kept) < len(starts) else end
        return Lines(begin=begin, end=end, data=data[: end - begin], starts=tuple(kept))

    def backward(self, offset: int, *, lines: int, limit: int = PAGE_BYTES) -> Lines:
        """Return the lines that end where the one that holds an offset begins; of one beyond, the last."""
        end = self.line_of(offset)
        if end <= 0:
            return Lines(begin=0, end=0)
        data_begin = self.data_begin(end - 1, max(0, end - limit - 4 * BLOCK))
        if data_begin is None:
            return Lines(begin=self.hole_begin(end - 1), end=end)
        begin = max(data_begin, self.line_of(end - limit))
        data = self.read(begin, end)
        starts = line_starts(data, begin)[-lines:]
        return Lines(begin=starts[0], end=end, data=data[starts[0] - begin :], starts=tuple(starts))

    def line_of(self, offset: int) -> int:
        """Return where the line, or the hole, begins that holds an offset; the size for one beyond it."""
        if offset <= 0:
            return 0
        if offset >= self.size:
            return self.size
        low = max(0, offset // BLOCK - 1) * BLOCK
        data_begin = self.data_begin(offset, low)
        if data_begin is None:
            return self.hole_begin(offset)
        data = self.read(data_begin, offset)
        # Without a newline it is cut at the end of the block that begins at `low`, whatever is before that.
        return _cut_begin(data_begin + data.rfind(b"\n") + 1, offset)

    def data_begin(self, offset: int, low: int) -> int | None:
        """Return where the data that holds an offset begins, at least `low`; None = it lies in a hole."""
        while True:
            begin, end = self.extent(low)
            if begin > offset:
                return None
            if end > offset:
                return begin
            low = end

    def hole_begin(self, offset: int) -> int:
        """Return where the hole begins that holds an offset."""
        step, low = BLOCK, offset
        while low > 0 and not self._is_data(low):
            low, step = max(0, low - step), step * 2
        if not self._is_data(low):
            return 0
        while True:
            _, end = self.extent(low)
            following, _ = self.extent(end)
            if following > offset or end >= self.size:
                return end
            low = following

    def extent(self, offset: int) -> Range:
        """Return the first data at or behind an offset; it is at the size, and empty, if there is none."""
        try:
            begin = os.lseek(self._descriptor, offset, os.SEEK_DATA)
            end = os.lseek(self._descriptor, begin, os.SEEK_HOLE)
        except OSError:
            # ENXIO: nothing but a hole, or the end of the file.
            return Range(self.size, self.size)
        return Range(min(begin, self.size), min(end, self.size))

    def missing(self, begin: int, end: int) -> int:
        """Return how many bytes between two offsets are gone."""
        end = min(end, self.size)
        gone, at = 0, begin
        while at < end:
            data = self.extent(at)
            gone += min(data.begin, end) - at
            at = data.end
        return gone

    def read(self, begin: int, end: int) -> bytes:
        return os.pread(self._descriptor, max(0, end - begin), begin)

    def _is_data(self, offset: int) -> bool:
        return self.extent(offset).begin == offset < self.size


def line_starts(data: bytes, begin: int) -> list[int]:
    """Return where lines begin in data that itself begins with a line at the offset `begin`."""
    starts = [begin]
    end = begin + len(data)
    at = 0
    while True:
        newline = data.find(b"\n", at)
        following = end if newline < 0 else begin + newline + 1
        starts.extend(_cuts(starts[-1], following))
        if newline < 0 or following >= end:
            return starts
        starts.append(following)
        at = newline + 1


def cut_behind(begin: int) -> int:
    """Return where a line that begins there is cut, if it has no end before."""
    return (begin // BLOCK + 1 + (begin % BLOCK > 0)) * BLOCK


def _cuts(begin: int, end: int) -> range:
    """Return where a line that goes from `begin` to `end` is cut."""
    return range(cut_behind(begin), end, BLOCK)


def _cut_begin(begin: int, offset: int) -> int:
    """Return the last cut at or before an offset of a line that begins there; without one, its begin."""
    return max(_cuts(begin, offset + 1), default=begin)
