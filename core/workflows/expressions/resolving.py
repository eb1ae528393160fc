"""Replace expressions by their values, and judge conditions.

Called by the engine.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeAlias

from core.model.errors import Invalid
from core.model.expressions import OPENING, has_expression
from core.model.values import JsonObject, JsonValue
from core.workflows.expressions.cel import run
from core.workflows.expressions.checking import check_source, source_references
from core.workflows.expressions.embedded import Embedded, bare_source, split
from core.workflows.expressions.paths import follow, parse_path, unknown_name

Scope: TypeAlias = Mapping[str, JsonValue]
"""`params`, `tasks` (by key: `output`, `status`), `job`, `env`."""


def resolve(value: JsonValue, scope: Scope) -> JsonValue:
    """Return the value with every expression in its strings replaced.

    A string that is one expression as a whole becomes its value, type kept; otherwise the value is
    written into the text, as JSON unless it is a string. Values put in are not resolved again.
    Raises `Invalid` with a code `expression.*`.
    """
    return _resolve(value, scope) if has_expression(value) else value


def judge(source: str, scope: Scope) -> bool:
    """Return whether a condition, with or without `${{ }}`, holds.

    Raises `Invalid` when it cannot be judged or is not a boolean.
    """
    bare = bare_source(source)
    value = evaluate(bare, scope)
    if isinstance(value, bool):
        return value
    raise Invalid(
        "expression.not_boolean",
        f"the condition `{bare}` is neither true nor false",
        hint="compare it with something",
    )


def evaluate(source: str, scope: Scope) -> JsonValue:
    """Return the value of one expression without its `${{ }}`."""
    path = parse_path(source)
    if path is not None:
        return follow(path, scope)
    # Sources that no document check has seen come from programs: they are held to the same limits.
    fault = check_source(source)
    if fault is not None:
        raise Invalid(
            fault.code, fault.message, hint="fix the expression", facts={"expression": source[:100]}
        )
    return run(source, _variables(source, scope))


def _resolve(value: JsonValue, scope: Scope) -> JsonValue:
    if isinstance(value, str):
        return _resolve_text(value, scope) if OPENING in value else value
    if isinstance(value, dict):
        return {key: _resolve(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, scope) for item in value]
    return value


def _resolve_text(text: str, scope: Scope) -> JsonValue:
    pieces = split(text)
    if len(pieces) == 1 and isinstance(pieces[0], Embedded):
        return evaluate(pieces[0].source, scope)
    return "".join(
        _as_text(evaluate(piece.source, scope)) if isinstance(piece, Embedded) else piece for piece in pieces
    )


def _as_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _variables(source: str, scope: Scope) -> JsonObject:
    """Return the roots a source needs; of the tasks only those it names, for each costs a conversion."""
    variables: JsonObject = {}
    tasks: JsonObject = {}
    for reference in source_references(source):
        root = reference.root
        if root == "tasks":
            key = str(reference.path[1])
            known = scope.get("tasks")
            if not isinstance(known, Mapping) or key not in known:
                raise unknown_name(key, ("tasks",), list(known) if isinstance(known, Mapping) else [])
            tasks[key] = known[key]
            variables["tasks"] = tasks
        else:
            variables[root] = scope.get(root, {})
    return variables
