"""Limits and costs that need outputs: what a judged task takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import Cancel, Complete, FollowUp, Rerun
from core.model.limits.estimates import Estimate
from core.model.limits.limits import Limit, LimitKind, LimitRef
from core.model.limits.terms import Terms
from core.model.outcomes import Succeeded
from core.model.patterns.judgements import Decide, Proceed, SkipIt
from tests.store.deck import Deck, stage, task
from tests.support.recounts import findings

HOST = Limit(name="host", kind=LimitKind.CONCURRENCY, max=1)
TEAM = Limit(name="team", kind=LimitKind.BUDGET, unit="usd", max=10, on={})


@pytest.fixture
def deck(tmp_path: Path):
    deck = Deck(tmp_path / "taskdeck.db")
    configure(deck, HOST, TEAM)
    yield deck
    assert findings(deck.db) == ()
    deck.close()


def configure(deck: Deck, *limits: Limit) -> None:
    """Put these limits in force, also for what waits."""
    deck.do(Configure(limits=limits))
    while deck.report.left_over:
        deck.do(FollowUp())


def open_task(key: str, *needs: str):
    return task(
        key,
        *needs,
        limits=(LimitRef(name="host", key="${{ tasks.a.output }}"),),
        cost=Estimate(amounts={"calls": 5}, expressions={"usd": "${{ tasks.a.output }}"}),
    )


def terms(host: str, usd: int) -> Proceed:
    return Proceed(
        terms=Terms(
            limits=(LimitRef(name="host", key=host),), cost=Estimate(amounts={"calls": 5, "usd": usd})
        )
    )


def ended(deck: Deck, *keys: str) -> list[int]:
    """Submit a job of open tasks behind `a`; return their ids once that has ended."""
    job = deck.job(stage(task("a"), *(open_task(key, "a") for key in keys)))
    deck.end(*deck.claim())
    deck.do(FollowUp())
    rows = deck.db.execute("SELECT id FROM task WHERE job_id = ? AND key != 'a' ORDER BY id", (job,))
    return [task_id for (task_id,) in rows]


def gauges(deck: Deck) -> dict[str, int]:
    return dict(deck.db.execute("SELECT name || ':' || key, reserved FROM gauge ORDER BY 1"))


def statuses(deck: Deck, *task_ids: int) -> list[str]:
    found = dict(deck.db.execute("SELECT id, status FROM task"))
    return [found[task_id] for task_id in task_ids]


def test_open_tasks_wait_for_their_judgement_and_have_no_gauge_before(deck: Deck):
    first, second = ended(deck, "b", "c")
    assert statuses(deck, first, second) == ["blocked"] * 2
    assert deck.db.execute("SELECT count(*) FROM task WHERE wait_reason = 'condition'").fetchone() == (2,)
    assert deck.claim() == []
    assert not any("$" in name for name in gauges(deck))


def test_a_judged_task_takes_what_its_terms_say_and_no_more(deck: Deck):
    first, second, third = ended(deck, "b", "c", "d")
    deck.do(*(Decide(task_id=one, verdict=terms("db1", 4)) for one in (first, second)))
    deck.do(Decide(task_id=third, verdict=terms("db2", 3)))
    assert [one for one, _ in deck.claim()] == [first, third], "one key lets one through"
    assert gauges(deck) == {"host:db1": 1, "host:db2": 1, "team:": 7}


def test_what_a_judgement_made_stays_when_limits_change(deck: Deck):
    (first,) = ended(deck, "b")
    deck.do(Decide(task_id=first, verdict=terms("db1", 4)))
    configure(deck, TEAM)
    configure(deck, HOST, TEAM)
    assert [one for one, _ in deck.claim()] == [first]
    assert gauges(deck) == {"host:db1": 1, "team:": 4}


@pytest.mark.parametrize("second", [terms("db2", 9), SkipIt(), Proceed()])
def test_of_two_judgements_one_lands(deck: Deck, second: Proceed | SkipIt):
    (first,) = ended(deck, "b")
    deck.do(Decide(task_id=first, verdict=terms("db1", 4)))
    deck.do(Decide(task_id=first, verdict=second))
    assert [one for one, _ in deck.claim()] == [first]
    assert gauges(deck) == {"host:db1": 1, "team:": 4}
    assert deck.db.execute("SELECT count(*) FROM event WHERE kind = 'task.judged_late'").fetchone() == (1,)


def test_a_judgement_after_a_cancel_changes_nothing(deck: Deck):
    (first,) = ended(deck, "b")
    before = deck.db.execute("SELECT spec, lane_id, cost FROM task WHERE id = ?", (first,)).fetchone()
    deck.do(Cancel(task_ids=(first,), reason="", actor="x"))
    deck.do(Decide(task_id=first, verdict=terms("db1", 4)))
    assert statuses(deck, first) == ["cancelled"]
    assert deck.db.execute("SELECT spec, lane_id, cost FROM task WHERE id = ?", (first,)).fetchone() == before


def test_a_judgement_after_a_cancel_makes_no_gauge(deck: Deck):
    (first,) = ended(deck, "b")
    deck.do(Cancel(task_ids=(first,), reason="", actor="x"))
    deck.do(Decide(task_id=first, verdict=terms("db1", 4)))
    assert "host:db1" not in gauges(deck)


def test_a_rerun_is_judged_again(deck: Deck):
    (first,) = ended(deck, "b")
    deck.do(Decide(task_id=first, verdict=terms("db1", 4)))
    (claimed,) = deck.claim()
    deck.do(Complete(task_id=claimed[0], epoch=claimed[1], outcome=Succeeded()))
    deck.do(Rerun(task_ids=(first,), reason="", actor="x"))
    assert statuses(deck, first) == ["blocked"]
    deck.do(Decide(task_id=first, verdict=terms("db3", 2)))
    assert [one for one, _ in deck.claim()] == [first]
    assert gauges(deck)["host:db3"] == 1
