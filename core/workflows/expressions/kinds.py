"""Kinds: the types of values in expressions, and rules by kind.

Used by the operators, the functions, the checks and the evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from core.model.values import JsonValue
from core.workflows.expressions.faults import ExpressionFault

Value: TypeAlias = JsonValue | bytes | datetime | timedelta
"""What an expression may hold on its way; its result is a JSON value."""
Kind: TypeAlias = str
"""`null`, `bool`, `int`, `double`, `string`, `list`, `map`, `bytes`, `duration` or `timestamp`."""

ANY: Kind = "any"
"""In the rules: a value of every kind."""
TEXT_MAX = 16 * 1024 * 1024
"""Characters of a text that an expression makes."""
ITEMS_MAX = 1_000_000
"""Items of a list that an expression makes."""
BITS_MAX = 1_024
"""Bits of a whole number that an expression makes; up to here it is exact."""
_KINDS: dict[type, Kind] = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    list: "list",
    dict: "map",
    bytes: "bytes",
    timedelta: "duration",
    datetime: "timestamp",
}
JSON_KINDS = frozenset({"null", "bool", "int", "double", "string", "list", "map"})
"""The kinds of results."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One operation: the kinds it is for, the kind of its result, and what computes it."""

    takes: tuple[Kind, ...]
    gives: Kind
    call: Callable[..., Value]


def kind_of(value: object) -> Kind:
    """Return the kind of a value; a mapping of another type than dict is a `map` too."""
    kind = _KINDS.get(type(value))
    if kind is None:
        kind = "map" if isinstance(value, Mapping) else type(value).__name__
    return kind


def with_article(kind: Kind) -> str:
    """Write a kind for a sentence: `an int`, `null`."""
    if kind == "null":
        return kind
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def select(rules: Sequence[Rule], kinds: Sequence[Kind | None]) -> Rule | None:
    """Return the first rule for arguments of these kinds; an unknown kind (None) fits every rule."""
    for rule in rules:
        if len(rule.takes) == len(kinds) and all(
            kind is None or wanted in (kind, ANY) for wanted, kind in zip(rule.takes, kinds, strict=True)
        ):
            return rule
    return None


def mismatch(what: str, kinds: Sequence[Kind | None], *, at: int, hint: str = "") -> ExpressionFault:
    """Return the fault of an operation that is not there for the kinds it met."""
    met = [kind or "any value" for kind in kinds]
    return ExpressionFault(
        "expression.type",
        f"{what} is not defined for {' and '.join(met) or 'nothing'}",
        at=at,
        hint=hint or "convert the values: string(...), int(...), double(...)",
        facts={"types": list(met)},
    )
