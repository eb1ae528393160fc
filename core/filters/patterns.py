"""Patterns: regular expressions whose cost is linear (RE2).

Used by the filters, by the store's `regexp` function and by expressions: every pattern of a user.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from core.model.ranges import Range

LONGEST_PATTERN = 200
"""A regular expression has at most this many characters."""
LARGEST_PROGRAM = 2_000
"""Steps of a compiled expression; a search costs at most this many for each byte of its subject."""
SUBJECT_LIMIT = 10_000
"""Bytes of a text that a regular expression looks at."""

_MEMORY = 1 << 20
_SYNTAX_HINT = "the syntax is that of RE2"
_UNBOUNDED = "patterns take linear time (RE2): no look-around, no backreferences, no possessive repetition"
# What RE2 says, with the fragment it stops at behind the colon.
_REASONS = (
    ("invalid perl operator", re.compile(r"\(\?<?[=!]"), "look-around is not offered", _UNBOUNDED),
    ("invalid perl operator", re.compile(r"\(\?>"), "an atomic group is not offered", _UNBOUNDED),
    ("invalid perl operator", re.compile(r"\(\?P="), "a backreference is not offered", _UNBOUNDED),
    ("invalid escape sequence", re.compile(r"\\[1-9k]"), "a backreference is not offered", _UNBOUNDED),
    ("invalid escape sequence", re.compile(r"\\Z"), r"`\Z` is not offered", r"write `\z`"),
    ("invalid escape sequence", re.compile(r"\\[uU]"), r"`\u` is not offered", r"write `\x{00e9}`"),
    ("bad repetition operator", re.compile(r"..?\+$"), "possessive repetition is not offered", _UNBOUNDED),
    ("no argument for repetition", re.compile(""), "nothing to repeat", _SYNTAX_HINT),
)
_NAMED_REFERENCE = re.compile(r"\(\?P=")


class Case(StrEnum):
    """Which letters are the same."""

    EXACT = "exact"
    ANY = "any"
    """Capital and small letters are the same."""


class PatternRefused(ValueError):
    """Raised for a pattern that cannot be used: the reason, what to do, and which characters."""

    def __init__(self, reason: str, *, hint: str, start: int = 0, length: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.start = start
        """Offset of the faulty part in the pattern, in characters."""
        self.length = length
        """Characters of the faulty part; None = up to the end."""


class _Match(Protocol):
    """What is used of a match of the library."""

    def span(self) -> tuple[int, int]:
        """Return where it begins and ends."""


class _Compiled(Protocol):
    """What is used of a compiled expression of the library."""

    programsize: int

    def search(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> _Match | None:
        """Return the first match."""


class Pattern:
    """A compiled pattern; it lets other threads run while it searches."""

    def __init__(self, compiled: _Compiled) -> None:
        self._compiled = compiled

    def found_in(self, text: str) -> bool:
        """Tell whether the pattern is found in the first `SUBJECT_LIMIT` bytes of a text."""
        return self.found_in_bytes(text[:SUBJECT_LIMIT].encode("utf-8", "surrogatepass"))

    def found_in_bytes(self, subject: bytes) -> bool:
        """Tell whether the pattern is found in the first `SUBJECT_LIMIT` bytes of UTF-8."""
        return self.found_in_whole(subject[:SUBJECT_LIMIT])

    def found_in_whole(self, subject: bytes) -> bool:
        """Tell whether the pattern is found in UTF-8 of any length; the caller bounds it."""
        return self._compiled.search(subject) is not None

    def span_in(self, subject: bytes, begin: int, end: int) -> Range | None:
        """Return the bytes of the first match between two offsets; None = there is none."""
        match = self._compiled.search(subject, begin, end)
        return None if match is None else Range(*match.span())


@lru_cache(maxsize=64)
def compile_pattern(text: str) -> Pattern:
    """Return the compiled pattern; raise `PatternRefused` for one that is faulty or too large."""
    return Pattern(_compiled(text, text, literal=False, case=Case.EXACT))


@lru_cache(maxsize=64)
def compile_line_pattern(text: str, case: Case) -> Pattern:
    """Return a pattern whose `^` and `$` are the ends of lines; raise as `compile_pattern` does."""
    return Pattern(_compiled(text, f"(?m){text}", literal=False, case=case))


@lru_cache(maxsize=64)
def compile_literal(text: str, case: Case) -> Pattern:
    """Return what finds a text of at most some hundred characters, none of which means anything."""
    return Pattern(_compiled(text, text, literal=True, case=case))


def _compiled(text: str, source: str, *, literal: bool, case: Case) -> _Compiled:
    # Its library takes some milliseconds to load, and few commands have a pattern.
    import re2

    if len(text) > LONGEST_PATTERN and not literal:
        raise PatternRefused(
            f"a regular expression has at most {LONGEST_PATTERN} characters", hint="shorten it"
        )
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.literal = literal
    options.case_sensitive = case is Case.EXACT
    try:
        compiled: _Compiled = re2.compile(source.encode("utf-8", "surrogatepass"), options)
    except re2.error as error:
        raise _refusal(text, _words(error)) from error
    if compiled.programsize > LARGEST_PROGRAM and not literal:
        raise _too_large()
    return compiled


def _words(error: Exception) -> str:
    (said,) = error.args
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)


def _refusal(text: str, said: str) -> PatternRefused:
    kind, _, fragment = said.partition(": ")
    if "too large" in said:
        return _too_large()
    start = text.find(fragment) if fragment else -1
    if start < 0:
        return PatternRefused(f"this is not a regular expression: {kind}", hint=_SYNTAX_HINT)
    named = _NAMED_REFERENCE.search(text)
    if named:
        fragment, start = named.group(), named.start()
        kind = "invalid perl operator"
    reason, hint = next(
        (
            (reason, hint)
            for begin, form, reason, hint in _REASONS
            if kind.startswith(begin) and form.match(fragment)
        ),
        (f"{kind} `{fragment}`", _SYNTAX_HINT),
    )
    message = f"this is not a regular expression: {reason}, at character {start + 1}"
    return PatternRefused(message, hint=hint, start=start, length=len(fragment))


def _too_large() -> PatternRefused:
    message = "this regular expression is too large once its repetitions are written out"
    return PatternRefused(message, hint="repeat less: `x+` instead of `x{1,900}`")
