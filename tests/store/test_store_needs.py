"""Tests of needs, skips and conditions after a task's end."""

from __future__ import annotations

import pytest

from core.model.commands.work import Cancel
from core.model.outcomes import Cancelled, TaskError
from core.model.patterns.judgements import Decide, FailIt, Proceed, SkipIt
from core.store import batch
from core.store.apply import consequences
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, FINISH, done, failure, flat, job, stage, task, tasks


def test_a_task_is_queued_when_the_last_of_its_needs_has_succeeded(deck: Deck) -> None:
    deck.submit(flat(task("a"), task("b"), task("c", "a", "b")))
    deck.claim()
    deck.end("a")
    assert (deck.status("c"), deck.column("c", "needs_left")) == ("blocked", 1)
    deck.end("b")
    assert (deck.status("c"), deck.column("c", "needs_left")) == ("queued", 0)
    assert deck.history(task="c") == ["task.created", "task.queued"]


def test_needs_met_in_one_batch_are_all_counted(deck: Deck) -> None:
    plans = tasks("a", 20)
    deck.submit(flat(*plans, task("c", *(plan.key for plan in plans))))
    deck.end_all(deck.claim())
    assert deck.status("c") == "queued"
    assert deck.history(task="c") == ["task.created", "task.queued"]


@pytest.mark.parametrize("end", ["failed", "cancelled", "skipped"])
def test_a_task_whose_need_did_not_succeed_is_skipped(deck: Deck, end: str) -> None:
    first = task("a", when="params.x" if end == "skipped" else None)
    work = deck.submit(flat(first, task("b", "a"), task("c", "b"), task("z"), on_task_failure=FINISH))
    deck.claim()
    if end == "failed":
        deck.end("a", failure())
    elif end == "cancelled":
        deck.end("a", Cancelled())
    else:
        deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt()))
    assert deck.statuses(work) == {"a": end, "b": "skipped", "c": "skipped", "z": "running"}
    assert deck.told("task.skipped")[-1] == {
        "need": deck.id("b"),
        "reason": f"its need b (task {deck.id('b')}) was skipped",
        "from": "blocked",
    }


@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled", "skipped"])
def test_a_need_that_asks_for_done_is_met_by_any_end(deck: Deck, end: str) -> None:
    first = task("a", when="params.x" if end == "skipped" else None)
    deck.submit(flat(first, task("b", done("a")), on_task_failure=FINISH))
    deck.claim()
    match end:
        case "succeeded":
            deck.end("a")
        case "failed":
            deck.end("a", failure())
        case "cancelled":
            deck.end("a", Cancelled())
        case _:
            deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt()))
    assert (deck.status("a"), deck.status("b")) == (end, "queued")


def test_one_failed_need_skips_although_another_was_met_in_the_same_batch(deck: Deck) -> None:
    deck.submit(flat(task("a"), task("b"), task("c", "a", done("b"))))
    deck.claim()
    deck.do(deck.completion("a", Cancelled()), deck.completion("b"))
    assert deck.status("c") == "skipped"


def test_a_need_of_an_earlier_stage_waits_for_the_stage_too(deck: Deck) -> None:
    deck.submit(job(stage(task("a"), task("b")), stage(task("c", "a"))))
    deck.claim()
    deck.end("a")
    assert (deck.status("c"), deck.column("c", "needs_left")) == ("blocked", 0)
    deck.end("b")
    assert deck.status("c") == "queued"


def test_a_condition_is_asked_for_only_once_needs_and_stage_allow_the_task(deck: Deck) -> None:
    deck.submit(job(stage(task("a"), task("b", "a", when="x")), stage(task("c", when="y"))))
    assert deck.report.conditions == []
    deck.claim()
    deck.end("a")
    assert deck.report.conditions == [deck.id("b")]
    assert deck.column("b", "wait_reason") == "condition"
    deck.do(Decide(task_id=deck.id("b"), verdict=SkipIt()))
    assert deck.report.conditions == [deck.id("c")]
    assert deck.status("c") == "blocked"


def test_a_condition_without_needs_is_asked_for_at_admission(deck: Deck) -> None:
    deck.submit(flat(task("a", when="x")))
    assert deck.report.conditions == [deck.id("a")]
    assert deck.claim() == []


def test_the_judgement_of_a_condition_queues_skips_or_fails(deck: Deck) -> None:
    work = deck.submit(flat(*tasks("a", 3, when="x"), task("b", "a2"), on_task_failure=CONTINUE))
    error = TaskError(code="when.type", message="it is no boolean")
    verdicts = (Proceed(), SkipIt(), FailIt(error=error))
    deck.do(*(Decide(task_id=deck.id(f"a{n}"), verdict=verdict) for n, verdict in enumerate(verdicts)))
    assert deck.statuses(work) == {"a0": "queued", "a1": "skipped", "a2": "failed", "b": "skipped"}
    assert deck.told("task.failed", without=("family",)) == [{"error": error.to_json(), "from": "blocked"}]
    told = {"when": False, "reason": "its condition is false", "from": "blocked"}
    assert told in deck.told("task.skipped")


def test_a_judgement_that_comes_twice_or_too_late_changes_nothing(deck: Deck) -> None:
    deck.submit(flat(task("a", when="x"), task("b", when="x"), task("c")))
    proceed = Decide(task_id=deck.id("a"), verdict=Proceed())
    deck.do(proceed)
    deck.do(Cancel(task_ids=(deck.id("b"),)))
    events = deck.history()
    deck.do(proceed, Decide(task_id=deck.id("b"), verdict=SkipIt()))
    deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt()))
    assert (deck.status("a"), deck.status("b")) == ("queued", "cancelled")
    assert deck.history() == [*events, *["task.judged_late"] * 3]


def test_a_task_that_ended_is_not_touched_by_its_needs(deck: Deck) -> None:
    deck.submit(flat(task("a"), task("b", "a"), task("c", "b")))
    deck.claim()
    deck.do(Cancel(task_ids=(deck.id("b"),)))
    deck.end("a")
    assert (deck.status("b"), deck.status("c")) == ("cancelled", "skipped")


def test_a_wide_fan_out_is_queued_in_batches_and_followed_up_after_a_crash(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, limit=10)
    deck.submit(flat(task("a"), *tasks("b", 35, "a")))
    deck.claim()
    deck.end("a")
    assert deck.report.left_over
    assert queued(deck) <= 10
    deck.crash()
    deck.do()
    assert deck.report.left_over
    while deck.report.left_over:
        before = queued(deck)
        deck.settle_once()
        assert queued(deck) - before <= 10
    assert queued(deck) == 35
    deck.drain()


def test_a_wide_skip_goes_in_batches_and_the_job_ends_once(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, limit=10)
    leaves = tasks("c", 30, "b")
    work = deck.submit(flat(task("a"), task("b", "a"), *leaves, on_task_failure=FINISH))
    deck.claim()
    deck.end("a", failure())
    seen = deck.history().count("task.skipped")
    assert seen <= 10
    while deck.report.left_over:
        deck.crash()
        deck.settle_once()
        now = deck.history().count("task.skipped")
        assert now - seen <= 10
        seen = now
    assert set(deck.statuses(work).values()) == {"failed", "skipped"}
    assert deck.job_status(work) == "failed"
    assert deck.history(job=work).count("stage.failed") == 1


def test_a_long_chain_of_skips_is_bounded_too(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch, limit=10)
    chain = [task("c0"), *(task(f"c{n}", f"c{n - 1}") for n in range(1, 40))]
    work = deck.submit(flat(*chain, on_task_failure=FINISH))
    deck.claim()
    deck.end("c0", failure())
    assert deck.history().count("task.skipped") <= 10
    deck.settle()
    assert deck.job_status(work) == "failed"
    assert deck.history().count("task.skipped") == 39


def queued(deck: Deck) -> int:
    return int(str(deck.value("SELECT count(*) FROM task WHERE status = 'queued'")))


def shrink(monkeypatch: pytest.MonkeyPatch, *, limit: int) -> None:
    """Make batches small enough to be looked at one by one."""
    monkeypatch.setattr(batch, "MAX_PER_BATCH", limit)
    monkeypatch.setattr(consequences, "MAX_EDGES_PER_BATCH", 4 * limit)
