"""The diagrams say what the table says, in the README too."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from core.model.status import TASK_MOVES
from tests.pages.state_diagram import Stateful, replace_between_markers, state_diagram


def test_every_task_move_is_an_arrow() -> None:
    drawn: set[tuple[str, str, str]] = set()
    for line in state_diagram("task").splitlines():
        ends, _, names = line.strip().partition(": ")
        source, _, target = ends.partition(" --> ")
        drawn |= {(source, target, name) for name in names.split(", ") if name}
    assert drawn == {(source, move.target, move.name) for move in TASK_MOVES for source in move.sources}


def test_a_diagram_begins_at_birth_and_ends_at_final_statuses() -> None:
    lines = state_diagram("job").splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> pending"]
    assert lines[-3:] == ["    cancelled --> [*]", "    failed --> [*]", "    succeeded --> [*]"]
    assert "    running --> queued: bounce, interrupt" in state_diagram("task").splitlines()


@pytest.mark.parametrize("noun", get_args(Stateful))
def test_text_between_markers_is_drawn_anew(noun: Stateful) -> None:
    begin, end = f"<!-- state-diagram:{noun} -->\n", "<!-- /state-diagram -->"
    drawn = replace_between_markers(f"before\n{begin}old\n{end}\nafter\n")
    assert drawn == f"before\n{begin}```mermaid\n{state_diagram(noun)}```\n{end}\nafter\n"
    assert replace_between_markers(drawn) == drawn


def test_text_without_markers_stays() -> None:
    text = "# a\n<!-- state-diagram:planet -->\nx\n<!-- /state-diagram -->\n"
    assert replace_between_markers(text) == text


def test_two_diagrams_do_not_swallow_what_stands_between() -> None:
    text = "".join(
        f"<!-- state-diagram:{noun} -->\n<!-- /state-diagram -->\nkept {noun}\n" for noun in ("job", "task")
    )
    drawn = replace_between_markers(text)
    assert "kept job\n<!-- state-diagram:task -->" in drawn
    assert drawn.endswith("kept task\n")


def test_the_readme_shows_the_table_as_it_is(checkout: Path) -> None:
    readme = checkout / "README.md"
    if not readme.exists():
        pytest.skip("no README yet")
    text = readme.read_text(encoding="utf-8")
    assert text == replace_between_markers(text), "write replace_between_markers(text) back to README.md"
