"""Tests of kills: running tasks end at once, graces are shortened."""

from __future__ import annotations

from core.model.commands.work import Cancel, Force, Kill, Operated, Rerun
from core.model.outcomes import Cancelled, RetryAt, Succeeded
from tests.support.deck import Deck
from tests.support.factories import FINISH, failure, flat, retrying, task
from tests.support.refused import Refused


def test_only_what_runs_is_killed_and_the_rest_is_refused_as_it_stands(deck: Deck) -> None:
    plans = (
        task("running", priority=2),
        task("done", priority=2),
        task("retrying", priority=2, retry=retrying(2)),
        task("queued"),
    )
    work = deck.submit(flat(*plans, on_task_failure=FINISH))
    deck.claim(3)
    deck.end("done")
    deck.end("retrying", failure(), RetryAt(at=900_000))
    keys = ("running", "done", "retrying", "queued")
    answer = deck.operate(Kill(task_ids=(*map(deck.id, keys), 999), reason="stuck", actor="ada"))
    assert answer.changed == 1
    assert {refusal.id: refusal.reason for refusal in answer.refused} == {
        deck.id("done"): "it is succeeded already",
        deck.id("retrying"): "it is retrying: nothing of it runs",
        deck.id("queued"): "it is queued: nothing of it runs",
        999: "this task does not exist",
    }
    assert deck.statuses(work)["retrying"] == "retrying"
    assert [(stop.task_id, stop.force) for stop in deck.report.stops] == [(deck.id("running"), Force.KILL)]


def test_a_kill_says_who_when_why_and_how_in_the_row_and_in_one_event(deck: Deck) -> None:
    deck.submit(flat(task("a")))
    deck.claim()
    deck.operate(Kill(task_ids=(deck.id("a"),), reason="stuck", actor="ada"))
    asked_at = deck.now
    deck.crash()
    row = deck.rows("SELECT status, stop_at, stop_by, stop_reason, stop_how FROM task WHERE key = 'a'")
    assert row == [("running", asked_at, "ada", "stuck", "kill")]
    assert deck.told("task.stop_requested") == [{"reason": "stuck", "how": "kill"}]


def test_a_kill_cuts_a_grace_short_and_a_second_one_is_refused(deck: Deck) -> None:
    deck.submit(flat(task("a")))
    deck.claim()
    ref = deck.id("a")
    deck.operate(Cancel(task_ids=(ref,), reason="please", actor="bob"))
    assert deck.operate(Kill(task_ids=(ref,), reason="now", actor="ada")).changed == 1
    assert [stop.force for stop in deck.report.stops] == [Force.KILL]
    assert deck.column("a", "stop_by") == "ada"
    again = deck.operate(Kill(task_ids=(ref,)))
    assert again == Operated(changed=0, refused=(Refused(ref, "it is being killed already"),))
    assert deck.report.stops == []


def test_who_is_being_killed_is_not_asked_gently_after_that(deck: Deck) -> None:
    work = deck.submit(flat(task("a")))
    deck.claim()
    deck.operate(Kill(task_ids=(deck.id("a"),), actor="ada"))
    assert deck.operate(Cancel(task_ids=(deck.id("a"),), actor="bob")).changed == 0
    deck.operate(Cancel(job_id=work, actor="bob"))
    assert deck.report.stops == []
    assert (deck.column("a", "stop_by"), deck.column("a", "stop_how")) == ("ada", "kill")


def test_a_killed_task_is_cancelled_when_its_attempt_closes_and_not_before(deck: Deck) -> None:
    deck.submit(flat(task("a", retry=retrying(3)), task("z")))
    deck.claim(1)
    deck.operate(Kill(task_ids=(deck.id("a"),)))
    assert deck.status("a") == "running"
    deck.end("a", failure(), RetryAt(at=900_000))
    assert (deck.status("a"), deck.attempts("a")) == ("cancelled", ["cancelled"])


def test_an_attempt_that_succeeded_before_the_kill_reached_it_has_succeeded(deck: Deck) -> None:
    deck.submit(flat(task("a"), task("z")))
    deck.claim(1)
    deck.operate(Kill(task_ids=(deck.id("a"),)))
    deck.end("a", Succeeded(output=1))
    assert deck.status("a") == "succeeded"


def test_a_job_is_cancelled_with_all_that_runs_killed_and_an_ending_one_is_hurried(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b", "a")))
    deck.claim()
    assert deck.operate(Cancel(job_id=work, actor="bob")).changed == 2
    hurried = deck.operate(Cancel(job_id=work, reason="now", actor="ada", force=Force.KILL))
    assert hurried == Operated(changed=1)
    assert [stop.force for stop in deck.report.stops] == [Force.KILL]
    again = deck.operate(Cancel(job_id=work, actor="ada", force=Force.KILL))
    assert again == Operated(changed=0, refused=(Refused(work, "the job is ending already"),))
    deck.end("a", Cancelled())
    assert deck.job_status(work) == "cancelled"
    other = deck.submit(flat(task("c"), task("d")))
    deck.claim(1)
    assert deck.operate(Cancel(job_id=other, force=Force.KILL)).changed == 2
    assert [stop.force for stop in deck.report.stops] == [Force.KILL]


def test_a_rerun_has_forgotten_the_kill(deck: Deck) -> None:
    deck.submit(flat(task("a"), task("z")))
    deck.claim(1)
    deck.operate(Kill(task_ids=(deck.id("a"),)))
    deck.end("a", Cancelled())
    deck.operate(Rerun(task_ids=(deck.id("a"),)))
    assert deck.rows("SELECT stop_at, stop_how FROM task WHERE key = 'a'") == [(None, None)]
