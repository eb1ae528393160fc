"""Checks of an expression before it runs: its cost and its references.

Used by the validation and by the engine's expression scopes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from core.model.errors import Fault, Invalid
from core.model.expressions import OPENING
from core.model.near_misses import did_you_mean, one_of
from core.model.values import JsonValue
from core.workflows.expressions.cel import compile_source
from core.workflows.expressions.embedded import SOURCE_MAX, Embedded, split
from core.workflows.expressions.paths import Path, parse_path

ROOTS = ("params", "tasks", "job", "env")
"""What an expression may begin with."""
_PLANNED_ROOTS = frozenset({"secrets"})
_NESTING_MAX = 50
_MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map", "reduce", "transformList"})
_FUNCTIONS = frozenset(
    {"has", "size", "contains", "startsWith", "endsWith", "matches", "type"}
    | {"string", "int", "uint", "double", "bytes", "duration", "timestamp"}
    | {"getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"}
    | {"getHours", "getMinutes", "getSeconds", "getMilliseconds"}
)
_KEYWORDS = frozenset({"true", "false", "null", "in"})
_STRING = "|".join(
    # Raw strings have no escapes: read otherwise, a macro could hide behind one.
    [rf"[bB]?[rR][bB]?{quote}.*?{quote}" for quote in ('"""', "'''", '"', "'")]
    + [rf"[bB]?{quote}(?:[^\\]|\\.)*?{quote}" for quote in ('"""', "'''", '"', "'")]
)
_TOKEN = re.compile(
    rf"\s*(?:(?P<string>{_STRING})|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<number>[0-9][0-9A-Za-z.]*)|(?P<mark>//|.))",
    re.DOTALL,
)


class _Token(NamedTuple):
    """One token of an expression; `kind` is string, name, number or mark."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One name an expression depends on, as far as it is literal: (`tasks`, `a`, `output`)."""

    path: Path

    @property
    def root(self) -> str:
        """The first name."""
        return str(self.path[0])


def references(value: JsonValue) -> frozenset[Reference]:
    """Return what the expressions anywhere in a value refer to; faulty ones refer to nothing."""
    referenced: set[Reference] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, str) and OPENING in item:
            for source in _sources(item):
                referenced.update(source_references(source))
    return frozenset(referenced)


def source_references(source: str) -> frozenset[Reference]:
    """Return what one expression, without its `${{ }}`, refers to."""
    path = parse_path(source)
    if path is not None:
        return frozenset({Reference(path=path)})
    return frozenset(Reference(path=path) for path in _literal_paths(_tokens(source)))


def check_source(source: str) -> Fault | None:
    """Return what is wrong with one expression, without its `${{ }}`, before it ever runs.

    Line and column of a syntax fault count within the expression, from 1.
    """
    if len(source) > SOURCE_MAX:
        message = f"an expression has more than {SOURCE_MAX} characters; compute it in a task"
        return Fault(code="expression.too_long", message=message)
    path = parse_path(source)
    if path is not None:
        return _check_reference(path)
    tokens = _tokens(source)
    fault = _check_nesting(tokens) or _check_calls(tokens)
    if fault is not None:
        return fault
    try:
        compile_source(source)
    except Invalid as error:
        line, column = error.facts.get("line"), error.facts.get("column")
        return Fault(
            code=error.code,
            message=error.message,
            line=line if isinstance(line, int) else None,
            column=column if isinstance(column, int) else None,
        )
    faults = (_check_reference(path) for path in _literal_paths(tokens))
    return next((fault for fault in faults if fault is not None), None)


def _sources(text: str) -> Iterator[str]:
    try:
        yield from (piece.source for piece in split(text) if isinstance(piece, Embedded))
    except Invalid:
        return


def _check_reference(path: Path) -> Fault | None:
    root = str(path[0])
    if root in _PLANNED_ROOTS:
        message = f"`{root}` is planned and not yet accepted"
        return Fault(code="document.planned", message=message)
    if root not in ROOTS:
        message = f"there is no `{root}`{one_of(root, ROOTS)}"
        return Fault(code="expression.unknown_root", message=message)
    if root == "tasks" and not (len(path) > 1 and isinstance(path[1], str)):
        message = "name the task itself: `tasks.KEY.output` or `tasks.KEY.status`"
        return Fault(code="expression.dynamic", message=message)
    return None


def _tokens(source: str) -> list[_Token]:
    return [_Token(match.lastgroup or "", match.group().strip()) for match in _TOKEN.finditer(source)]


def _check_nesting(tokens: list[_Token]) -> Fault | None:
    depth = deepest = 0
    for kind, text in tokens:
        if kind == "mark":
            depth += (text in "([{?") - (text in ")]}:")
            deepest = max(deepest, depth)
    if deepest <= _NESTING_MAX:
        return None
    message = f"an expression nests more than {_NESTING_MAX} deep; compute it in a task"
    return Fault(code="expression.depth", message=message)


def _check_calls(tokens: list[_Token]) -> Fault | None:
    # Comments and quoted names could stand between a macro and its parenthesis.
    if any(kind == "mark" and text in ("//", "`") for kind, text in tokens):
        return Fault(code="expression.syntax", message="comments and ` are not accepted in an expression")
    for (kind, name), (_, following) in pairwise(tokens):
        if kind != "name" or following != "(" or name in _KEYWORDS:
            continue
        if name in _MACROS:
            message = f"`{name}(...)` over a list has no limit on its cost; do it in a task"
            return Fault(code="expression.macro", message=message)
        if name not in _FUNCTIONS:
            message = f"there is no function `{name}`{did_you_mean(name, _FUNCTIONS)}"
            return Fault(code="expression.unknown_function", message=message)
    return None


def _literal_paths(tokens: list[_Token]) -> Iterator[Path]:
    for at, (kind, name) in enumerate(tokens):
        follows_dot = at > 0 and tokens[at - 1].text == "."
        if kind != "name" or name in _KEYWORDS or follows_dot or _text(tokens, at + 1) == "(":
            continue
        yield tuple(_steps(tokens, at))


def _steps(tokens: list[_Token], at: int) -> Iterator[str | int]:
    yield tokens[at].text
    at += 1
    while True:
        kind, text = tokens[at + 1] if at + 1 < len(tokens) else _Token("", "")
        opening = _text(tokens, at)
        if opening == "." and kind == "name" and _text(tokens, at + 2) != "(":
            yield text
            at += 2
        elif opening == "[" and kind == "string" and text[0] in "\"'" and _text(tokens, at + 2) == "]":
            yield text[1:-1]
            at += 3
        else:
            return


def _text(tokens: list[_Token], at: int) -> str:
    return tokens[at].text if at < len(tokens) else ""
