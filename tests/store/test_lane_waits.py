"""The pulse says what pools and limits keep queued tasks back for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Pause
from core.model.limits.limits import Dimension, Limit, Pool
from core.model.pulse import Waiting
from core.store.reports import Reports
from tests.store.deck import Deck, stage, task
from tests.store.wait_cases import (
    BUDGET,
    CASES,
    CONCURRENCY,
    DAY,
    MIDNIGHT,
    NOON,
    USD,
    configure,
    number,
    under,
)

_OF_QUEUES = {
    "concurrency",
    "rate",
    "down",
    "shut",
    "breaker",
    "retry_share",
    "quota",
    "budget",
    "frozen",
} | {
    "no_pool",
    "pool_paused",
}
"""Codes that the pulse has a kind for, beside what tasks waited for before there were limits."""


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    made.now = NOON
    yield made
    made.close()


async def waits(reports: Reports) -> dict[tuple[str, str], int]:
    waiting = (await reports.pulse.last()).waiting
    return {(one.kind.value, one.subject): one.tasks for one in waiting}


@pytest.mark.parametrize("case", CASES)
async def test_the_pulse_calls_a_reason_as_the_task_itself_does(
    deck: Deck, reports: Reports, case: str
) -> None:
    prepare, code, *_ = CASES[case]
    prepare(deck)
    found = await waits(reports)
    # What stands behind a task that is too dear is told with that.
    known = {"budget"} if code == "behind" else {code} & _OF_QUEUES
    assert {kind for kind, _ in found} & _OF_QUEUES == known
    queued = deck.db.execute("SELECT count(*) FROM task WHERE status = 'queued'").fetchone()
    kinds = {"queued", "paused queue", "paused job"} | _OF_QUEUES
    assert sum(tasks for (kind, _), tasks in found.items() if kind in kinds) == queued[0]
    assert number(deck)


async def test_what_waits_for_one_limit_in_many_lanes_is_told_once_and_the_rest_for_its_turn(
    deck: Deck, reports: Reports
) -> None:
    configure(
        deck,
        Limit(name="db", kind=CONCURRENCY, max=0),
        Limit(name="team", kind=BUDGET, unit="usd", max=2 * USD, window=DAY),
    )
    deck.job(stage(*(under("db", f"d{n}") for n in range(3)), task("free")))
    deck.job(stage(*(under("db", f"d{n}", ref="one") for n in range(2)), task("free", queue="slow")))
    deck.job(stage(under("db", "d", queue="slow"), under("team", "dear", usd=3), under("team", "b", usd=1)))
    assert await waits(reports) == {
        ("concurrency", "db"): 4,
        ("concurrency", "db=one"): 2,
        ("budget", "team"): 2,
        ("queued", "default"): 1,
        ("queued", "slow"): 1,
    }
    # Lanes that are too dear are shut one by one: the others of their aisle go on.
    deck.job(stage(under("team", "cheap", usd=1)))
    assert deck.claim(9) != []
    found = await waits(reports)
    assert (found["budget", "team"], found["concurrency", "db"]) == (2, 4)
    (budget,) = [one for one in (await reports.pulse.last()).waiting if one.kind == "budget"]
    assert budget == Waiting(kind=budget.kind, subject="team", tasks=2, since=budget.since, until=MIDNIGHT)
    assert budget.since is not None


async def test_paused_jobs_and_queues_are_told_as_such_whatever_limits_say(
    deck: Deck, reports: Reports
) -> None:
    configure(deck, Limit(name="db", kind=CONCURRENCY, max=0, on={}))
    paused = deck.job(stage(task("a"), task("b")))
    deck.job(stage(task("c"), task("d", queue="slow")))
    deck.do(Pause(job_id=paused), Pause(queue="slow"))
    assert await waits(reports) == {
        ("paused job", str(paused)): 2,
        ("concurrency", "db"): 1,
        ("paused queue", "slow"): 1,
    }


async def test_a_job_that_is_paused_while_it_is_too_dear_is_told_as_paused(
    deck: Deck, reports: Reports
) -> None:
    configure(deck, Limit(name="team", kind=BUDGET, unit="usd", max=2 * USD))
    paused, _ = (deck.job(stage(under("team", "a", usd=3), under("team", "b", usd=3))) for _ in range(2))
    assert deck.claim(4) == []
    deck.do(Pause(job_id=paused))
    assert deck.db.execute("SELECT count(*) FROM lane WHERE shut_by > 0").fetchone() == (2,)
    assert await waits(reports) == {("paused job", str(paused)): 2, ("budget", "team"): 2}


async def test_a_limit_of_one_pool_is_told_only_where_no_other_takes_the_task(
    deck: Deck, reports: Reports
) -> None:
    pools = (Pool(name="gpu", slots=1), Pool(name="cpu", slots=1, queues=("default",)))
    configure(deck, Limit(name="cap", kind=CONCURRENCY, max=0, on={Dimension.POOL: "gpu"}), pools=pools)
    deck.loose(task("a"), task("b", queue="g"), task("c", queue="g"))
    assert await waits(reports) == {("queued", "default"): 1, ("concurrency", "cap"): 2}
    found = (await reports.tasks.page(parse("wait:concurrency", Noun.TASKS))).rows
    assert {view.queue for view in found} == {"g"}


async def test_a_group_that_is_too_large_to_be_counted_has_the_rest_of_its_queue(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(deck, Limit(name="db", kind=CONCURRENCY, max=0))
    deck.loose(*(under("db", f"d{n}") for n in range(9)), task("free"))
    monkeypatch.setattr("core.store.reports.limits.lane_waits.COUNTED_MAX", 3)
    assert await waits(reports) == {("concurrency", "db"): 9, ("queued", "default"): 1}


async def test_groups_that_are_too_large_to_be_counted_share_the_rest(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(deck, *(Limit(name=name, kind=CONCURRENCY, max=0) for name in ("db", "net")))
    deck.loose(*(under(name, f"{name}{n}") for name in ("db", "net") for n in range(9)), task("free"))
    monkeypatch.setattr("core.store.reports.limits.lane_waits.COUNTED_MAX", 9)
    assert await waits(reports) == {
        ("concurrency", "db"): 9,
        ("concurrency", "net"): 9,
        ("queued", "default"): 1,
    }


async def test_what_small_groups_leave_of_the_count_goes_to_larger_ones(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"a": 1, "b": 1, "db": 5, "net": 9}
    configure(deck, *(Limit(name=name, kind=CONCURRENCY, max=0) for name in sizes))
    deck.loose(*(under(name, f"{name}{n}") for name, number in sizes.items() for n in range(number)))
    monkeypatch.setattr("core.store.reports.limits.lane_waits.COUNTED_MAX", 16)
    assert await waits(reports) == {("concurrency", name): number for name, number in sizes.items()}
