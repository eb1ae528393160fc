"""Head: the title of a screen above the strip of screens.

Used by the base of screens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from console.widgets.line import Line
from core.model.records import replace
from core.model.text import SafeText, cells, clip

_NO_MARK = SafeText("")
LEAST_HEIGHT = 12
"""Rows of the screen from which the strip has room."""
_LIT = "bold reverse $accent"
_KEY = "$accent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A screen in the strip: its key, its name, and what wants attention there."""

    key: SafeText
    name: SafeText
    short: SafeText = SafeText("")
    """Its name where not all names have room; '' = the same."""
    is_present: bool = False
    note: SafeText = SafeText("")
    """A glyph and a number; '' = nothing wants attention."""
    note_style: str = ""


class Head(Vertical):
    """Two lines; the second gives way to the filter of a list, and where there are few rows."""

    DEFAULT_CSS = """
    Head { height: auto; }
    Head .title { text-style: bold; }
    Head .trouble { text-style: reverse bold; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._title = Line(classes="title")
        self._strip = Line()
        self._is_replaced = False
        self._shown: tuple[Sequence[Tab], int] = ((), 0)

    def compose(self) -> list[Widget]:
        return [self._title, self._strip]

    def show_title(self, line: SafeText, width: int, *, mark: SafeText = _NO_MARK) -> None:
        """Show a title; a mark stands before it in reverse video and has room first."""
        drawn = clip(f" {mark} ", width) if mark else SafeText("")
        self._title.remove_class("trouble")
        title = Content(clip(line, max(0, width - cells(drawn))))
        self._title.write(Content.styled(drawn, "reverse bold") + title if mark else title)

    def show_trouble(self, line: SafeText, width: int) -> None:
        """Show in place of the title why nothing can be read."""
        self._title.add_class("trouble")
        self._title.write(Content(clip(line, width)))

    def show_tabs(self, tabs: Sequence[Tab], *, width: int, height: int) -> None:
        """Show the screens; where not all names have room, that of the present one and the keys."""
        self._strip.display = height >= LEAST_HEIGHT and not self._is_replaced
        if (tabs, width) != self._shown:
            self._shown = (tabs, width)
            self._strip.write(strip_of(tabs, width))

    def replace_strip(self, *, by: Widget) -> None:
        """Let a widget stand in place of the strip while it is displayed."""
        self._is_replaced = by.display
        self._strip.display = not by.display and self.screen.size.height >= LEAST_HEIGHT


def strip_of(tabs: Sequence[Tab], width: int) -> Content:
    """Return the line of screens, as much of it as has room."""
    short = [replace(tab, name=tab.short or tab.name) for tab in tabs]
    for drawn in (_drawn(tabs), _drawn(short), _drawn(short, gap="")):
        if drawn.cell_length <= width:
            return drawn
    return _drawn([tab if tab.is_present else replace(tab, name=SafeText("")) for tab in tabs])


def _drawn(tabs: Sequence[Tab], gap: str = " ") -> Content:
    # The margin of every line, also where the gap is none.
    parts = [part for tab in tabs for part in _parts(tab, gap)]
    margin = [] if gap or not tabs or tabs[0].is_present else [Content(" ")]
    return Content("").join([*margin, *parts])


def _parts(tab: Tab, gap: str) -> Iterator[Content]:
    words = " ".join(word for word in (tab.key, tab.name) if word)
    if tab.is_present:
        yield Content.styled(f" {words} {tab.note} " if tab.note else f" {words} ", _LIT)
        return
    yield Content(gap)
    yield Content.styled(tab.key, _KEY)
    yield Content(f"{words[len(tab.key) :]} ")
    if tab.note:
        yield Content.styled(tab.note, tab.note_style)
        yield Content(" ")
