"""Tests of kept run times: which are kept, and what is usual."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands import Rerun
from core.model.run_times import UsualTime, usual_time
from core.store.reports import Reports
from core.store.schema import RUN_TIMES
from core.store.verify import verify
from tests.store.deck import Deck, failure, stage, task


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert verify(made.db) == ()
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
    assert usual == {task_id: UsualTime(median_ms=640, p95_ms=1_090, attempts=100) for task_id in (row[0], 1)}


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
    assert (await reports.run_times.usual([1]))[1] == UsualTime(median_ms=300, p95_ms=500, attempts=3)


async def test_a_clock_that_was_set_back_makes_no_negative_time(deck: Deck, reports: Reports) -> None:
    for _ in range(3):
        deck.job(stage(task("a")), name="nightly")
    pairs = deck.claim()
    deck.change("UPDATE attempt SET started_at = started_at + 5000")
    deck.end(*pairs)
    assert (await reports.run_times.usual([1]))[1].median_ms == 0


def test_names_that_sql_would_change_are_kept_apart(deck: Deck) -> None:
    for name in ("odd\ud800", "odd\0", "odd\0x"):
        run(deck, 100, name=name)
    assert deck.db.execute("SELECT count(*), count(DISTINCT workflow) FROM run_time").fetchone() == (6, 3)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ([], None),
        ([5, 5], None),
        ([3, 1, 2], (2, 3)),
        (list(range(1, 101)), (50, 95)),
        (list(range(1, 21)), (10, 19)),
    ],
)
def test_what_is_usual_is_the_nearest_rank(times: list[int], expected: tuple[int, int] | None) -> None:
    usual = usual_time(times)
    assert (None if usual is None else (usual.median_ms, usual.p95_ms)) == expected
