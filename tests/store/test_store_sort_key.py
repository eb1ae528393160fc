"""Tests that the sort key in SQL equals the rule's."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.bounds import PRIORITY_MAX
from core.model.commands.work import Command, Fail, Hold, Rerun, Unhold
from core.model.outcomes import Bounced, Interrupted, Outcome, Requeue, RetryAt
from core.model.patterns.judgements import Decide, Proceed
from core.model.plans import JobPlan
from core.rules.lanes import sort_key
from core.store.sql import SORT_KEY
from tests.support.deck import AGING, Deck
from tests.support.factories import failure, flat, job, retrying, stage, task


@given(
    now=st.integers(0, 2**42),
    priority=st.integers(0, PRIORITY_MAX),
    aging_step=st.integers(1, 7 * 86_400_000),
)
def test_the_fragment_of_sql_says_what_the_rule_says(now: int, priority: int, aging_step: int) -> None:
    db = sqlite3.connect(":memory:")
    sql = f"SELECT {SORT_KEY} FROM (SELECT ?3 AS priority)"
    assert db.execute(sql, (now, aging_step, priority)).fetchall() == [
        (sort_key(now, priority, aging_step=aging_step),)
    ]
    db.close()


def assert_queued_by_rule(deck: Deck) -> None:
    """Fail unless task `a`, of priority 7, stands where the rule puts a task that is queued now."""
    values = deck.status("a"), deck.column("a", "queued_at"), deck.column("a", "sort_key")
    assert values == ("queued", deck.now, sort_key(deck.now, 7, aging_step=AGING))


def test_an_admitted_task_gets_the_key(deck: Deck) -> None:
    deck.enqueue(task("a", priority=7))
    assert_queued_by_rule(deck)


PLANS = {
    "needs": flat(task("n"), task("a", "n", priority=7)),
    "stage": job(stage(task("n")), stage(task("a", priority=7))),
}


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_task_gets_the_key_when_its_needs_are_met_or_its_stage_opens(deck: Deck, plan: JobPlan) -> None:
    deck.submit(plan)
    deck.end_all(deck.claim(1))
    assert_queued_by_rule(deck)


@pytest.mark.parametrize(
    ("outcome", "decision"), [(Interrupted(), None), (Bounced(reason="?"), Requeue())], ids=repr
)
def test_a_task_gets_a_new_key_when_its_attempt_gives_it_back(
    deck: Deck, outcome: Outcome, decision: Requeue | None
) -> None:
    deck.enqueue(task("a", priority=7))
    deck.claim()
    deck.end("a", outcome, decision)
    assert_queued_by_rule(deck)


def test_a_retry_gets_the_key_when_it_comes_due_or_is_asked_for(deck: Deck) -> None:
    deck.enqueue(task("a", priority=7, retry=retrying(5)))
    for ask in (False, True):
        deck.claim()
        deck.end("a", failure(), RetryAt(at=deck.now + 500))
        if ask:
            deck.do(Rerun(task_ids=(deck.id("a"),)))
        else:
            deck.come_due(deck.now + 600)
        assert_queued_by_rule(deck)


@pytest.mark.parametrize(
    "back", [lambda number: Unhold(task_ids=(number,)), lambda number: Rerun(task_ids=(number,))]
)
def test_a_held_task_gets_a_new_key_when_it_is_let_go(deck: Deck, back: object) -> None:
    (number,) = deck.enqueue(task("a", priority=7))
    deck.do(Hold(task_ids=(number,)))
    deck.do(back(number))  # type: ignore[operator]
    assert_queued_by_rule(deck)


def test_a_judged_task_and_a_rerun_one_get_the_key(deck: Deck) -> None:
    deck.submit(flat(task("a", when="x", priority=7)))
    deck.do(Decide(task_id=deck.id("a"), verdict=Proceed()))
    assert_queued_by_rule(deck)
    deck.do(Hold(task_ids=(deck.id("a"),)))
    give_up: Command = Fail(task_ids=(deck.id("a"),))
    deck.do(give_up)
    deck.settle()
    deck.enqueue(task("a", priority=7))
    deck.drain()
    deck.do(Rerun(task_ids=(deck.id("a"),)))
    assert_queued_by_rule(deck)
