"""Tests of what verbs would start and spend, by their rehearsals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.control.arguments import Target
from core.control.operator_requests import Cancel, Retry, Unhold
from core.control.operator_verbs import OperatorVerbs
from core.model.commands.work import Effect, Hold, Operated, Operation
from core.model.limits.estimates import Estimate
from core.model.limits.limits import Spent
from core.model.predictions import Span, UnitCost
from core.store.reports import Reports
from tests.store.deck import FINISH, Deck, failure, stage, task
from tests.support.recounts import findings


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


class Engine:
    """Carries operations out on a deck."""

    def __init__(self, deck: Deck, reports: Reports) -> None:
        self.deck = deck
        self.client_reports = reports

    async def operate(self, command: Operation) -> Operated:
        (answer,) = self.deck.do(command)
        return answer


@pytest.fixture
def verbs(deck: Deck, reports: Reports) -> OperatorVerbs:
    return OperatorVerbs(Engine(deck, reports))  # type: ignore[arg-type]


def run(deck: Deck, *, usd: int, ends_well: bool = True, name: str = "nightly") -> int:
    tasks = (task("a"), task("b"), task("c", "a"))
    job = deck.job(stage(*tasks), name=name, on_task_failure=FINISH)
    pairs = deck.claim()
    spent = [Spent(unit="usd", amount=usd)]
    deck.end(*pairs, spent=spent, outcome=None if ends_well else failure())
    deck.drain()
    return job


def events(deck: Deck) -> int:
    return deck.db.execute("SELECT count(*) FROM event").fetchone()[0]


async def test_a_rehearsed_retry_tells_what_would_start_and_spend_and_starts_nothing(
    deck: Deck, verbs: OperatorVerbs
) -> None:
    for usd in (100, 200, 300):
        run(deck, usd=usd)
    job = run(deck, usd=50, ends_well=False)
    before = events(deck)
    told = await verbs.carry_out(Retry(target=Target(job_id=job), effect=Effect.NONE))
    assert (told.changed, len(told.starts)) == (3, 3)
    # a and b spent 50, 100, 200, 300; c never reported anything.
    assert told.costs == (UnitCost(unit="usd", amount=Span(low=200, high=600)),)
    assert events(deck) == before
    done = await verbs.carry_out(Retry(target=Target(job_id=job)))
    assert (done.changed, done.starts, done.costs) == (3, (), ())
    deck.drain()


async def test_what_documents_say_is_what_new_tasks_may_spend_and_loose_ones_have_no_past(
    deck: Deck, verbs: OperatorVerbs
) -> None:
    for _ in range(3):
        run(deck, usd=5, name="inbox")
    said = Estimate(amounts={"usd": 700})
    loose = deck.loose(task("a", cost=said), task("b"))
    deck.do(Hold(task_ids=loose))
    told = await verbs.carry_out(Unhold(target=Target(task_ids=loose), effect=Effect.NONE))
    assert told.starts == loose
    assert told.costs == (UnitCost(unit="usd", amount=Span(low=700, high=1_400), unestimated=1),)


async def test_a_verb_that_starts_nothing_spends_nothing(deck: Deck, verbs: OperatorVerbs) -> None:
    loose = deck.loose(task("a", cost=Estimate(amounts={"usd": 700})))
    told = await verbs.carry_out(Cancel(target=Target(task_ids=loose), effect=Effect.NONE))
    assert (told.changed, told.starts, told.costs) == (1, (), ())
