"""The diagrams say what the table of moves says."""

from __future__ import annotations

from core.model.status import TASK_MOVES
from tests.pages.state_diagram import state_diagram


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
