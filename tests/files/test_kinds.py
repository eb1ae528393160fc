"""Questions about paths that never raise, and no others in the program."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from core.files.kinds import exists, is_dir, is_file

_RAISE = {"exists", "is_file", "is_dir", "is_symlink", "is_socket", "is_fifo", "is_mount"}
"""Methods of a path that raise for a folder that may not be entered and for a long name."""


@pytest.mark.parametrize("ask", [exists, is_file, is_dir])
@pytest.mark.parametrize("name", ["x" * 300, "x/" * 5000, "a\0b", "\udcff", ""])
def test_a_name_that_no_file_can_have_is_none_of_it(tmp_path, ask, name):
    assert not ask(tmp_path / "gone" / name)


def test_what_is_there_is_told_apart(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    assert [exists(tmp_path / name) for name in ("", "file", "link")] == [True, True, False]
    assert [is_file(tmp_path / name) for name in ("", "file", "link")] == [False, True, False]
    assert [is_dir(tmp_path / name) for name in ("", "file", "link")] == [True, False, False]


def test_no_other_room_asks_in_a_way_that_raises():
    root = Path(__file__).resolve().parents[2]
    found = [
        f"{file.relative_to(root)}:{node.lineno}"
        for room in ("core", "console", "themes")
        for file in sorted((root / room).rglob("*.py"))
        if file.name != "kinds.py"
        # Few files have any of these words; to parse all of them takes seconds.
        and any(name in file.read_text() for name in _RAISE)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _RAISE
        # Those of `os.path` do not raise.
        if ast.unparse(node.func.value) != "os.path"
        # An entry that was just listed, which knows its kind.
        if "follow_symlinks" not in {one.arg for one in node.keywords}
    ]
    assert found == []
