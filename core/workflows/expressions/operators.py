"""The operators of expressions: their kinds, and what they compute.

Used by the type rules and the evaluation. Whole numbers are exact; one beside a double becomes a double.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime, timedelta
from math import isnan

from core.workflows.expressions.kinds import ANY, Kind, Rule, Value

_NUMBERS = ("int", "double")
_ORDERED = ("string", "bool", "bytes", "duration", "timestamp")


def _arithmetic(whole: Callable[[int, int], int], broken: Callable[[float, float], float]) -> list[Rule]:
    return [
        Rule(takes=("int", "int"), gives="int", call=whole),
        *(
            Rule(takes=(left, right), gives="double", call=lambda a, b: broken(float(a), float(b)))
            for left in _NUMBERS
            for right in _NUMBERS
            if "double" in (left, right)
        ),
    ]


def _same(kind: Kind, call: Callable[..., Value]) -> Rule:
    return Rule(takes=(kind, kind), gives=kind, call=call)


def _ordering(call: Callable[..., bool]) -> tuple[Rule, ...]:
    pairs = [(left, right) for left in _NUMBERS for right in _NUMBERS] + [(kind, kind) for kind in _ORDERED]
    return tuple(Rule(takes=pair, gives="bool", call=call) for pair in pairs)


def divide(left: int, right: int) -> int:
    """Divide whole numbers; the result is cut towards zero."""
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    return left - right * divide(left, right)


def _quotient(left: float, right: float) -> float:
    # As IEEE 754 has it; a result that is not finite is refused in the end.
    if right == 0:
        return float("nan") if left == 0 or isnan(left) else float("inf") * left
    return left / right


def _difference(left: datetime, right: datetime) -> timedelta:
    return left - right


BINARY: dict[str, tuple[Rule, ...]] = {
    "+": (
        *_arithmetic(operator.add, operator.add),
        _same("string", operator.add),
        _same("list", operator.add),
        _same("bytes", operator.add),
        _same("duration", operator.add),
        Rule(takes=("timestamp", "duration"), gives="timestamp", call=operator.add),
        Rule(takes=("duration", "timestamp"), gives="timestamp", call=operator.add),
    ),
    "-": (
        *_arithmetic(operator.sub, operator.sub),
        _same("duration", operator.sub),
        Rule(takes=("timestamp", "timestamp"), gives="duration", call=_difference),
        Rule(takes=("timestamp", "duration"), gives="timestamp", call=operator.sub),
    ),
    "*": tuple(_arithmetic(operator.mul, operator.mul)),
    "/": tuple(_arithmetic(divide, _quotient)),
    "%": (_same("int", _remainder),),
    "<": _ordering(operator.lt),
    "<=": _ordering(operator.le),
    ">": _ordering(operator.gt),
    ">=": _ordering(operator.ge),
}
"""The rules of each operator with two sides, but for those below."""
COMPARED = ("==", "!=")
"""For values of all kinds; values of different kinds are not equal, numbers are compared as numbers."""
MEMBERSHIP = (
    Rule(takes=(ANY, "list"), gives="bool", call=operator.contains),
    Rule(takes=("string", "map"), gives="bool", call=operator.contains),
)
"""The rules of `in`; the evaluation walks the list itself."""
UNARY: dict[str, tuple[Rule, ...]] = {
    "!": (Rule(takes=("bool",), gives="bool", call=operator.not_),),
    "-": tuple(Rule(takes=(kind,), gives=kind, call=operator.neg) for kind in (*_NUMBERS, "duration")),
}
HINTS: dict[str, str] = {
    "in": "the right side of `in` is a list or a map; for a text write `.contains(...)`",
    "!": "compare it with something",
}
"""What to do where an operator is not defined for what it met."""
