"""Evaluation: the value of a tree over a scope, within limits.

Called by `resolving`. Nothing is copied or converted: a value costs what is done with it, not its size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

from core.model.errors import Invalid
from core.model.values import JsonValue
from core.workflows.expressions.equality import Meter, equal
from core.workflows.expressions.faults import ExpressionFault
from core.workflows.expressions.functions import FUNCTIONS, METHODS, PRESENCE
from core.workflows.expressions.kinds import (
    BITS_MAX,
    ITEMS_MAX,
    JSON_KINDS,
    TEXT_MAX,
    Kind,
    Rule,
    Value,
    kind_of,
    mismatch,
    select,
    with_article,
)
from core.workflows.expressions.operators import BINARY, COMPARED, HINTS, MEMBERSHIP, UNARY
from core.workflows.expressions.paths import Path, enter, literal_path
from core.workflows.expressions.syntax import (
    Binary,
    Call,
    Choice,
    Constant,
    Index,
    ListOf,
    MapOf,
    Member,
    Name,
    Node,
    Unary,
    nodes,
    start_of,
)


def evaluate_tree(root: Node, scope: Mapping[str, JsonValue]) -> JsonValue:
    """Return the value of a tree; raise `ExpressionFault` with its place when there is none."""
    try:
        value = _Evaluation(scope).value(root)
    except RecursionError as error:
        raise ExpressionFault(
            "expression.depth", "the expression nests too deep", at=start_of(root)
        ) from error
    return _plain(value, root)


class _Evaluation:
    """One run over one scope; the meter counts what it costs."""

    def __init__(self, scope: Mapping[str, JsonValue]) -> None:
        self._scope = cast("JsonValue", scope)
        self._meter = Meter()

    def value(self, node: Node) -> Value:
        match node:
            case Constant():
                return node.value
            case Name():
                return self._enter(self._scope, node.name, (), node)
            case Member():
                return self._enter(self.value(node.of), node.name, literal_path(node.of), node)
            case Index():
                return self._indexed(node)
            case Call():
                return self._called(node)
            case Unary():
                return self._applied(f"`{node.op}`", UNARY[node.op], [self.value(node.of)], node)
            case Binary():
                return self._joined(node)
            case Choice():
                return self.value(node.yes if self._truth(node.condition) else node.no)
            case ListOf():
                return [cast("JsonValue", self.value(item)) for item in node.items]
            case MapOf():
                return {self._key(key): cast("JsonValue", self.value(item)) for key, item in node.entries}

    def _enter(self, value: Value, step: str | int, before: Path | None, node: Node) -> Value:
        try:
            return enter(value, step, before)
        except Invalid as error:
            raise _placed(error, node) from error

    def _indexed(self, node: Index) -> Value:
        of, key = self.value(node.of), self.value(node.key)
        if isinstance(key, float) and key.is_integer():
            key = int(key)
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise mismatch("`[...]`", [kind_of(of), kind_of(key)], at=node.at, hint="give a name or a number")
        return self._enter(of, key, literal_path(node.of), node)

    def _key(self, node: Node) -> str:
        key = self.value(node)
        if not isinstance(key, str):
            message = f"a key of a map is a string, not {with_article(kind_of(key))}"
            raise ExpressionFault(
                "expression.type",
                message,
                at=start_of(node),
                hint="quote it",
                facts={"types": [kind_of(key)]},
            )
        return key

    def _joined(self, node: Binary) -> Value:
        if node.op in ("&&", "||"):
            return self._logic(node)
        left, right = self.value(node.left), self.value(node.right)
        if node.op in COMPARED:
            with _at(node):
                return equal(left, right, self._meter) == (node.op == "==")
        if node.op == "in":
            return self._contains(left, right, node)
        return self._applied(f"`{node.op}`", BINARY[node.op], [left, right], node)

    def _contains(self, item: Value, within: Value, node: Binary) -> bool:
        kinds = [kind_of(item), kind_of(within)]
        if select(MEMBERSHIP, kinds) is None:
            raise mismatch("`in`", kinds, at=node.at, hint=HINTS["in"])
        if isinstance(within, Mapping):
            return item in within
        with _at(node):
            return any(equal(item, other, self._meter) for other in cast("Sequence[Value]", within))

    def _logic(self, node: Binary) -> bool:
        """Return what one side decides, even where the other side fails; so CEL has it."""
        decisive = node.op == "||"
        try:
            left = self._truth(node.left)
        except Invalid:
            if self._truth(node.right) is decisive:
                return decisive
            raise
        return left if left is decisive else self._truth(node.right)

    def _truth(self, node: Node) -> bool:
        value = self.value(node)
        if isinstance(value, bool):
            return value
        kind = kind_of(value)
        raise ExpressionFault(
            "expression.type",
            f"a bool is expected here, not {with_article(kind)}",
            at=start_of(node),
            hint="compare it with something",
            facts={"types": [kind]},
        )

    def _called(self, node: Call) -> Value:
        if node.of is None and node.name == PRESENCE:
            return self._has(node.arguments[0])
        arguments = [self.value(argument) for argument in node.arguments]
        if node.of is None:
            return self._applied(f"`{node.name}(...)`", FUNCTIONS.get(node.name, ()), arguments, node)
        whole = [self.value(node.of), *arguments]
        return self._applied(f"`.{node.name}(...)`", METHODS.get(node.name, ()), whole, node)

    def _has(self, node: Node) -> bool:
        if not isinstance(node, Member):
            raise ExpressionFault("expression.syntax", "write `has(a.b)`", at=node.at)
        of = self.value(node.of)
        if isinstance(of, Mapping):
            return node.name in of
        raise mismatch(f"`has(.{node.name})`", [kind_of(of)], at=node.at, hint="it is for maps")

    def _applied(self, what: str, rules: Sequence[Rule], values: list[Value], node: Node) -> Value:
        kinds = [kind_of(value) for value in values]
        rule = select(rules, kinds)
        if rule is None:
            raise mismatch(what, kinds, at=node.at)
        with _at(node):
            self._meter.spend(1 + sum(map(_weight, values)))
            result = rule.call(*values)
            _check_size(result)
        return result


@contextmanager
def _at(node: Node) -> Iterator[None]:
    """Give what fails inside the place of a node, and what Python raises a code."""
    try:
        yield
    except ExpressionFault:
        raise
    except Invalid as error:
        raise _placed(error, node) from error
    except ZeroDivisionError as error:
        hint = "compare the divisor with 0 before"
        raise ExpressionFault("expression.failed", "division by zero", at=node.at, hint=hint) from error
    except (ArithmeticError, ValueError) as error:
        hint = "check the value that it is given"
        raise ExpressionFault("expression.failed", _words(error), at=node.at, hint=hint) from error


def _words(error: Exception) -> str:
    if isinstance(error, OverflowError):
        return "the number is too large"
    if isinstance(error, UnicodeError):
        return "the bytes are not UTF-8"
    return str(error)


def _placed(error: Invalid, node: Node) -> ExpressionFault:
    return ExpressionFault(error.code, error.message, at=node.at, hint=error.hint, facts=error.facts)


def _weight(value: Value) -> int:
    """Return what reading a value once costs, in steps."""
    if isinstance(value, str | bytes):
        return len(value) // 256
    return len(value) // 8 if isinstance(value, list) else 0


def _check_size(value: Value) -> None:
    if isinstance(value, str | bytes) and len(value) > TEXT_MAX:
        message = f"a text of an expression has at most {TEXT_MAX} characters"
    elif isinstance(value, list) and len(value) > ITEMS_MAX:
        message = f"a list of an expression has at most {ITEMS_MAX} items"
    elif isinstance(value, int) and value.bit_length() > BITS_MAX:
        message = f"a whole number of an expression has at most {BITS_MAX} bits"
    else:
        return
    raise Invalid("expression.size", message, hint="compute it in a task")


def _plain(value: Value, root: Node) -> JsonValue:
    """Return a result that is a JSON value; values of the scope are, so only made ones are looked into."""
    made = any(isinstance(node, ListOf | MapOf) for node in nodes(root))
    pending: list[object] = [value]
    while pending:
        item = pending.pop()
        kind: Kind = kind_of(item)
        if kind not in JSON_KINDS:
            message = f"the expression does not give a plain value but {with_article(kind)}"
            hint = "convert it: string(...), int(...), double(...)"
            raise ExpressionFault(
                "expression.type", message, at=start_of(root), hint=hint, facts={"types": [kind]}
            )
        if isinstance(item, float) and not math.isfinite(item):
            message = "the expression gives a number that is not finite"
            raise ExpressionFault("expression.type", message, at=start_of(root), hint="check for 0 before")
        if made and isinstance(item, dict):
            pending.extend(item.values())
        elif made and isinstance(item, list):
            pending.extend(item)
    return cast("JsonValue", value)
