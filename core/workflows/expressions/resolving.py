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
from core.workflows.expressions.checking import ROOTS, checked_tree
from core.workflows.expressions.embedded import Embedded, bare_source, split
from core.workflows.expressions.evaluation import evaluate_tree
from core.workflows.expressions.faults import ExpressionFault
from core.workflows.expressions.kinds import TEXT_MAX, kind_of, with_article
from core.workflows.expressions.paths import Path, write_steps

Scope: TypeAlias = Mapping[str, JsonValue]
"""`params`, `tasks` (by key: `output`, `status`, `error`), `job`, `env`."""
_DOCUMENT_ROOTS = frozenset(ROOTS)


def resolve(value: JsonValue, scope: Scope, place: Path = ()) -> JsonValue:
    """Return the value with every expression in its strings replaced.

    A string that is one expression as a whole becomes its value, type kept; otherwise the value is
    written into the text, as JSON unless it is a string. Values put in are not resolved again.
    Raises `Invalid` with a code `expression.*` that names the expression, the character and where it
    stands: `place` is the path to the value.
    """
    return _resolve(value, scope, place) if has_expression(value) else value


def judge(source: str, scope: Scope, place: Path = ("when",)) -> bool:
    """Return whether a condition, with or without `${{ }}`, holds.

    Raises `Invalid` when it cannot be judged or is not a boolean.
    """
    bare = bare_source(source)
    value = evaluate(bare, scope, place)
    if isinstance(value, bool):
        return value
    kind = kind_of(value)
    raise Invalid(
        "expression.not_boolean",
        f"`{write_steps(place)}`: the condition `{bare}` is neither true nor false but {with_article(kind)}",
        hint="compare it with something",
        facts={"expression": bare, "field": write_steps(place), "types": [kind]},
    )


def evaluate(source: str, scope: Scope, place: Path = ()) -> JsonValue:
    """Return the value of one expression without its `${{ }}`."""
    try:
        # Sources that no document check has seen come from programs: they are held to the same limits.
        return evaluate_tree(checked_tree(source, _roots(scope)), scope)
    except ExpressionFault as fault:
        raise _with_place(fault, source, place) from fault


def _roots(scope: Scope) -> tuple[str, ...]:
    """Return the names of documents, or those of a scope that has others."""
    return ROOTS if scope.keys() <= _DOCUMENT_ROOTS else tuple(scope)


def _with_place(fault: ExpressionFault, source: str, place: Path) -> Invalid:
    """Return the refusal that says which expression failed, at which character, and where it stands."""
    field = write_steps(place)
    where = f"`{field}`: " if field else ""
    facts: JsonObject = {**fault.facts, "expression": source[:500], "character": fault.at + 1}
    if field:
        facts["field"] = field
    shown = source if len(source) <= 60 else source[:57] + "..."
    message = f"{where}in `{shown}` at character {fault.at + 1}: {fault.message}"
    return Invalid(fault.code, message, hint=fault.hint, facts=facts)


def _resolve(value: JsonValue, scope: Scope, place: Path) -> JsonValue:
    if isinstance(value, str):
        return _resolve_text(value, scope, place) if OPENING in value else value
    if isinstance(value, dict):
        return {key: _resolve(item, scope, (*place, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, scope, (*place, number)) for number, item in enumerate(value)]
    return value


def _resolve_text(text: str, scope: Scope, place: Path) -> JsonValue:
    pieces = split(text)
    if len(pieces) == 1 and isinstance(pieces[0], Embedded):
        return evaluate(pieces[0].source, scope, place)
    written = [
        _as_text(evaluate(piece.source, scope, place)) if isinstance(piece, Embedded) else piece
        for piece in pieces
    ]
    if sum(map(len, written)) > TEXT_MAX:
        raise Invalid(
            "expression.size",
            f"`{write_steps(place)}`: a text with its values put in has at most {TEXT_MAX} characters",
            hint="pass large data by a file: `tasks.KEY.output.path`",
            facts={"field": write_steps(place)},
        )
    return "".join(written)


def _as_text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
