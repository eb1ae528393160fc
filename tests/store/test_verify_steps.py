"""What each invariant costs in a store that grows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import Complete, FollowUp
from core.model.limits.limits import Limit, LimitKind, LimitRef, Per, Spent, Window
from core.model.outcomes import Succeeded
from core.model.plans import TaskPlan
from core.store.verify import verify
from core.store.verify.check import Check
from core.store.verify.checks import CHECKS
from tests.store.deck import Deck, failure, stage, task
from tests.support.steps import counted_sql

FEW, MANY = 60, 240
ALLOWED = 1.6
"""So many times the growth of the store: sorting costs a little more than in proportion."""
EVERY = 50
FIXED = 1_000
"""Instructions that cost the same in any store."""
UNITS = ("usd", "tokens", "calls")
LIMITS = (
    *(Limit(name=f"of-{unit}", kind=LimitKind.BUDGET, unit=unit, max=10_000) for unit in UNITS),
    Limit(name="hourly", kind=LimitKind.QUOTA, unit="calls", max=10**9, window=Window(per=Per.HOUR)),
    Limit(name="starts", kind=LimitKind.QUOTA, max=10**6),
    Limit(name="slots", kind=LimitKind.CONCURRENCY, max=10**6),
)


def under_keys(number: int) -> TaskPlan:
    """Return a task that comes under every limit by a key of its own."""
    limits = tuple(LimitRef(name=one.name, key=f"k{number}") for one in LIMITS)
    return TaskPlan(key=f"t{number}", uses="delay", limits=limits)


def grown(path: Path, number: int) -> Deck:
    """Return a store with so many tasks that ended, a third of them by a failure, and as many that wait.

    A quarter as many jobs wait, and one half of them has begun.
    """
    deck = Deck(path)
    deck.do(Configure(limits=LIMITS))
    deck.do(FollowUp())
    deck.loose(*map(under_keys, range(number)))
    begun = deck.claim(number)
    assert len(begun) == number
    spent = tuple(Spent(unit=unit, amount=3) for unit in UNITS)
    outcomes = (Succeeded() if index % 3 else failure(f"f{index}") for index in range(number))
    deck.do(
        *(
            Complete(task_id=task_id, epoch=epoch, outcome=outcome, spent=spent)
            for (task_id, epoch), outcome in zip(begun, outcomes, strict=True)
        )
    )
    for index in range(number // 4):
        deck.job(stage(task("a"), task("b", "a")), stage(task("c"), name="two"), name=f"job {index}")
    for attempt in deck.claim(number // 8):
        deck.end(attempt)
    deck.loose(*map(under_keys, range(number, 2 * number)))
    return deck


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Deck, Deck]]:
    root = tmp_path_factory.mktemp("grown")
    made = grown(root / "few.db", FEW), grown(root / "many.db", MANY)
    yield made
    for deck in made:
        assert verify(deck.db) == ()
        deck.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_an_invariant_of_a_larger_store_costs_as_much_more_as_that_is_larger(
    stores: tuple[Deck, Deck], check: Check
) -> None:
    costs = []
    for deck in stores:
        with counted_sql(deck.db, every=EVERY) as count:
            deck.db.execute(check.sql).fetchall()
        costs.append(count.number)
    few, many = costs
    assert many <= FIXED + ALLOWED * few * MANY / FEW
