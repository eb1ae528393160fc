"""Tests of the colours of pages, and of matches in them."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style

from console.themes import own_looks
from console.widgets.text_paint import StyledRange, page_paint, painted

_LOOK = own_looks()["dark"]
_MUTED, _FAILED = Style(color=_LOOK.muted), Style(color=_LOOK.marks["failed"].color)


def spans(line: str) -> list[tuple[str, Style]]:
    return [(line[first:last], style) for first, last, style in page_paint(lambda: _LOOK)(line)]


def test_labels_headings_and_statuses_are_told_apart() -> None:
    assert spans("usual time  4s") == [("usual time", _MUTED)]
    assert spans("status      ✗ failed") == [("status", _MUTED), ("✗ failed", _FAILED)]
    assert spans("    1  ✗ failed  4s") == [("✗ failed", _FAILED)]
    assert spans("newest events (of at most 20)")[0][1] == Style(bold=True)
    assert spans("   ends by  its turn") == [("   ends by ", _MUTED)]
    assert spans('  "stdout": "✓ fine"') == []


def test_a_match_within_a_painted_text_keeps_its_own_style() -> None:
    line, match = "✗ failed  try", Style(reverse=True)
    segments = [Segment(line[:4], Style()), Segment(line[4:6], match), Segment(line[6:], Style())]
    drawn = list(painted(segments, [StyledRange(0, 8, _FAILED)], 0))
    assert "".join(segment.text for segment in drawn) == line
    assert [(segment.text, segment.style) for segment in drawn] == [
        ("✗ fa", _FAILED),
        ("il", match + _FAILED),
        ("ed", _FAILED),
        ("  try", Style()),
    ]


def test_a_row_that_continues_a_line_is_painted_by_its_place_in_the_line() -> None:
    drawn = list(painted([Segment("led", Style())], [StyledRange(0, 8, _FAILED)], 5))
    assert [(segment.text, segment.style) for segment in drawn] == [("led", _FAILED)]
