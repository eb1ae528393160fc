"""What the totals count of pools, budgets and spending."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.model.commands.capacity import Freeze, PausePool, SetLimit, Span, Unfreeze
from core.model.limits.limits import Per, Pool
from core.model.plans import StagePlan
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.totals import Totals
from tests.store.test_store_limit_verbs import ANY, DAY, LimitedDeck, budget, work


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[LimitedDeck]:
    made = LimitedDeck(tmp_path / "deck.db")
    made.now = 1_700_000_000_000
    yield made
    made.close()


@pytest.fixture
async def reports(deck: LimitedDeck) -> AsyncIterator[Reports]:
    readers = Readers(deck.path)
    yield Reports(readers, now=lambda: deck.now)
    await readers.close()


def spent(totals: Totals) -> int:
    return totals.spent_budgets


async def test_a_spent_budget_counts_until_it_is_raised_or_its_window_turns(
    deck: LimitedDeck, reports: Reports
) -> None:
    deck.configure(limits=(budget(1),))
    assert spent(await reports.totals.current()) == 0
    deck.loose(work("a", 1))
    deck.end(*deck.claim(ANY))
    assert spent(await reports.totals.current()) == 1
    deck.ask(SetLimit(name="team", to="2", span=Span.WINDOW))
    assert spent(await reports.totals.current()) == 0
    deck.loose(work("b", 1))
    deck.end(*deck.claim(ANY))
    assert spent(await reports.totals.current()) == 1
    deck.now += DAY
    assert spent(await reports.totals.current()) == 0


async def test_the_spent_budget_of_a_job_that_is_over_does_not_count(
    deck: LimitedDeck, reports: Reports
) -> None:
    deck.configure(limits=(budget(1, per=Per.JOB),))
    deck.job(StagePlan(name="only", tasks=(work("a", 1),)))
    deck.end(*deck.claim(ANY))
    assert deck.db.execute("SELECT used FROM gauge").fetchall() == [(1_000_000,)]
    assert spent(await reports.totals.current()) == 0


async def test_paused_pools_and_stopped_spending_are_counted(deck: LimitedDeck, reports: Reports) -> None:
    deck.configure(pools=(Pool(name="cpu", slots=1), Pool(name="gpu", slots=1)))
    deck.ask(PausePool(name="gpu"))
    deck.ask(Freeze())
    totals = await reports.totals.current()
    assert (totals.paused_pools, totals.is_frozen) == (1, True)
    deck.ask(Unfreeze())
    assert not (await reports.totals.current()).is_frozen
