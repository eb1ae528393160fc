"""The error tree: codes, statuses, exits, wire forms."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

import core.model.errors as module
from core.model.errors import (
    Bug,
    Conflict,
    Fault,
    Forbidden,
    HandoffFailed,
    Invalid,
    InvalidDocument,
    MachineShort,
    NotFound,
    TaskdeckError,
    Unavailable,
)

TREE: list[tuple[type[TaskdeckError], type[Exception], int, int]] = [
    (TaskdeckError, Exception, 500, 4),
    (Invalid, TaskdeckError, 400, 2),
    (InvalidDocument, Invalid, 400, 2),
    (Forbidden, TaskdeckError, 403, 5),
    (NotFound, TaskdeckError, 404, 2),
    (Conflict, TaskdeckError, 409, 2),
    (Unavailable, TaskdeckError, 503, 4),
    (HandoffFailed, Unavailable, 503, 4),
    (MachineShort, Unavailable, 503, 4),
    (Bug, TaskdeckError, 500, 4),
]


def family(root: type[TaskdeckError]) -> Iterator[type[TaskdeckError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == module.__name__:
            yield from family(child)


@pytest.mark.parametrize(("kind", "parent", "status", "exit_code"), TREE)
def test_each_error_has_its_place_status_and_exit(
    kind: type[TaskdeckError], parent: type[Exception], status: int, exit_code: int
) -> None:
    assert kind.__bases__ == (parent,)
    assert (kind.status, kind.exit_code) == (status, exit_code)


def test_the_tree_drawn_at_the_top_is_the_tree() -> None:
    assert set(family(TaskdeckError)) == {kind for kind, *_ in TREE}
    lines = [line for line in (module.__doc__ or "").splitlines() if re.search(r" [45]\d\d ", line)]
    drawn = {line.strip(" |-`").split()[0]: line.split() for line in lines}
    assert set(drawn) == {kind.__name__ for kind, *_ in TREE}
    for kind, _, status, exit_code in TREE:
        words = drawn[kind.__name__]
        assert str(status) in words
        assert "exit" not in words or words[-1] == str(exit_code)


def test_an_error_tells_code_sentence_hint_and_facts() -> None:
    error = NotFound("task.unknown", "task 7 does not exist", hint="see 'taskdeck tasks'", facts={"task": 7})
    assert str(error) == "task 7 does not exist"
    assert json.loads(json.dumps(error.to_json())) == {
        "code": "task.unknown",
        "message": "task 7 does not exist",
        "hint": "see 'taskdeck tasks'",
        "facts": {"task": 7},
    }


def test_an_error_without_facts_has_none_of_its_own() -> None:
    first, second = Conflict("a.b", "x"), Conflict("a.b", "x")
    assert first.to_json() == {"code": "a.b", "message": "x", "hint": "", "facts": {}}
    assert first.facts is not second.facts


def test_a_document_with_one_fault_carries_its_code() -> None:
    fault = Fault(
        code="document.key", message="`neeeds`; did you mean `needs`?", line=4, column=7, path="tasks[0]"
    )
    error = InvalidDocument("flow.yaml", [fault])
    assert (error.code, error.message) == ("document.key", "flow.yaml: `neeeds`; did you mean `needs`?")
    assert error.to_json()["facts"] == {"source": "flow.yaml", "faults": [fault.to_json()]}
    assert fault.to_json() == {
        "code": "document.key",
        "message": "`neeeds`; did you mean `needs`?",
        "line": 4,
        "column": 7,
        "path": "tasks[0]",
    }


def test_a_document_with_many_faults_keeps_them_in_order() -> None:
    faults = [Fault(code=f"document.{name}", message=name, line=line) for line, name in enumerate("abc", 1)]
    error = InvalidDocument("flow.yaml", faults)
    assert (error.code, error.message) == ("document.invalid", "flow.yaml: 3 faults")
    assert error.faults == tuple(faults)
