"""Name the tests of what changed since main.

    python tests/affected.py        one path of a test file or folder a line

A changed test is run itself; a module or support by the tests that import it, or by the file or room
that mirrors it when none or too many do; a page by `tests/pages`. `tests/architecture` is always run.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALWAYS = "tests/architecture"
PAGES = "tests/pages"
SLOW = (
    "tests/scenarios/",
    "tests/bench/",
    "tests/shots/",
    "tests/cli/test_cli_completion.py",
    "tests/cli/test_cli_no_room.py",
    "tests/cli/test_cli_processes.py",
    "tests/cli/test_cli_surroundings.py",
    "tests/cli/test_cli_task_environment.py",
)
"""Whole processes: run by `make test`, and here only when they are changed themselves."""
FEW = 12
"""What more test files than these import is a word of the whole house: `make test` runs them all."""


def affected(changed: Iterable[str], root: Path = ROOT) -> list[str]:
    """Return the paths of the tests of changed files, in order; those that are gone have none."""
    wanted = {ALWAYS} if (root / ALWAYS).exists() else set()
    for path in changed:
        wanted.update(_tests_of(path, root))
    inside = {path for path in wanted for other in wanted if path.startswith(f"{other}/")}
    return sorted(path for path in wanted - inside if (root / path).exists())


def changed_files(root: Path = ROOT) -> list[str]:
    """Return what differs from where this branch left main, untracked files among it."""
    base = _git(root, "merge-base", "HEAD", "main") or ["HEAD"]
    return [
        *_git(root, "diff", "--name-only", "--no-renames", base[0]),
        *_git(root, "ls-files", "--others", "--exclude-standard"),
    ]


def _tests_of(path: str, root: Path) -> set[str]:
    if path.endswith((".md", ".svg", ".png")) or path == "Makefile":
        return {PAGES}
    if path.startswith("tests/"):
        return _tests_of_test_code(path, root)
    if path.startswith(("core/", "console/", "themes/")):
        importers = _importers(_module(path), root)
        return importers if 0 < len(importers) <= FEW else _mirrors(path, root)
    return set()


def _tests_of_test_code(path: str, root: Path) -> set[str]:
    file = Path(path)
    if file.name.startswith("test_"):
        return {path}
    if file.name == "conftest.py" or file.suffix != ".py":
        # What all tests share is run with all of them only.
        return {str(file.parent)} if file.parent != Path("tests") else set()
    importers = _importers(_module(path), root)
    return importers if len(importers) <= FEW else set()


def _mirrors(path: str, root: Path) -> set[str]:
    """Return the tests that are called like a file, or else those of its room."""
    _, room, *rest = Path(path).with_suffix("").parts if path.startswith("core/") else ("", *Path(path).parts)
    folder = root / "tests" / room
    stem = Path(path).stem
    named = {str(test.relative_to(root)) for test in folder.glob(f"test_*{stem}*.py")}
    return named or (_room(f"tests/{room}", root) if rest and room != "console" else set())


def _room(room: str, root: Path) -> set[str]:
    """Return the folder of the tests of a room, or the quick ones among them."""
    if not any(slow.startswith(f"{room}/") for slow in SLOW):
        return {room}
    files = (str(file.relative_to(root)) for file in (root / room).rglob("test_*.py"))
    return {path for path in files if not path.startswith(SLOW)}


def _importers(module: str, root: Path) -> set[str]:
    """Return the test files that import a module, or support that does."""
    found: set[str] = set()
    ahead, seen = [module], {module}
    while ahead:
        name = ahead.pop()
        for path, imports in _imports(root).items():
            if name not in imports:
                continue
            if Path(path).name.startswith("test_"):
                found.add(path)
            elif (own := _module(path)) not in seen:
                seen.add(own)
                ahead.append(own)
    return {path for path in found if not path.startswith(SLOW)}


@cache
def _imports(root: Path) -> dict[str, frozenset[str]]:
    """Return for each file below tests the modules that it imports, names imported from them among these."""
    files = sorted((root / "tests").rglob("*.py"))
    return {
        str(file.relative_to(root)): frozenset(_imported(ast.parse(file.read_text(encoding="utf-8"))))
        for file in files
    }


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module(path: str) -> str:
    return ".".join(Path(path).with_suffix("").parts).removesuffix(".__init__")


def _git(root: Path, *arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else []


if __name__ == "__main__":
    sys.stdout.writelines(f"{path}\n" for path in affected(changed_files()))
