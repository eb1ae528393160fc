"""Safe text: the only way from data to a terminal.

Used by everything that writes to a terminal.

Names, errors, output and responses come from outside; what they hold must be seen, never obeyed. The
characters replaced are those that drive a terminal or hide from its reader: controls, format and
default-ignorable characters (bidi, zero-width, tags, variation selectors, fillers), line and paragraph
separators, lone surrogates, noncharacters.
Sources: Unicode 15.0 categories Cc, Cf, Cs, Zl, Zp and property Default_Ignorable_Code_Point; Trojan
Source (CVE-2021-42574).
"""

from __future__ import annotations

import re
from typing import NewType
from unicodedata import category, east_asian_width

SafeText = NewType("SafeText", str)
"""Text without any character that a terminal would act on or hide; may hold tabs and newlines."""

ELLIPSIS = "…"
"""Stands where `clip` cut."""

_NAME_PARTS = 8
"""Cells below which a name has no room for two parts."""
_HIDDEN = (
    # C0 but tab and newline, DEL, C1; soft hyphen, grapheme joiner.
    r"\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f"
    # Arabic and Syriac signs, Hangul fillers, Khmer vowels, Mongolian selectors.
    r"\u0600-\u0605\u061c\u06dd\u070f\u0890-\u0891\u08e2\u115f-\u1160\u17b4-\u17b5\u180b-\u180f"
    # Zero width, bidi, separators, invisible operators; fillers, selectors, byte order mark.
    r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    # Lone surrogates, noncharacters of the first plane.
    r"\ud800-\udfff\ufdd0-\ufdef\ufffe-\uffff"
    # Kaithi, hieroglyph, shorthand and music controls; tags and selectors.
    r"\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff"
) + "".join(rf"\U{plane:04x}fffe-\U{plane:04x}ffff" for plane in range(1, 17))
_UNSAFE = re.compile(f"[{_HIDDEN}]")
_UNSAFE_IN_LINE = re.compile(f"[\t\n{_HIDDEN}]")


def safe(text: str) -> SafeText:
    """Return the text with a visible glyph for each unsafe character; tabs and newlines stay.

    C0 and DEL become control pictures (`␛`), all others `‹U+202E›`. Idempotent.
    """
    if text.isprintable() and text.isascii():
        return SafeText(text)
    return SafeText(_UNSAFE.sub(_glyph, text))


def safe_line(text: str) -> SafeText:
    """Return the text as `safe` does, on one line: tabs and newlines become glyphs too."""
    if text.isprintable() and text.isascii():
        return SafeText(text)
    return SafeText(_UNSAFE_IN_LINE.sub(_glyph, text))


def cells(text: str) -> int:
    """Count the terminal cells of one line of safe text: wide characters 2, combining ones 0."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def clip(text: str, width: int) -> SafeText:
    """Return one safe line of at most `width` cells; a cut shows as an ellipsis."""
    line = safe_line(text)
    if cells(line) <= width:
        return line
    if width < 1:
        return SafeText("")
    room = width - 1
    for index, character in enumerate(line):
        room -= _width(character)
        if room < 0:
            return SafeText(line[:index] + ELLIPSIS)
    return line


def clip_name(text: str, width: int) -> SafeText:
    """Return a name of at most `width` cells, cut in the middle: like names differ at their ends."""
    line = safe_line(text)
    if cells(line) <= width:
        return line
    if width < _NAME_PARTS:
        return clip(line, width)
    end = ""
    for character in reversed(line):
        if cells(character + end) > (width - 1) * 2 // 3:
            break
        end = character + end
    return SafeText(clip(line, width - cells(end)) + end)


def fit_name(text: str, width: int) -> SafeText:
    """Return a name of exactly `width` cells, cut in the middle or padded."""
    line = clip_name(text, width)
    return SafeText(line + " " * (width - cells(line)))


def fit(text: str, width: int, *, right: bool = False) -> SafeText:
    """Return one safe line of exactly `width` cells, clipped or padded; `right` = flush right."""
    line = clip(text, width)
    padding = " " * (width - cells(line))
    return SafeText(padding + line if right else line + padding)


def _glyph(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"‹U+{code:04X}›"


def _width(character: str) -> int:
    # Vowels and finals of conjoining Hangul are letters, but draw in the cell of their initial.
    if category(character) in ("Mn", "Me") or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
