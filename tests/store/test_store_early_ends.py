"""Attempts that may end early because a budget is spent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.capacity import ChangeCapacity, Freeze
from core.model.commands.limits import Charge, Configure
from core.model.commands.work import Complete, FollowUp
from core.model.limits.estimates import Estimate
from core.model.limits.limits import Limit, LimitKind, OnExhausted, Spent
from core.model.outcomes import Succeeded
from tests.store.deck import Deck, task
from tests.support.recounts import findings

WAIT, FAIL, FINISH = OnExhausted.WAIT, OnExhausted.FAIL, OnExhausted.FINISH


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


def running(deck: Deck, policy: OnExhausted, *own: OnExhausted | None) -> list[tuple[int, int]]:
    """Let tasks of 10 usd each run under a budget of 100; return their attempts."""
    limit = Limit(name="team", kind=LimitKind.BUDGET, unit="usd", max=100, on={}, on_exhausted=policy)
    deck.do(Configure(limits=(limit,)))
    while deck.report.left_over:
        deck.do(FollowUp())
    cost = Estimate(amounts={"usd": 10})
    deck.loose(*(task(f"t{n}", cost=cost, on_exhausted=said) for n, said in enumerate(own)))
    return deck.claim()


def told(deck: Deck) -> list[tuple[int, int, str]]:
    return [(one.task_id, one.epoch, one.limit) for one in deck.report.may_end]


def spend(deck: Deck, attempt: tuple[int, int], usd: int) -> None:
    spent = (Spent(unit="usd", amount=usd),)
    deck.do(Complete(task_id=attempt[0], epoch=attempt[1], outcome=Succeeded(), spent=spent))


@pytest.mark.parametrize(("policy", "expected"), [(FINISH, {"t1", "t2"}), (FAIL, {"t2"}), (WAIT, {"t2"})])
def test_what_runs_is_told_once_where_it_or_its_budget_finishes(
    deck: Deck, policy: OnExhausted, expected: set[str]
) -> None:
    first, *others, last = running(deck, policy, None, None, FINISH, WAIT, None)
    deck.do(Complete(task_id=last[0], epoch=last[1], outcome=Succeeded(), spent=()))
    assert told(deck) == []
    spend(deck, first, 95)
    named = dict(zip(others, ("t1", "t2", "t3"), strict=True))
    assert {named[task_id, epoch] for task_id, epoch, _ in told(deck)} == expected
    assert {limit for _, _, limit in told(deck)} == {"team"}
    marked = deck.db.execute(
        "SELECT t.key FROM attempt a JOIN task t ON t.id = a.task_id WHERE exhausted = 'team'"
    )
    assert {key for (key,) in marked} == expected
    spend(deck, others[2], 1)
    assert told(deck) == []
    ((number,),) = deck.db.execute("SELECT count(*) FROM event WHERE kind = 'task.exhausted'")
    assert number == len(expected)


def charge(deck: Deck, attempt: tuple[int, int], usd: int) -> None:
    spent = (Spent(unit="usd", amount=usd),)
    deck.do(Charge(task_id=attempt[0], epoch=attempt[1], id=f"c{deck.now}", spent=spent))


def test_one_that_is_told_by_its_charge_that_nothing_is_left_may_end_alone(deck: Deck) -> None:
    one, _ = running(deck, FINISH, None, None)
    charge(deck, one, 85)
    assert told(deck) == []
    # What the other holds is not for this one, and that one is not exhausted.
    charge(deck, one, 5)
    assert told(deck) == [(*one, "team")]


def test_a_freeze_ends_nothing_early(deck: Deck) -> None:
    (one,) = running(deck, FINISH, None)
    deck.do(ChangeCapacity(change=Freeze(), reason="stop"))
    charge(deck, one, 1)
    assert told(deck) == []
