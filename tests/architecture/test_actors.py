"""Commands and the console say who asks, wherever a verb takes it."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from core.control import api
from tests.architecture.trees import sources, write_tree
from tests.support.homes import ROOT
from tests.support.requests import methods_of


def _fields(kind: type) -> set[str]:
    return {name for base in kind.__mro__ for name in getattr(base, "__annotations__", {})}


METHODS = {
    name
    for name, method in methods_of(api.ControlAPI).items()
    if "actor" in inspect.signature(method).parameters
}
PARTS = tuple(part for part in {name.rpartition(".")[0] for name in METHODS} if part)
REQUESTS = {name for name, kind in inspect.getmembers(api, inspect.isclass) if "actor" in _fields(kind)}
CONTROLS = ("deck", "control")


def unsigned(root: Path) -> list[str]:
    """Return where a verb is asked without an actor: its default is that of a program."""
    return [
        f"{source.path}:{node.lineno}"
        for source in sources(root, "core/cli", "console")
        for node in source.nodes
        if isinstance(node, ast.Call) and _takes_actor(node.func)
        if not any(word.arg in ("actor", "options", None) for word in node.keywords)
    ]


def _takes_actor(func: ast.expr) -> bool:
    name = ast.unparse(func)
    if isinstance(func, ast.Attribute):
        asked = ast.unparse(func.value)
        part = next((part for part in PARTS if asked.endswith(f".{part}")), "")
        verb = f"{part}.{func.attr}" if part else func.attr
        return verb in METHODS and asked.removesuffix(f".{part}").endswith(CONTROLS)
    return name in REQUESTS


def test_every_verb_of_a_person_names_who_asks() -> None:
    assert {"cancel", "kill", "retry", "enqueue", "limits.change", "orphans.kill"} <= METHODS
    assert {"Cancel", "Retry", "SubmitOptions"} <= REQUESTS
    assert unsigned(ROOT) == []


def test_a_verb_without_an_actor_is_found(tmp_path: Path) -> None:
    lines = (
        "deck.cancel(1)",
        "self._deck.kill(1, actor=a)",
        "Cancel(target=1)",
        "task.cancel()",
        "deck.orphans.kill(1)",
        "self._orphans.kill(1)",
    )
    text = "".join(f"{line}\n" for line in lines)
    write_tree(tmp_path, {"core/cli/some.py": text, "console/other.py": "ours.cancel()\n"})
    assert unsigned(tmp_path) == ["core/cli/some.py:1", "core/cli/some.py:3", "core/cli/some.py:5"]
