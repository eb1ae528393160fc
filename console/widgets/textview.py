"""Text view: lines of safe text, wrapped or cut, drawn line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.keymap import bindings
from console.screens.asking import LineScreen
from core.model.text import SafeText, cells, clip, fit

_FOUND = Style(reverse=True)


class TextView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows lines; `put` replaces them and keeps the place, `end` goes to the last."""

    BINDINGS = bindings("text")
    DEFAULT_CSS = """
    TextView { height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size: 0 0; }
    """

    class Found(Message):
        """What was looked for is in view."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[SafeText, ...] = ()
        self._laid: list[SafeText] = []
        self._width = 0
        self.wrapped = True
        self._needle = ""
        self._match = -1

    @property
    def at_end(self) -> bool:
        """Whether the last line is in view."""
        return self.scroll_offset.y + self.size.height >= len(self._laid)

    @property
    def words(self) -> str:
        """Tell where the view is, for the status bar."""
        place = f"line {min(self.scroll_offset.y + 1, len(self._laid)):,}/{len(self._laid):,}"
        if not self._needle:
            return place
        matches = self._matches()
        at = matches.index(self._match) + 1 if self._match in matches else 0
        return f"{place}  match {at:,}/{len(matches):,}"

    def put(self, lines: Sequence[SafeText]) -> None:
        """Show these lines (one safe line each) instead; nothing is drawn if none differs."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self._lay_out()

    def add(self, lines: Sequence[SafeText]) -> None:
        """Show more lines below those that are shown."""
        self.put([*self._lines, *lines])

    def end(self) -> None:
        """Go to the last line."""
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def action_move(self, step: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_offset.y + step, animate=False, force=True)

    def action_half(self, step: int) -> None:
        """Scroll by half a page."""
        self.action_move(step * max(1, self.size.height // 2))

    def action_page(self, step: int) -> None:
        """Scroll by a page."""
        self.action_move(step * self.size.height)

    def action_first(self) -> None:
        """Go to the first line."""
        self.scroll_to(y=0, animate=False, force=True)

    def action_last(self) -> None:
        """Go to the last line."""
        self.end()

    def action_search(self) -> None:
        """Type what to look for."""
        question = LineScreen(SafeText("Search"), placeholder="a text, in any case; n and N go on")
        self.app.push_screen(question, self._search)

    def action_match(self, step: int) -> None:
        """Go to the next line that holds what was looked for; after the last comes the first."""
        matches = self._matches()
        if not matches:
            self.notify("no line holds it" if self._needle else "nothing was searched for: /", markup=False)
            return
        here = self._match if self._match >= 0 else self.scroll_offset.y - (step > 0)
        beyond = [line for line in matches if (line > here if step > 0 else line < here)]
        self._match = (beyond or matches)[0 if step > 0 else -1]
        self.scroll_to(y=max(0, self._match - self.size.height // 3), animate=False, force=True)
        self.refresh()
        self.post_message(self.Found())

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them."""
        self.wrapped = not self.wrapped
        self._lay_out()

    def on_resize(self) -> None:
        """Lay out for the new width."""
        if self.size.width != self._width:
            self._lay_out()

    def render_line(self, y: int) -> Strip:
        """Return one line of the view."""
        number = self.scroll_offset.y + y
        width = self.size.width
        if number >= len(self._laid):
            return Strip.blank(width, self.rich_style)
        line = fit(self._laid[number], width)
        if self._needle and self._needle in line.lower():
            return Strip(list(_lit(line, self._needle, self.rich_style)), width)
        return Strip([Segment(line, self.rich_style)], width)

    def _search(self, text: str | None) -> None:
        if text:
            self._needle, self._match = text.lower(), -1
            self.action_match(1)

    def _matches(self) -> list[int]:
        return [number for number, line in enumerate(self._laid) if self._needle in line.lower()]

    def _lay_out(self) -> None:
        before, was = self._laid, self._width
        self._width = width = max(1, self.size.width)
        if self.wrapped:
            self._laid = [piece for line in self._lines for piece in _wrap(line, width)]
        else:
            self._laid = [clip(line, width) for line in self._lines]
        self.virtual_size = Size(width, len(self._laid))
        if was != width or len(before) != len(self._laid):
            self.refresh()
            return
        for number, (old, new) in enumerate(zip(before, self._laid, strict=True)):
            if old != new:
                self.refresh(Region(0, number - self.scroll_offset.y, width, 1))


def _lit(line: SafeText, needle: str, style: Style) -> Iterator[Segment]:
    at = 0
    lowered = line.lower()
    # In a few alphabets lower case is longer: then the place of a match is not that in the line.
    while len(lowered) == len(line) and (found := lowered.find(needle, at)) >= 0:
        yield Segment(line[at:found], style)
        yield Segment(line[found : found + len(needle)], style + _FOUND)
        at = found + len(needle)
    yield Segment(line[at:], style)


def _wrap(line: SafeText, width: int) -> list[SafeText]:
    if line.isascii():
        return [SafeText(line[at : at + width]) for at in range(0, max(1, len(line)), width)]
    pieces, begin, room = [], 0, width
    for index, character in enumerate(line):
        wide = cells(character)
        if wide > room:
            pieces.append(SafeText(line[begin:index]))
            begin, room = index, width
        room -= wide
    return [*pieces, SafeText(line[begin:])]
