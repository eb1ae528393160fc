"""A VT100 emulator as quick as a console: pyte with short cuts.

Called by `tests/support/terminal.py`. Nearly all that a console writes is narrow text, colours and
places of the cursor; pyte reads the latter two character by character, and makes each cell anew.
"""

from __future__ import annotations

import re

import pyte
from pyte import charsets, modes
from pyte.screens import Char
from wcwidth import wcwidth

_COMMON = re.compile(r"\x1b\[([0-9;]*)([mH])")
"""Attributes of the text to come, and a place for the cursor."""
_UNKNOWN = re.compile(r"\x1b\[[<=][0-9;]*[@-~]")
"""What pyte writes the end of: ways of the keyboard that are taken back, or set."""
_CUT = re.compile(r"\x1b(?:\[(?:[<=][0-9;]*)?)?\Z")
"""What may be the beginning of such a sequence."""
_MOST = 9_999
"""The largest number that pyte takes."""


class _Cells(dict[str, Char]):
    """Characters with the same attributes; a `KeyError` for one that is not of one cell."""

    def __init__(self, attributes: Char) -> None:
        self._attributes = attributes

    def __missing__(self, character: str) -> Char:
        if wcwidth(character) != 1:
            raise KeyError(character)
        self[character] = self._attributes._replace(data=character)
        return self[character]


class Screen(pyte.Screen):
    """Writes text of one cell a character at once."""

    def __init__(self, columns: int, lines: int) -> None:
        self._cells: dict[Char, _Cells] = {}
        self._attributes: dict[tuple[Char, str], Char] = {}
        super().__init__(columns, lines)

    def draw(self, data: str) -> None:
        x = self.cursor.x
        end = x + len(data)
        plain = self.g0_charset is charsets.LAT1_MAP and not self.charset and modes.IRM not in self.mode
        if end > self.columns or not plain:
            super().draw(data)
            return
        attributes = self.cursor.attrs
        cells = self._cells.get(attributes) or self._cells.setdefault(attributes, _Cells(attributes))
        try:
            drawn = [cells[character] for character in data]
        except KeyError:
            super().draw(data)
            return
        self.buffer[self.cursor.y].update(zip(range(x, end), drawn, strict=True))
        self.cursor.x = end
        self.dirty.add(self.cursor.y)

    def attribute(self, numbers: str) -> None:
        """Set attributes as `select_graphic_rendition` does."""
        key = (self.cursor.attrs, numbers)
        if key not in self._attributes:
            self.select_graphic_rendition(*_read(numbers))
            self._attributes[key] = self.cursor.attrs
        self.cursor.attrs = self._attributes[key]

    def place(self, numbers: str) -> None:
        self.cursor_position(*_read(numbers))


class Stream(pyte.ByteStream):
    """Reads what is common at once, and lets pyte read the rest."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._cut = ""
        super().__init__(screen)

    def feed(self, data: bytes) -> None:  # type: ignore[override]
        text = self._cut + self.utf8_decoder.decode(data)
        cut = _CUT.search(text)
        end = len(text) if cut is None else cut.start()
        self._feed_text(_UNKNOWN.sub("", text[:end]))
        self._cut = text[end:] if self._taking_plain_text else ""
        if not self._cut:
            # Part of something else, such as a title.
            pyte.Stream.feed(self, text[end:])

    def _feed_text(self, text: str) -> None:
        read = 0
        for found in _COMMON.finditer(text):
            pyte.Stream.feed(self, text[read : found.start()])
            read = found.end()
            if not self._taking_plain_text:
                pyte.Stream.feed(self, found[0])
            elif found[2] == "m":
                self._screen.attribute(found[1])
            else:
                self._screen.place(found[1])
        pyte.Stream.feed(self, text[read:])


def _read(numbers: str) -> list[int]:
    return [min(int(number or 0), _MOST) for number in numbers.split(";")]
