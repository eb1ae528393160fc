"""Failure families: counted with the failure, verified by recount, known to operators."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import (
    Acknowledge,
    Cancel,
    ComeDue,
    Complete,
    Fail,
    Hold,
    Rerun,
    Unacknowledge,
    Unhold,
)
from core.model.errors import NotFound
from core.model.failures import HOUR, HOURS, FamilyScope, FamilyState, FamilyView
from core.model.outcomes import AskOperator, Bounced, Lost, RetryAt
from core.model.plans import OnTaskFailure, RetryPolicy
from core.store.reports import Reports
from tests.store.deck import Deck, failure, stage, task
from tests.support.recounts import findings

TWICE = RetryPolicy(max_attempts=2)


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db")
    made.now = 100 * HOUR
    yield made
    assert findings(made.db) == ()
    made.close()


async def families(reports: Reports, scope: FamilyScope = FamilyScope.FAILING) -> tuple[FamilyView, ...]:
    return (await reports.failures.families(scope, limit=100)).families


async def only(reports: Reports, scope: FamilyScope = FamilyScope.FAILING) -> FamilyView:
    (family,) = await families(reports, scope)
    return family


async def test_failures_that_differ_in_what_varies_are_one_family(deck: Deck, reports: Reports) -> None:
    deck.job(stage(task("a"), task("b")), on_task_failure=OnTaskFailure.CONTINUE)
    deck.job(stage(task("c")))
    deck.loose(task("d"), task("e"))
    pairs = deck.claim()[:4]
    for number, pair in enumerate(pairs):
        deck.end(pair, outcome=failure("shell.exit", f"exit 65: row {number} has no price"))
    last = deck.now
    (left,) = deck.db.execute("SELECT id, epoch FROM task WHERE status = 'running'").fetchall()
    deck.end(left, outcome=failure("shell.exit", "exit 66: row 1 has no price"))
    many, one = await families(reports)
    assert (many.failed, many.retrying, many.jobs, many.failures) == (4, 0, 2, 4)
    assert (many.pattern, many.message) == ("exit 65: row # has no price", "exit 65: row 3 has no price")
    assert (many.first_at, many.last_at, many.newest_task, many.state) == (
        last - 30,
        last,
        pairs[3][0],
        "failing",
    )
    assert (one.failed, one.jobs, one.pattern) == (1, 0, "exit 66: row # has no price")
    assert len(many.trend) == HOURS
    assert (many.trend[-1], sum(many.trend)) == (4, 4)


async def test_tasks_count_while_they_fail_or_wait_for_another_attempt(deck: Deck, reports: Reports) -> None:
    deck.job(stage(task("a", retry=TWICE)))
    (pair,) = deck.claim()
    again = RetryAt(at=deck.now + 50)
    deck.do(Complete(task_id=pair[0], epoch=pair[1], outcome=failure(), decision=again))
    assert [((await only(reports)).failed, (await only(reports)).retrying)] == [(0, 1)]
    deck.do(Hold(task_ids=(1,)))
    assert await families(reports) == ()
    deck.do(Unhold(task_ids=(1,)))
    assert (await only(reports)).jobs == 1
    deck.now += 1_000
    deck.do(ComeDue())
    assert await families(reports) == ()
    deck.end(*deck.claim(), outcome=failure())
    family = await only(reports)
    assert (family.failed, family.retrying, family.jobs, family.failures) == (1, 0, 1, 2)
    deck.do(Rerun(task_ids=(1,)))
    assert (await only(reports, FamilyScope.ALL)).state is FamilyState.OVER
    deck.end(*deck.claim())
    family = await only(reports, FamilyScope.ALL)
    assert (family.state, family.tasks, family.jobs, family.failures) == ("over", 0, 0, 2)
    assert deck.db.execute("SELECT count(*) FROM family_job").fetchone() == (0,)


async def test_what_an_operator_ended_is_no_failure_and_what_fails_without_an_attempt_is_one(
    deck: Deck, reports: Reports
) -> None:
    deck.loose(task("a"), task("b"), task("c"))
    first, second, third = deck.claim()
    deck.do(Cancel(task_ids=(first[0],)))
    deck.end(first, outcome=failure())
    assert await families(reports) == ()
    deck.do(Complete(task_id=second[0], epoch=second[1], outcome=Lost(reason="gone"), decision=AskOperator()))
    assert (await only(reports, FamilyScope.ALL)).tasks == 0
    deck.do(Fail(task_ids=(second[0],), reason="no use"))
    deck.do(Complete(task_id=third[0], epoch=third[1], outcome=Bounced(reason="no such user")))
    codes = {family.code: family.failed for family in await families(reports)}
    assert codes == {"task.given_up": 1, "attempt.bounced": 1}


async def test_the_trend_has_the_failures_of_each_hour_of_a_day(deck: Deck, reports: Reports) -> None:
    deck.loose(*(task("t") for _ in range(6)))
    pairs = deck.claim()
    for number, pair in enumerate(pairs):
        deck.end(pair, outcome=failure())
        deck.now += HOUR if number else 30 * HOUR
    trend = (await only(reports)).trend
    assert trend[-6:] == (1, 1, 1, 1, 1, 0)
    assert sum(trend) == 5
    assert deck.db.execute("SELECT count(*) FROM family_hour").fetchone() == (5,)


async def test_an_acknowledged_family_is_quiet_until_it_returns(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a"), task("b"), task("c"))
    first, second, third = deck.claim()
    deck.end(first, outcome=failure())
    deck.end(second, outcome=failure("other"))
    other, family = await families(reports)
    deck.do(Acknowledge(families=(family.id,), reason="ana fixes it", actor="eve"))
    assert [one.state for one in await families(reports)] == ["failing", "acknowledged"]
    assert await reports.failures.acknowledged() == 1
    known = next(one for one in await families(reports) if one.id == family.id).acknowledged
    assert known is not None
    assert (known.by, known.reason, known.until, known.since) == ("eve", "ana fixes it", None, 0)
    deck.end(third, outcome=failure())
    returned, _ = await families(reports)
    assert (returned.id, returned.state) == (family.id, "returned")
    assert returned.acknowledged is not None
    # What was known before stays known: only what came since is news.
    assert (returned.acknowledged.since, returned.failed, returned.known) == (1, 2, 1)
    assert await reports.failures.acknowledged() == 1
    assert (await reports.failures.families(limit=1)).known == 1
    assert other.id != family.id


async def test_a_family_is_quiet_for_a_time_whatever_fails(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a"), task("b"))
    first, second = deck.claim()
    deck.end(first, outcome=failure())
    deck.do(Acknowledge(families=((await only(reports)).id,), for_ms=60_000))
    deck.end(second, outcome=failure())
    assert ((await only(reports)).state, await reports.failures.acknowledged()) == ("acknowledged", 2)
    deck.now += 60_000
    assert ((await only(reports)).state, await reports.failures.acknowledged()) == ("returned", 0)


async def test_an_acknowledgement_is_taken_back_and_both_are_in_the_history(
    deck: Deck, reports: Reports
) -> None:
    deck.loose(task("a"))
    deck.end(*deck.claim(), outcome=failure())
    family = (await only(reports)).id
    deck.do(Acknowledge(families=(family,), for_ms=60_000, reason="known", actor="eve"))
    (answer,) = deck.do(Unacknowledge(families=(family,), actor="bob"))
    assert (answer.changed, (await only(reports)).state) == (1, "failing")
    (answer,) = deck.do(Unacknowledge(families=(family,), actor="bob"))
    assert answer.changed == 0
    where = parse("kind:family.*", Noun.EVENTS)
    events = (await reports.events.page(where, limit=10)).rows
    assert [(event.kind, event.actor, event.data["family"]) for event in events] == [
        ("family.acknowledged", "eve", family),
        ("family.unacknowledged", "bob", family),
    ]
    assert events[0].data["reason"] == "known"


async def test_nothing_is_acknowledged_if_one_of_them_is_unknown(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a"))
    deck.end(*deck.claim(), outcome=failure())
    family = (await only(reports)).id
    for command in (Acknowledge, Unacknowledge):
        with pytest.raises(NotFound, match="failure family ffff does not exist"):
            deck.do(command(families=(family, "ffff")))
    assert (await only(reports)).acknowledged is None


async def test_a_filter_finds_the_tasks_of_a_family(deck: Deck, reports: Reports) -> None:
    deck.loose(task("a"), task("b"), task("c"))
    first, second, _ = deck.claim()
    deck.end(first, outcome=failure())
    deck.end(second, outcome=failure("other"))
    family = (await families(reports))[0]
    page = await reports.tasks.page(parse(f"family:{family.id} status:failed", Noun.TASKS), limit=10)
    assert [row.family for row in page.rows] == [family.id]


async def test_the_list_says_how_many_families_it_looked_at(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.store.reports.failures.SEARCHED_MAX", 2)
    deck.loose(task("a"), task("b"), task("c"))
    for pair in deck.claim():
        deck.end(pair, outcome=failure(f"code{'abc'[pair[0] - 1]}"))
    listed = await reports.failures.families(limit=10)
    assert ([family.code for family in listed.families], listed.searched) == (["codec", "codeb"], 2)
