"""Only the moves write statuses; the sort key is spelled once."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.architecture.trees import children, sources, write_tree

MOVES = "core/store/apply/moves/"
WRITES_STATUS = re.compile(
    r"\bUPDATE\s+\w+\s(?:(?!\bWHERE\b|\bRETURNING\b|;).)*?(?:\bSET|,)\s*status\s*=",
    re.IGNORECASE | re.DOTALL,
)
SORT_KEY = re.compile(r"-\s*[\w.?]*priority\s*\*|priority\s*\*\s*[\w.?]*aging_step")
SPELLINGS = ["core/rules/lanes.py", "core/store/sql.py"]
"""The rule, and its fragment of SQL; a test holds the one to the other."""


def status_writes(root: Path) -> list[str]:
    return [
        f"{source.path}:{line}"
        for source in sources(root, "core")
        if not source.path.startswith((MOVES, "core/store/migrations/"))
        for line, text in _texts(source.tree)
        if WRITES_STATUS.search(text)
    ]


def sort_keys(root: Path) -> list[str]:
    found = [
        source.path
        for source in sources(root, "core")
        for line in source.text.splitlines()
        if SORT_KEY.search(line)
    ]
    return sorted(found)


def _texts(tree: ast.AST) -> list[tuple[int, str]]:
    """Return the texts of a file, those joined by `+` or in f-strings as one, without nested parts."""
    texts: list[tuple[int, str]] = []
    open_nodes = [tree]
    while open_nodes:
        node = open_nodes.pop()
        text = _text(node)
        if text:
            texts.append((getattr(node, "lineno", 0), text))
        else:
            open_nodes.extend(children(node))
    return sorted(texts)


def _text(node: ast.AST) -> str:
    match node:
        case ast.Constant(value=str(value)):
            return value
        case ast.JoinedStr(values=values):
            return "".join(_text(value) or "x" for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, two = _text(left), _text(right)
            # A part that is no literal may stand anywhere in the text.
            return f"{one or 'x'}{two or 'x'}" if one or two else ""
        case _:
            return ""


def test_only_moves_write_a_status(checkout: Path) -> None:
    assert status_writes(checkout) == []


def test_the_sort_key_is_spelled_once_as_a_rule_and_once_as_sql(checkout: Path) -> None:
    assert sort_keys(checkout) == SPELLINGS


def test_the_checks_see_what_they_refuse(tmp_path: Path) -> None:
    write_tree(
        tmp_path,
        {
            "core/store/apply/moves/tasks.py": 'X = "UPDATE task SET status = 1"\n',
            "core/store/fine.py": "A = \"UPDATE task SET stop_at = ? WHERE status = 'running'\"\n"
            "B = f\"UPDATE task SET {A} WHERE id = 1 RETURNING status = 'x'\"\n"
            'C = "SELECT 1 FROM t WHERE status = 2"\n',
            "core/store/one.py": 'A = "UPDATE task SET status = ?"\n',
            "core/store/two.py": 'x = 1\nA = f"UPDATE {x} SET started_at = {x}," f" status = {x} WHERE 1"\n',
            "core/store/three.py": 'x = "a"\nA = "UPDATE task SET " + x + ", status=?"\n',
            "core/store/four.py": "A = batch.now - plan.priority * step\nB = '? - priority * ?'\n",
        },
    )
    assert status_writes(tmp_path) == ["core/store/one.py:1", "core/store/three.py:2", "core/store/two.py:2"]
    assert sort_keys(tmp_path) == ["core/store/four.py", "core/store/four.py"]
