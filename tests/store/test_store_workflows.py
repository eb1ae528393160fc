"""Registered workflows in the store: versions, one current, told by events."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.forgetting import BeginForgetting, Forget
from core.model.commands.workflows import AddWorkflow, RemoveWorkflow, WorkflowAdded, WorkflowRemoved
from core.model.errors import NotFound
from core.model.retention import Forgettable
from core.store.forgettable import FIND
from tests.store.deck import Deck
from tests.support.recounts import findings


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


def add(content: str, name: str = "w") -> AddWorkflow:
    return AddWorkflow(
        name=name, hash=f"h-{content}", text=content, source="/w.yaml", folder="/", actor="ann"
    )


def versions(deck: Deck) -> list[tuple[str, int, str, int]]:
    return deck.db.execute("SELECT name, number, hash, is_current FROM workflow ORDER BY 1, 2").fetchall()


def told(deck: Deck) -> list[str]:
    return [kind for (kind,) in deck.db.execute("SELECT kind FROM event WHERE kind GLOB 'workflow.*'")]


def test_the_newest_content_is_current_and_the_same_content_changes_nothing(deck: Deck) -> None:
    answers = deck.do(add("a"), add("a"), add("b"))
    assert [(one.number, one.changed) for one in answers if isinstance(one, WorkflowAdded)] == [
        (1, True),
        (1, False),
        (2, True),
    ]
    assert versions(deck) == [("w", 1, "h-a", 0), ("w", 2, "h-b", 1)]
    assert told(deck) == ["workflow.added"] * 2


def test_an_older_content_is_its_version_once_more(deck: Deck) -> None:
    deck.do(add("a"), add("b"), add("a"), add("c"))
    assert versions(deck) == [("w", 1, "h-a", 0), ("w", 2, "h-b", 0), ("w", 3, "h-c", 1)]
    assert told(deck) == ["workflow.added"] * 4


def test_a_removed_name_goes_with_its_versions_and_can_come_again(deck: Deck) -> None:
    answers = deck.do(add("a"), add("b"), add("a", "v"), RemoveWorkflow(name="w", actor="ann"))
    assert answers[-1] == WorkflowRemoved(name="w", versions=2)
    with pytest.raises(NotFound, match="no workflow is registered as `w`"):
        deck.do(RemoveWorkflow(name="w", actor="ann"))
    assert versions(deck) == [("v", 1, "h-a", 1)]
    deck.do(add("b"))
    assert versions(deck) == [("v", 1, "h-a", 1), ("w", 1, "h-b", 1)]


def test_of_forgotten_events_the_newest_of_each_name_stays(deck: Deck) -> None:
    deck.do(add("a"), add("a", "v"), add("b"), RemoveWorkflow(name="v", actor="ann"))
    limit = deck.now + 1
    found = [row[0] for row in deck.db.execute(FIND[Forgettable.EVENTS], (limit, deck.now))]
    (event,) = deck.do(BeginForgetting(before=limit))
    assert isinstance(event, int)
    deck.do(Forget(what=Forgettable.EVENTS, refs=tuple(found), before=limit, event=event))
    left = deck.db.execute("SELECT kind, data->>'$.name' FROM event WHERE kind GLOB 'workflow.*' ORDER BY id")
    assert left.fetchall() == [("workflow.added", "w"), ("workflow.removed", "v")]
