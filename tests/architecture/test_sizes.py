"""The sizes of every file, function and signature of core and console."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.architecture.trees import Function, sources, write_tree

FILE_LINES = 450
FUNCTION_LINES = 60
PARAMETERS = 5
POSITIONAL = 4


def oversized_files(root: Path) -> list[str]:
    return [
        f"{source.path}: {lines} lines"
        for source in sources(root, "core", "console")
        if (lines := source.text.count("\n")) > FILE_LINES
    ]


def oversized_functions(root: Path) -> list[str]:
    return [
        f"{source.path}:{function.lineno} {function.name}: {lines} lines"
        for source in sources(root, "core", "console")
        for function in source.functions()
        if (lines := (function.end_lineno or function.lineno) - function.lineno + 1) > FUNCTION_LINES
    ]


def crowded_signatures(root: Path) -> list[str]:
    return [
        f"{source.path}:{function.lineno} {function.name}: {fault}"
        for source in sources(root, "core", "console")
        for function in source.functions()
        if (fault := _signature_fault(function))
    ]


def _signature_fault(function: Function) -> str:
    positional = [*function.args.posonlyargs, *function.args.args]
    if positional and positional[0].arg in ("self", "cls"):
        positional = positional[1:]
    total = len(positional) + len(function.args.kwonlyargs)
    if total > PARAMETERS:
        return f"{total} parameters"
    # Python itself fixes the signatures of its protocols, __exit__ with three for one.
    is_protocol = function.name.startswith("__") and function.name not in ("__init__", "__call__")
    if len(positional) > POSITIONAL and not is_protocol and not _is_override(function):
        return f"{len(positional)} positional parameters"
    return ""


def _is_override(function: Function) -> bool:
    return any(ast.unparse(decorator).endswith("override") for decorator in function.decorator_list)


def test_no_file_is_longer_than_a_reader_can_hold(checkout: Path) -> None:
    assert oversized_files(checkout) == []


def test_no_function_is_longer_than_a_screen(checkout: Path) -> None:
    assert oversized_functions(checkout) == []


def test_signatures_are_short_and_keyword_only_after_two(checkout: Path) -> None:
    assert crowded_signatures(checkout) == []


def test_the_checks_see_what_is_too_big(tmp_path: Path) -> None:
    body = "    x = 1\n" * FUNCTION_LINES
    write_tree(
        tmp_path,
        {
            "core/long.py": "x = 1\n" * (FILE_LINES + 1),
            "core/tall.py": f"def tall():\n{body}",
            "console/wide.py": "def six(a, b, *, c, d, e, f): ...\ndef five(a, b, c, d, e): ...\n"
            "class Fine:\n    def two(self, a, b, *, c): ...\n    def __exit__(self, a, b, c): ...\n",
        },
    )
    assert oversized_files(tmp_path) == ["core/long.py: 451 lines"]
    assert oversized_functions(tmp_path) == ["core/tall.py:1 tall: 61 lines"]
    assert crowded_signatures(tmp_path) == [
        "console/wide.py:1 six: 6 parameters",
        "console/wide.py:2 five: 5 positional parameters",
    ]
