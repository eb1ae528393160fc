"""Tests of the pace of queues, and due retries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.work import Complete
from core.model.outcomes import RetryAt
from core.model.plans import RetryPolicy
from core.store.reports import Reports
from tests.store.deck import Deck, failure, stage, task


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


async def test_queues_tell_when_tasks_ended_and_how_long_those_that_run_waited(
    deck: Deck, reports: Reports
) -> None:
    deck.now = 900_000
    deck.loose(*(task("a") for _ in range(10)), task("x", queue="slow"))
    deck.end(*deck.claim(5))
    deck.now = 1_000_000
    deck.end(*deck.claim(1))
    deck.now = 1_100_000
    deck.claim(2)
    default, slow = await reports.queues.all()
    assert default.ends == (0, 0, 0, 5, 0, 0, 1, 0, 0, 0)
    assert (default.waited_ms, slow.waited_ms) == (200_000, None)
    assert slow.ends == (0,) * 10
    deck.now = 1_169_999
    assert (await reports.queues.all())[0].ends[-5:] == (0, 0, 0, 0, 0)


async def test_a_job_tells_when_its_last_waiting_retry_is_due(deck: Deck, reports: Reports) -> None:
    twice = RetryPolicy(max_attempts=2)
    job = deck.job(stage(task("a", retry=twice), task("b", retry=twice)))
    assert (await reports.jobs.view(job)).retry_until is None
    for number, (task_id, epoch) in enumerate(deck.claim()):
        due = RetryAt(at=50_000 + number)
        deck.do(Complete(task_id=task_id, epoch=epoch, outcome=failure(), decision=due))
    assert (await reports.jobs.view(job)).retry_until == 50_001
    assert (await reports.jobs.page()).rows[0].retry_until is None
