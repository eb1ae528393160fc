"""Tests of faults that one job brings into a transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.model.commands.work import Complete, FollowUp, Submit
from core.model.outcomes import Cancelled, Succeeded
from core.model.patterns.judgements import BeginChild, Decide
from core.model.plans import JobPlan
from core.model.records import replace
from core.rules.writer import WRITER_RULES
from core.store.transaction import Group, carry_out
from tests.store.deck import Deck, raw_rows, stage, task
from tests.support.recounts import findings


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    deck = Deck(tmp_path / "store.db")
    yield deck
    deck.close()


def poison(deck: Deck, **rules: Callable[..., Any]) -> None:
    deck.writer = replace(deck.writer, rules=replace(WRITER_RULES, **rules))


def status_of(deck: Deck, job: int) -> str:
    return str(raw_rows(deck.db, "SELECT status FROM job WHERE id = ?", job)[0][0])


def reason_of(deck: Deck, job: int) -> str:
    return str(raw_rows(deck.db, "SELECT reason FROM job WHERE id = ?", job)[0][0])


def two_jobs(deck: Deck) -> tuple[int, int]:
    bad = deck.job(stage(task("a"), task("b"), name="one"), stage(task("c"), name="two"), name="bad")
    good = deck.job(stage(task("a"), name="one"), stage(task("b"), name="two"), name="good")
    return bad, good


def refuse_stages(deck: Deck, job: int) -> None:
    deck.db.execute(
        f"CREATE TRIGGER refuse BEFORE UPDATE OF status ON stage WHEN new.job_id = {job}"
        " BEGIN SELECT RAISE(ABORT, 'injected'); END"
    )


def test_a_rule_that_raises_for_a_job_fails_that_job_with_type_and_reason(deck: Deck):
    bad, good = two_jobs(deck)

    attempts = deck.claim()
    deck.change("UPDATE job SET on_task_failure = 'nonsense' WHERE id = ?", bad)
    deck.end(*attempts)
    deck.drain()
    assert status_of(deck, good) == "succeeded"
    assert status_of(deck, bad) == "failed"
    assert "ValueError: 'nonsense'" in reason_of(deck, bad)


def test_every_command_of_the_group_is_answered(deck: Deck):
    bad, _ = two_jobs(deck)
    attempts = deck.claim()
    refuse_stages(deck, bad)
    answers = deck.do(
        *(Complete(task_id=t, epoch=e, outcome=Succeeded()) for t, e in attempts),
        Submit(plan=JobPlan(name="third", stages=(stage(task("a")),)), actor="tester"),
    )
    assert [getattr(answer, "landed", "job") for answer in answers] == [True, True, True, "job"]
    assert deck.report.failure is None


def test_a_job_whose_stages_cannot_be_closed_is_failed_without_them(deck: Deck):
    bad, good = two_jobs(deck)
    attempts = deck.claim()
    refuse_stages(deck, bad)
    deck.end(*attempts)
    deck.drain()
    assert (status_of(deck, bad), status_of(deck, good)) == ("failed", "succeeded")
    assert "IntegrityError: injected" in reason_of(deck, bad)


def test_a_job_whose_stages_cannot_be_closed_ends_when_the_child_that_a_task_waits_for_has_ended(deck: Deck):
    up = deck.job(stage(task("a"), replace(task("sub", when="x"), uses="workflow", waits=True)), name="up")
    (parent,) = (number for (number,) in raw_rows(deck.db, "SELECT id FROM task WHERE key = 'sub'"))
    plan = JobPlan(name="inner", stages=(stage(task("x"), task("y", "x")),))
    deck.do(Decide(task_id=parent, verdict=BeginChild(plan=plan)))
    ((child,),) = raw_rows(deck.db, "SELECT child_id FROM awaited WHERE task_id = ?", parent)
    own, inner = deck.claim()
    deck.db.execute(
        f"CREATE TRIGGER refuse BEFORE UPDATE OF open_tasks ON stage WHEN new.job_id = {up}"
        " BEGIN SELECT RAISE(ABORT, 'injected'); END"
    )
    deck.end(own)
    while deck.report.left_over:
        deck.do(FollowUp())
    assert (status_of(deck, up), status_of(deck, child)) == ("ending", "ending")
    asked = "SELECT key, status FROM task WHERE stop_at IS NOT NULL OR status = 'cancelled' ORDER BY id"
    assert raw_rows(deck.db, asked) == [("sub", "waiting"), ("x", "running"), ("y", "cancelled")]
    deck.end(inner, outcome=Cancelled())
    assert (status_of(deck, up), status_of(deck, child)) == ("failed", "cancelled")
    assert "IntegrityError: injected" in reason_of(deck, up)
    assert raw_rows(deck.db, "SELECT status FROM task WHERE id = ?", parent) == [("cancelled",)]


def job_with_child(deck: Deck) -> tuple[int, int]:
    """Make a job whose only task waits for a child with one task; return both jobs."""
    up = deck.job(stage(replace(task("sub", when="x"), uses="workflow", waits=True)), name="up")
    ((parent,),) = raw_rows(deck.db, "SELECT id FROM task WHERE key = 'sub'")
    plan = JobPlan(name="inner", stages=(stage(task("x")),))
    deck.do(Decide(task_id=parent, verdict=BeginChild(plan=plan)))
    ((child,),) = raw_rows(deck.db, "SELECT child_id FROM awaited WHERE task_id = ?", parent)
    return up, int(child)


def test_a_child_whose_stages_cannot_be_closed_fails_and_the_task_above_hears_of_it(deck: Deck):
    up, child = job_with_child(deck)
    attempts = deck.claim()
    refuse_stages(deck, child)
    deck.end(*attempts)
    assert (status_of(deck, child), status_of(deck, up)) == ("failed", "failed")
    ((error,),) = raw_rows(deck.db, "SELECT error->>'$.code' FROM task WHERE key = 'sub'")
    assert error == "workflow.failed"
    assert raw_rows(deck.db, "SELECT open_tasks, status FROM stage WHERE job_id = ?", up) == [(0, "failed")]


def test_a_child_that_succeeds_does_not_pay_for_a_fault_of_the_job_above_it(deck: Deck):
    up, child = job_with_child(deck)
    attempts = deck.claim()
    refuse_stages(deck, up)
    deck.end(*attempts)
    assert (status_of(deck, child), status_of(deck, up)) == ("succeeded", "failed")
    assert raw_rows(deck.db, "SELECT status FROM task WHERE key = 'sub'") == [("succeeded",)]


def test_a_job_that_cannot_even_be_failed_is_set_aside_and_named(deck: Deck):
    bad, good = two_jobs(deck)
    attempts = deck.claim()
    refuse_stages(deck, bad)
    deck.db.execute(
        f"CREATE TRIGGER no_end BEFORE UPDATE OF status ON job WHEN new.id = {bad}"
        " BEGIN SELECT RAISE(ABORT, 'not either'); END"
    )
    deck.end(*attempts)
    assert [fault.subject.job_id for fault in deck.report.faults] == [bad]
    assert "injected" in deck.report.faults[0].message
    deck.drain()
    assert (status_of(deck, bad), status_of(deck, good)) == ("running", "succeeded")
    (data,) = raw_rows(deck.db, "SELECT data FROM event WHERE kind = 'fault.found' AND job_id = ?", bad)[0]
    assert "injected" in data


def test_what_was_left_over_of_a_broken_job_is_not_taken_up_again_for_ever(deck: Deck):
    bad, good = two_jobs(deck)
    attempts = deck.claim()
    deck.end(*attempts)
    for job in (bad, good):
        (number,) = raw_rows(deck.db, "SELECT id FROM stage WHERE job_id = ? AND position = 1", job)[0]
        deck.db.execute("INSERT INTO followup (kind, id) VALUES ('stage', ?)", (number,))
    deck.change("UPDATE job SET on_task_failure = 'nonsense' WHERE id = ?", bad)
    deck.do(FollowUp())
    assert not deck.report.left_over
    deck.drain()
    assert (status_of(deck, bad), status_of(deck, good)) == ("failed", "succeeded")


def test_a_job_failed_for_a_fault_leaves_a_store_without_findings(deck: Deck):
    bad, _ = two_jobs(deck)
    attempts = deck.claim()
    calls = []

    def once(counts: Any) -> Any:
        calls.append(counts)
        if len(calls) <= 3:
            raise RuntimeError("injected")
        return WRITER_RULES.status_of_stage(counts)

    poison(deck, status_of_stage=once)
    own = {number for (number,) in raw_rows(deck.db, "SELECT id FROM task WHERE job_id = ?", bad)}
    deck.end(*(attempt for attempt in attempts if attempt[0] in own))
    deck.drain()
    assert deck.report.faults == []
    assert status_of(deck, bad) == "failed"
    assert "RuntimeError: injected" in reason_of(deck, bad)
    assert findings(deck.db) == ()


def test_rows_that_cannot_be_claimed_do_not_keep_outcomes_from_being_recorded(deck: Deck):
    bad = deck.job(stage(task("a"), task("b", "a"), task("c", "a")), name="bad")
    attempts = deck.claim()
    deck.db.execute(
        "CREATE TRIGGER no_claim BEFORE INSERT ON attempt BEGIN SELECT RAISE(ABORT, 'injected'); END"
    )
    commands = tuple(Complete(task_id=t, epoch=e, outcome=Succeeded()) for t, e in attempts)
    answers, report = carry_out(deck.writer, Group(commands=commands, slots=10, now=deck.now + 10))
    assert [getattr(answer, "landed", answer) for answer in answers] == [True]
    assert report.claimed == []
    assert "nothing can be claimed" in report.faults[0].message
    assert status_of(deck, bad) == "running"
