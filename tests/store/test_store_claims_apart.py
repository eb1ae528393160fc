"""One damaged row keeps itself alone from being claimed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.deck import Deck, raw_rows, stage, task
from tests.support.recounts import findings

ABORT = "BEGIN SELECT RAISE(ABORT, 'injected'); END"


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


@pytest.fixture
def work(deck: Deck) -> tuple[int, int]:
    """Three loose tasks, and two jobs of two tasks each; nothing is claimed yet."""
    deck.loose(task("x"), task("y"), task("z"))
    return deck.job(stage(task("a"), task("b"))), deck.job(stage(task("a"), task("b")))


def refuse(deck: Deck, table: str, condition: str) -> None:
    deck.db.execute(f"CREATE TRIGGER refuse BEFORE UPDATE ON {table} WHEN {condition} {ABORT}")


def running(deck: Deck) -> set[int]:
    return {number for (number,) in raw_rows(deck.db, "SELECT id FROM task WHERE status = 'running'")}


def tasks_of(deck: Deck, job: int) -> set[int]:
    return {number for (number,) in raw_rows(deck.db, "SELECT id FROM task WHERE job_id = ?", job)}


def faults(deck: Deck) -> list[tuple[int | None, int | None]]:
    """Return job and task of each fault in the history."""
    return raw_rows(deck.db, "SELECT job_id, task_id FROM event WHERE kind = 'fault.found' ORDER BY id")


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("bad", [1, 2, 3, 5])
def test_a_task_that_cannot_be_claimed_is_held_and_named_and_the_others_run(deck: Deck, bad: int) -> None:
    refuse(deck, "task", f"new.id = {bad} AND new.status = 'running'")
    deck.claim()
    assert running(deck) == set(range(1, 8)) - {bad}
    ((status, reason),) = raw_rows(deck.db, "SELECT status, status_reason FROM task WHERE id = ?", bad)
    assert (status, reason) == ("held", "it cannot be claimed: IntegrityError: injected")
    assert [fault.subject.task_id for fault in deck.report.faults] == [bad]
    assert [found[1] for found in faults(deck)] == [bad]
    deck.claim()
    assert deck.report.faults == []
    assert findings(deck.db) == ()


@pytest.mark.usefixtures("work")
def test_a_task_that_cannot_even_be_held_is_named_once_in_the_history(deck: Deck) -> None:
    refuse(deck, "task", "new.id = 2")
    for _ in range(3):
        deck.claim()
        assert [fault.subject.task_id for fault in deck.report.faults] == [2]
        deck.loose(task("more"))
    deck.claim()
    assert faults(deck) == [(1, 2)]
    assert running(deck) == set(range(1, 11)) - {2}
    deck.claim()
    assert not deck.report.claims_left, "groups would follow each other for ever"


@pytest.mark.parametrize("damage", ["a row that cannot be changed", "no number"])
def test_a_job_whose_row_is_damaged_fails_or_is_set_aside_alone(
    deck: Deck, work: tuple[int, int], damage: str
) -> None:
    bad, good = work
    if damage == "no number":
        deck.change("UPDATE job SET vtime = 'x' WHERE id = ?", bad)
    else:
        refuse(deck, "job", f"new.id = {bad} AND new.vtime != old.vtime")
    deck.claim()
    assert running(deck) == {1, 2, 3} | tasks_of(deck, good)
    ((status, reason),) = raw_rows(deck.db, "SELECT status, reason FROM job WHERE id = ?", bad)
    assert status == "failed"
    assert reason.startswith("its tasks cannot be claimed: ")
    assert faults(deck) == [(bad, None)]
    deck.claim()
    assert deck.report.faults == []


def test_a_job_that_cannot_even_be_failed_is_named_once(deck: Deck, work: tuple[int, int]) -> None:
    bad, good = work
    refuse(deck, "job", f"new.id = {bad}")
    for _ in range(3):
        deck.claim()
        assert [fault.subject.job_id for fault in deck.report.faults] == [bad]
    assert running(deck) == {1, 2, 3} | tasks_of(deck, good)
    assert faults(deck) == [(bad, None)]


def test_a_lane_that_cannot_be_changed_keeps_back_its_own_tasks(deck: Deck, work: tuple[int, int]) -> None:
    bad, good = work
    refuse(deck, "lane", f"new.job_id = {bad}")
    for _ in range(3):
        deck.claim()
    assert running(deck) == {1, 2, 3} | tasks_of(deck, good)
    assert faults(deck) == [(bad, None)]
    assert "its lane" in deck.report.faults[0].message


def test_a_lane_that_names_another_first_task_is_repaired(deck: Deck, work: tuple[int, int]) -> None:
    bad, good = work
    deck.change("UPDATE task SET status = 'held' WHERE id = ?", min(tasks_of(deck, bad)))
    while deck.claim() or deck.report.claims_left:
        pass
    assert running(deck) == {1, 2, 3, max(tasks_of(deck, bad))} | tasks_of(deck, good)
    assert faults(deck) == []
    assert raw_rows(deck.db, "SELECT data->>'what' FROM event WHERE kind = 'fault.repaired'") == [
        ("lane.head",)
    ]


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE aisle SET head_key = 'x' WHERE queue = 'other'",
        "UPDATE lane SET head_key = 'x' WHERE id = 2",
        "UPDATE lane SET head_id = 'x' WHERE id = 2",
    ],
)
def test_a_head_that_is_a_text_is_made_again(deck: Deck, damage: str) -> None:
    deck.loose(task("late", queue="other"))
    deck.change(damage)
    # A text is larger than any number: a lane of it is met once the others of its aisle are empty.
    deck.claim()
    deck.claim()
    assert running(deck) == set(range(1, 9))
    assert findings(deck.db) == ()


@pytest.mark.usefixtures("work")
def test_where_all_tasks_fail_alike_none_is_held(deck: Deck) -> None:
    deck.db.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON attempt {ABORT}")
    deck.claim()
    assert [fault.message for fault in deck.report.faults] == [
        "nothing can be claimed: IntegrityError: injected"
    ]
    assert raw_rows(deck.db, "SELECT DISTINCT status FROM task") == [("queued",)]
    assert faults(deck) == []
    deck.db.execute("DROP TRIGGER refuse")
    deck.claim()
    assert running(deck) == set(range(1, 8))
