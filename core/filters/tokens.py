"""Tokens of a filter's text, each with its position for a caret.

Used by the parser.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from core.model.errors import Invalid
from core.model.near_misses import suggestion
from core.model.records import replace
from core.model.text import cells, safe_line

LONGEST_FILTER = 4_000
"""A filter has at most this many characters."""

_SHOWN = 60
"""Characters of the filter that a refusal shows on either side of the place."""
_HEAD = re.compile(r"(-?)([A-Za-z_][A-Za-z0-9_.]*)(>=|<=|[:=~<>])")
_IN_LIST = re.compile(r'[^\s",]+')
_WORD = re.compile(r'[^\s"]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_CHARACTER = re.compile(r"\\?.", re.DOTALL)
_SPACE = re.compile(r"\s*")
_UNBINDABLE = re.compile("[\0\ud800-\udfff]")


class Token(Struct, frozen=True, kw_only=True):
    """A piece of `source` from `start` to `end`, and what it says (without quotes and escapes)."""

    source: str
    start: int
    end: int
    text: str
    quoted: bool = False

    def refusal(self, code: str, sentence: str, *, hint: str = "", near: Sequence[str] = ()) -> Invalid:
        """Return a refusal that points at this token; `near` are words that may have been meant."""
        return Invalid(
            f"filter.{code}",
            f"{sentence}{suggestion(near)}\n{self._caret_lines()}",
            hint=hint,
            facts={"position": self.start, "length": self.end - self.start, "near": list(near)},
        )

    def part(self, start: int, length: int | None = None) -> Token:
        """Return the token of some characters of what this one says; None = up to its end."""
        places = self._places()
        end = len(places) if length is None else min(len(places), start + length)
        if not places[start:end]:
            return self
        return replace(
            self, start=places[start], end=places[end - 1] + 1, text=self.text[start:end], quoted=False
        )

    def _places(self) -> list[int]:
        """Return where in the source each character of the text stands."""
        if not self.quoted:
            return list(range(self.start, self.end))
        inner = self.source[self.start + 1 : self.end - 1]
        return [self.start + 1 + char.end() - 1 for char in _CHARACTER.finditer(inner)]

    def _caret_lines(self) -> str:
        begin = max(0, self.start - _SHOWN)
        before, place = (
            safe_line(self.source[begin : self.start]),
            safe_line(self.source[self.start : self.end]),
        )
        after = safe_line(self.source[self.end : self.end + _SHOWN])
        place = safe_line(place[: 2 * _SHOWN])
        return f"  {before}{place}{after}\n  {' ' * cells(before)}{'^' * max(1, cells(place))}"


class RawTerm(Struct, frozen=True, kw_only=True):
    """The tokens of one term: a bare value (no name, no operator), or name, operator and values."""

    span: Token
    """All of it."""
    name: Token | None
    operator: str
    values: tuple[Token, ...]
    negated: bool


def tokenise(text: str) -> Iterator[RawTerm]:
    """Cut a filter into its terms, in order; raise `Invalid` for a text that is not of this form."""
    _check(text)
    at = _skip_space(text, 0)
    while at < len(text):
        term = _raw_term(text, at)
        yield term
        at = _skip_space(text, term.span.end)
        if at == term.span.end and at < len(text):
            raise _token(text, at, end=at + 1).refusal("space", "a space is missing here")


def _check(text: str) -> None:
    if len(text) > LONGEST_FILTER:
        rest = _token(text, LONGEST_FILTER, end=LONGEST_FILTER + 1)
        raise rest.refusal("long", f"a filter has at most {LONGEST_FILTER} characters")
    match = _UNBINDABLE.search(text)
    if match:
        raise _token(text, match.start(), end=match.end()).refusal(
            "character", "no stored text has this character"
        )


def _raw_term(text: str, at: int) -> RawTerm:
    head = _HEAD.match(text, at)
    if head:
        minus, operator = head.group(1, 3)
        begin = head.end()
        values = _list(text, begin) if operator in (":", "=") else (_value(text, begin, bare=_WORD),)
        name = _token(text, head.start(2), end=head.end(2))
    else:
        minus = "-" if re.match(r"-\S", text[at : at + 2]) else ""
        values, operator, name = (_value(text, at + len(minus), bare=_WORD),), "", None
    span = _token(text, at, end=values[-1].end)
    return RawTerm(span=span, name=name, operator=operator, values=values, negated=bool(minus))


def _list(text: str, at: int) -> tuple[Token, ...]:
    values = [_value(text, at, bare=_IN_LIST)]
    while text[values[-1].end : values[-1].end + 1] == ",":
        values.append(_value(text, values[-1].end + 1, bare=_IN_LIST))
    return tuple(values)


def _value(text: str, at: int, *, bare: re.Pattern[str]) -> Token:
    if text[at : at + 1] == '"':
        quoted = _QUOTED.match(text, at)
        if not quoted:
            raise _token(text, at, end=at + 1).refusal("quote", "this quote is not closed")
        unescaped = re.sub(r"\\(.)", r"\1", quoted.group(1), flags=re.DOTALL)
        return Token(source=text, start=at, end=quoted.end(), text=unescaped, quoted=True)
    match = bare.match(text, at)
    if not match:
        raise _token(text, at, end=at + 1).refusal("empty", "a value is missing here")
    return _token(text, at, end=match.end())


def _token(text: str, start: int, *, end: int) -> Token:
    return Token(source=text, start=start, end=end, text=text[start:end])


def _skip_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at
