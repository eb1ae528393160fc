"""TextQuery: what is looked for in the lines of a text.

Used by the search in outputs, by the commands and the log screen.
"""

from __future__ import annotations

from enum import StrEnum
from itertools import repeat
from operator import contains
from typing import NamedTuple

from msgspec import Struct

from core.filters.patterns import Case, Pattern, PatternRefused, compile_line_pattern, compile_literal
from core.model.errors import Invalid
from core.model.ranges import Range

LONGEST_TEXT = 500
"""Characters of a text that is looked for."""
_MARKS = {
    bytes([mark]): bytes(byte for byte in range(256) if byte not in (mark, 10))
    for mark in (0xFF, 0xFE, 0xC0, 0, 1)
}
"""Bytes that text does not hold, each with all others but the line end."""


class Syntax(StrEnum):
    """How what is looked for is written."""

    TEXT = "text"
    """As it is: no character means anything."""
    PATTERN = "pattern"
    """A regular expression (RE2); `^` and `$` are the ends of a line."""


class TextQuery(Struct, frozen=True, kw_only=True):
    """What is looked for in a line.

    Raises `Invalid`: `search.empty`, `search.long`, `search.lines`, `search.pattern`.
    """

    text: str
    syntax: Syntax = Syntax.TEXT
    case: Case = Case.EXACT

    def __post_init__(self) -> None:
        """Refuse what cannot be looked for."""
        if not self.text:
            raise Invalid("search.empty", "nothing to look for", hint="give a text, or a pattern")
        if self.syntax is Syntax.PATTERN:
            _check_pattern(self.text, self.case)
        elif len(self.text) > LONGEST_TEXT:
            raise Invalid(
                "search.long",
                f"a text to look for has at most {LONGEST_TEXT} characters",
                hint="give a part of it",
                facts={"length": len(self.text), "limit": LONGEST_TEXT},
            )
        elif "\n" in self.text:
            raise Invalid("search.lines", "what is looked for lies in one line", hint="give a part of a line")


class Found(NamedTuple):
    """The first place in a line that holds what was looked for, as offsets."""

    line: int
    """The begin of the line."""
    begin: int
    line_end: int


class TextSearch:
    """Finds lines in UTF-8; what is between two line ends is a line."""

    def __init__(self, query: TextQuery) -> None:
        self._query = query
        self._pattern = _pattern_of(query)
        self._plain = _plain_of(query)

    def over(self, data: bytes) -> Finder:
        """Return what looks through some data."""
        return Finder(data, self._pattern, plain=self._plain, case=self._query.case)

    def count_in(self, data: bytes, *, longest: int) -> int | None:
        """Return quickly how many lines match; None = not known: a pattern, or a line longer than that."""
        plain = self._plain
        if plain is None or (len(data) > longest and max(map(len, data.split(b"\n"))) > longest):
            return None
        subject = data if self._query.case is Case.EXACT else data.lower()
        mark = next((mark for mark in _MARKS if mark not in subject), None)
        if mark is None:
            return sum(map(contains, subject.split(b"\n"), repeat(plain)))
        # Without all that is neither, each line that matches ends in a mark: no line becomes an object.
        ends = subject.replace(plain, mark).translate(None, _MARKS[mark])
        return ends.count(mark + b"\n") + ends.endswith(mark)

    def spans(self, text: str) -> list[Range]:
        """Return all places in one line, as offsets of characters; they do not overlap."""
        data = text.encode("utf-8", "surrogatepass")
        at, found = 0, list[Range]()
        while at <= len(data) and (span := self._pattern.span_in(data, at, len(data))) is not None:
            if span.end > span.begin:
                found.append(span)
            at = max(span.end, span.begin + 1)
        if len(data) == len(text):
            return found
        return [Range(*(len(data[:edge].decode("utf-8", "replace")) for edge in span)) for span in found]


class Finder:
    """Looks through some data, from any offset on."""

    def __init__(self, data: bytes, pattern: Pattern, *, plain: bytes | None, case: Case) -> None:
        self._data = data
        self._pattern = pattern
        self._plain = plain
        self._case = case
        self._plain_in: bytes | None = None
        """The data in which the plain text is looked for, once that is the quicker way."""

    def first(self, begin: int, end: int) -> Found | None:
        """Return the first line that matches between two offsets, which may lie within lines."""
        data, at = self._data, begin
        while at < end and (span := self._span(at, end)) is not None:
            line = data.rfind(b"\n", 0, span.begin) + 1
            line_end = data.find(b"\n", span.begin, end)
            line_end = end if line_end < 0 else line_end
            if span.end <= line_end:
                return Found(line, span.begin, line_end)
            # A pattern may take a line end for a blank; a line is looked at alone.
            within = self._pattern.span_in(data[line:line_end], max(0, at - line), line_end - line)
            if within is not None:
                return Found(line, line + within.begin, line_end)
            at = line_end + 1
        return None

    def _span(self, begin: int, end: int) -> Range | None:
        plain, subject = self._plain, self._plain_in
        if plain is not None and subject is not None:
            at = subject.find(plain, begin, end)
            return None if at < 0 else Range(at, at + len(plain))
        span = self._pattern.span_in(self._data, begin, end)
        if span is not None and plain is not None:
            # Quicker where many lines match, as others here will; the pattern is where few do.
            self._plain_in = self._data if self._case is Case.EXACT else self._data.lower()
        return span


def _check_pattern(text: str, case: Case) -> None:
    try:
        compile_line_pattern(text, case)
    except PatternRefused as error:
        raise Invalid(
            "search.pattern", error.reason, hint=error.hint, facts={"position": error.start, "text": text}
        ) from error


def _pattern_of(query: TextQuery) -> Pattern:
    if query.syntax is Syntax.PATTERN:
        return compile_line_pattern(query.text, query.case)
    return compile_literal(query.text, query.case)


def _plain_of(query: TextQuery) -> bytes | None:
    if query.syntax is Syntax.PATTERN or (query.case is Case.ANY and not query.text.isascii()):
        return None
    plain = query.text.encode("utf-8", "surrogatepass")
    return plain if query.case is Case.EXACT else plain.lower()
