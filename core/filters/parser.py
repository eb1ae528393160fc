"""Parser: the filter grammar of `--where` and of the console's filter line.

Called by the commands, by the console and by the wire.

    filter = { term }                                     space = and
    term   = ["-"] field ":" value { "," value }          comma = or, minus = not
           | ["-"] field "~" value                        a regular expression (RE2) is found in it
           | field ( ">" | ">=" | "<" | "<=" ) value      numbers, lengths (10m), dates (2026-01-31)
           | ["-"] value                                  a searched column holds it
           | "sort:" ["-"] field                          at most once; minus = descending
    value  = bare word, where `*` is any text | '"' any text, backslash escapes '"'

`=` is read as `:`. A bare word that looks like `field:` must be quoted; a quoted `*` is a star.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from core.filters.fields import FIELDS, Field, Kind, Noun
from core.filters.patterns import PatternRefused, compile_pattern
from core.filters.terms import (
    Ago,
    At,
    Compare,
    Contains,
    Filter,
    Glob,
    In,
    Length,
    Matches,
    Op,
    Sort,
    Term,
)
from core.filters.tokens import RawTerm, Token, tokenise
from core.model.errors import Invalid
from core.model.near_misses import near_misses
from core.model.text import safe_line
from core.model.timing.durations import parse_duration

_STARS = re.compile(r"\*+")
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_DURATION_START = re.compile(r"[0-9.]+[a-z]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARING = "> >= < <="
_OPERATORS = {
    Kind.TEXT: ": ~",
    Kind.CHOICE: ":",
    Kind.NUMBER: f": {_COMPARING}",
    Kind.TIME: _COMPARING,
    Kind.AGE: _COMPARING,
    Kind.SPAN: _COMPARING,
}


def parse(text: str, noun: Noun) -> Filter:
    """Read a filter for the rows of a noun; an empty text lets all pass.

    Raises `Invalid` (`filter.*`) with a caret line in its message; its facts are `position` and
    `length` (in characters, from 0) of the token, and `near` (words that may have been meant).
    """
    terms: list[Term] = []
    sort: Sort | None = None
    for raw in tokenise(text):
        if raw.name is None or raw.name.text.lower() != "sort":
            terms.append(_term(raw, noun))
        elif sort is None:
            sort = _sort(raw, noun)
        else:
            raise raw.span.refusal("sort", "there is a second `sort:`")
    return Filter(noun=noun, terms=tuple(terms), sort=sort)


def _term(raw: RawTerm, noun: Noun) -> Term:
    if raw.name is None:
        return _contains(raw)
    field = _field(raw.name, raw.name.text, noun=noun)
    if raw.operator == "~":
        return _matches(raw, field)
    if raw.operator in (":", "="):
        return _in(raw, field)
    return _compare(raw, field)


def _contains(raw: RawTerm) -> Contains:
    value = raw.values[0]
    if not value.text:
        raise value.refusal("empty", "an empty text is in everything")
    return Contains(text=value.text, negated=raw.negated)


def _field(token: Token, name: str, *, noun: Noun) -> Field:
    fields = FIELDS[noun]
    field = fields.find(name)
    if field:
        return field
    raise token.refusal(
        "field",
        f"{noun} have no field `{name}`",
        hint=f"fields: {', '.join(known.name for known in fields.fields)}; quote a text that holds a colon",
        near=near_misses(name.lower(), fields.names(), limit=2),
    )


def _sort(raw: RawTerm, noun: Noun) -> Sort:
    value = raw.values[0]
    if raw.negated or raw.operator not in (":", "=") or len(raw.values) > 1:
        raise raw.span.refusal("sort", "write `sort:field` or `sort:-field`")
    descending = value.text.startswith("-")
    return Sort(field=_field(value, value.text.removeprefix("-"), noun=noun).name, descending=descending)


def _matches(raw: RawTerm, field: Field) -> Matches:
    pattern = raw.values[0]
    if field.kind is not Kind.TEXT:
        raise _unknown_operator(raw, field)
    try:
        compile_pattern(pattern.text)
    except PatternRefused as error:
        faulty = pattern.part(error.start, error.length)
        raise faulty.refusal("regex", error.reason, hint=error.hint) from error
    return Matches(field=field.name, pattern=pattern.text, negated=raw.negated)


def _in(raw: RawTerm, field: Field) -> In:
    if field.kind not in (Kind.TEXT, Kind.CHOICE, Kind.NUMBER):
        raise _unknown_operator(raw, field)
    values: list[str | int | Glob] = []
    for token in raw.values:
        match field.kind:
            case Kind.NUMBER:
                values.append(_number(token))
            case Kind.CHOICE:
                values.extend(_choices(token, field))
            case _:
                values.append(_text_or_glob(token))
    return In(field=field.name, values=tuple(dict.fromkeys(values)), negated=raw.negated)


def _compare(raw: RawTerm, field: Field) -> Compare:
    if field.kind not in (Kind.NUMBER, Kind.TIME, Kind.AGE, Kind.SPAN):
        raise _unknown_operator(raw, field)
    if raw.negated:
        raise raw.span.refusal("negated", "a comparison is not negated", hint="turn it around: `<=` for `>`")
    token = raw.values[0]
    return Compare(field=field.name, op=Op(raw.operator), value=_operand(token, field))


def _unknown_operator(raw: RawTerm, field: Field) -> Invalid:
    return raw.span.refusal(
        "operator",
        f"`{field.name}` has no `{raw.operator}`",
        hint=f"`{field.name}` has: {_OPERATORS[field.kind]}",
    )


def _operand(token: Token, field: Field) -> int | At | Ago | Length:
    if field.kind is Kind.NUMBER:
        return _number(token)
    if field.kind is Kind.SPAN:
        return Length(ms=_duration(token))
    if field.kind is Kind.AGE or _DURATION_START.match(token.text):
        return Ago(ms=_duration(token))
    return At(ms=_moment(token))


def _number(token: Token) -> int:
    if not _NUMBER.fullmatch(token.text):
        raise token.refusal("number", "this is not a whole number of at most 18 digits")
    return int(token.text)


def _duration(token: Token) -> int:
    try:
        return parse_duration(token.text)
    except Invalid as error:
        raise token.refusal("duration", error.message, hint=error.hint) from error


def _moment(token: Token) -> int:
    try:
        moment = datetime.fromisoformat(token.text)
        # A moment without a zone is UTC, like every time that taskdeck shows.
        at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH
    except ValueError as error:
        raise _invalid_moment(token) from error
    if at < timedelta(0):
        raise _invalid_moment(token)
    return at // timedelta(milliseconds=1)


def _invalid_moment(token: Token) -> Invalid:
    return token.refusal(
        "time",
        "this is not a moment since 1970",
        hint="write 2026-01-31, 2026-01-31T08:00Z, or how long ago: 10m",
    )


def _choices(token: Token, field: Field) -> list[str]:
    wanted = token.text.lower()
    value = _text_or_glob(token)
    if isinstance(value, Glob):
        glob = Glob(parts=tuple(_STARS.split(wanted)))
        chosen = [choice for choice in field.choices if glob.matches(choice)]
    else:
        chosen = [choice for choice in field.choices if choice == wanted]
    if chosen:
        return chosen
    raise token.refusal(
        "value",
        f"no {field.name} is `{safe_line(token.text[:40])}`",
        hint=f"{field.name} is one of: {', '.join(field.choices)}",
        near=near_misses(wanted, field.choices, limit=2),
    )


def _text_or_glob(token: Token) -> str | Glob:
    if token.quoted or "*" not in token.text:
        return token.text
    return Glob(parts=tuple(_STARS.split(token.text)))
