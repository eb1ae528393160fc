"""Read a source tree as syntax, for the checks of this room."""

from __future__ import annotations

import ast
import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
OURS = ("_taskdeck", "core", "console", "themes")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Source:
    """One Python file: its path below the root, its text, its syntax."""

    path: str
    text: str
    tree: ast.Module

    @property
    def nodes(self) -> tuple[ast.AST, ...]:
        """All nodes of the syntax, walked once for all checks."""
        return _nodes(self)

    def functions(self) -> Iterator[Function]:
        """Yield every function, however deeply nested."""
        return (node for node in self.nodes if isinstance(node, Function))

    def imports(self) -> Iterator[tuple[int, str]]:
        """Yield line and dotted module of every import, as `imported` does."""
        return (place for node in self.nodes for place in _import(node))


def sources(root: Path, *rooms: str) -> tuple[Source, ...]:
    """Parse every Python file below the rooms of a tree, in order of path; once, for a tree stands still."""
    return tuple(source for room in sorted(rooms) for source in _room(root, room))


def write_tree(root: Path, files: dict[str, str]) -> Path:
    """Write files below a root and make every folder of Python files a package."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for folder in file.relative_to(root).parents:
            if str(folder) != "." and not (init := root / folder / "__init__.py").exists():
                init.write_text('"""Room."""\n')
    return root


def imported(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and dotted module of every import below a node; relative imports count as ours."""
    return (place for child in walk(node) for place in _import(child))


def walk(node: ast.AST) -> list[ast.AST]:
    """Return a node and all below it, as `ast.walk` does in three times the time."""
    found = [node]
    for one in found:
        # The list grows below it.
        found += children(one)
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """Return the nodes right below a node that was parsed, in order."""
    found: list[ast.AST] = []
    for value in vars(node).values():
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            found += [one for one in value if isinstance(one, ast.AST)]
    return found


def _import(node: ast.AST) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.Import):
        yield from ((node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield node.lineno, node.module or ""


def is_foreign(module: str) -> bool:
    """Tell whether a module is neither ours nor of the standard library."""
    root = module.partition(".")[0]
    return root not in OURS and root not in sys.stdlib_module_names


def run_python(code: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that finds the packages of a folder first."""
    setup = f"import sys; sys.path.insert(0, {str(cwd)!r})\n"
    return subprocess.run(
        [sys.executable, "-c", setup + code], cwd=cwd, capture_output=True, text=True, check=False
    )


@cache
def _nodes(source: Source) -> tuple[ast.AST, ...]:
    return tuple(walk(source.tree))


@cache
def _room(root: Path, room: str) -> tuple[Source, ...]:
    with _kept():
        return tuple(_read(root, file) for file in sorted((root / room).rglob("*.py")))


@contextmanager
def _kept() -> Iterator[None]:
    """Make what stays: looking for garbage in it, now and later, takes longer than parsing it."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _read(root: Path, file: Path) -> Source:
    text = file.read_text(encoding="utf-8")
    return Source(path=file.relative_to(root).as_posix(), text=text, tree=ast.parse(text, str(file)))
