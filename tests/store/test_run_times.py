"""Tests of kept run times: which are kept, and what is usual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.work import FollowUp, Rerun
from core.model.limits.limits import Spent
from core.model.outcomes import Outcome
from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import Decide, Expand
from core.model.run_times import Usual, UsualCost, UsualTime, usual_cost, usual_time
from core.store.reports import Reports
from core.store.tables.schema import RUN_TIMES
from tests.store.deck import Deck, failure, stage, task
from tests.support.recounts import findings


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


def run(deck: Deck, ms: int, *, name: str = "nightly") -> int:
    job = deck.job(stage(task("a"), task("b", "a")), name=name)
    for _ in range(2):
        pairs = deck.claim()
        deck.now += ms - 10
        deck.end(*pairs)
    return job


async def test_the_last_attempts_that_succeeded_are_usual(deck: Deck, reports: Reports) -> None:
    for number in range(RUN_TIMES + 5):
        run(deck, 1_000 if number < 5 else 100 + 10 * number)
    run(deck, 60_000, name="weekly")
    deck.loose(task("a"))
    pairs = deck.claim()
    deck.now += 5_000
    deck.end(*pairs)
    deck.job(stage(task("a")), name="nightly")
    (row,) = deck.claim()
    usual = await reports.run_times.usual([row[0], pairs[0][0], 1])
    assert usual == {
        task_id: UsualTime(median_ms=640, p90_ms=1_040, p95_ms=1_090, attempts=100) for task_id in (row[0], 1)
    }


async def test_failed_attempts_are_not_usual_and_those_of_a_rerun_are(deck: Deck, reports: Reports) -> None:
    run(deck, 100)
    run(deck, 300)
    deck.job(stage(task("a")), name="nightly")
    (pair,) = deck.claim()
    deck.now += 9_000
    deck.end(pair, outcome=failure())
    assert await reports.run_times.usual([1]) == {}
    deck.do(Rerun(task_ids=(pair[0],)))
    (pair,) = deck.claim()
    deck.now += 490
    deck.end(pair)
    assert (await reports.run_times.usual([1]))[1] == UsualTime(
        median_ms=300, p90_ms=500, p95_ms=500, attempts=3
    )


async def test_a_clock_that_was_set_back_makes_no_negative_time(deck: Deck, reports: Reports) -> None:
    for _ in range(3):
        deck.job(stage(task("a")), name="nightly")
    pairs = deck.claim()
    deck.change("UPDATE attempt SET started_at = started_at + 5000")
    deck.end(*pairs)
    assert (await reports.run_times.usual([1]))[1].median_ms == 0


def spend(deck: Deck, *spent: Spent, name: str = "nightly", outcome: Outcome | None = None) -> None:
    deck.job(stage(task("a")), name=name)
    deck.end(*deck.claim(), outcome=outcome, spent=spent)


async def test_what_attempts_reported_is_usual_by_unit_whatever_their_end(
    deck: Deck, reports: Reports
) -> None:
    for number in range(RUN_TIMES + 2):
        spend(
            deck,
            Spent(unit="usd", amount=900 if number < 2 else number),
            Spent(unit="usd", amount=5_000, model="gpt-x"),
            outcome=failure() if number % 2 else None,
        )
    spend(deck, Spent(unit="tokens", amount=7))
    for _ in range(3):
        spend(deck, Spent(unit="usd", amount=1), name="weekly")
    found = await reports.run_times.of_tasks("nightly", ["a", "b"])
    assert found["a"].costs == {"usd": UsualCost(median=5_051, p90=5_091, p95=5_096, attempts=100)}
    assert set(found) == {"a"}


async def test_what_was_estimated_lost_or_loose_is_no_usual_cost(deck: Deck, reports: Reports) -> None:
    for _ in range(3):
        spend(deck, Spent(unit="usd", amount=1))
    deck.change("UPDATE entry SET kind = 'estimated' WHERE id = 1")
    assert "usd" not in (await reports.run_times.of_tasks("nightly", ["a"])).get("a", Usual()).costs
    deck.change("UPDATE entry SET kind = 'unknown' WHERE id = 1")
    assert "usd" not in (await reports.run_times.of_tasks("nightly", ["a"])).get("a", Usual()).costs
    deck.change("UPDATE entry SET kind = 'settled', job_id = 1 WHERE id = 1")
    assert "usd" not in (await reports.run_times.of_tasks("nightly", ["a"])).get("a", Usual()).costs
    deck.change("UPDATE entry SET job_id = 2 WHERE id = 1")
    assert (await reports.run_times.of_tasks("nightly", ["a"]))["a"].costs["usd"].attempts == 3
    deck.change("DELETE FROM entry")


def test_names_that_sql_would_change_are_kept_apart(deck: Deck) -> None:
    for name in ("odd\ud800", "odd\0", "odd\0x"):
        run(deck, 100, name=name)
    assert deck.db.execute("SELECT count(*), count(DISTINCT workflow) FROM run_time").fetchone() == (6, 3)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], None),
        ([5, 5], None),
        ([3, 1, 2], (2, 3, 3)),
        (list(range(1, 101)), (50, 90, 95)),
        (list(range(1, 21)), (10, 18, 19)),
    ],
)
def test_what_is_usual_is_the_nearest_rank(times: list[int], expected: tuple[int, int, int] | None) -> None:
    time, cost = usual_time(times), usual_cost(times)
    assert (time and (time.median_ms, time.p90_ms, time.p95_ms)) == expected
    assert (cost and (cost.median, cost.p90, cost.p95)) == expected


async def test_what_is_usual_of_an_instance_is_what_all_of_its_group_took(
    deck: Deck, reports: Reports
) -> None:
    deck.job(stage(task("a", for_each=ForEach(over=4))), name="nightly")
    (group,) = deck.db.execute("SELECT max(id) FROM task").fetchone()
    deck.do(Decide(task_id=group, verdict=Expand(items=[1, 2, 3, 4])))
    while deck.report.left_over:
        deck.do(FollowUp())
    *ended, runs = deck.claim(4)
    deck.now += 500
    deck.end(*ended)
    usual = await reports.run_times.usual([runs[0]])
    assert usual[runs[0]].attempts == 3
    arrival = await reports.arrivals.of_job("weekly", ["a"], [])
    assert [one.usual_ms for one in arrival.line.open] == [usual[runs[0]].median_ms]
