"""Lines of safe text, wrapped or cut, with search.

Used by the dialogs, and by the screens of tasks, logs, orphans and failures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from console.key_table import bindings
from console.widgets.line_dialog import LineDialog
from console.widgets.resized import Resized
from console.widgets.text_layout import PlacedRow, Row, Spot, TextLayout
from console.widgets.text_paint import Paint, no_paint, painted
from console.widgets.wheel import Wheel
from core.model.ranges import Range
from core.model.text import SafeText

_MATCH_STYLE = Style(reverse=True)


class TextView(Resized, Wheel, can_focus=True, inherit_bindings=False):
    """`put` replaces the lines and keeps the scroll position.

    A search looks through whole lines, however they are wrapped or cut.
    """

    BINDINGS = bindings("text")
    DEFAULT_CSS = "TextView { height: 1fr; }"

    class Found(Message):
        """A match of the search is in view."""

    def __init__(self, paint: Paint = no_paint) -> None:
        super().__init__()
        self._paint = paint
        self._text = TextLayout()
        self._top = Spot()
        self._height = 1
        self._shown: Sequence[PlacedRow] | None = None
        """The rows in view, once they are laid out."""
        self._needle = ""
        self._match = -1
        self._matches: tuple[int, ...] | None = None

    @property
    def lines(self) -> tuple[SafeText, ...]:
        """What is shown, as it is."""
        return self._text.lines

    @property
    def top(self) -> Spot:
        """The first row in view."""
        return self._top

    @property
    def at_end(self) -> bool:
        """Whether the last line is in view."""
        return self._top >= self._text.last(self._height)

    @property
    def position_text(self) -> str:
        """The first line in view and the match, for the status bar."""
        total = len(self.lines)
        place = f"line {min(self._top.line + 1, total):,}/{total:,}"
        if not self._needle:
            return place
        matches = self._matching_lines()
        at = matches.index(self._match) + 1 if self._match in matches else 0
        return f"{place}  match {at:,}/{len(matches):,}"

    def put(self, lines: Sequence[SafeText]) -> None:
        """Show these lines (one safe line each); only rows that differ are drawn."""
        new = tuple(lines)
        if new == self.lines:
            return
        before, top = self._rows(), self._top
        self._text.lines, self._matches, self._shown = new, None, None
        self._top = min(self._text.nearest(top), self._text.last(self._height))
        if top != self._top:
            self.refresh()
        else:
            self._draw_changes(before)

    def add(self, lines: Sequence[SafeText]) -> None:
        """Show more lines below those that are shown."""
        self.put([*self.lines, *lines])

    def end(self) -> None:
        """Go to the last line."""
        self._go(self._text.last(self._height))

    def action_move(self, step: int) -> None:
        """Scroll by lines."""
        self._go(self._text.moved(self._top, step))

    def action_half(self, step: int) -> None:
        """Scroll by half a page."""
        self.action_move(step * max(1, self._height // 2))

    def action_page(self, step: int) -> None:
        """Scroll by a page."""
        self.action_move(step * self._height)

    def action_first(self) -> None:
        """Go to the first line."""
        self._go(Spot())

    def action_last(self) -> None:
        """Go to the last line."""
        self.end()

    def action_search(self) -> None:
        """Type what to look for."""
        question = LineDialog(SafeText("Search"), placeholder="a text, in any case; n and N go on")
        self.app.push_screen(question, self._search)

    def action_match(self, step: int) -> None:
        """Go to the next line that holds what was looked for; after the last comes the first."""
        matches = self._matching_lines()
        if not matches:
            self.notify("no line holds it" if self._needle else "nothing was searched for: /", markup=False)
            return
        here = self._match if self._match >= 0 else self._top.line - (step > 0)
        beyond = [line for line in matches if (line > here if step > 0 else line < here)]
        self._match = (beyond or matches)[0 if step > 0 else -1]
        spot = self._text.at(self._match, max(0, self.lines[self._match].lower().find(self._needle)))
        self._go(self._text.moved(spot, -(self._height // 3)))
        self.refresh()
        self.post_message(self.Found())

    def action_across(self, step: int) -> None:
        """Scroll by half a screen to the side; lines that were wrapped are cut."""
        step *= max(1, self._text.width // 2)
        self._text.left = max(0, (0 if self._text.is_wrapped else self._text.left) + step)
        self._lay_out(self._text.width, is_wrapped=False)

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self._text.left = 0
        self._lay_out(self._text.width, is_wrapped=not self._text.is_wrapped)

    def resized(self) -> None:
        """Lay out for the new size; a view at the end stays there."""
        was_at_end = self._top > Spot() and self.at_end
        self._height = max(1, self.size.height)
        self._lay_out(max(1, self.size.width), is_wrapped=self._text.is_wrapped)
        if was_at_end:
            self.end()

    def render_line(self, y: int) -> Strip:
        """Return one line of the view."""
        style = self.rich_style
        rows = self._rows()
        if y >= len(rows):
            return Strip.blank(self.size.width, style)
        line, row = rows[y]
        text = self.lines[line]
        segments = painted(list(_highlighted(text, row, self._needle, style)), self._paint(text), row.begin)
        return Strip([Segment(row.lead, style), *segments]).adjust_cell_length(self.size.width, style)

    def _rows(self) -> Sequence[PlacedRow]:
        if self._shown is None:
            self._shown = self._text.view(self._top, self._height)
        return self._shown

    def _go(self, spot: Spot) -> None:
        top = min(spot, self._text.last(self._height))
        if top != self._top:
            self._top, self._shown = top, None
            self.refresh()

    def _search(self, text: str | None) -> None:
        if text:
            self._needle, self._match, self._matches = text.lower(), -1, None
            self.action_match(1)

    def _matching_lines(self) -> tuple[int, ...]:
        # The status bar asks at each tick, the lines change less often.
        if self._matches is None:
            self._matches = tuple(
                number for number, line in enumerate(self.lines) if self._needle in line.lower()
            )
        return self._matches

    def _lay_out(self, width: int, *, is_wrapped: bool) -> None:
        place = self._text.begin_of(self._text.nearest(self._top))
        self._text.width, self._text.is_wrapped = width, is_wrapped
        top = self._text.nearest(self._top)
        self._top = self._text.at(top.line, place) if self.lines else top
        self._go(self._top)
        self._shown = None
        self.refresh()

    def _draw_changes(self, before: Sequence[PlacedRow]) -> None:
        after = self._rows()
        for y in range(max(len(before), len(after))):
            if before[y : y + 1] != after[y : y + 1]:
                self.refresh(Region(0, y, self.size.width, 1))


def _highlighted(line: SafeText, row: Row, needle: str, style: Style) -> Iterator[Segment]:
    """Return the segments of a row; matches are highlighted, also where they go over the end of a row."""
    is_cut = not line.startswith(row.text, row.begin)
    end = row.begin + len(row.text) - is_cut
    at = row.begin
    for begin, match_end in _places(line, needle, row.begin, end) if needle else ():
        first, last = max(begin, at), min(match_end, end)
        yield Segment(line[at:first], style)
        yield Segment(line[first:last], style + _MATCH_STYLE)
        at = last
    yield Segment(line[at:end], style)
    if is_cut:
        hides = needle and line.lower().find(needle, max(0, end - len(needle) + 1)) >= 0
        yield Segment(row.text[-1], style + _MATCH_STYLE if hides else style)


def _places(line: str, needle: str, begin: int, end: int) -> Iterator[Range]:
    lowered = line.lower()
    at = max(0, begin - len(needle) + 1)
    # In a few alphabets lower case is longer: then the place of a match is not that in the line.
    while len(lowered) == len(line) and 0 <= (begins := lowered.find(needle, at)) < end:
        at = begins + len(needle)
        yield Range(begins, at)
