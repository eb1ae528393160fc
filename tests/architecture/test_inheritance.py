"""Inheritance among our classes: three deep, and no wider than readable."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.architecture.trees import Function, Source, sources, walk, write_tree

DEPTH = 3
"""Of our classes in a line, the class itself counted; those of libraries are not."""
METHODS = 61
"""Of a class and its ancestors among ours, each name once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A class of ours, by its dotted name, with its bases by theirs, wherever these come from."""

    name: str
    path: str
    node: ast.ClassDef
    bases: tuple[str, ...]

    @property
    def methods(self) -> set[str]:
        return {node.name for node in self.node.body if isinstance(node, Function)}

    @property
    def assigned_actions(self) -> set[str]:
        """The actions that the constructor takes from parts, Textual's `action_NAME`."""
        return _assigned_actions(self.node)


@cache
def _assigned_actions(below: ast.ClassDef) -> set[str]:
    return {
        target.attr
        for node in walk(below)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and target.attr.startswith("action_")
    }


def deep_classes(root: Path) -> list[str]:
    known = _classes(root)
    return [
        f"{ours.path}: {ours.node.name} {depth}"
        for ours in known.values()
        if (depth := _depth(ours, known)) > DEPTH
    ]


def wide_classes(root: Path) -> list[str]:
    known = _classes(root)
    return [
        f"{ours.path}: {ours.node.name} {len(methods)}"
        for ours in known.values()
        if len(methods := set[str]().union(*(one.methods for one in _line(ours, known)))) > METHODS
    ]


def shadowed_actions(root: Path) -> list[str]:
    """Return methods that never run: a base puts an attribute of that name on each instance."""
    known = _classes(root)
    return [
        f"{ours.path}: {ours.node.name}.{name}"
        for ours in known.values()
        for name in sorted(
            ours.methods & set[str]().union(*(base.assigned_actions for base in _line(ours, known)))
        )
    ]


@cache
def _classes(root: Path) -> dict[str, Ours]:
    found = (ours for source in sources(root, "core", "console", "themes") for ours in _in_source(source))
    return {ours.name: ours for ours in found}


def _in_source(source: Source) -> list[Ours]:
    module = source.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    names = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in source.nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    nodes = [node for node in source.nodes if isinstance(node, ast.ClassDef)]
    names |= {node.name: f"{module}.{node.name}" for node in nodes}
    return [
        Ours(
            name=names[node.name],
            path=source.path,
            node=node,
            bases=tuple(names.get(base, base) for base in map(_base_name, node.bases)),
        )
        for node in nodes
    ]


def _base_name(base: ast.expr) -> str:
    return ast.unparse(base.value if isinstance(base, ast.Subscript) else base)


def _line(ours: Ours, known: dict[str, Ours]) -> list[Ours]:
    return [ours, *(above for base in ours.bases if base in known for above in _line(known[base], known))]


def _depth(ours: Ours, known: dict[str, Ours]) -> int:
    return 1 + max((_depth(known[base], known) for base in ours.bases if base in known), default=0)


def test_no_class_is_deeper_than_three_of_ours(checkout: Path) -> None:
    assert deep_classes(checkout) == []


def test_no_class_is_wider_than_a_reader_can_hold(checkout: Path) -> None:
    assert wide_classes(checkout) == []


def test_no_method_is_hidden_by_an_action_that_the_constructor_assigns(checkout: Path) -> None:
    assert shadowed_actions(checkout) == []


def test_the_checks_see_lines_of_classes_over_files(tmp_path: Path) -> None:
    many = "".join(f"    def m{number}(self): ...\n" for number in range(METHODS))
    write_tree(
        tmp_path,
        {
            "core/a.py": "class A(dict): ...\nclass B(A): ...\n",
            "console/c.py": "from core.a import B as Base\nclass C(Base): ...\nclass D(C[int]): ...\n",
            "console/e.py": f"class E:\n{many}class F(E):\n    def m0(self): ...\n    def more(self): ...\n",
            "console/g.py": "class G:\n    def __init__(self):\n        self.action_g = print\n"
            "class H(G):\n    def action_g(self): ...\n    def action_h(self): ...\n",
        },
    )
    assert deep_classes(tmp_path) == ["console/c.py: D 4"]
    assert wide_classes(tmp_path) == [f"console/e.py: F {METHODS + 1}"]
    assert shadowed_actions(tmp_path) == ["console/g.py: H.action_g"]
