"""Worklets in the store: what is asked, begun and decided."""

from __future__ import annotations

import json

import pytest

from core.model.commands.work import Cancel, Hold, Rerun, Unhold
from core.model.outcomes import Bounced, Failed, GiveUp, TaskError
from core.model.patterns.children import EndJob, OnFailure, Result
from core.model.patterns.judgements import (
    BeginWorklet,
    Decide,
    FailIt,
    Judgement,
    Proceed,
    Question,
    SkipIt,
    TakeOutputs,
    TakeResult,
)
from core.model.patterns.judgements import GiveUp as Unwanted
from core.store.apply.children import children
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, done, failure, flat, stage, task
from tests.support.factories import job as plan_of
from tests.support.recounts import findings

REPAIR = OnFailure(workflow="repair", max=2)


def failed(deck: Deck, *others: object, outcome: Failed | None = None, **more: object) -> int:
    """Submit a job whose task `a` fails and asks for its worklet; return the job."""
    number = deck.submit(flat(task("a", on_failure=REPAIR), *others, **more))  # type: ignore[arg-type]
    deck.claim()
    deck.end("a", outcome or failure(), GiveUp())
    assert (deck.status("a"), deck.value("SELECT asks FROM awaited")) == ("waiting", "worklet")
    return number


def decide(deck: Deck, verdict: Judgement) -> None:
    deck.do(Decide(task_id=deck.id("a"), verdict=verdict))
    deck.settle()


def begin(deck: Deck, **more: object) -> int:
    """Begin the worklet of `a`; return its job."""
    decide(deck, BeginWorklet(plan=flat(task("fix"), name="repair"), **more))  # type: ignore[arg-type]
    return int(str(deck.value("SELECT child_id FROM awaited")))


def repaired(deck: Deck) -> int:
    """Let the worklet of `a` succeed, so that the engine is asked for its result."""
    worklet = begin(deck)
    deck.claim()
    deck.end("fix")
    deck.settle()
    assert deck.value("SELECT asks FROM awaited") == "outputs"
    return worklet


def test_a_task_that_is_stopped_before_its_result_is_known_is_cancelled_whatever_that_is(deck: Deck) -> None:
    for verdict in (
        TakeResult(result=Result.RETRY),
        TakeResult(result=Result.SUCCEED, variables={"n": 1}),
        FailIt(error=TaskError(code="worklet.result", message="?")),
        Unwanted(),
    ):
        job = failed(deck)
        repaired(deck)
        deck.do(Cancel(job_id=job, actor="ann", reason="enough"))
        decide(deck, verdict)
        assert (deck.status("a"), deck.job_status(job)) == ("cancelled", "cancelled")
        assert deck.column("a", "status_reason") == "enough"
    assert findings(deck.db) == ()


def test_a_task_that_is_stopped_before_its_worklet_began_begins_none(deck: Deck) -> None:
    job = failed(deck)
    deck.do(Cancel(job_id=job))
    decide(deck, BeginWorklet(plan=flat(task("fix"))))
    assert (deck.status("a"), deck.value("SELECT count(*) FROM job WHERE is_worklet")) == ("cancelled", 0)
    assert "task.judged_late" in deck.history()


def test_answers_to_other_questions_change_nothing(deck: Deck) -> None:
    failed(deck)
    decide(deck, TakeResult(result=Result.SKIP))
    decide(deck, TakeOutputs(outputs={}))
    assert deck.status("a") == "waiting"
    worklet = begin(deck)
    decide(deck, BeginWorklet(plan=flat(task("fix"))))
    assert deck.value("SELECT child_id FROM awaited") == worklet, "it begins once"
    deck.claim()
    deck.end("fix")
    decide(deck, TakeOutputs(outputs={}))
    assert deck.status("a") == "waiting"
    decide(deck, TakeResult(result=Result.SKIP))
    assert deck.status("a") == "skipped"


def question(deck: Deck) -> Question:
    """Return what `a` asks, as the engine reads it."""
    row = deck.rows("SELECT w.asks, t.generation, t.epoch FROM task t JOIN awaited w ON w.task_id = t.id")[0]
    return Question(asks=row[0], generation=row[1], epoch=row[2])


@pytest.mark.parametrize(
    "verdict",
    [
        FailIt(error=TaskError(code="workflow.missing", message="its child asks for nothing")),
        TakeResult(result=Result.FAIL),
        Unwanted(),
        BeginWorklet(plan=flat(task("old"), name="old")),
    ],
)
def test_an_answer_to_an_earlier_question_of_a_task_changes_nothing(deck: Deck, verdict: Judgement) -> None:
    failed(deck)
    asked = [question(deck)]
    repaired(deck)
    asked.append(question(deck))
    decide(deck, TakeResult(result=Result.RETRY))
    deck.claim()
    deck.end("a", failure(), GiveUp())
    for before in asked:
        deck.do(Decide(task_id=deck.id("a"), verdict=verdict, question=before))
        deck.settle()
        assert question(deck).asks == "worklet", "that of its second attempt"
    deck.do(Decide(task_id=deck.id("a"), verdict=Unwanted(), question=question(deck)))
    assert deck.status("a") == "failed"
    assert deck.history(task="a").count("task.judged_late") == len(asked)


def test_a_condition_that_was_judged_before_a_rerun_is_judged_again(deck: Deck) -> None:
    deck.submit(flat(task("a", when="x"), task("b", when="x")))
    before = Question(generation=1, epoch=0)
    deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt(), question=before))
    deck.do(Decide(task_id=deck.id("b"), verdict=SkipIt(), question=before))
    deck.do(Rerun(task_ids=(deck.id("a"),)))
    assert deck.column("a", "wait_reason") == "condition"
    deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt(), question=before))
    assert deck.status("a") == "blocked"
    deck.do(Decide(task_id=deck.id("a"), verdict=Proceed(), question=Question(generation=2, epoch=0)))
    assert deck.status("a") == "queued"


def test_a_task_that_could_not_be_handed_over_has_no_worklet(deck: Deck) -> None:
    deck.submit(flat(task("a", on_failure=REPAIR)))
    deck.claim()
    deck.end("a", Bounced(reason="?"), GiveUp())
    assert deck.status("a") == "failed"


def test_a_held_task_takes_its_result_when_it_is_let_go(deck: Deck) -> None:
    failed(deck)
    worklet = begin(deck)
    deck.do(Hold(task_ids=(deck.id("a"),)))
    deck.claim()
    deck.end("fix")
    deck.settle()
    assert (deck.job_status(worklet), deck.value("SELECT asks FROM awaited")) == ("succeeded", None)
    deck.do(Unhold(task_ids=(deck.id("a"),)))
    decide(deck, TakeResult(result=Result.RETRY))
    assert deck.status("a") == "queued"


def test_a_worklet_that_would_lie_too_deep_does_not_begin(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "DEPTH_MAX", 0)
    failed(deck)
    decide(deck, BeginWorklet(plan=flat(task("fix"))))
    error = json.loads(str(deck.column("a", "error")))
    assert (error["code"], error["facts"]["cause"]["code"]) == ("worklet.not_begun", "exit")
    assert deck.status("a") == "failed"


@pytest.mark.parametrize("result", [*Result])
def test_next_chooses_among_what_waits_for_a_task_that_succeeds_only(deck: Deck, result: Result) -> None:
    failed(deck, task("b", "a"), task("c", done("a")), on_task_failure=CONTINUE)
    repaired(deck)
    decide(deck, TakeResult(result=result, next=("b",)))
    others = {key: deck.status(key) for key in "bc"}
    assert (
        others
        == {
            Result.RETRY: {"b": "blocked", "c": "blocked"},
            Result.SKIP: {"b": "skipped", "c": "queued"},
            Result.SUCCEED: {"b": "queued", "c": "skipped"},
            Result.FAIL: {"b": "skipped", "c": "queued"},
        }[result]
    )
    assert findings(deck.db) == ()


def test_next_may_name_a_task_that_has_ended_meanwhile(deck: Deck) -> None:
    failed(deck, task("c", queue="later"), task("b", "a", "c"), task("d", "a"), on_task_failure=CONTINUE)
    repaired(deck)
    deck.do(Cancel(task_ids=(deck.id("b"),), actor="ann"))
    decide(deck, TakeResult(result=Result.SUCCEED, next=("b",)))
    assert {key: deck.status(key) for key in "abd"} == {"a": "succeeded", "b": "cancelled", "d": "skipped"}
    assert findings(deck.db) == ()


def test_next_may_not_name_a_task_that_does_not_need_this_one(deck: Deck) -> None:
    failed(deck, task("c"), task("b", "c"), on_task_failure=CONTINUE)
    repaired(deck)
    decide(deck, TakeResult(result=Result.SUCCEED, next=("b",)))
    error = json.loads(str(deck.column("a", "error")))
    assert (deck.status("a"), error["code"]) == ("failed", "worklet.result")


def test_the_end_that_a_worklet_gives_a_job_has_its_reason(deck: Deck) -> None:
    job = deck.submit(plan_of(stage(task("a", on_failure=REPAIR)), stage(task("later"))))
    deck.claim()
    deck.end("a", failure(), GiveUp())
    worklet = repaired(deck)
    decide(deck, TakeResult(result=Result.FAIL, message="no disk", end=EndJob.CANCELLED))
    assert (deck.job_status(job), deck.status("later")) == ("cancelled", "cancelled")
    reason = deck.value("SELECT reason FROM job WHERE id = ?", job)
    assert reason == f"its worklet, job {worklet}, leaves it failed: no disk"
