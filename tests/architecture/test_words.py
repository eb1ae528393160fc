"""Rules read off the text: docstrings, broad catches, sleeps, late imports."""

from __future__ import annotations

import ast
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

from tests.architecture.trees import Function, Source, imported, sources, write_tree

# Foreign code and the top of a process may fail in any way; all others catch what they expect.
BROAD_CATCHES = (
    "console/shell/error_boundary.py",
    "console/launch.py",
    "core/engine/attempts/runner.py",
    "core/engine/judgements/conditions.py",
    "core/engine/looks/poll_looks.py",
    "core/store/journal.py",
    "core/store/transaction.py",
    "core/store/apply/containment.py",
    "core/engine/service*.py",
    "core/executors/pychild/main.py",
)
# Each pays for a heavy import only when it is needed; the reason stands above the line.
LATE_IMPORTS = (
    "console/launch.py",
    "core/app/attach.py",
    "core/app/store_upgrade.py",
    "core/app/reading/lasting_control.py",
    "core/app/options.py",
    "core/app/hosting/engine_start.py",
    "core/app/reading/store.py",
    "core/cli/reading.py",
    "core/filters/patterns.py",
    "core/model/near_misses.py",
)
LATE_IMPORTS_AT_MOST = 12

FIRST_LINE_WORDS = 12

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_IMPORTS_BELOW = re.compile(r"^[ \t]+(?:import|from)\b|[:;][ \t]*(?:import|from)\b", re.MULTILINE)
"""What a file without imports inside functions has not; looking for it takes less than walking the file."""
_FILLERS = (
    "a an the of this that its it to for in on as is are and or with by from return returns what give all"
)


def ports_without_docstring(root: Path) -> list[str]:
    """Return the public methods of protocols that do not say what they promise."""
    return [
        f"{source.path}: {port.name}.{method.name}"
        for source in sources(root, "core", "console")
        for port in source.nodes
        if isinstance(port, ast.ClassDef) and _is_public_port(port)
        for method in port.body
        if isinstance(method, Function) and not method.name.startswith("_") and not ast.get_docstring(method)
    ]


def _is_public_port(node: ast.ClassDef) -> bool:
    bases = [ast.unparse(base) for base in node.bases]
    return not node.name.startswith("_") and any(base.startswith("Protocol") for base in bases)


def wordy_modules(root: Path) -> list[str]:
    return [
        f"{source.path}: {count} words"
        for source in sources(root, "core", "console", "themes", "tests")
        if (count := len(_first_line(source.tree).split())) > FIRST_LINE_WORDS
    ]


def docstrings_that_repeat_a_name(root: Path) -> list[str]:
    """Return the functions whose docstring has no word that their names and types do not have."""
    return [
        f"{source.path}:{function.lineno} {function.name}"
        for source in sources(root, "core", "console", "themes", "tests")
        for function in source.functions()
        if (text := ast.get_docstring(function))
        and _stems(text) - _stems(_FILLERS) <= _stems(_signature(function))
    ]


def _first_line(module: ast.Module) -> str:
    return (ast.get_docstring(module) or "").partition("\n")[0]


def _signature(function: Function) -> str:
    arguments = [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]
    result = ast.unparse(function.returns) if function.returns else ""
    return " ".join([function.name, *arguments, result])


def _stems(text: str) -> set[str]:
    return {re.sub(r"(?<=...)(?:ing|ed|es|s|e)$", "", word.lower()) for word in _PARTS.findall(text)}


def broad_catches(root: Path) -> list[str]:
    return [
        f"{source.path}:{node.lineno}"
        for source in sources(root, "core", "console")
        if not _listed(source, BROAD_CATCHES)
        for node in source.nodes
        if isinstance(node, ast.ExceptHandler) and _is_broad(node)
    ]


def late_imports(root: Path) -> list[str]:
    return [text for source in sources(root, "core", "console") for text in _late(source).values()]


def unexplained_late_imports(root: Path) -> list[str]:
    return [
        text
        for source in sources(root, "core", "console")
        for line, text in _late(source).items()
        if not (_listed(source, LATE_IMPORTS) and _has_reason(source, line))
    ]


def _late(source: Source) -> dict[int, str]:
    """Return the imports inside functions by their line."""
    if not _IMPORTS_BELOW.search(source.text):
        return {}
    return {
        line: f"{source.path}:{line} {module}"
        for line, module in sorted({found for node in source.functions() for found in imported(node)})
    }


def sleeps(root: Path) -> list[str]:
    return [
        f"{source.path}:{node.lineno}"
        for source in sources(root, "tests")
        # Support offers waiting on conditions; benches measure, also while nothing happens.
        if not source.path.startswith(("tests/support/", "tests/bench/"))
        for node in source.nodes
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
        return any(module in ("time", "asyncio") for _, module in source.imports())
    return name in ("time.sleep", "asyncio.sleep")


# That modules and public classes have docstrings is checked by ruff.
def test_every_method_of_a_port_says_what_it_promises(checkout: Path) -> None:
    assert ports_without_docstring(checkout) == []


def test_a_module_says_what_it_holds_in_a_few_words(checkout: Path) -> None:
    assert wordy_modules(checkout) == []


def test_no_docstring_merely_repeats_a_name(checkout: Path) -> None:
    assert docstrings_that_repeat_a_name(checkout) == []


def test_only_the_listed_files_catch_everything(checkout: Path) -> None:
    assert broad_catches(checkout) == []


def test_late_imports_are_listed_and_say_why(checkout: Path) -> None:
    assert unexplained_late_imports(checkout) == []


def test_late_imports_are_few(checkout: Path) -> None:
    late = late_imports(checkout)
    assert len(late) <= LATE_IMPORTS_AT_MOST, late


def test_tests_never_sleep(checkout: Path) -> None:
    assert sleeps(checkout) == []


def test_no_room_is_named_like_the_standard_library(checkout: Path) -> None:
    assert names_of_the_standard_library(checkout) == []


def test_the_checks_see_bad_words(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "core/ports.py": '"""One two three four five six seven eight nine ten eleven twelve 13."""\n'
            "class Port(Protocol):\n    def method(self): ...\n    def _own(self): ...\n"
            "class Plain:\n    def method(self): ...\n",
            "core/names.py": '"""Name things."""\n'
            'def end_all(jobs) -> None:\n    """End all of the jobs."""\n'
            'def end(jobs) -> None:\n    """End the jobs within a minute."""\n',
            "core/app.py": '"""App."""\ntry: ...\nexcept (ValueError, Exception): ...\n',
            "core/engine/attempts/runner.py": '"""Run."""\ntry: ...\nexcept Exception: ...\n',
            "core/random.py": '"""Draw."""\ntry: ...\nexcept BaseException:\n    raise\n',
            "console/launch.py": "def bad():\n    import json\n\n"
            "def good():\n    # Costs 50 ms.\n    import ssl\n    import abc\n",
            "core/app/options.py": '"""Log."""\n'
            "def _good():\n    import json  # Costs.\n\n    import ssl\n"
            "def _bad():\n    import json\n\n    import ssl\n",
            "console/feed.py": "def bad():\n    # Costs 50 ms.\n    import json\n",
            "tests/test_x.py": "import time\nfrom asyncio import sleep\ntime.sleep(1)\nsleep(1)\n",
            "tests/support/waiting.py": "import time\ntime.sleep(1)\n",
        },
    )
    assert ports_without_docstring(tmp_path) == ["core/ports.py: Port.method"]
    assert wordy_modules(tmp_path) == ["core/ports.py: 13 words"]
    assert docstrings_that_repeat_a_name(tmp_path) == ["core/names.py:2 end_all"]
    assert broad_catches(tmp_path) == ["core/app.py:3"]
    assert unexplained_late_imports(tmp_path) == [
        "console/feed.py:3 json",
        "console/launch.py:2 json",
        "core/app/options.py:7 json",
        "core/app/options.py:9 ssl",
    ]
    assert sleeps(tmp_path) == ["tests/test_x.py:3", "tests/test_x.py:4"]
    assert names_of_the_standard_library(tmp_path) == ["core/random.py"]
