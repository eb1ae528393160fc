"""Checks of an expression before it runs: its limits, references and kinds.

Used by the validation, by `resolving` and by the engine's expression scopes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from core.model.errors import Fault, Invalid
from core.model.expressions import OPENING
from core.model.near_misses import one_of
from core.model.values import JsonValue
from core.workflows.expressions.embedded import SOURCE_MAX, Embedded, split
from core.workflows.expressions.evaluation import evaluate_tree
from core.workflows.expressions.faults import ExpressionFault
from core.workflows.expressions.inference import PathKinds, infer, unknown_kinds
from core.workflows.expressions.kinds import Kind
from core.workflows.expressions.paths import Path, literal_path
from core.workflows.expressions.syntax import Name, Node, children, nodes, parse

ROOTS = ("params", "tasks", "job", "env", "vars", "secrets")
"""What an expression may begin with."""
OF_SET = ("output",)
"""What it may begin with as well where a task sets variables: its own output."""
OF_FAILURE = ("error", "attempt")
"""What it may begin with as well where a task names its worklet: its failure, and which attempt that was."""


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
    """Return what one expression, without its `${{ }}`, refers to; a faulty one refers to nothing."""
    try:
        tree = _parsed(source)
    except ExpressionFault:
        return frozenset()
    return frozenset(Reference(path=path) for path, _ in _paths(tree))


@lru_cache(maxsize=1024)
def checked_tree(source: str, roots: tuple[str, ...] = ROOTS) -> Node:
    """Return the tree of one expression, without its `${{ }}`, that has no fault by itself.

    It may begin with one of the `roots`. Raises `ExpressionFault` for what is wrong before it ever runs.
    """
    tree = _parsed(source)
    try:
        infer(tree)
    except RecursionError as error:
        raise _too_deep() from error
    for path, at in _paths(tree):
        _check_reference(path, at, roots)
    if not any(isinstance(node, Name) for node in nodes(tree)):
        # Without a name its value never changes: what fails now fails always.
        evaluate_tree(tree, {})
    return tree


def check_source(source: str) -> Fault | None:
    """Return what is wrong with one expression, without its `${{ }}`, before it ever runs.

    Line and column count within the expression, from 1.
    """
    try:
        checked_tree(source)
    except ExpressionFault as fault:
        return fault_of(fault, source)
    return None


def kind_of_source(
    source: str, known: PathKinds = unknown_kinds, *, roots: tuple[str, ...] = ROOTS
) -> Kind | None:
    """Return the kind that an expression gives, None where it depends on values.

    Raises `ExpressionFault` where the kinds that are known do not fit.
    """
    return infer(checked_tree(source, roots), known)


def fault_of(fault: ExpressionFault, source: str) -> Fault:
    """Return a fault with its place: line and column within the expression, from 1."""
    before = source[: fault.at]
    return Fault(
        code=fault.code,
        message=f"{fault.message}, at character {fault.at + 1}",
        line=before.count("\n") + 1,
        column=fault.at - (before.rfind("\n") + 1) + 1,
    )


def _parsed(source: str) -> Node:
    if len(source) > SOURCE_MAX:
        message = f"an expression has more than {SOURCE_MAX} characters; compute it in a task"
        raise ExpressionFault("expression.too_long", message, at=SOURCE_MAX)
    try:
        return parse(source)
    except RecursionError as error:
        raise _too_deep() from error


def _too_deep() -> ExpressionFault:
    return ExpressionFault("expression.depth", "an expression nests too deep; compute it in a task", at=0)


def _sources(text: str) -> Iterator[str]:
    try:
        yield from (piece.source for piece in split(text) if isinstance(piece, Embedded))
    except Invalid:
        return


class _PlacedPath(NamedTuple):
    """A path, and the place of its root."""

    path: Path
    at: int


def _paths(tree: Node) -> Iterator[_PlacedPath]:
    """Yield each path that is read, as far as it is literal."""
    pending = [tree]
    while pending:
        node = pending.pop()
        path = literal_path(node)
        if path is None:
            pending.extend(reversed(children(node)))
        else:
            yield _PlacedPath(path, next(part.at for part in nodes(node) if isinstance(part, Name)))


def _check_reference(path: Path, at: int, roots: tuple[str, ...]) -> None:
    root = str(path[0])
    if root not in roots:
        raise ExpressionFault(
            "expression.unknown_root", f"`{root}` is not a name here{one_of(root, roots)}", at=at
        )
    if root == "secrets" and not (len(path) == 2 and isinstance(path[1], str)):
        message = "name the secret itself: `secrets.NAME`, which is a text"
        raise ExpressionFault("expression.dynamic", message, at=at)
    if root == "tasks" and not (len(path) > 1 and isinstance(path[1], str)):
        message = "name the task itself: `tasks.KEY.output` or `tasks.KEY.status`"
        raise ExpressionFault("expression.dynamic", message, at=at)
