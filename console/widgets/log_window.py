"""LogWindow: the lines of an output that are in memory, by offset.

Used by the log view and by the screen that fills it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

from core.model.log_views import LogPage
from core.model.text import SafeText, safe_line
from core.render.coloured import ColouredLine, coloured_line

MOST_LINES = 4_000
MOST_BYTES = 4 * 2**20
"""More than that is not kept: what is far from the view is read again when it is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """A line in memory: its place, how it looks, and when it came (ms UTC; None = not known)."""

    offset: int
    end: int
    shown: ColouredLine
    at: int | None = None
    is_error: bool = False
    """It is of standard error, among lines of both streams."""
    is_gap: bool = False
    """It stands for bytes that are gone."""

    @property
    def text(self) -> SafeText:
        return self.shown.text


class LogWindow:
    """Rows without a gap between `begin` and `end`; both directions grow, the far side is dropped."""

    def __init__(self) -> None:
        self.rows: list[LogRow] = []
        self.begin = 0
        self.end = 0
        self.first_number: int | None = 1
        """The number of the first row, from 1; None = the output was not read from its begin."""
        self.dropped_above = 0
        """Rows that came above the first one since the view took them; negative: that went there."""

    def index_of(self, offset: int) -> int | None:
        """Return which row holds an offset; None = it is not in memory."""
        if not self.rows or not self.begin <= offset < self.end:
            return None
        return bisect_right([row.offset for row in self.rows], offset) - 1

    def replace(self, page: LogPage) -> None:
        """Hold this page alone."""
        self.rows = _rows_of(page)
        self.begin, self.end = page.begin, page.end
        self.first_number = 1 if page.begin == 0 else None
        self.dropped_above = 0

    def put_below(self, page: LogPage) -> None:
        """Add what follows; a last line that has grown is replaced. What is too much goes above."""
        keep = bisect_left([row.offset for row in self.rows], page.begin)
        self.rows = [*self.rows[:keep], *_rows_of(page)]
        self.end = page.end
        surplus = self._surplus(self.rows)
        if surplus:
            del self.rows[:surplus]
            self.dropped_above -= surplus
            self.begin = self.rows[0].offset
            if self.first_number is not None:
                self.first_number += surplus

    def put_above(self, page: LogPage) -> None:
        """Add what comes before. What is too much goes below."""
        added = _rows_of(page)
        self.rows = [*added, *self.rows]
        self.begin = page.begin
        self.dropped_above += len(added)
        if self.begin == 0:
            self.first_number = 1
        elif self.first_number is not None:
            self.first_number -= len(added)
        surplus = self._surplus(reversed(self.rows))
        if surplus:
            del self.rows[-surplus:]
            self.end = self.rows[-1].end

    def _surplus(self, rows: Iterable[LogRow]) -> int:
        """Return how many rows, of the first ones given, are too many."""
        size = sum(row.end - row.offset for row in self.rows if not row.is_gap)
        number, left = 0, len(self.rows)
        for row in rows:
            if left <= 1 or (left <= MOST_LINES and size <= MOST_BYTES):
                break
            number, left, size = number + 1, left - 1, size - (row.end - row.offset)
        return number


def _rows_of(page: LogPage) -> list[LogRow]:
    if page.missing:
        words = safe_line(f"... {page.missing:,} bytes are missing here: over the limit")
        return [LogRow(offset=page.begin, end=page.end, shown=ColouredLine(words), is_gap=True)]
    offsets, times = [offset for offset, _ in page.times], [time for _, time in page.times]
    errors = frozenset(page.errors)
    ends = [*(page.begin + start for start in page.starts[1:]), page.end]
    return [
        LogRow(
            offset=line.offset,
            end=end,
            shown=coloured_line(line.data),
            at=times[at - 1] if (at := bisect_right(offsets, line.offset)) else None,
            is_error=number in errors,
        )
        for number, (line, end) in enumerate(zip(page.lines(), ends, strict=False))
    ]
