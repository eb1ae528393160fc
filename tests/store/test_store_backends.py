"""Backends that refuse, by commands to a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands.limits import Configure
from core.model.commands.work import Cancel, Complete, FollowUp, Recount
from core.model.limits.limits import Backend, Dimension, Limit, LimitKind
from core.model.outcomes import (
    Accept,
    Bounced,
    Cancelled,
    Decision,
    Failed,
    Interrupted,
    Lost,
    Outcome,
    Requeue,
    RetryAt,
    Succeeded,
    TaskError,
    TimedOut,
)
from core.model.plans import TaskPlan
from core.model.values import JsonObject
from core.rules.gauges import left
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.verify import verify
from tests.store.deck import Deck, stage, task
from tests.support.recounts import findings

A, B = "a.example", "b.example"
Attempt = tuple[int, int]


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(tmp_path / "store.db")
    yield deck
    found = verify(deck.db)
    deck.close()
    assert found == ()


def call(key: str, host: str) -> TaskPlan:
    return TaskPlan(key=key, uses="http", with_={"url": f"https://{host}/x"})


def calls(host: str, number: int) -> list[TaskPlan]:
    return [call(f"{host[0]}{one}", host) for one in range(number)]


def refusal(after: int | None, status: int = 429) -> Failed:
    facts: JsonObject = {"status": status}
    message = f"the server answered {status}"
    return Failed(error=TaskError(code="http", message=message, facts=facts), retry_after_ms=after)


def fail(deck: Deck, attempt: Attempt, outcome: Outcome, *, slots: int = 0) -> None:
    """End an attempt; its task is due in an hour."""
    one = Complete(
        task_id=attempt[0], epoch=attempt[1], outcome=outcome, decision=RetryAt(at=deck.now + 3_600_000)
    )
    deck.do(one, slots=slots)
    settle(deck)


def settle(deck: Deck, slots: int = 0) -> list[str]:
    """Carry on what is left over, then claim; return the keys of what was claimed."""
    claimed = list(deck.report.claimed)
    while deck.report.left_over or deck.report.claims_left:
        deck.do(*([FollowUp()] if deck.report.left_over else []), slots=slots)
        claimed += deck.report.claimed
    deck.do(slots=slots)
    return sorted(one.key for one in [*claimed, *deck.report.claimed])


def first(deck: Deck) -> Attempt:
    """Claim one task for the only slot."""
    (attempt,) = deck.claim(slots=1)
    return attempt


def events(deck: Deck, kind: str) -> list[JsonObject]:
    rows = deck.db.execute("SELECT json(data) FROM event WHERE kind = ? ORDER BY id", (kind,)).fetchall()
    return [json.loads(data) for (data,) in rows]


def api(**more: object) -> Backend:
    match = more.pop("match", {Dimension.HOST: A})
    return Backend(name="api", match=match, **more)  # type: ignore[arg-type]


def test_a_host_that_refuses_is_left_alone_until_then_and_others_go_on(deck: Deck) -> None:
    deck.job(stage(*calls(A, 3), *calls(B, 2)))
    fail(deck, first(deck), refusal(5_000))
    assert settle(deck, slots=10) == ["b0", "b1"]
    assert deck.report.next_due is not None
    deck.now = deck.report.next_due - 20
    deck.do(slots=10)
    assert not deck.report.claimed
    deck.now += 20
    assert settle(deck, slots=10) == ["a1", "a2"]


def test_what_is_not_a_refusal_shuts_nothing(deck: Deck) -> None:
    deck.job(stage(*calls(A, 3)))
    fail(deck, first(deck), refusal(5_000, status=500))
    assert settle(deck, slots=10) == ["a1", "a2"]
    assert not deck.db.execute("SELECT 1 FROM gauge").fetchall()


def test_nothing_of_a_host_starts_in_the_batch_of_its_first_refusal(deck: Deck) -> None:
    deck.job(stage(*calls(A, 3), *calls(B, 1)))
    fail(deck, first(deck), refusal(5_000), slots=10)
    assert settle(deck, slots=10) == ["b0"]


def test_a_second_refusal_shuts_for_longer_never_for_less(deck: Deck) -> None:
    deck.job(stage(*calls(A, 4)))
    attempts = deck.claim(slots=3)
    fail(deck, attempts[0], refusal(5_000))
    fail(deck, attempts[1], refusal(20_000))
    until = deck.db.execute("SELECT shut_until FROM gauge").fetchall()
    fail(deck, attempts[2], refusal(1_000))
    assert deck.db.execute("SELECT shut_until FROM gauge").fetchall() == until
    assert len(events(deck, "backend.shut")) == 2


def test_many_refusals_at_once_are_one_event(deck: Deck) -> None:
    deck.job(stage(*calls(A, 20)))
    for attempt in deck.claim(slots=16):
        fail(deck, attempt, refusal(5_000))
    (event,) = events(deck, "backend.shut")
    assert event["backend"] == A
    assert event["reason"] == "the server answered 429"


def test_new_tasks_of_a_shut_host_wait_too(deck: Deck) -> None:
    deck.job(stage(*calls(A, 1)))
    fail(deck, first(deck), refusal(5_000))
    deck.job(stage(*calls(A, 1), *calls(B, 1)))
    assert settle(deck, slots=10) == ["b0"]
    assert "a0" not in settle(deck, slots=10)


def test_a_refusal_shuts_each_backend_that_was_passed(deck: Deck) -> None:
    deck.do(Configure(backends=(api(match={Dimension.CONNECTOR: "http"}),)))
    deck.job(stage(*calls(A, 2), *calls(B, 2), task("free")))
    settle(deck)
    fail(deck, first(deck), refusal(5_000))
    assert settle(deck, slots=10) == ["free"]
    names = {event["backend"] for event in events(deck, "backend.shut")}
    assert names == {"api", A}


def test_an_attempt_under_a_cancelled_task_shuts_nothing(deck: Deck) -> None:
    deck.job(stage(*calls(A, 2)))
    attempt = first(deck)
    deck.do(Cancel(task_ids=attempt[:1], reason="", actor="tester"))
    deck.do(Complete(task_id=attempt[0], epoch=attempt[1], outcome=refusal(5_000)))
    assert not events(deck, "backend.shut")


def test_hosts_stay_bound_when_the_engine_is_configured_again(deck: Deck) -> None:
    deck.job(stage(*calls(A, 3)))
    fail(deck, first(deck), refusal(5_000))
    deck.do(Configure(limits=(Limit(name="db", kind=LimitKind.CONCURRENCY, max=3),)))
    assert settle(deck, slots=10) == []
    deck.now += 6_000
    assert settle(deck, slots=10) == ["a1", "a2"]


def broken(code: str = "http.5xx", *, permanent: bool = False) -> Failed:
    return Failed(error=TaskError(code=code, message="it is broken"), permanent=permanent)


def opened(deck: Deck, number: int = 20, **more: object) -> None:
    """Let the breaker of a backend open by two failures; it rests for ten seconds."""
    deck.do(Configure(backends=(api(failures=2, rest_ms=10_000, **more),)))
    deck.job(stage(*calls(A, number), *calls(B, 2)))
    settle(deck)
    for attempt in deck.claim(slots=2):
        fail(deck, attempt, broken())


def gauge(deck: Deck) -> tuple[int | None, int | None]:
    (row,) = deck.db.execute("SELECT shut_until, trial FROM gauge WHERE name = 'backend:api'").fetchall()
    return row


def test_failures_of_one_class_open_a_breaker_and_what_is_not_of_it_goes_on(deck: Deck) -> None:
    opened(deck)
    (event,) = events(deck, "backend.opened")
    assert event["reason"] == "2 failures (http.5xx) within 1m"
    assert settle(deck, slots=10) == ["b0", "b1"]


@pytest.mark.parametrize(
    "outcomes",
    [
        (broken("http.5xx"), broken("http.connection")),
        (broken(permanent=True), broken(permanent=True)),
        (broken(), Lost(reason="x")),
    ],
)
def test_failures_of_unlike_classes_or_faults_of_tasks_do_not(
    deck: Deck, outcomes: tuple[Outcome, ...]
) -> None:
    deck.do(Configure(backends=(api(failures=2),)))
    deck.job(stage(*calls(A, 5)))
    settle(deck)
    for attempt, outcome in zip(deck.claim(slots=2), outcomes, strict=True):
        fail(deck, attempt, outcome)
    assert not events(deck, "backend.opened")


def test_failures_that_lie_further_apart_than_the_period_do_not(deck: Deck) -> None:
    deck.do(Configure(backends=(api(failures=2, period_ms=1_000),)))
    deck.job(stage(*calls(A, 5)))
    settle(deck)
    for attempt in deck.claim(slots=2):
        fail(deck, attempt, broken())
        deck.now += 1_000
    assert not events(deck, "backend.opened")


def test_time_outs_are_a_class_of_their_own(deck: Deck) -> None:
    deck.do(Configure(backends=(api(failures=2),)))
    deck.job(stage(*calls(A, 5)))
    settle(deck)
    for attempt in deck.claim(slots=2):
        fail(deck, attempt, TimedOut(after_ms=10))
    assert len(events(deck, "backend.opened")) == 1


def test_after_its_rest_single_probes_go_and_the_first_that_succeeds_closes_it(deck: Deck) -> None:
    opened(deck)
    settle(deck, slots=10)
    deck.now += 10_000
    (probe,) = deck.claim(slots=10)
    assert deck.claim(slots=10) == []
    assert len(events(deck, "backend.probed")) == 1
    deck.do(Complete(task_id=probe[0], epoch=probe[1], outcome=Succeeded()))
    assert gauge(deck) == (None, None)
    (event,) = events(deck, "backend.closed")
    assert event["reason"] == "its probe was answered"
    assert len(settle(deck, slots=10)) == 8


def test_a_probe_that_fails_lets_it_rest_again(deck: Deck) -> None:
    opened(deck)
    settle(deck, slots=10)
    for _ in range(3):
        deck.now += 10_000
        (probe,) = deck.claim(slots=10)
        fail(deck, probe, broken("http.connection"))
        assert settle(deck, slots=10) == []
    assert len(events(deck, "backend.opened")) == 4


def test_a_task_that_is_at_fault_itself_is_an_answer_too(deck: Deck) -> None:
    opened(deck)
    settle(deck, slots=10)
    deck.now += 10_000
    (probe,) = deck.claim(slots=10)
    deck.do(Complete(task_id=probe[0], epoch=probe[1], outcome=broken("http.4xx", permanent=True)))
    assert gauge(deck) == (None, None)


@pytest.mark.parametrize(
    ("outcome", "decision"),
    [
        (Cancelled(), Accept()),
        (Lost(reason="x"), RetryAt(at=10**12)),
        (Bounced(reason="x"), Requeue()),
        (Interrupted(), Accept()),
    ],
)
def test_a_probe_without_an_answer_is_followed_by_another(
    deck: Deck, outcome: Outcome, decision: Decision
) -> None:
    opened(deck)
    settle(deck, slots=10)
    deck.now += 10_000
    (probe,) = deck.claim(slots=10)
    deck.do(Complete(task_id=probe[0], epoch=probe[1], outcome=outcome, decision=decision))
    assert len(settle(deck, slots=10)) == 1
    assert gauge(deck)[1] is not None


def test_what_began_before_it_opened_neither_closes_it_nor_counts(deck: Deck) -> None:
    deck.do(Configure(backends=(api(failures=2, rest_ms=10_000),)))
    deck.job(stage(*calls(A, 20)))
    settle(deck)
    attempts = deck.claim(slots=6)
    for attempt in attempts[:4]:
        fail(deck, attempt, broken())
    until = gauge(deck)
    assert len(events(deck, "backend.opened")) == 1
    deck.end(attempts[4])
    deck.now += 10_000
    (probe,) = deck.claim(slots=2)
    deck.end(attempts[5])
    assert gauge(deck) == (until[0], probe[0])


def test_a_breaker_is_the_same_for_the_next_engine(deck: Deck) -> None:
    opened(deck)
    before = gauge(deck)
    deck.do(Configure(backends=(api(failures=2, rest_ms=10_000),)))
    assert gauge(deck) == before
    assert settle(deck, slots=10) == ["b0", "b1"]


def test_a_wrong_probe_is_found_and_repaired(deck: Deck) -> None:
    opened(deck)
    deck.change("UPDATE gauge SET trial = 3 WHERE trial = 0")
    assert {finding.code for finding in verify(deck.db)} == {"gauge.probe"}
    deck.do(Recount())
    assert findings(deck.db) == ()


def test_a_failure_that_never_was_is_found_and_repaired(deck: Deck) -> None:
    opened(deck)
    deck.db.execute("INSERT INTO backend_failure SELECT id, 'x', 1, 2, 3 FROM gauge WHERE trial = 0")
    assert {finding.code for finding in verify(deck.db)} == {"backend_failure.wrong"}
    deck.do(Recount())
    assert findings(deck.db) == ()


async def test_limits_show_a_backend_that_is_tried_out_with_room_for_one(deck: Deck) -> None:
    opened(deck)
    deck.now += 10_000
    readers = Readers(deck.path)
    try:
        facts = await Reports(readers).limits.all()
    finally:
        await readers.close()
    (rule,) = [rule for rule in facts.rules if rule.limit.name == "backend:api"]
    assert [left(one.gauge, now=deck.now) for one in rule.gauges] == [1]
