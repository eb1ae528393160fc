"""Hold the house rules that are read off the text: docstrings, broad catches, sleeps, late imports."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from tests.architecture.trees import Function, Source, imported, sources, write_tree

# Foreign code and the top of a process may fail in any way; everybody else catches what they expect.
BROAD_CATCHES = (
    "console/boundary.py",
    "console/launch.py",
    "core/engine/runner.py",
    "core/store/transaction.py",
    "core/engine/service*.py",
    "core/executors/pychild/main.py",
)
# Each pays for a heavy import only when it is needed; the reason stands above the line.
LATE_IMPORTS = (
    "console/launch.py",
    "core/__init__.py",
    "core/app/bridge.py",
    "core/app/joining.py",
    "core/app/options.py",
    "core/cli/main.py",
    "core/control/server.py",
    "core/logs.py",
    "core/store/database.py",
    "core/workflows/expressions/cel.py",
)


def names_without_docstring(root: Path) -> list[str]:
    return [
        f"{source.path}: {name}"
        for source in sources(root, "core")
        for name, node in _public(source.tree, Path(source.path).stem)
        if not ast.get_docstring(node)
    ]


def broad_catches(root: Path) -> list[str]:
    return [
        f"{source.path}:{node.lineno}"
        for source in sources(root, "core", "console")
        if not _listed(source, BROAD_CATCHES)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node)
    ]


def late_imports(root: Path) -> list[str]:
    return [
        f"{source.path}:{line} {module}"
        for source in sources(root, "core", "console")
        for line, module in sorted({found for node in source.functions() for found in imported(node)})
        if not (_listed(source, LATE_IMPORTS) and _has_reason(source, line))
    ]


def sleeps(root: Path) -> list[str]:
    return [
        f"{source.path}:{node.lineno}"
        for source in sources(root, "tests")
        # Support offers waiting on conditions; benches measure, also while nothing happens.
        if not source.path.startswith(("tests/support/", "tests/bench/"))
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and _is_sleep(node, source)
    ]


def names_of_the_standard_library(root: Path) -> list[str]:
    tops = [root / "core", root / "console", root / "themes"]
    children = [child for top in tops for child in top.glob("*") if child.is_dir() or child.suffix == ".py"]
    return sorted(
        path.relative_to(root).as_posix()
        for path in [*tops, *children]
        if path.stem in sys.stdlib_module_names and not path.name.startswith("__")
    )


def _public(
    node: ast.Module | ast.ClassDef, name: str
) -> Iterator[tuple[str, ast.Module | ast.ClassDef | Function]]:
    yield name, node
    for child in node.body:
        if not isinstance(child, ast.ClassDef | Function) or child.name.startswith("_"):
            continue
        if isinstance(child, ast.ClassDef):
            yield from _public(child, child.name)
        elif not any(
            ast.unparse(mark).endswith(("overload", ".setter", "override")) for mark in child.decorator_list
        ):
            yield child.name, child


def _listed(source: Source, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(source.path, pattern) for pattern in patterns)


def _is_broad(handler: ast.ExceptHandler) -> bool:
    # A handler that cleans up and raises on hides nothing.
    last = handler.body[-1]
    if isinstance(last, ast.Raise) and last.exc is None:
        return False
    caught = {ast.unparse(node) for node in ast.walk(handler.type)} if handler.type else {"BaseException"}
    return bool(caught & {"Exception", "BaseException"})


def _has_reason(source: Source, line: int) -> bool:
    # One reason serves a block of imports: above it, or behind its first line.
    lines = source.text.splitlines()
    first = at = line - 1
    while at > 0 and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith(("import ", "from "))):
        at -= 1
        first = at if lines[at].strip() else first
    return "  # " in lines[first] or lines[first - 1].lstrip().startswith("# ")


def _is_sleep(call: ast.Call, source: Source) -> bool:
    name = ast.unparse(call.func)
    if name == "sleep":
        return any(module in ("time", "asyncio") for _, module in imported(source.tree))
    return name in ("time.sleep", "asyncio.sleep")


def test_every_public_name_of_core_has_a_docstring(checkout: Path) -> None:
    assert names_without_docstring(checkout) == []


def test_only_the_listed_files_catch_everything(checkout: Path) -> None:
    assert broad_catches(checkout) == []


def test_late_imports_are_listed_and_say_why(checkout: Path) -> None:
    assert late_imports(checkout) == []


def test_tests_never_sleep(checkout: Path) -> None:
    assert sleeps(checkout) == []


def test_no_room_is_named_like_the_standard_library(checkout: Path) -> None:
    assert names_of_the_standard_library(checkout) == []


def test_the_checks_see_bad_words(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "core/bare.py": "class Bare:\n    def method(self): ...\n",
            "core/app.py": '"""App."""\ntry: ...\nexcept (ValueError, Exception): ...\n',
            "core/engine/runner.py": '"""Run."""\ntry: ...\nexcept Exception: ...\n',
            "core/random.py": '"""Draw."""\ntry: ...\nexcept BaseException:\n    raise\n',
            "console/launch.py": "def bad():\n    import json\n\n"
            "def good():\n    # Costs 50 ms.\n    import ssl\n    import abc\n",
            "core/store/database.py": '"""Open."""\n'
            "def _good():\n    import json  # Costs.\n\n    import ssl\n"
            "def _bad():\n    import json\n\n    import ssl\n",
            "console/feed.py": "def bad():\n    # Costs 50 ms.\n    import json\n",
            "tests/test_x.py": "import time\nfrom asyncio import sleep\ntime.sleep(1)\nsleep(1)\n",
            "tests/support/waiting.py": "import time\ntime.sleep(1)\n",
        },
    )
    assert names_without_docstring(tmp_path) == [
        "core/bare.py: bare",
        "core/bare.py: Bare",
        "core/bare.py: method",
    ]
    assert broad_catches(tmp_path) == ["core/app.py:3"]
    assert late_imports(tmp_path) == [
        "console/feed.py:3 json",
        "console/launch.py:2 json",
        "core/store/database.py:7 json",
        "core/store/database.py:9 ssl",
    ]
    assert sleeps(tmp_path) == ["tests/test_x.py:3", "tests/test_x.py:4"]
    assert names_of_the_standard_library(tmp_path) == ["core/random.py"]
