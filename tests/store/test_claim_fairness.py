"""Jobs that are there at once: how long each takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import Submit
from core.model.limits.limits import Pool, PoolOrder
from core.model.plans import JobPlan
from tests.store.deck import AGING, Deck, stage, task
from tests.support.claim_course import ClaimCourse, idle, jain, slowdowns, turns
from tests.support.recounts import findings

SLOTS, TOOK = 4, 1_000
WHOLE = (Pool(name="default", slots=SLOTS),)
POOLS = (
    Pool(name="wide", slots=2, queues=("a", "b")),
    Pool(name="narrow", slots=1, queues=("c", "b"), order=PoolOrder.LISTED),
    Pool(name="any", slots=1),
)


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(tmp_path / "taskdeck.db")
    yield deck
    assert findings(deck.db) == ()
    deck.close()


def job(tasks: int, *, priority: int = 0, queue: str = "default") -> Submit:
    plans = (task(f"t{number}", priority=priority, queue=queue) for number in range(tasks))
    return Submit(plan=JobPlan(name="some", stages=(stage(*plans),)), actor="tester")


def test_small_jobs_beside_a_large_one_take_equally_long(deck: Deck) -> None:
    course = ClaimCourse(deck, slots=SLOTS, took=TOOK)
    course.go_on(job(1_500), *(job(20) for _ in range(49)))
    course.run_until()
    taken = turns(deck.db)
    assert len(taken) == 1_500 + 49 * 20
    found = slowdowns(taken, slots=SLOTS, took=TOOK)
    large, *small = (found[one] for one in sorted(found))
    assert jain(small) >= 0.95
    assert max(small) <= 60
    assert large < 2
    assert idle(taken, WHOLE, slots=SLOTS) == []


def test_nothing_that_came_after_its_aging_bound_starts_before_a_task(deck: Deck) -> None:
    course = ClaimCourse(deck, slots=SLOTS, took=TOOK)
    course.go_on(job(60), job(60, priority=3))
    for second in range(150):
        # The highest alone would fill all slots for ever.
        course.run_until(1_000 * second + 2_000)
        course.go_on(job(SLOTS, priority=6))
    course.run_until()
    taken = turns(deck.db)
    assert {turn.priority for turn in taken} == {0, 3, 6}
    keys = [turn.queued_at - turn.priority * AGING for turn in taken]
    for number, turn in enumerate(taken):
        # Waiting of one step weighs as much as one priority: what came so much later is never as high.
        assert not [
            before.task_id
            for before, key in zip(taken[:number], keys, strict=False)
            if before.began_at >= turn.queued_at and key >= keys[number] + AGING
        ]
    assert max(turn.began_at - turn.queued_at for turn in taken if turn.priority == 0) > 6 * AGING
    assert idle(taken, WHOLE, slots=SLOTS) == []


def test_no_pool_is_idle_while_a_task_waits_that_it_may_take(deck: Deck) -> None:
    deck.do(Configure(pools=POOLS))
    course = ClaimCourse(deck, slots=SLOTS, took=TOOK)
    for second in range(40):
        queue = "abc"[second % 3]
        course.go_on(job(second % 7 + 1, queue=queue), job(3, queue="b", priority=second % 3))
        course.run_until(1_000 * second + 2_000)
    course.run_until()
    taken = turns(deck.db)
    assert {turn.pool for turn in taken} == {"wide", "narrow", "any"}
    assert idle(taken, POOLS, slots=SLOTS) == []
