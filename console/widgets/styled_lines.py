"""A few lines of styled text, drawn again only where they change.

Used by Pulse, the timeline and the runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from core.model.ranges import Range
from core.model.text import SafeText, cells

_GAP = SafeText("  ")
_NEAR = 8
"""Runs of changed cells that are at most so far apart are drawn as one: that costs fewer bytes."""


_TABLE_ROWS = 6
"""Lines of a low screen that are not for a foot."""


class Span(NamedTuple):
    """A piece of a line, and its style unless it has that of the widget."""

    text: SafeText
    style: Style | None = None


_AROUND = 4
"""Lines of a screen for its title, strip, status bar and hints."""


class StyledLines(Widget):
    """As high as there are lines."""

    DEFAULT_CSS = "StyledLines { height: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[tuple[Span, ...], ...] = ()

    def write(self, lines: Sequence[Sequence[Span]]) -> None:
        """Show these lines; nothing is drawn where they are the same."""
        old, self._lines = self._lines, tuple(map(tuple, lines))
        if len(old) != len(self._lines):
            self.refresh(layout=True)
            return
        for y, (was, now) in enumerate(zip(old, self._lines, strict=True)):
            if was != now:
                self.refresh(*(Region(first, y, last - first, 1) for first, last in changed(was, now)))

    def write_foot(self, lines: Sequence[Sequence[Span]], *, screen_height: int, rows: int) -> None:
        """Show as many of these lines below a table as leave room for it, close to its last row."""
        shown = lines[: max(0, screen_height - _TABLE_ROWS)]
        # What the rows leave empty lies below the foot.
        self.styles.height = max(len(shown), screen_height - _AROUND - 1 - rows)
        self.write(shown)

    def render_line(self, y: int) -> Strip:
        """Return one line."""
        base = self.rich_style
        spans = self._lines[y] if y < len(self._lines) else ()
        segments = [Segment(text, base + own if own else base) for text, own in spans]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are."""
        return len(self._lines)


def changed(was: Sequence[Span], now: Sequence[Span]) -> list[Range]:
    """Return the runs of cells in which two lines differ."""
    old, new = _cells_of(was), _cells_of(now)
    length = max(len(old), len(new))
    runs: list[Range] = []
    for at in (at for at in range(length) if old[at : at + 1] != new[at : at + 1]):
        near = runs and at - runs[-1].end <= _NEAR
        runs[-1:] = [Range(runs[-1].begin, at + 1)] if near else [*runs[-1:], Range(at, at + 1)]
    # Characters without a cell of their own differ in no cell.
    return runs or [Range(0, length)]


def flow(label: SafeText, parts: Sequence[Span], width: int) -> list[list[Span]]:
    """Lay parts out behind a label, on as many lines as they need; later lines begin below the first part."""
    margin = cells(label)
    lines: list[list[Span]] = [[Span(label)]]
    room = width - margin
    for text, style in parts:
        if cells(text) > room and len(lines[-1]) > 1:
            lines.append([Span(SafeText(" " * margin))])
            room = width - margin
        lines[-1] += [Span(text, style), Span(_GAP)]
        room -= cells(text) + len(_GAP)
    return lines


def _cells_of(line: Sequence[Span]) -> list[tuple[str, Style | None]]:
    # A wide character fills two cells: the second one is marked, so that columns stay right.
    return [
        (piece, style)
        for text, style in line
        for character in text
        for piece in (character, "")[: cells(character)]
    ]
