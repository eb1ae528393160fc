"""One damaged row keeps itself alone from a place under a limit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.capacity import ChangeCapacity, SetLimit
from core.model.commands.work import Cancel
from core.store.verify import verify
from tests.store.test_store_child_places import KIDS, above, begin, configure, placed, taken, waiting
from tests.support.deck import Deck
from tests.support.factories import flat
from tests.support.recounts import findings

ABORT = "BEGIN SELECT RAISE(ABORT, 'injected'); END"


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.db.close()


@pytest.fixture
def children(deck: Deck) -> list[int]:
    """One child that has the place of the limit, three that wait for it."""
    configure(deck, KIDS)
    for number in range(4):
        deck.submit(flat(above(f"s{number}")))
    return begin(deck, "s0", "s1", "s2", "s3")


def refuse(deck: Deck, table: str, condition: str, of: str = "") -> None:
    deck.db.execute(f"CREATE TRIGGER refuse_{table}{of} BEFORE UPDATE ON {table} WHEN {condition} {ABORT}")


def make_room(deck: Deck, to: str) -> None:
    deck.do(ChangeCapacity(change=SetLimit(name="kids", to=to), actor="ann"))
    deck.settle()


def named(deck: Deck) -> list[int]:
    """Return the job of each fault in the history."""
    return [job for (job,) in deck.rows("SELECT job_id FROM event WHERE kind = 'fault.found' ORDER BY id")]


@pytest.mark.parametrize("damage", ["its row", "its task"])
def test_a_child_that_cannot_be_given_its_place_is_failed_and_the_next_gets_it(
    deck: Deck, children: list[int], damage: str
):
    first, bad, good, last = children
    if damage == "its row":
        refuse(deck, "job", f"new.id = {bad} AND new.place_set > 0")
    else:
        deck.db.execute("UPDATE task SET spec = '{' WHERE id = ?", (deck.id("s1"),))
    make_room(deck, "2")
    assert deck.report.failure is None
    assert (deck.job_status(bad), named(deck)) == ("failed", [bad])
    assert (placed(deck), waiting(deck), taken(deck)) == ([first, good], [last], {"": 2})
    assert "it cannot be given its place" in str(deck.value("SELECT reason FROM job WHERE id = ?", bad))
    codes = [one.code for one in verify(deck.db)]
    assert codes == (["store.unreadable"] if damage == "its task" else [])
    deck.claim()
    assert (deck.report.faults, deck.report.failure) == ([], None)


def test_those_that_end_with_a_child_at_fault_take_no_place(deck: Deck, children: list[int]):
    deck.submit(flat(above("t0"), above("t1")))
    family = begin(deck, "t0", "t1")
    refuse(deck, "job", f"new.id = {family[0]} AND new.place_set > 0")
    make_room(deck, "9")
    assert [deck.job_status(one) for one in family] == ["failed", "cancelled"]
    assert (placed(deck), taken(deck), verify(deck.db)) == (children, {"": 4}, ())


def test_a_child_that_cannot_even_be_failed_goes_on_without_a_place(deck: Deck, children: list[int]):
    first, bad, good, _ = children
    refuse(deck, "job", f"new.id = {bad} AND (new.place_set > 0 OR new.status = 'ending')")
    make_room(deck, "2")
    assert (placed(deck), bad in waiting(deck), named(deck)) == ([first, good], False, [bad])
    assert findings(deck.db) == ()
    assert bad in {one.job_id for one in deck.claim()}


def test_a_child_whose_row_takes_no_change_is_named_once_and_calls_for_no_group(
    deck: Deck, children: list[int]
):
    first, bad, *good = children
    refuse(deck, "job", f"new.id = {bad}")
    make_room(deck, "9")
    assert (placed(deck), waiting(deck)) == ([first, *good], [bad])
    assert {one.job_id for one in deck.claim()} == {first, *good}
    for _ in range(3):
        deck.claim()
        assert [fault.subject.job_id for fault in deck.report.faults] == [bad]
    assert named(deck) == [bad]
    assert not deck.report.claims_left, "groups would follow each other for ever"


def test_a_gauge_that_cannot_be_changed_fails_none_of_those_behind_it(deck: Deck, children: list[int]):
    refuse(deck, "gauge", "new.reserved > 1")
    make_room(deck, "3")
    assert (placed(deck), waiting(deck)) == (children[:1], children[1:])
    assert "no child gets a place: " in deck.report.faults[0].message
    assert named(deck) == []
    deck.db.execute("DROP TRIGGER refuse_gauge")
    deck.do(Cancel(job_id=children[3], actor="ann"))
    assert placed(deck) == children[:3]
