"""Gauges of purged jobs go; what the ledger counts in stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.capacity import ChangeCapacity, CorrectGauge
from core.model.commands.forgetting import Forget
from core.model.commands.limits import Configure
from core.model.commands.purges import Purge, SweepPurged
from core.model.commands.work import FollowUp
from core.model.limits.limits import Limit, LimitKind, LimitRef, Per, Spent, Window
from core.model.plans import TaskPlan
from core.model.retention import Forgettable
from tests.store.deck import Deck, stage
from tests.store.test_store_forgetting import due, forget
from tests.support.recounts import findings


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    yield made
    assert findings(made.db) == ()
    made.close()


def gauges(deck: Deck) -> list[tuple[str, str]]:
    return deck.db.execute("SELECT name, key FROM gauge ORDER BY name, key").fetchall()


def job_under_limits(deck: Deck, name: str, *, spent: int = 0, end: bool = True) -> int:
    """Return a job whose task came under what is for each job, and spent so much."""
    refs = (LimitRef(name="money"), LimitRef(name="starts"), LimitRef(name="slots", key="job:999"))
    job = deck.job(stage(TaskPlan(key=name, uses="delay", limits=refs)), name=name)
    taken = deck.claim()
    if end:
        deck.end(*taken, spent=(Spent(unit="usd", amount=spent),) if spent else ())
    return job


@pytest.fixture
def limited(deck: Deck) -> Deck:
    per_job = Window(per=Per.JOB)
    deck.do(
        Configure(
            limits=(
                Limit(name="money", kind=LimitKind.BUDGET, unit="usd", max=10**9, window=per_job),
                Limit(name="starts", kind=LimitKind.QUOTA, max=100, window=per_job),
                Limit(name="slots", kind=LimitKind.CONCURRENCY, max=9),
            )
        )
    )
    deck.do(FollowUp())
    return deck


def purge_of(deck: Deck, *jobs: int) -> None:
    deck.do(Purge(job_ids=jobs, actor="ada"))
    for _ in range(20):
        deck.do(SweepPurged())
        deck.do(FollowUp())
    assert deck.db.execute("SELECT count(*) FROM purge").fetchone() == (0,)


def test_gauges_of_purged_jobs_go_with_their_sets_unless_the_ledger_counts_in_them(limited: Deck) -> None:
    deck = limited
    free, dear, kept = (
        job_under_limits(deck, "free"),
        job_under_limits(deck, "dear", spent=7),
        job_under_limits(deck, "kept"),
    )
    assert forget(deck, Forgettable.GAUGES) == 0
    purge_of(deck, free, dear)
    usage = deck.db.execute("SELECT sum(amount), count(*) FROM entry").fetchall()
    assert forget(deck, Forgettable.GAUGES) == 2
    left = [(name, f"job:{job}") for name in ("money", "starts") for job in (dear, kept)]
    assert gauges(deck) == sorted([*left, ("slots", "job:999")])
    assert deck.db.execute("SELECT sum(amount), count(*) FROM entry").fetchall() == usage
    aisles = "SELECT count(*) FROM aisle WHERE gset_id > 0 AND gset_id NOT IN (SELECT id FROM gset)"
    assert deck.db.execute(aisles).fetchone() == (0,)
    assert forget(deck, Forgettable.GAUGES) == 0
    # What is left goes on, and new jobs get gauges of their own.
    later = job_under_limits(deck, "later", spent=3)
    assert ("money", f"job:{later}") in gauges(deck)
    deck.change("DELETE FROM entry WHERE job_id = ?", dear)
    assert forget(deck, Forgettable.GAUGES) == 2
    assert ("money", f"job:{dear}") not in gauges(deck)


def test_a_gauge_that_was_found_and_is_corrected_meanwhile_stays(limited: Deck) -> None:
    deck = limited
    job = job_under_limits(deck, "free")
    purge_of(deck, job)
    refs = tuple(due(deck, Forgettable.GAUGES, deck.now))
    assert len(refs) == 2
    change = CorrectGauge(name="money", key=f"job:{job}", amount="5")
    deck.do(ChangeCapacity(change=change, reason="late bill", actor="ann"))
    assert deck.do(Forget(what=Forgettable.GAUGES, refs=refs, before=deck.now, event=0)) == [1]
    assert gauges(deck) == [("money", f"job:{job}"), ("slots", "job:999")]
    assert forget(deck, Forgettable.GAUGES) == 0
