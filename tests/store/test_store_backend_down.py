"""A backend that is down while 10,000 tasks wait for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import ComeDue, Command, Complete, FollowUp
from core.model.limits.limits import Backend, Dimension
from core.model.outcomes import Failed, RetryAt, TaskError
from core.model.plans import OnTaskFailure, TaskPlan
from core.store.verify import verify
from tests.store.deck import Deck, stage

SLOTS, TASKS = 16, 10_000
HOUR = 3_600_000
REST = 30_000


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(tmp_path / "store.db")
    yield deck
    found = verify(deck.db)
    deck.close()
    assert found == ()


def step(deck: Deck, *commands: Command) -> list[tuple[int, int]]:
    """Carry out commands and claim for all slots, until nothing is left over; return what was claimed."""
    deck.do(ComeDue(), *commands, slots=SLOTS)
    claimed = list(deck.report.claimed)
    while deck.report.left_over or deck.report.claims_left:
        deck.do(*([FollowUp()] if deck.report.left_over else []), slots=SLOTS)
        claimed += deck.report.claimed
    return [(one.task_id, one.epoch) for one in claimed]


def test_an_hour_costs_one_attempt_a_rest_and_its_return_is_used_at_once(deck: Deck) -> None:
    backend = Backend(name="api", match={Dimension.HOST: "a.example"}, rest_ms=REST)
    deck.do(Configure(backends=(backend,)))
    plans = (TaskPlan(key=f"t{n}", uses="http", with_={"url": "https://a.example/"}) for n in range(TASKS))
    deck.job(stage(*plans), on_task_failure=OnTaskFailure.CONTINUE)
    began, attempts, retries = deck.now, 0, 0
    running = step(deck)
    broken = Failed(error=TaskError(code="http.5xx", message="it is down"))
    while True:
        attempts += len(running)
        retries += sum(epoch > 1 for _, epoch in running)
        # Each fails at once and is due again after a second: no slot is held meanwhile.
        ends = [
            Complete(task_id=task, epoch=epoch, outcome=broken, decision=RetryAt(at=deck.now + 1_000))
            for task, epoch in running
        ]
        running = step(deck, *ends)
        if running:
            continue
        due = deck.report.next_due
        assert due is not None
        if max(due, deck.now) - began > HOUR:
            break
        deck.now = max(due, deck.now)
        running = step(deck)
    assert attempts <= SLOTS + HOUR / REST + 1
    # A share of the starts over five minutes, and one in ten seconds in any case.
    assert retries <= 0.2 * attempts + HOUR / 10_000
    back = deck.now = began + HOUR
    running = []
    while len(running) < SLOTS:
        deck.now = max(deck.report.next_due or 0, deck.now)
        running = step(deck)
        if len(running) < SLOTS:
            assert running, "it is tried out"
            deck.end(*running)
            running = step(deck)
    assert deck.now - back < 60_000


def test_without_a_breaker_an_hour_costs_the_first_attempts_and_the_share_of_retries(deck: Deck) -> None:
    backend = Backend(name="api", match={Dimension.HOST: "a.example"}, failures=1_000_000)
    deck.do(Configure(backends=(backend,)))
    plans = (TaskPlan(key=f"t{n}", uses="http", with_={"url": "https://a.example/"}) for n in range(1_000))
    deck.job(stage(*plans), on_task_failure=OnTaskFailure.CONTINUE)
    began, starts = deck.now, list[tuple[int, int]]()
    broken = Failed(error=TaskError(code="http.5xx", message="it is down"))
    running = step(deck)
    while deck.now - began <= HOUR:
        starts += [(deck.now, epoch) for _, epoch in running]
        ends = [
            Complete(task_id=task, epoch=epoch, outcome=broken, decision=RetryAt(at=deck.now + 1_000))
            for task, epoch in running
        ]
        running = step(deck, *ends)
        if not running:
            due = deck.report.next_due
            assert due is not None
            deck.now = max(due, deck.now)
    assert sum(epoch == 1 for _, epoch in starts) == 1_000
    for number, (now, _) in enumerate(starts, 1):
        lately = [epoch for at, epoch in starts[:number] if now - at <= 300_000]
        rare = 300_000 / 10_000 + 1
        assert sum(epoch > 1 for epoch in lately) <= 0.2 * len(lately) + rare
    # What is due waits in its lane: it holds no slot, and does not run dry either.
    assert sum(epoch > 1 for _, epoch in starts) >= HOUR / 10_000 * 0.9
