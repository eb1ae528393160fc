"""LogView: lines of an output, wrapped or cut, with colours and matches.

Used by the log screen, which fills the window when the view comes near its ends.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import pairwise

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from console.key_table import bindings
from console.widgets.log_style import LogStyles, without_colours
from console.widgets.log_window import LogRow, LogWindow
from console.widgets.resized import Resized
from console.widgets.text_layout import PlacedRow, Row, Spot, TextLayout
from console.widgets.wheel import Wheel
from core.model.log_views import Way
from core.model.text import SafeText
from core.render.coloured import PLAIN, Run

_MATCH = Style(reverse=True)
_CURRENT = Style(reverse=True, bold=True)
_DIM = Style(dim=True)
_NEAR_PAGES = 4
"""When so many pages are left in the window, more is read."""
_HELD_MOST = 200
"""Keys that wait for lines to be read."""
_CLOCK = "%H:%M:%S "
_NO_CLOCK = "--:--:-- "
_ERROR, _OUTPUT = "┃ ", "  "
"""Before lines of standard error, and before others, where both streams are woven."""

Spans = Callable[[SafeText], Sequence[tuple[int, int]]]


class LogView(Resized, Wheel, can_focus=True, inherit_bindings=False):
    """Moves by rows; a move that needs lines which are not in memory waits until the screen shows them."""

    BINDINGS = bindings("text")
    DEFAULT_CSS = "LogView { height: 1fr; }"

    class Jump(Message):
        """Wants the begin of the output (forward) or its end (backward)."""

        def __init__(self, way: Way) -> None:
            super().__init__()
            self.way = way

    class Near(Message):
        """Wants more lines below (forward) or above (backward)."""

        def __init__(self, way: Way) -> None:
            super().__init__()
            self.way = way

    class Moved(Message):
        """The reader moved by rows; negative = up."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Search(Message):
        """Wants to look for a text."""

    class Match(Message):
        """Wants the next match (1) or the one before (-1)."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, *, colours: bool) -> None:
        super().__init__()
        self.window = LogWindow()
        self.rows: list[LogRow] = []
        """The rows of the window as they were when the view took it."""
        self.first_number: int | None = 1
        """The number of the first row; None = it is not known."""
        self.spans: Spans | None = None
        """The places in a line that match what is looked for."""
        self.current: int | None = None
        """The offset of the line of the present match."""
        self.shows_times = False
        self.shows_streams = False
        """Both streams are woven: lines of standard error are marked."""
        self.error_style = Style()
        """The colour of that mark."""
        self.has_all_below = True
        """The window goes to the end of the output."""
        self._colours = colours
        self._styles = LogStyles(Style(), None)
        self._text = TextLayout()
        self._top = Spot()
        self._height = 1
        self._shown: Sequence[PlacedRow] | None = None
        self._is_new = True
        self._waits = False
        self._held: deque[Callable[[], None]] = deque(maxlen=_HELD_MOST)

    @property
    def top(self) -> LogRow | None:
        """The first line in view."""
        return self.rows[self._top.line] if self.rows else None

    @property
    def top_index(self) -> int:
        return self._top.line

    @property
    def rows_in_view(self) -> list[LogRow]:
        """The lines in view."""
        return [self.rows[line] for line in dict.fromkeys(line for line, _ in self._rows())]

    @property
    def at_end(self) -> bool:
        """Whether the last line of the output is in view."""
        return self.has_all_below and self._top >= self._text.last(self._height)

    @property
    def is_wrapped(self) -> bool:
        return self._text.is_wrapped

    def take_window(self) -> None:
        """Show what the window holds now; the line at the top stays there."""
        before, top = self._rows(), self._top
        # Until then the window may be filled in several steps, and what is shown stays whole.
        self.rows, self.first_number = self.window.rows, self.window.first_number
        self._text.lines = tuple(row.text for row in self.rows)
        self._shown = None
        moved = Spot(top.line + self.window.dropped_above, top.piece)
        self.window.dropped_above = 0
        self._top = max(Spot(), min(self._text.nearest(moved), self._last()))
        self._draw_changes(before)

    def show_at(self, offset: int, place: int = 0) -> None:
        """Bring a character of a line in the window into view, below a third of it."""
        index = self.window.index_of(offset)
        if index is not None:
            spot = self._text.at(index, place)
            self._set_top(self._text.moved(spot, -(self._height // 3)))
        self.refresh()

    def show_begin(self) -> None:
        self._set_top(Spot())

    def show_end(self) -> None:
        self._set_top(self._text.last(self._height))

    def release(self) -> None:
        """Carry out the moves that waited for lines."""
        self._waits = False
        while self._held and not self._waits:
            self._held.popleft()()

    def show_times(self, *, shown: bool) -> None:
        self.shows_times = shown
        self._lay_out(is_wrapped=self._text.is_wrapped)

    def show_streams(self, *, shown: bool) -> None:
        if shown != self.shows_streams:
            self.shows_streams = shown
            self._lay_out(is_wrapped=self._text.is_wrapped)

    def action_move(self, step: int) -> None:
        """Scroll by lines."""
        self._act(partial(self._move, step))

    def action_half(self, step: int) -> None:
        """Scroll by half a page."""
        self.action_move(step * max(1, self._height // 2))

    def action_page(self, step: int) -> None:
        """Scroll by a page."""
        self.action_move(step * self._height)

    def action_first(self) -> None:
        """Go to the first line of the output."""
        self._act(partial(self._jump, Way.FORWARD))

    def action_last(self) -> None:
        """Go to the last line of the output."""
        self._act(partial(self._jump, Way.BACKWARD))

    def action_across(self, step: int) -> None:
        """Scroll by half a screen to the side; lines that were wrapped are cut."""
        step *= max(1, self._text.width // 2)
        self._text.left = max(0, (0 if self._text.is_wrapped else self._text.left) + step)
        self._lay_out(is_wrapped=False)

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self._text.left = 0
        self._lay_out(is_wrapped=not self._text.is_wrapped)

    def action_search(self) -> None:
        """Type what to look for."""
        self.post_message(self.Search())

    def action_match(self, step: int) -> None:
        """Go to the next line that holds what was looked for."""
        self.post_message(self.Match(step))

    def resized(self) -> None:
        """Lay out for the new size; a view at the end stays there."""
        was_at_end = bool(self.rows) and self.at_end
        is_first, self._is_new = self._is_new, False
        self._height = max(1, self.size.height)
        self._lay_out(is_wrapped=self._text.is_wrapped)
        if is_first and self.current is not None:
            # It was brought into a view without a height.
            self.show_at(self.current)
        elif was_at_end:
            self.show_end()

    def render_line(self, y: int) -> Strip:
        """Return one line of the view."""
        style = self.rich_style
        rows = self._rows()
        if y >= len(rows):
            return Strip.blank(self.size.width, style)
        line, row = rows[y]
        row_of = self.rows[line]
        segments = (
            [Segment(self._clock(row_of, is_first=row.begin == 0), style + _DIM)] if self.shows_times else []
        )
        if self.shows_streams:
            mark = _ERROR if row_of.is_error else _OUTPUT
            segments.append(Segment(mark, style + self.error_style))
        segments += [Segment(row.lead, style), *self._segments(row_of, row, style)]
        return Strip(segments).adjust_cell_length(self.size.width, style)

    def _act(self, move: Callable[[], None]) -> None:
        if self._waits:
            self._held.append(move)
        else:
            move()

    def _move(self, step: int) -> None:
        if not self.rows:
            return
        wanted = self._text.moved(self._top, step)
        beyond = self._is_beyond(step)
        if beyond:
            # Not lost: carried out when the lines are there.
            self._held.appendleft(partial(self._set_top_by, step))
            self._wait_for(self.Near(Way.FORWARD if step > 0 else Way.BACKWARD))
            return
        self._set_top(wanted)
        self.post_message(self.Moved(step))
        self._ask_early()

    def _set_top_by(self, step: int) -> None:
        self._set_top(self._text.moved(self._top, step))
        self.post_message(self.Moved(step))

    def _is_beyond(self, step: int) -> bool:
        """Tell whether a move needs lines that the output has and the window has not."""
        if step > 0:
            bottom = self._text.moved(self._top, step + self._height - 1)
            is_last = bottom.line >= len(self.rows) - 1
            return is_last and not self.has_all_below
        up = self._text.moved(self._top, step)
        return up == Spot() and self.window.begin > 0

    def _ask_early(self) -> None:
        margin = self._height * _NEAR_PAGES
        if self._top.line < margin and self.window.begin > 0:
            self.post_message(self.Near(Way.BACKWARD))
        elif self._top.line + margin > len(self.rows) and not self.has_all_below:
            self.post_message(self.Near(Way.FORWARD))

    def _jump(self, way: Way) -> None:
        self._wait_for(self.Jump(way))

    def _wait_for(self, message: Message) -> None:
        self._waits = True
        self.post_message(message)

    def _rows(self) -> Sequence[PlacedRow]:
        if self._shown is None:
            self._shown = self._text.view(self._top, self._height) if self._text.lines else ()
        return self._shown

    def _last(self) -> Spot:
        # While more lines may be read below, the last one may stand at the top.
        return self._text.last(self._height) if self.has_all_below else self._text.last(1)

    def _set_top(self, spot: Spot) -> None:
        top = max(Spot(), min(spot, self._last()))
        if top != self._top:
            self._top, self._shown = top, None
            self.refresh()

    def _lay_out(self, *, is_wrapped: bool) -> None:
        place = self._text.begin_of(self._text.nearest(self._top)) if self._text.is_wrapped else 0
        margin = len(_NO_CLOCK) * self.shows_times + len(_ERROR) * self.shows_streams
        self._text.width = max(1, self.size.width - margin)
        self._text.is_wrapped = is_wrapped
        if self._text.lines:
            top = self._text.nearest(self._top)
            self._set_top(self._text.at(top.line, place if is_wrapped else 0))
        self._shown = None
        self.refresh()

    def _clock(self, row: LogRow, *, is_first: bool) -> str:
        if not is_first and self._text.is_wrapped:
            return " " * len(_NO_CLOCK)
        if row.at is None:
            return _NO_CLOCK
        return datetime.fromtimestamp(row.at / 1000).astimezone().strftime(_CLOCK)

    def _segments(self, row_of: LogRow, row: Row, style: Style) -> Iterator[Segment]:
        """Return the segments of a row: its colours, over them its matches."""
        line = row_of.text
        is_cut = not line.startswith(row.text, row.begin)
        end = row.begin + len(row.text) - is_cut
        matches = self._matches(row_of)
        found = _CURRENT if row_of.offset == self.current else _MATCH
        runs = _within(row_of.shown.runs, row.begin, end)
        lit = _within(matches, row.begin, end)
        edges = {row.begin, end}
        edges.update(edge for run in (*runs, *lit) for edge in run[:2] if row.begin < edge < end)
        for begin, stop in pairwise(sorted(edges)):
            look = self._style_at(row_of, runs, begin, style)
            is_found = bool(_within(lit, begin, stop))
            yield Segment(line[begin:stop], look + found if is_found else look)
        if is_cut:
            hides = any(match.end > end for match in matches)
            yield Segment(row.text[-1], style + _MATCH if hides else style)

    def _style_at(self, row: LogRow, runs: Sequence[Run], at: int, style: Style) -> Style:
        if row.is_gap:
            return style + _DIM
        sgr = next((run.sgr for run in _within(runs, at, at + 1)), PLAIN)
        theme = None if self.app.ansi_color else self.app.ansi_theme
        if not self._styles.is_for(style, theme):
            self._styles = LogStyles(style, theme)
        return self._styles.of(sgr if self._colours else without_colours(sgr))

    def _matches(self, row: LogRow) -> Sequence[Run]:
        spans = () if row.is_gap or self.spans is None else self.spans(row.text)
        if not spans and row.offset == self.current:
            # Colours may stand within what matches.
            spans = ((0, len(row.text)),)
        return [Run(begin, end, PLAIN) for begin, end in spans]

    def _draw_changes(self, before: Sequence[PlacedRow]) -> None:
        after = self._rows()
        if [row for _, row in before] == [row for _, row in after]:
            return
        for y in range(max(len(before), len(after))):
            old, new = before[y : y + 1], after[y : y + 1]
            if [row for _, row in old] != [row for _, row in new]:
                self.refresh(Region(0, y, self.size.width, 1))


def _within(runs: Sequence[Run], begin: int, end: int) -> Sequence[Run]:
    """Return those of some runs, in order and apart, that have a part between two places."""
    first = bisect_right(runs, begin, key=lambda run: run.end)
    return runs[first : bisect_left(runs, end, lo=first, key=lambda run: run.begin)]
