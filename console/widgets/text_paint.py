"""Text paint: labels, headings and statuses of a page, coloured.

Used by the screens whose text views show pages of fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from console.themes import Look


class StyledRange(NamedTuple):
    """Characters of a line that have a style."""

    begin: int
    end: int
    style: Style


Spans: TypeAlias = Sequence[StyledRange]
"""They do not overlap."""
Paint: TypeAlias = Callable[[str], Spans]
_LABEL = re.compile(r"[a-z][a-z ]{0,14}?(?= {2,}\S)")
_ENDS = re.compile(r"   ?(?:since|until|ends by|example) ")
_HEADING = re.compile(r"(?=\S)[^{}\[\]]{1,60}$")
_BOLD = Style(bold=True)


def no_paint(_line: str) -> Spans:
    """Leave a line as it is."""
    return ()


def page_paint(look: Callable[[], Look]) -> Paint:
    """Mute the labels before fields, write headings bold, and statuses with their glyph in their colours."""

    def paint(line: str) -> Spans:
        theme = look()
        if label := _LABEL.match(line) or _ENDS.match(line):
            muted = Style(color=Color.parse(theme.muted).rich_color)
            first = StyledRange(label.start(), label.end(), muted)
            return (first, *_statuses(line, label.end(), theme))
        found = tuple(_statuses(line, 0, theme))
        return found or ((StyledRange(0, len(line), _BOLD),) if _HEADING.match(line) else ())

    return paint


def painted(segments: Sequence[Segment], spans: Spans, begin: int) -> Iterator[Segment]:
    """Lay the styles of a line over the segments of a row that begins at a character of it."""
    at = begin
    for text, style, _ in segments:
        end = at + len(text)
        edges = sorted({at, end, *(edge for span in spans for edge in span[:2] if at < edge < end)})
        for left, right in pairwise(edges):
            over = next((span.style for span in spans if span.begin <= left and right <= span.end), None)
            base = style or Style()
            yield Segment(text[left - at : right - at], base if over is None else base + over)
        at = end


def _statuses(line: str, begin: int, look: Look) -> Iterator[StyledRange]:
    for status, mark in look.marks.items():
        word = f"{mark.glyph} {status}"
        at = line.find(word, begin, begin + 40)
        if at >= 0:
            yield StyledRange(at, at + len(word), Style(color=Color.parse(mark.color).rich_color))
            return
