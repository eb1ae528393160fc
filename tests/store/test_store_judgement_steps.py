"""What judging costs where many children wait for their places."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.limits import Configure
from core.model.limits.limits import Limit, LimitKind, LimitRef
from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import BeginChild, Decide, Expand, Proceed
from core.store.apply.children import child_places
from core.store.reports.conditions import _WAITING
from core.store.reports.repairs import _QUIET
from core.store.sql import ids
from tests.support.deck import Deck
from tests.support.factories import flat, task
from tests.support.recounts import findings
from tests.support.steps import counted_sql

FEW, MANY = 60, 240
ALLOWED = 1.1
"""So many times what it costs among few; the trees of SQLite are a level higher among many."""
KIDS = Limit(name="kids", kind=LimitKind.CONCURRENCY, max=1)
GROUP = ForEach(over="x", max_parallel=2, judges_each=True)


def waiting_children(path: Path, number: int) -> Deck:
    """Return a store with one child that has its place, so many that wait for it, and a group of six.

    Each child has a task with a `when`; two instances of the group are judged.
    """
    deck = Deck(path)
    deck.do(Configure(limits=(KIDS,)))
    deck.settle()
    keys = [f"s{n}" for n in range(number + 1)]
    more = {"uses": "workflow", "waits": True, "when": "x", "limits": (LimitRef(name="kids"),)}
    deck.submit(flat(*(task(key, **more) for key in keys)))
    inner = flat(task("a", when="x"), name="inner")
    deck.do(*(Decide(task_id=deck.id(key), verdict=BeginChild(plan=inner)) for key in keys))
    deck.submit(flat(task("each", when="x", for_each=GROUP)))
    deck.do(Decide(task_id=deck.id("each"), verdict=Expand(items=[*range(6)])))
    deck.settle()
    return deck


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Deck, Deck]]:
    monkeypatch.setattr(child_places, "AT_ONCE", 8)
    made = waiting_children(tmp_path / "few.db", FEW), waiting_children(tmp_path / "many.db", MANY)
    yield made
    for deck in made:
        deck.settle()
        assert findings(deck.db) == ()
        deck.db.close()


def judged_and_ended(deck: Deck, task_id: int) -> None:
    """Judge a task, run it and end it; read what its end names."""
    deck.do(Decide(task_id=task_id, verdict=Proceed()))
    (claimed,) = deck.claim()
    deck.end(claimed.task_id)
    named = [one for report in deck.reports[-3:] for one in report.conditions]
    # What an engine reads of it.
    (row,) = deck.db.execute(str(_WAITING), {"ids": ids(named)}).fetchall()
    assert row[0] in named


def costs(stores: tuple[Deck, Deck], key: str) -> tuple[int, int]:
    found = []
    for deck in stores:
        (task_id, *_) = [one for (one,) in deck.rows("SELECT id FROM task WHERE key = ? ORDER BY id", key)]
        with counted_sql(deck.db, every=10) as count:
            judged_and_ended(deck, task_id)
        found.append(count.number)
    few, many = found
    return few, many


def test_a_child_takes_its_place_and_is_judged_at_the_same_cost_among_many_that_wait(
    stores: tuple[Deck, Deck],
) -> None:
    few, many = costs(stores, "a")
    assert many <= ALLOWED * few


def test_the_next_instance_of_a_group_begins_at_the_same_cost_among_many_conditions(
    stores: tuple[Deck, Deck],
) -> None:
    few, many = costs(stores, "each[0]")
    assert many <= ALLOWED * few


def test_the_sweep_of_the_janitor_costs_in_proportion_to_the_children_that_wait(
    stores: tuple[Deck, Deck],
) -> None:
    found = []
    for deck in stores:
        with counted_sql(deck.db, every=10) as count:
            assert deck.rows(_QUIET) == []
        found.append(count.number)
    few, many = found
    assert many <= ALLOWED * few * MANY / FEW
