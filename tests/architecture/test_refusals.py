"""Refusals carry what they name as facts, for programs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from core.model import errors
from tests.architecture.trees import Source, sources, walk

TREE = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.TaskdeckError)
}
APART = ("core/executors/pychild/main.py",)
"""Has error classes of its own, without facts."""


def refusals_without_facts(root: Path) -> list[str]:
    """Return each refusal whose sentence has a value in it, and that gives no facts to a program."""
    return [
        f"{source.path}:{call.lineno}"
        for source in sources(root, "core", "console")
        if source.path not in APART
        for call in _refusals(source)
        if _names_a_value(call) and not any(word.arg == "facts" for word in call.keywords)
    ]


def refused_items_made_elsewhere(root: Path) -> list[str]:
    """Return each refusal of one item that is not made by the functions that ask for code and hint."""
    return [
        f"{source.path}:{node.lineno}"
        for source in sources(root, "core")
        if source.path != "core/model/refusals.py"
        for node in source.nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal"
    ]


def _refusals(source: Source) -> Iterator[ast.Call]:
    for node in source.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TREE:
            yield node


def _names_a_value(call: ast.Call) -> bool:
    message = call.args[1] if len(call.args) > 1 else None
    return message is not None and any(isinstance(part, ast.FormattedValue) for part in walk(message))


def test_a_refusal_that_names_something_gives_it_as_a_fact(checkout: Path) -> None:
    assert refusals_without_facts(checkout) == []


def test_a_refused_item_is_made_with_code_ids_and_what_to_do_next(checkout: Path) -> None:
    assert refused_items_made_elsewhere(checkout) == []
