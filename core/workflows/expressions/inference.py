"""Inference: the kind of an expression, and faults that need no values.

Called by the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from core.filters.patterns import PatternRefused, compile_pattern
from core.model.near_misses import did_you_mean
from core.workflows.expressions.faults import ExpressionFault
from core.workflows.expressions.functions import FUNCTIONS, MACROS, METHODS, PRESENCE
from core.workflows.expressions.kinds import Kind, Rule, kind_of, mismatch, select, with_article
from core.workflows.expressions.operators import BINARY, COMPARED, HINTS, MEMBERSHIP, UNARY
from core.workflows.expressions.paths import Path, literal_path, write_steps
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
    start_of,
)

PathKinds: TypeAlias = Callable[[Path], Kind | None]
"""What is known of the value of a path before it has one."""


_MAPS = frozenset({"params", "tasks", "job", "env", "vars", "secrets", "fire", "matrix"})


def unknown_kinds(path: Path) -> Kind | None:
    """Return what is known without a document: the roots are maps, but for items and their index."""
    return "map" if len(path) == 1 and path[0] in _MAPS else None


def infer(node: Node, known: PathKinds = unknown_kinds) -> Kind | None:
    """Return the kind of a tree's value, None where it depends on values.

    Raises `ExpressionFault` for what is wrong whatever the values are.
    """
    match node:
        case Constant():
            return kind_of(node.value)
        case Name():
            return known((node.name,))
        case Member() | Index():
            return _step(node, known)
        case Call():
            return _call(node, known)
        case Unary():
            kinds = [infer(node.of, known)]
            return _rule(f"`{node.op}`", UNARY[node.op], kinds=kinds, at=node.at, hint=HINTS.get(node.op, ""))
        case Binary():
            return _binary(node, known)
        case Choice():
            _expect_bool(node.condition, known)
            yes, no = infer(node.yes, known), infer(node.no, known)
            return yes if yes == no else None
        case ListOf():
            for item in node.items:
                infer(item, known)
            return "list"
        case MapOf():
            for key, value in node.entries:
                _expect_key(key, known)
                infer(value, known)
            return "map"


def _step(node: Member | Index, known: PathKinds) -> Kind | None:
    of = infer(node.of, known)
    if isinstance(node, Member):
        if of not in (None, "map"):
            before = literal_path(node.of)
            place = f"`{write_steps(before)}`" if before else "the value"
            message = f"{place} is {with_article(of)}, it has no `.{node.name}`"
            raise ExpressionFault("expression.type", message, at=node.at, facts={"types": [of]})
    else:
        key = infer(node.key, known)
        fits = {"map": ("string",), "list": ("int", "double"), None: ("string", "int", "double")}.get(of, ())
        if not fits or (key is not None and key not in fits):
            raise mismatch("`[...]`", [of, key], at=node.at, hint="give a name or a number")
    path = literal_path(node)
    return None if path is None else known(path)


def _binary(node: Binary, known: PathKinds) -> Kind | None:
    if node.op in ("&&", "||"):
        _expect_bool(node.left, known)
        _expect_bool(node.right, known)
        return "bool"
    kinds = [infer(node.left, known), infer(node.right, known)]
    if node.op in COMPARED:
        return "bool"
    rules = MEMBERSHIP if node.op == "in" else BINARY[node.op]
    return _rule(f"`{node.op}`", rules, kinds=kinds, at=node.at, hint=HINTS.get(node.op, ""))


def _call(node: Call, known: PathKinds) -> Kind | None:
    kinds = [infer(argument, known) for argument in node.arguments]
    if node.of is None and node.name == PRESENCE:
        if len(node.arguments) != 1 or not isinstance(node.arguments[0], Member):
            raise ExpressionFault(
                "expression.syntax", "`has` takes one path with a dot: `has(a.b)`", at=node.at
            )
        return "bool"
    table = FUNCTIONS if node.of is None else METHODS
    if node.name not in table:
        raise _unknown_function(node)
    if node.name == "matches":
        _check_pattern(node.arguments[-1] if node.arguments else node)
    shown = f"`{node.name}(...)`" if node.of is None else f"`.{node.name}(...)`"
    whole = kinds if node.of is None else [infer(node.of, known), *kinds]
    rules = table[node.name]
    counts = sorted({len(rule.takes) - (node.of is not None) for rule in rules})
    if len(kinds) not in counts:
        wanted = " or ".join(map(str, counts))
        plural = "" if counts == [1] else "s"
        message = f"{shown} takes {wanted} argument{plural}, not {len(kinds)}"
        raise ExpressionFault("expression.arity", message, at=node.at)
    return _rule(shown, rules, kinds=whole, at=node.at)


def _rule(
    what: str, rules: Sequence[Rule], *, kinds: Sequence[Kind | None], at: int, hint: str = ""
) -> Kind | None:
    if select(rules, kinds) is None:
        raise mismatch(what, kinds, at=at, hint=hint)
    gives = {rule.gives for rule in rules if select([rule], kinds) is not None}
    return gives.pop() if len(gives) == 1 else None


def _unknown_function(node: Call) -> ExpressionFault:
    if node.name in MACROS:
        message = f"`{node.name}(...)` over a list has no limit on its cost; do it in a task"
        return ExpressionFault("expression.macro", message, at=node.at)
    own, others = (FUNCTIONS, METHODS) if node.of is None else (METHODS, FUNCTIONS)
    if node.name in others:
        right = f"value.{node.name}(...)" if node.of is None else f"{node.name}(value)"
        return ExpressionFault(
            "expression.unknown_function", f"`{node.name}` is written `{right}`", at=node.at
        )
    near = did_you_mean(node.name, [*own, PRESENCE] if node.of is None else own)
    return ExpressionFault(
        "expression.unknown_function", f"`{node.name}` is not a function{near}", at=node.at
    )


def _check_pattern(node: Node) -> None:
    if isinstance(node, Constant) and isinstance(node.value, str):
        try:
            compile_pattern(node.value)
        except PatternRefused as error:
            raise ExpressionFault("expression.pattern", error.reason, at=node.at, hint=error.hint) from error


def _expect_bool(node: Node, known: PathKinds) -> None:
    kind = infer(node, known)
    if kind not in (None, "bool"):
        message = f"a bool is expected here, not {with_article(kind)}"
        hint = "compare it with something"
        raise ExpressionFault(
            "expression.type", message, at=start_of(node), hint=hint, facts={"types": [kind]}
        )


def _expect_key(node: Node, known: PathKinds) -> None:
    kind = infer(node, known)
    if kind not in (None, "string"):
        message = f"a key of a map is a string, not {with_article(kind)}"
        raise ExpressionFault(
            "expression.type", message, at=start_of(node), hint="quote it", facts={"types": [kind]}
        )
