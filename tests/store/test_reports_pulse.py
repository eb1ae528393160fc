"""The pulse, the queues and the lost say how the store does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import ComeDue, Complete, Hold, Pause, Unhold
from core.model.orphans import OrphanKind, OrphanView
from core.model.outcomes import AskOperator, Lost, RetryAt
from core.model.plans import OnTaskFailure, RetryPolicy
from core.model.pulse import Rate, Waiting, WaitKind
from core.store.families import Families
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.pulse import MESSAGE_MAX
from tests.store.deck import Deck, failure, stage, task
from tests.store.test_reports_counting import Plans

CODES = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    made.close()


async def waits(reports: Reports) -> dict[tuple[str, str], Waiting]:
    return {(waiting.kind, waiting.subject): waiting for waiting in (await reports.pulse.last()).waiting}


async def test_rates_have_no_gaps_and_end_with_the_bucket_under_way(deck: Deck, reports: Reports) -> None:
    deck.now = 600_000
    deck.loose(task("a"), task("b"), task("c"))
    deck.end(*deck.claim(1))
    deck.now = 634_000
    deck.end(*deck.claim(1), outcome=failure())
    rates = (await reports.pulse.last(minutes=1)).rates
    assert [rate.at for rate in rates] == list(range(580_000, 630_001, 10_000))
    assert rates[-1] == Rate(at=630_000, seconds=10, ended={"failed": 1})
    assert rates[2] == Rate(at=600_000, seconds=10, ended={"succeeded": 1})
    assert rates[3].ended == {}
    assert len((await reports.pulse.last()).rates) == 60
    assert len((await reports.pulse.last(minutes=10**9)).rates) == 8_640
    assert len((await reports.pulse.last(minutes=-5)).rates) == 6


async def test_an_empty_store_has_a_pulse(reports: Reports) -> None:
    pulse = await reports.pulse.last()
    assert (pulse.failing, pulse.failing_searched, pulse.waiting) == ((), None, ())
    assert {len(rate.ended) for rate in pulse.rates} == {0}


async def test_what_fails_is_told_by_code_with_most_tasks_first(deck: Deck, reports: Reports) -> None:
    deck.loose(*(task(f"k{n}", retry=RetryPolicy(max_attempts=2)) for n in range(6)))
    first, *others = deck.claim()
    deck.end(first, outcome=failure("exit", "alone"))
    for number, pair in enumerate(others[:4]):
        deck.end(pair, outcome=failure("http.503", f"busy {number}"))
    again = RetryAt(at=deck.now + 9_000)
    deck.do(Complete(task_id=6, epoch=1, outcome=failure("http.503", "busy 4"), decision=again))
    most, least = (await reports.pulse.last()).failing
    assert (most.code, most.tasks, most.failed, most.message) == ("http.503", 5, 4, "busy 4")
    assert (most.newest_task, most.last_at) == (6, deck.now)
    assert (least.code, least.tasks, least.message) == ("exit", 1, "alone")


async def test_what_failed_before_families_were_counted_is_told_by_code(deck: Deck, reports: Reports) -> None:
    deck.job(stage(*(task(f"k{n}") for n in range(4))), on_task_failure=OnTaskFailure.CONTINUE)
    first, *others = deck.claim()
    deck.end(first, outcome=failure("exit", "alone"))
    for pair in others:
        deck.end(pair, outcome=failure("http.503", "busy" + "x" * 2_000))
    for table in ("family_job", "family_hour", "family"):
        deck.change(f"DELETE FROM {table}")
    deck.change("UPDATE task SET family = NULL")
    most, least = (await reports.pulse.last()).failing
    assert (most.id, most.code, most.failed, most.jobs, most.newest_task) == ("", "http.503", 3, 1, 4)
    assert most.message == ("busy" + "x" * 2_000)[:MESSAGE_MAX]
    assert (least.code, least.tasks, least.trend) == ("exit", 1, ())


async def test_a_pulse_looks_at_the_newest_troubled_tasks(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.reports.pulse.TROUBLED_MAX", 3)
    monkeypatch.setattr(Families, "flush", lambda _: None)
    monkeypatch.setattr(Families, "note", lambda *_: None)
    deck.loose(*(task("k") for n in range(5)))
    for pair in deck.claim()[:4]:
        deck.end(pair, outcome=failure(f"code{pair[0] % 2}"))
    pulse = await reports.pulse.last()
    assert pulse.failing_searched == 3
    assert [(failing.code, failing.tasks) for failing in pulse.failing] == [("code0", 2), ("code1", 1)]


async def test_at_most_twenty_codes_are_told(deck: Deck, reports: Reports) -> None:
    deck.loose(*(task("k") for n in range(30)))
    for number, pair in enumerate(deck.claim()):
        deck.end(pair, outcome=failure(f"code{CODES[min(number, 25)]}"))
    failing = (await reports.pulse.last()).failing
    assert len(failing) == 20
    assert (failing[0].code, failing[0].tasks, failing[1].code) == (f"code{CODES[25]}", 5, f"code{CODES[24]}")


async def test_each_waits_for_one_reason(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a"), task("b", queue="slow"), task("r", priority=9, retry=RetryPolicy(max_attempts=2)))
    paused = deck.job(stage(task("c"), task("d", queue="slow"), task("e", "c"), task("f", queue="net")))
    deck.job(stage(task("g")))
    (pair,) = deck.claim(1)
    due = deck.now + 9_000
    deck.do(Complete(task_id=pair[0], epoch=pair[1], outcome=failure(), decision=RetryAt(at=due)))
    deck.do(Pause(queue="slow"), Pause(job_id=paused), Hold(task_ids=(8,)))
    assert await waits(reports) == {
        (WaitKind.QUEUED, "default"): Waiting(kind=WaitKind.QUEUED, subject="default", tasks=1, since=1_010),
        (WaitKind.PAUSED_QUEUE, "slow"): Waiting(
            kind=WaitKind.PAUSED_QUEUE, subject="slow", tasks=2, since=1_010
        ),
        (WaitKind.PAUSED_JOB, "2"): Waiting(kind=WaitKind.PAUSED_JOB, subject="2", tasks=2, since=1_020),
        (WaitKind.NEEDS, ""): Waiting(kind=WaitKind.NEEDS, subject="", tasks=1),
        (WaitKind.RETRYING, ""): Waiting(kind=WaitKind.RETRYING, subject="", tasks=1, until=due),
        (WaitKind.HELD, ""): Waiting(kind=WaitKind.HELD, subject="", tasks=1),
    }


async def test_most_waiting_come_first_and_at_most_twenty(deck: Deck, reports: Reports) -> None:
    deck.loose(*(task("t", queue=f"q{n % 25}") for n in range(26)))
    waiting = (await reports.pulse.last()).waiting
    assert len(waiting) == 20
    assert (waiting[0].subject, waiting[0].tasks) == ("q0", 2)


async def test_queues_tell_how_long_the_next_waits_and_how_fast_they_go(deck: Deck, reports: Reports) -> None:
    deck.now = 900_000
    deck.loose(*(task("a") for _ in range(10)), task("x", queue="slow"))
    deck.end(*deck.claim(5))
    deck.now = 1_199_999
    default, slow = await reports.queues.all()
    assert (default.depth, default.oldest_at, default.rate) == (5, 900_010, 1.0)
    assert (slow.depth, slow.oldest_at, slow.rate) == (1, 900_010, 0.0)
    deck.now = 1_200_000
    assert [queue.rate for queue in await reports.queues.all()] == [0.0, 0.0]
    deck.now = 5_000_000
    deck.drain()
    default, slow = await reports.queues.all()
    assert (default.depth, default.oldest_at, slow.oldest_at) == (0, None, None)
    assert default.rate == pytest.approx(5 * 60_000 / 290_031, abs=0.01)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("depth>=2", ["default"]),
        ("queued:1", ["slow"]),
        ("depth:0", ["idle"]),
        ("oldest>1m", ["default"]),
        ("rate>0", ["idle"]),
        ("rate<=0", ["default", "slow"]),
        ("sl", ["slow"]),
    ],
)
async def test_queues_are_found_by_depth_age_and_rate(
    deck: Deck, reports: Reports, text: str, names: list[str]
) -> None:
    deck.loose(task("z", queue="idle"))
    deck.end(*deck.claim())
    deck.loose(task("a"), task("b"))
    deck.now += 70_000
    deck.loose(task("c", queue="slow"))
    where = parse(text, Noun.QUEUES)
    assert [queue.name for queue in await reports.queues.all(where)] == names
    assert (await reports.totals.count(where)).number == len(names)


async def test_lost_are_the_held_tasks_that_wait_for_a_decision(deck: Deck, reports: Reports) -> None:
    deck.loose(task("asked", on_loss="ask"), task("retried"), task("other", on_loss="ask"), task("held"))
    deck.claim(3)
    deck.do(
        Complete(task_id=1, epoch=1, outcome=Lost(reason="the wrapper died"), decision=AskOperator()),
        Complete(task_id=2, epoch=1, outcome=Lost(reason="gone"), decision=RetryAt(at=5)),
    )
    since = deck.now
    deck.do(ComeDue())
    deck.do(Hold(task_ids=(2, 4)))
    expected = OrphanView(
        kind=OrphanKind.LOST,
        task_id=1,
        job_id=1,
        key="asked",
        epoch=1,
        since=since,
        reason="the wrapper died",
    )
    assert await reports.lost.orphans() == (expected,)
    deck.do(Unhold(task_ids=(1,)))
    assert await reports.lost.orphans() == ()


async def test_a_pulse_reads_by_indexes_alone(deck: Deck, readers: Readers, reports: Reports) -> None:
    deck.loose(*(task("k", retry=RetryPolicy(max_attempts=2)) for n in range(5)))
    first, second, *_ = deck.claim(2)
    deck.end(first, outcome=failure())
    deck.do(Complete(task_id=second[0], epoch=1, outcome=failure(), decision=RetryAt(at=deck.now + 9_000)))
    plans = Plans(deck, readers)
    await reports.pulse.last()
    await reports.queues.all()
    await reports.lost.orphans()
    told = " | ".join(plans.all())
    for table in ("task", "event", "attempt", "job", "t", "a", "j"):
        assert f"SCAN {table} |" not in f"{told} |"
    for index in ("task_trouble", "lane_head", "task_claim", "task_due", "SEARCH ended USING PRIMARY KEY"):
        assert index in told
