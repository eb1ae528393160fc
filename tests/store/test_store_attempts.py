"""How attempts close, and what the row makes of it."""

from __future__ import annotations

import pytest

from core.model.commands.work import Cancel, Complete, Completed, Force
from core.model.errors import Bug
from core.model.outcomes import (
    AskOperator,
    Bounced,
    Cancelled,
    Decision,
    GiveUp,
    Interrupted,
    Lost,
    Outcome,
    Requeue,
    RetryAt,
    Succeeded,
    TimedOut,
)
from tests.support.deck import Deck
from tests.support.factories import FINISH, failure, flat, retrying, task

LATER = RetryAt(at=50_000)


def start(deck: Deck, **more: object) -> int:
    work = deck.submit(flat(task("a", retry=retrying(3), **more), task("z"), on_task_failure=FINISH))
    deck.claim()
    return work


@pytest.mark.parametrize(
    ("outcome", "decision", "task_status", "attempt", "tail"),
    [
        (Succeeded(), None, "succeeded", "succeeded", ["task.succeeded"]),
        (failure(), GiveUp(), "failed", "failed", ["attempt.failed", "task.failed"]),
        (failure(), LATER, "retrying", "failed", ["attempt.failed", "task.retry_scheduled"]),
        (TimedOut(after_ms=5), GiveUp(), "failed", "timed_out", ["attempt.timed_out", "task.failed"]),
        (TimedOut(after_ms=5), LATER, "retrying", "timed_out", ["attempt.timed_out", "task.retry_scheduled"]),
        (Cancelled(), None, "cancelled", "cancelled", ["attempt.cancelled", "task.cancelled"]),
        (Lost(reason="?"), LATER, "retrying", "lost", ["attempt.lost", "task.retry_scheduled"]),
        (Lost(reason="?"), GiveUp(), "failed", "lost", ["attempt.lost", "task.failed"]),
        (Lost(reason="?"), AskOperator(), "held", "lost", ["attempt.lost", "task.held"]),
        (Interrupted(), None, "queued", "interrupted", ["task.interrupted"]),
        (Bounced(reason="?"), Requeue(), "queued", "bounced", ["task.bounced"]),
        (Bounced(reason="?"), GiveUp(), "failed", "bounced", ["task.failed"]),
    ],
    ids=str,
)
def test_the_decision_moves_the_task_when_its_attempt_closes(
    deck: Deck,
    outcome: Outcome,
    decision: Decision | None,
    task_status: str,
    attempt: str,
    tail: list[str],
) -> None:
    start(deck)
    deck.end("a", outcome, decision)
    assert (deck.status("a"), deck.attempts("a")) == (task_status, [attempt])
    assert deck.history(task="a")[2:] == tail


@pytest.mark.parametrize(
    ("outcome", "decision"),
    [
        (failure(), LATER),
        (failure(), GiveUp()),
        (TimedOut(after_ms=5), LATER),
        (Cancelled(), None),
        (Lost(reason="?"), LATER),
        (Lost(reason="?"), AskOperator()),
        (Interrupted(), None),
        (Bounced(reason="?"), Requeue()),
    ],
    ids=str,
)
def test_with_a_stop_requested_it_is_cancelled_never_retried_queued_or_held(
    deck: Deck, outcome: Outcome, decision: Decision | None
) -> None:
    start(deck)
    deck.do(Cancel(task_ids=(deck.id("a"),), reason="enough", actor="ada"))
    deck.end("a", outcome, decision)
    assert deck.status("a") == "cancelled"
    assert "interrupted" not in deck.attempts("a")
    assert deck.claim() == []


def test_a_success_stands_even_if_a_stop_was_asked_for(deck: Deck) -> None:
    start(deck)
    deck.do(Cancel(task_ids=(deck.id("a"),), reason="enough", actor="ada"))
    deck.end("a", Succeeded(output={"n": 1}))
    assert (deck.status("a"), deck.attempts("a")) == ("succeeded", ["succeeded"])
    assert deck.column("a", "stop_reason") == "enough"


def test_only_failures_and_timeouts_count_as_tries(deck: Deck) -> None:
    start(deck)
    ends: list[tuple[Outcome, Decision | None]] = [
        (failure(), LATER),
        (TimedOut(after_ms=1), LATER),
        (Lost(reason="?"), LATER),
        (Bounced(reason="?"), Requeue()),
        (Interrupted(), None),
    ]
    for outcome, decision in ends:
        deck.end("a", outcome, decision)
        if decision is LATER:
            deck.come_due(60_000)
        assert [claimed.key for claimed in deck.claim()] == ["a"]
    claimed = deck.report.claimed[0]
    assert (claimed.tries, claimed.losses, claimed.bounces, claimed.epoch) == (2, 1, 1, 6)
    deck.end("a")
    assert deck.attempts("a") == ["failed", "timed_out", "lost", "bounced", "interrupted", "succeeded"]


def test_a_retrying_task_holds_no_slot_and_comes_due_in_time(deck: Deck) -> None:
    start(deck)
    deck.end("z")
    deck.end("a", failure(), RetryAt(at=90_000))
    assert deck.report.next_due == 90_000
    assert deck.value("SELECT count(*) FROM attempt WHERE status = 'running'") == 0
    deck.come_due(89_000)
    assert deck.status("a") == "retrying"
    deck.come_due(90_000)
    assert (deck.status("a"), deck.report.next_due) == ("queued", None)


def test_the_first_of_several_due_times_is_told(deck: Deck) -> None:
    deck.enqueue(task("a"), task("b"))
    deck.claim()
    deck.end("a", failure(), RetryAt(at=90_000))
    deck.end("b", failure(), RetryAt(at=80_000))
    assert deck.report.next_due == 80_000


def test_the_error_of_the_last_failure_stays_until_a_success(deck: Deck) -> None:
    start(deck)
    deck.end("a", failure("exit.7", "it broke"), LATER)
    assert deck.column("a", "error") == '{"code":"exit.7","message":"it broke"}'
    deck.come_due(60_000)
    deck.claim()
    deck.end("a", Interrupted())
    assert deck.column("a", "error") == '{"code":"exit.7","message":"it broke"}'
    deck.claim()
    deck.end("a")
    assert deck.column("a", "error") is None


def test_a_partial_success_says_so(deck: Deck) -> None:
    start(deck)
    deck.end("a", Succeeded(output=[1], partial=True, reason="row limit"))
    told = {"output": [1], "partial": True, "reason": "row limit", "from": "running"}
    assert deck.told("task.succeeded") == [told]


@pytest.mark.parametrize("second", [Succeeded(output=2), failure(), Lost(reason="?")], ids=str)
def test_the_outcome_of_a_closed_attempt_is_a_duplicate_without_effect(deck: Deck, second: Outcome) -> None:
    start(deck)
    first = deck.completion("a", Succeeded(output=1))
    deck.do(first)
    before = deck.picture()
    late = Complete(task_id=first.task_id, epoch=first.epoch, outcome=second, decision=GiveUp())
    assert deck.do(late) == [Completed(landed=False)]
    assert deck.picture() == before
    assert deck.history(task="a")[-1] == "task.duplicate"
    assert deck.told("task.duplicate") == [{"outcome": type(second).__name__.lower(), "closed": "succeeded"}]


def test_the_late_outcome_of_a_former_attempt_does_not_touch_the_present_one(deck: Deck) -> None:
    start(deck)
    late = deck.completion("a")
    deck.end("a", Lost(reason="?"), RetryAt(at=deck.now))
    deck.come_due(60_000)
    deck.claim()
    for outcome in (Succeeded(), failure(), Cancelled()):
        answer = deck.do(Complete(task_id=late.task_id, epoch=late.epoch, outcome=outcome, decision=GiveUp()))
        assert answer == [Completed(landed=False)]
    assert (deck.status("a"), deck.attempts("a")) == ("running", ["lost", "running"])


@pytest.mark.parametrize(("task_id", "epoch"), [(1, 2), (99, 1), (2, 0), (1, -1)])
@pytest.mark.parametrize("outcome", [Succeeded(), failure()], ids=["success", "failure"])
def test_an_outcome_for_an_attempt_that_never_was_is_a_bug(
    deck: Deck, outcome: Outcome, task_id: int, epoch: int
) -> None:
    start(deck)
    before = deck.picture()
    (answer,) = deck.ask(Complete(task_id=task_id, epoch=epoch, outcome=outcome))
    assert isinstance(answer, Bug)
    assert answer.code == "attempt.unknown"
    assert deck.picture() == before


def test_a_stop_is_asked_for_once_and_durable(deck: Deck) -> None:
    start(deck)
    stop = Cancel(task_ids=(deck.id("a"),), reason="enough", actor="ada")
    assert deck.operate(stop).changed == 1
    assert [stop.force for stop in deck.report.stops] == [Force.ASK]
    asked_at = deck.now
    assert deck.operate(stop).changed == 0
    assert deck.report.stops == []
    deck.crash()
    row = deck.rows("SELECT status, stop_at, stop_by, stop_reason, stop_how FROM task WHERE key = 'a'")
    assert row == [("running", asked_at, "ada", "enough", "ask")]
    assert deck.history(task="a").count("task.stop_requested") == 1


def test_a_lost_attempt_that_asks_is_held_until_an_operator_decides(deck: Deck) -> None:
    start(deck)
    deck.end("a", Lost(reason="the engine died"), AskOperator())
    assert deck.claim() == []
    assert deck.told("task.held")[0]["reason"].startswith("the attempt was lost")  # type: ignore[index,call-overload,union-attr]
