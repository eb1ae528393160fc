"""Backends that refuse, by commands to a store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.model.commands import Cancel, Complete, FollowUp
from core.model.limit_commands import Configure
from core.model.limits import Backend, Dimension, Limit, LimitKind
from core.model.outcomes import Failed, RetryAt, TaskError
from core.model.plans import TaskPlan
from core.model.values import JsonObject
from core.store.verify import verify
from tests.store.deck import Deck, stage, task

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


def fail(deck: Deck, attempt: Attempt, outcome: Failed, *, slots: int = 0) -> None:
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
