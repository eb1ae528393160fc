"""Wrapping: a long line in pieces, broken between words where possible.

Used by the console's text view.
"""

from __future__ import annotations

from collections.abc import Iterator

from core.model.text import SafeText, cells


def wrap(line: SafeText, width: int, *, continuation_width: int = 0) -> Iterator[SafeText]:
    """Return one safe line in pieces of at most `width` cells, at least one; joined they are the line.

    Pieces after the first have at most `continuation_width` cells, if that is given. A piece ends behind
    a space, else in front of one; a word longer than a piece is cut. A wide character needs a width of 2.
    """
    begin, room = 0, width
    while (end := _end_of_room(line, begin, room)) < len(line):
        cut = _break_between_words(line, begin, end)
        yield SafeText(line[begin:cut])
        begin, room = cut, continuation_width or width
    yield SafeText(line[begin:])


def _end_of_room(line: str, begin: int, room: int) -> int:
    """Return behind which character a piece is full; it holds at least one."""
    if line.isascii():
        return min(len(line), begin + max(1, room))
    end = begin
    while end < len(line) and (room := room - cells(line[end])) >= 0:
        end += 1
    return max(end, min(begin + 1, len(line)))


def _break_between_words(line: str, begin: int, end: int) -> int:
    if line[end] == " ":
        return end
    cut = line.rfind(" ", begin, end) + 1
    # Blanks alone are an indentation: the word behind them stays with them.
    return cut if line[begin:cut].strip() else end
