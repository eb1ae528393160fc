"""Text view: lines of safe text, wrapped or cut, drawn line by line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from console.keymap import bindings
from core.model.text import SafeText, cells, clip, fit


class TextView(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows lines; `put` replaces them and keeps the place, `end` goes to the last."""

    BINDINGS = bindings("text")
    DEFAULT_CSS = """
    TextView { height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size: 0 0; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[SafeText, ...] = ()
        self._laid: list[SafeText] = []
        self._width = 0
        self.wrapped = True

    @property
    def at_end(self) -> bool:
        """Whether the last line is in view."""
        return self.scroll_offset.y + self.size.height >= len(self._laid)

    @property
    def words(self) -> str:
        """Tell where the view is, for the status bar."""
        return f"line {min(self.scroll_offset.y + 1, len(self._laid)):,}/{len(self._laid):,}"

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
        return Strip([Segment(fit(self._laid[number], width), self.rich_style)], width)

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
