"""Rows of gauges that stay known from one transaction to the next.

The deck compares them with those of the store after each group.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import FollowUp
from core.model.limits.limits import Limit, LimitKind, LimitRef
from core.model.plans import TaskPlan
from core.store.batch_report import Report
from core.store.transaction import Group, carry_out
from tests.store.deck import Deck
from tests.support.known_gauges import assert_gauges_are_as_stored


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    one = Deck(tmp_path / "deck.db")
    one.do(Configure(limits=(Limit(name="db", kind=LimitKind.CONCURRENCY, max=2),)))
    one.do(FollowUp())
    yield one
    one.close()


def add(deck: Deck, keys: str) -> None:
    """Queue a task under each of these keys."""
    deck.loose(*(TaskPlan(key="t", uses="delay", limits=(LimitRef(name="db", key=key),)) for key in keys))


def reserved(deck: Deck) -> list[int]:
    return [n for (n,) in deck.db.execute("SELECT reserved FROM gauge ORDER BY key")]


def test_gauges_are_read_once_and_known_after_that(deck: Deck) -> None:
    read: list[str] = []
    add(deck, "ab")
    assert len(deck.claim()) == 2
    deck.db.set_trace_callback(lambda sql: read.append(sql) if "FROM gauge WHERE id IN" in sql else None)
    deck.end(*[(task, 1) for task in (1, 2)])
    add(deck, "ab")
    assert len(deck.claim()) == 2
    deck.db.set_trace_callback(None)
    assert len(read) == 3, "only the deck reads them, after each of its groups"


def test_what_a_rollback_takes_back_of_gauges_is_read_again(deck: Deck) -> None:
    def fail(_: Report) -> None:
        raise OSError("no room for the commit")

    add(deck, "aab")
    _, report = carry_out(deck.writer, Group(commands=(), slots=3, now=deck.now), foresee=fail)
    assert report.failure is not None
    assert len(deck.claim()) == 3
    assert reserved(deck) == [2, 1]


def test_gauges_that_a_step_of_the_clock_opens_are_read_again(deck: Deck) -> None:
    add(deck, "aaa")
    assert len(deck.claim(2)) == 2
    deck.claim(3)
    assert deck.db.execute("SELECT waited_for, opens_at FROM gauge").fetchall() == [(1, None)]
    carry_out(deck.writer, Group(commands=(), slots=0, now=deck.now + 10, offset=5))
    assert deck.db.execute("SELECT opens_at FROM gauge").fetchall() == [(0,)]
    assert_gauges_are_as_stored(deck.writer, deck.db)


def test_rows_of_gauges_that_stay_known_are_few(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.gauges.KEPT_MOST", 2)
    for keys in ("a", "b", "c", "d", "ab", "c"):
        add(deck, keys)
        assert len(deck.claim()) == len(keys)
        assert len(deck.writer.capacity.gauges) <= 2 + len(keys)
    assert reserved(deck) == [2, 2, 2, 1]


@pytest.fixture
def broad(deck: Deck) -> Deck:
    """A deck with a limit besides that all tasks of every queue are under."""
    limits = (
        Limit(name="db", kind=LimitKind.CONCURRENCY, max=2),
        Limit(name="all", kind=LimitKind.CONCURRENCY, max=9, on={}),
    )
    deck.do(Configure(limits=limits))
    deck.do(FollowUp())
    return deck


def test_the_set_of_what_an_attempt_passes_is_looked_for_once(broad: Deck) -> None:
    looked: list[str] = []
    add(broad, "a")
    assert len(broad.claim()) == 1
    broad.db.set_trace_callback(lambda sql: looked.append(sql) if "CROSS JOIN gset s" in sql else None)
    add(broad, "a")
    looked.clear()
    assert len(broad.claim()) == 1
    broad.db.set_trace_callback(None)
    assert looked == []


def test_the_sets_of_what_many_attempts_pass_are_made_at_once(broad: Deck) -> None:
    made: list[str] = []
    add(broad, "a")
    broad.claim()
    add(broad, "abcd")
    broad.db.set_trace_callback(lambda sql: made.append(sql) if "gset" in sql and "_each" in sql else None)
    assert len(broad.claim()) == 4
    broad.db.set_trace_callback(None)
    assert [sql.split()[0] for sql in made if "s.gauges = j.value" in sql or "INSERT" in sql] == [
        "SELECT",
        "INSERT",
    ]
    assert len(broad.db.execute("SELECT DISTINCT gset_id FROM attempt").fetchall()) == 4


def test_a_set_that_is_not_known_any_more_is_found(broad: Deck) -> None:
    add(broad, "a")
    broad.claim()
    broad.writer.capacity.forget_sets()
    add(broad, "ab")
    assert len(broad.claim()) == 2


def test_a_set_that_a_rollback_took_back_is_made_once_more(broad: Deck) -> None:
    def fail(_: Report) -> None:
        raise OSError("no room for the commit")

    add(broad, "ab")
    _, report = carry_out(broad.writer, Group(commands=(), slots=2, now=broad.now), foresee=fail)
    assert report.failure is not None
    add(broad, "c")
    assert len(broad.claim()) == 3
    assert reserved(broad) == [3, 1, 1, 1]


def test_sets_that_stay_known_are_few(broad: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.capacity.KEPT_MOST", 1)
    for key in "abcd":
        add(broad, key)
        assert len(broad.claim()) == 1
        assert len(broad.writer.capacity._full_sets) <= 2
