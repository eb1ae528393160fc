"""Coloured lines: safe text with the colours of a program.

Used by the log screens. Sequences that set colours and weight (SGR, ECMA-48 8.3.117) become styles; every
other control character becomes a visible glyph, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from core.model.text import SafeText, safe_line

Colour: TypeAlias = int | tuple[int, int, int]
"""A number of the palette of 256, or red, green and blue."""
TAB = 8
_SGR = re.compile(r"\x1b\[([0-9;:]{0,64})m")
# What programs write around a carriage return to wipe the line before they write it again.
_WIPE = re.compile(r"\x1b\[([0-2]?)K")
_ATTRIBUTES = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 7: "reverse", 9: "strike"}
_ENDS = {
    21: ("bold",),
    22: ("bold", "dim"),
    23: ("italic",),
    24: ("underline",),
    27: ("reverse",),
    29: ("strike",),
}


class Sgr(NamedTuple):
    """How some text looks. Blinking and hidden text look as any other."""

    fg: Colour | None = None
    bg: Colour | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False
    strike: bool = False


PLAIN = Sgr()


class Run(NamedTuple):
    """Characters of a line from `begin` to `end` that look so."""

    begin: int
    end: int
    sgr: Sgr


class Piece(NamedTuple):
    """Text that looks the same all along."""

    text: str
    sgr: Sgr


_BLANK = Piece(" ", PLAIN)


class ColouredLine(NamedTuple):
    """A line of safe text, and the runs in it that do not look plain."""

    text: SafeText
    runs: tuple[Run, ...] = ()


def coloured_line(data: bytes) -> ColouredLine:
    """Return a line of output, without its end, as it looks at last.

    What was written over behind a carriage return, as progress bars do, is left out. Tabs become blanks.
    """
    text = data.decode("utf-8", "replace")
    if text.isprintable():
        return ColouredLine(safe_line(text))
    return _read(text)


def _read(text: str) -> ColouredLine:
    text = text.rstrip("\r")
    if "\r" in text:
        return _joined(_written_over(text))
    pieces: list[Piece] = []
    at = 0
    for piece, sgr in _pieces(text):
        shown = _untabbed(_safe_but_tabs(piece), at)
        pieces.append(Piece(shown, sgr))
        at += len(shown)
    return _joined(pieces)


def _joined(pieces: Iterable[Piece]) -> ColouredLine:
    texts: list[str] = []
    runs: list[Run] = []
    at = 0
    for sgr, same in groupby(pieces, key=attrgetter("sgr")):
        shown = "".join(piece.text for piece in same)
        if sgr != PLAIN and shown:
            runs.append(Run(at, at + len(shown), sgr))
        texts.append(shown)
        at += len(shown)
    return ColouredLine(SafeText("".join(texts)), tuple(runs))


def _written_over(text: str) -> list[Piece]:
    """Return the characters of a line as a terminal would hold them after all its carriage returns."""
    line: list[Piece] = []
    sgr = PLAIN
    for state in text.split("\r"):
        at = 0
        for piece, sgr in _pieces(state, sgr):  # noqa: B020 - colours go on behind a carriage return
            # What wipes the line is obeyed among carriage returns alone: programs use them together.
            for number, part in enumerate(_WIPE.split(piece)):
                if number % 2:
                    line = _wiped(line, at, part)
                    continue
                shown = _untabbed(_safe_but_tabs(part), at)
                line += [_BLANK] * (at - len(line))
                line[at : at + len(shown)] = [Piece(character, sgr) for character in shown]
                at += len(shown)
    return line


def _wiped(line: list[Piece], at: int, how: str) -> list[Piece]:
    match how:
        case "1":
            return [_BLANK] * min(at, len(line)) + line[at:]
        case "2":
            return []
    return line[:at]


def _pieces(text: str, sgr: Sgr = PLAIN) -> Iterator[Piece]:
    at = 0
    for match in _SGR.finditer(text):
        yield Piece(text[at : match.start()], sgr)
        sgr = _changed(sgr, match[1])
        at = match.end()
    yield Piece(text[at:], sgr)


def _safe_but_tabs(text: str) -> str:
    return "\t".join(safe_line(part) for part in text.split("\t"))


def _untabbed(text: str, column: int) -> str:
    if "\t" not in text:
        return text
    lead = column % TAB
    return (" " * lead + text).expandtabs(TAB)[lead:]


@lru_cache(1_024)
def _changed(sgr: Sgr, parameters: str) -> Sgr:
    """Return what some text looks like after a sequence; what is unknown changes nothing."""
    numbers = [int(number[:4] or 0) for number in parameters.replace(":", ";").split(";")]
    while numbers:
        number = numbers.pop(0)
        if number == 0:
            sgr = PLAIN
        elif number in _ATTRIBUTES:
            sgr = sgr._replace(**{_ATTRIBUTES[number]: True})
        elif number in _ENDS:
            sgr = sgr._replace(**dict.fromkeys(_ENDS[number], False))
        elif number in (38, 48):
            colour, numbers = _extended(numbers)
            if colour is not None:
                sgr = sgr._replace(fg=colour) if number == 38 else sgr._replace(bg=colour)
        else:
            sgr = _basic(sgr, number)
    return sgr


def _basic(sgr: Sgr, number: int) -> Sgr:
    match number // 10, number % 10:
        case (3, 9):
            return sgr._replace(fg=None)
        case (4, 9):
            return sgr._replace(bg=None)
        case (3, colour) if colour < 8:
            return sgr._replace(fg=colour)
        case (4, colour) if colour < 8:
            return sgr._replace(bg=colour)
        case (9, colour) if colour < 8:
            return sgr._replace(fg=8 + colour)
        case (10, colour) if colour < 8:
            return sgr._replace(bg=8 + colour)
    return sgr


def _extended(numbers: list[int]) -> tuple[Colour | None, list[int]]:
    """Return the colour that follows 38 or 48, and the numbers behind it."""
    match numbers:
        case [5, index, *rest] if index < 256:
            return index, rest
        case [2, red, green, blue, *rest] if max(red, green, blue) < 256:
            return (red, green, blue), rest
    return None, []
