"""Retries of a backend, a share of its starts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.answers import Answer, WaitRef
from core.model.commands.limits import Configure
from core.model.commands.work import ComeDue, Complete, FollowUp, Recount, Rerun
from core.model.limits.limits import Backend, Dimension, Pool
from core.model.outcomes import (
    AskOperator,
    Bounced,
    Failed,
    GiveUp,
    Lost,
    Outcome,
    Parked,
    Requeue,
    RetryAt,
    Succeeded,
    TaskError,
)
from core.model.patterns.awaits import Poll
from core.model.patterns.children import OnFailure, Result
from core.model.patterns.judgements import BeginWorklet, Decide, TakeResult
from core.model.plans import JobPlan, OnTaskFailure, TaskPlan
from core.store.verify import verify
from tests.store.deck import Deck, stage

A = "a.example"
Attempt = tuple[int, int]


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(tmp_path / "store.db")
    deck.now = 1_700_000_000_000
    yield deck
    found = verify(deck.db)
    deck.close()
    assert found == ()


def configure(deck: Deck, *backends: Backend, pools: tuple[Pool, ...] = ()) -> None:
    deck.do(Configure(backends=backends, pools=pools))
    while deck.report.left_over:
        deck.do(FollowUp())


def api(share: float = 0.2, **match: str) -> Backend:
    wanted = {Dimension(key): value for key, value in (match or {"host": A}).items()}
    return Backend(name="api", match=wanted, failures=1_000, retry_share=share)


def calls(number: int, **more: object) -> list[TaskPlan]:
    plan = {"uses": "http", "with_": {"url": f"https://{A}/"}, **more}
    return [TaskPlan(key=f"t{one}", **plan) for one in range(number)]  # type: ignore[arg-type]


def work(deck: Deck, *plans: TaskPlan) -> None:
    deck.job(stage(*plans), on_task_failure=OnTaskFailure.CONTINUE)


def fail(deck: Deck, *attempts: Attempt, outcome: Outcome | None = None) -> None:
    """End attempts; their tasks are due at once."""
    broken = Failed(error=TaskError(code="http.5xx", message="it is down")) if outcome is None else outcome
    deck.do(
        *(
            Complete(task_id=task, epoch=epoch, outcome=broken, decision=RetryAt(at=deck.now))
            for task, epoch in attempts
        )
    )
    deck.do(ComeDue())


def claim(deck: Deck, slots: int = 100) -> list[Attempt]:
    """Claim until nothing more comes; what ran still counts."""
    claimed = deck.claim(slots)
    while deck.report.claims_left:
        claimed += deck.claim(slots)
    return claimed


def recent(deck: Deck) -> tuple[int, int]:
    """Return the starts and retries that are kept."""
    ((text,),) = deck.db.execute("SELECT recent FROM gauge WHERE name = 'retry:api'").fetchall()
    steps = json.loads(text) if text else []
    return sum(step[1] for step in steps), sum(step[2] for step in steps)


def test_retries_are_a_share_of_the_starts_and_first_attempts_go_on(deck: Deck) -> None:
    configure(deck, api())
    work(deck, *calls(20))
    fail(deck, *claim(deck, 8))
    # Of 8 starts 2 more may be retries: with them it is 2 of 10.
    started = claim(deck, 100)
    assert sorted(epoch for _, epoch in started) == [1] * 12 + [2] * 5
    assert recent(deck) == (25, 5)


def test_one_retry_in_ten_seconds_starts_however_few_starts_there_were(deck: Deck) -> None:
    configure(deck, api(share=0))
    work(deck, *calls(3))
    fail(deck, *claim(deck))
    assert len(claim(deck)) == 1
    assert deck.report.next_due == deck.now + 10_000
    deck.now = deck.report.next_due - 20
    assert claim(deck) == []
    assert len(claim(deck)) == 1


def test_what_is_five_minutes_old_does_not_count(deck: Deck) -> None:
    configure(deck, api())
    work(deck, *calls(8))
    fail(deck, *claim(deck))
    assert len(claim(deck)) == 2
    deck.now += 310_000
    assert len(claim(deck)) == 1
    assert recent(deck) == (1, 1)


def test_a_retry_that_never_began_is_given_back(deck: Deck) -> None:
    configure(deck, api())
    work(deck, *calls(8))
    fail(deck, *claim(deck))
    for attempt in claim(deck):
        deck.do(
            Complete(task_id=attempt[0], epoch=attempt[1], outcome=Bounced(reason="x"), decision=Requeue())
        )
    assert recent(deck) == (8, 0)
    assert len(claim(deck)) == 2


def test_a_task_that_is_run_again_by_hand_is_no_retry(deck: Deck) -> None:
    configure(deck, api(share=0))
    work(deck, *calls(3))
    fail(deck, *claim(deck))
    deck.end(*claim(deck))
    deck.now += 10_000
    ((left, epoch),) = claim(deck)
    deck.end((left, epoch), outcome=Failed(error=TaskError(code="x", message="x"), permanent=True))
    deck.do(Rerun(task_ids=(left,), actor="ann"))
    assert claim(deck) == [(left, epoch + 1)]
    assert recent(deck) == (6, 2)


def test_what_was_lost_is_a_retry_also_after_an_operator_said_so(deck: Deck) -> None:
    configure(deck, api(share=0))
    work(deck, *calls(2))
    first, second = claim(deck)
    fail(deck, first)
    deck.do(Complete(task_id=second[0], epoch=second[1], outcome=Lost(reason="x"), decision=AskOperator()))
    assert len(claim(deck)) == 1
    deck.do(Rerun(task_ids=(second[0],), actor="ann"))
    assert claim(deck) == []
    assert recent(deck) == (3, 1)


def test_retries_of_a_pool_are_a_share_of_what_starts_there(deck: Deck) -> None:
    pools = (Pool(name="gpu", slots=8, queues=("gpu",)), Pool(name="cpu", slots=8, queues=("cpu",)))
    configure(deck, api(pool="gpu"), pools=pools)
    work(deck, *calls(4, queue="gpu"), *calls(4, queue="cpu"))
    fail(deck, *claim(deck))
    again = claim(deck)
    assert len(again) == 5
    assert recent(deck) == (5, 1)


def test_a_share_of_all_lets_every_retry_start(deck: Deck) -> None:
    configure(deck, api(share=1))
    work(deck, *calls(5))
    fail(deck, *claim(deck))
    assert len(claim(deck)) == 5


def test_a_retry_that_waits_comes_under_a_share_that_is_configured_later(deck: Deck) -> None:
    work(deck, *calls(5))
    fail(deck, *claim(deck))
    configure(deck, api(share=0))
    assert len(claim(deck)) == 1
    configure(deck, api(share=1))
    assert len(claim(deck)) == 4
    deck.end(*deck.db.execute("SELECT task_id, epoch FROM attempt WHERE status = 'running'"))


def test_retries_that_wait_hold_back_no_first_attempt(deck: Deck) -> None:
    configure(deck, api(share=0))
    for _ in range(300):
        work(deck, *calls(1))
    fail(deck, *claim(deck, 300))
    work(deck, *calls(1, priority=-9))
    assert sorted(epoch for _, epoch in claim(deck, 2)) == [1, 2]


def test_starts_are_counted_again_where_they_are_wrong(deck: Deck) -> None:
    configure(deck, api())
    work(deck, *calls(8))
    fail(deck, *claim(deck))
    claim(deck)
    right = recent(deck)
    deck.change("UPDATE gauge SET recent = '[]' WHERE name = 'retry:api'")
    assert [finding.code for finding in verify(deck.db)] == ["gauge.wrong"]
    assert deck.do(Recount()) == [1]
    assert recent(deck) == right


def test_a_retry_that_succeeds_counts_as_well(deck: Deck) -> None:
    configure(deck, api())
    work(deck, *calls(4))
    fail(deck, *claim(deck))
    deck.end(*claim(deck), outcome=Succeeded())
    assert claim(deck) == []
    assert recent(deck) == (5, 1)


@pytest.mark.parametrize("is_parked", [False, True], ids=["failed", "failed while parked"])
def test_what_a_worklet_lets_run_again_is_a_retry(deck: Deck, is_parked: bool) -> None:
    configure(deck, api(share=0))
    repair = OnFailure(workflow="repair", max=3)
    work(deck, *calls(3, on_failure=repair))
    error = TaskError(code="http.5xx", message="it is down")
    for task_id, epoch in claim(deck):
        outcome = Parked(poll=Poll(every_ms=10), seen={}) if is_parked else Failed(error=error)
        deck.do(Complete(task_id=task_id, epoch=epoch, outcome=outcome, decision=GiveUp()))
        if is_parked:
            deck.do(Answer(wait=WaitRef(task_id=task_id, generation=1), error=error))
    assert deck.db.execute("SELECT tries FROM task WHERE status = 'waiting'").fetchall() == [(1,)] * 3
    plan = JobPlan(name="repair", stages=(stage(TaskPlan(key="fix", uses="steer")),))
    waiting = [row[0] for row in deck.db.execute("SELECT task_id FROM awaited ORDER BY task_id")]
    for task_id in waiting:
        deck.do(Decide(task_id=task_id, verdict=BeginWorklet(plan=plan)))
    deck.end(*claim(deck))
    for task_id in waiting:
        deck.do(Decide(task_id=task_id, verdict=TakeResult(result=Result.RETRY)))
    assert len(claim(deck)) == 1
    assert recent(deck) == (4, 1)
