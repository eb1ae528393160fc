"""Engine time in the store: what decides, what is shown."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import ComeDue, Hold, Prioritise, Unhold
from core.model.outcomes import RetryAt
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.tables.schema import BUCKET
from tests.support.deck import AGING, Deck
from tests.support.factories import failure, retrying, task, tasks
from tests.support.recounts import findings

DAY = 86_400_000
YEAR = 365 * DAY
STEPS = (2_000, -2_000, DAY, -DAY, 365 * DAY, -365 * DAY, 3_650 * DAY, -3_650 * DAY)


def steps(deck: Deck) -> list[dict[str, int]]:
    return deck.told("clock.stepped")


@pytest.mark.parametrize("by", STEPS)
def test_a_step_is_named_once_and_moves_only_what_is_shown(deck: Deck, by: int) -> None:
    deck.enqueue(task("a", retry=retrying(4)), task("b"))
    deck.claim(1)
    due = deck.now + 5_000
    deck.end("a", failure(), RetryAt(at=due))
    deck.offset = -by
    deck.do()
    deck.do()
    assert steps(deck) == [{"by_ms": by, "offset_ms": -by}]
    assert deck.report.next_due == due
    deck.come_due(due - 20)
    assert deck.status("a") == "retrying"
    deck.come_due(due)
    assert deck.status("a") == "queued"
    assert deck.column("a", "queued_at") == deck.now + by
    assert deck.column("a", "sort_key") == deck.now
    assert findings(deck.db) == ()


def test_history_is_told_in_the_order_of_ids_though_times_go_back(deck: Deck) -> None:
    deck.enqueue(task("a"))
    deck.offset = DAY
    deck.claim()
    deck.end("a")
    times = [at for (at,) in deck.rows("SELECT at FROM event WHERE task_id = 1 ORDER BY id")]
    assert times[0] > times[1] > 0 - DAY
    assert [kind for (kind,) in deck.rows("SELECT kind FROM event WHERE task_id = 1 ORDER BY id")] == [
        "task.created",
        "task.claimed",
        "task.succeeded",
    ]


@pytest.mark.parametrize("by", STEPS)
def test_who_waited_longer_goes_first_whatever_the_wall_clock_said(deck: Deck, by: int) -> None:
    deck.enqueue(task("first"))
    deck.offset = -by
    deck.enqueue(task("second"))
    assert deck.claim_keys(1) == ["first"]


def test_a_new_priority_after_a_step_moves_by_levels(deck: Deck) -> None:
    (number, _) = deck.enqueue(task("a"), task("b"))
    before = deck.column("a", "sort_key")
    deck.offset = 365 * DAY
    deck.do(Prioritise(task_ids=(number,), priority=3))
    assert deck.column("a", "sort_key") == before - 3 * AGING


def test_a_held_retry_waits_on_by_engine_time(deck: Deck) -> None:
    (number,) = deck.enqueue(task("a", retry=retrying(4)))
    deck.claim()
    deck.end("a", failure(), RetryAt(at=deck.now + 60_000))
    deck.do(Hold(task_ids=(number,)))
    deck.offset = -DAY
    deck.do(Unhold(task_ids=(number,)))
    assert deck.status("a") == "retrying"
    assert deck.told("task.retry_scheduled")[-1]["retry_at"] == deck.column("a", "retry_at") + DAY
    assert findings(deck.db) == ()


def test_time_goes_on_where_a_killed_engine_left_it_and_names_what_was_set_meanwhile(deck: Deck) -> None:
    deck.now += 5_000
    deck.do()
    deck.offset = -DAY
    deck.crash()
    assert deck.value("SELECT time_at FROM engine") == deck.now
    assert steps(deck) == [{"by_ms": DAY, "offset_ms": -DAY}]
    deck.do()
    assert len(steps(deck)) == 1


def test_a_step_in_a_group_that_is_replayed_is_told_before_what_follows(deck: Deck) -> None:
    deck.enqueue(*tasks("t", 2))
    deck.claim()
    deck.offset = DAY
    # One of two commands cannot be written: the group is replayed one by one.
    deck.db.execute(
        "CREATE TEMP TRIGGER no BEFORE INSERT ON event WHEN NEW.task_id = 2"
        " BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    deck.ask(deck.completion(1), deck.completion(2))
    deck.db.execute("DROP TRIGGER no")
    kinds = [kind for (kind,) in deck.rows("SELECT kind FROM event ORDER BY id DESC LIMIT 2")]
    assert kinds == ["task.succeeded", "clock.stepped"]
    assert findings(deck.db) == ()


@pytest.mark.parametrize("seed", range(20))
def test_whatever_steps_a_history_takes_its_counts_and_times_agree(deck: Deck, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(30):
        deck.now += chance.choice((10, 3_000, 15_000, DAY))
        if chance.random() < 0.4:
            deck.offset += chance.choice(STEPS)
        if chance.random() < 0.1:
            deck.crash()
        deck.enqueue(task("t", retry=retrying(3)))
        for claimed in deck.claim():
            if chance.random() < 0.3:
                later = RetryAt(at=deck.now + chance.choice((5, 20_000)))
                deck.end(claimed.task_id, failure(), later)
            else:
                deck.end(claimed.task_id)
        deck.do(ComeDue())
    assert findings(deck.db) == ()


@pytest.fixture
async def reports(deck: Deck) -> AsyncIterator[Reports]:
    """Read models whose wall clock is that of the deck."""
    readers = Readers(deck.path)
    yield Reports(readers, now=lambda: deck.now - deck.offset)
    await readers.close()


async def test_due_times_are_shown_and_asked_for_by_the_wall_clock(deck: Deck, reports: Reports) -> None:
    deck.enqueue(task("a", retry=retrying(4)))
    deck.claim()
    due = deck.now + 60_000
    deck.end("a", failure(), RetryAt(at=due))
    deck.offset = YEAR
    deck.do()
    page = await reports.tasks.page(parse("due<2m", Noun.TASKS))
    assert [one.retry_at for one in page.rows] == [due - YEAR]
    assert (await reports.pulse.last()).waiting[0].until == due - YEAR


async def test_rates_are_found_after_a_step(deck: Deck, reports: Reports) -> None:
    deck.now = 10 * YEAR
    deck.enqueue(task("a"))
    deck.claim()
    deck.end("a")
    deck.offset = 5 * YEAR
    deck.do()
    (queue,) = await reports.queues.all()
    assert queue.rate > 0
    rates = (await reports.pulse.last()).rates
    assert [rate.ended for rate in rates if rate.ended] == [{"succeeded": 1}]
    assert abs(rates[-1].at - (deck.now - deck.offset)) < 2 * BUCKET


async def test_an_open_attempt_tells_its_start_in_engine_time(deck: Deck, reports: Reports) -> None:
    deck.offset = DAY
    deck.enqueue(*tasks("t", 2))
    deck.claim(1)
    first = deck.now
    deck.offset = -YEAR
    deck.claim(2)
    opened = await reports.attempts.open_attempts()
    assert [attempt.started_at for attempt in opened] == [first, deck.now]
