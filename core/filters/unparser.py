"""Unparser: a filter back to text.

Used by the console and by the wire.
"""

from __future__ import annotations

import re
from typing import assert_never

from core.filters.terms import Ago, At, Compare, Contains, Filter, Glob, In, Length, Matches, Term
from core.model.timing.durations import write_duration
from core.model.values import to_iso

_BARE_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_BARE_VALUE = re.compile(r'[^\s",*]+')


def unparse(filter_: Filter) -> str:
    """Write a filter as text that parses to the same filter."""
    parts = [_unparse_term(term) for term in filter_.terms]
    if filter_.sort:
        parts.append(f"sort:{'-' if filter_.sort.descending else ''}{filter_.sort.field}")
    return " ".join(parts)


def _unparse_term(term: Term) -> str:
    match term:
        case In():
            values = ",".join(map(_unparse_value, term.values))
            return f"{_minus(negated=term.negated)}{term.field}:{values}"
        case Compare():
            return f"{term.field}{term.op}{_unparse_operand(term.value)}"
        case Contains():
            text = term.text if _BARE_WORD.fullmatch(term.text) else _quote(term.text)
            return _minus(negated=term.negated) + text
        case Matches():
            return f"{_minus(negated=term.negated)}{term.field}~{_quote(term.pattern)}"
        case _:
            assert_never(term)


def _unparse_operand(value: int | At | Ago | Length) -> str:
    match value:
        case At():
            return to_iso(value.ms)
        case Ago() | Length():
            return write_duration(value.ms)
        case int():
            return str(value)
        case _:
            assert_never(value)


def _unparse_value(value: str | int | Glob) -> str:
    match value:
        case Glob():
            return "*".join(value.parts)
        case int():
            return str(value)
        case str():
            return value if _BARE_VALUE.fullmatch(value) else _quote(value)
        case _:
            assert_never(value)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _minus(*, negated: bool) -> str:
    return "-" if negated else ""
