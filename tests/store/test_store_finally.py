"""The stage `finally`: its opening, its verdicts, its end."""

from __future__ import annotations

import pytest

from core.model.commands.work import Cancel, ComeDue, Force, Hold, Pause, Rerun, Resume
from core.model.outcomes import Cancelled, GiveUp, RetryAt
from core.model.patterns.judgements import Decide, SkipIt
from core.model.plans import JobPlan, OnTaskFailure, StagePlan, TaskPlan
from core.store import batch
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, FINISH, STOP, done, failure, job, stage, task, tasks
from tests.support.recounts import findings


def ending(*plans: TaskPlan) -> StagePlan:
    return StagePlan(name="finally", tasks=plans, is_finally=True)


def work_of(*plans: TaskPlan, then: tuple[TaskPlan, ...] = (), **more: object) -> JobPlan:
    return job(stage(*plans), ending(*(then or (task("f"), task("g", "f")))), **more)


def failing(*keys: str):
    return lambda key: failure() if key in keys else None


def open_finally(deck: Deck, number: int) -> bool:
    return deck.rows("SELECT status FROM stage WHERE job_id = ? AND is_finally", number) == [("open",)]


@pytest.mark.parametrize("policy", [STOP, FINISH, CONTINUE])
@pytest.mark.parametrize(("fails", "verdict"), [((), "succeeded"), (("a",), "failed")])
def test_it_runs_after_all_others_and_changes_no_verdict(
    deck: Deck, policy: OnTaskFailure, fails: tuple[str, ...], verdict: str
) -> None:
    work = deck.submit(work_of(task("a"), on_task_failure=policy))
    deck.drain(fail=failing(*fails))
    assert deck.statuses(work)["f"] == deck.statuses(work)["g"] == "succeeded"
    assert deck.job_status(work) == verdict
    assert deck.stages(work)[-1] == "succeeded"
    assert deck.rows("SELECT started_at > 0 FROM task WHERE key = 'f'") == [(1,)]


@pytest.mark.parametrize("policy", [STOP, FINISH, CONTINUE])
def test_its_failure_fails_a_job_that_would_have_succeeded_after_the_rest_of_it_ran(
    deck: Deck, policy: OnTaskFailure
) -> None:
    work = deck.submit(work_of(task("a"), then=(task("f"), task("h", done("f"))), on_task_failure=policy))
    deck.drain(fail=failing("f"))
    assert deck.statuses(work) == {"a": "succeeded", "f": "failed", "h": "succeeded"}
    assert deck.job_status(work) == "failed"
    assert deck.value("SELECT reason FROM job WHERE id = ?", work) == "a task of finally failed"


def test_its_failure_leaves_another_verdict_as_it_was(deck: Deck) -> None:
    work = deck.submit(work_of(task("a"), task("b")))
    deck.claim()
    deck.do(Cancel(job_id=work, reason="enough"))
    deck.end("a", Cancelled())
    assert not open_finally(deck, work)
    deck.end("b", Cancelled())
    deck.settle()
    assert (deck.job_status(work), open_finally(deck, work)) == ("ending", True)
    deck.drain(fail=failing("f"))
    assert deck.statuses(work) == {"a": "cancelled", "b": "cancelled", "f": "failed", "g": "skipped"}
    assert (deck.job_status(work), deck.value("SELECT reason FROM job WHERE id = ?", work)) == (
        "cancelled",
        "enough",
    )


def test_the_verdict_in_bites_spares_it_and_counts_what_it_ends_without_it(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 2)
    work = deck.submit(work_of(task("a"), *tasks("b", 9, "a"), then=tasks("f", 5)))
    deck.claim()
    deck.end("a", failure())
    assert deck.claim() == []
    deck.settle()
    assert deck.value("SELECT verdict_ends FROM job WHERE id = ?", work) == 9
    assert open_finally(deck, work)
    deck.drain()
    assert set(deck.statuses(work).values()) == {"failed", "cancelled", "succeeded"}
    assert deck.job_status(work) == "failed"


def test_in_an_ending_job_its_retries_work_and_its_conditions_are_judged(deck: Deck) -> None:
    work = deck.submit(work_of(task("a"), then=(task("f"), task("w", "f", when="x"))))
    deck.claim()
    deck.end("a", failure())
    deck.settle()
    deck.claim()
    deck.end("f", failure(), RetryAt(at=deck.now + 1_000))
    assert deck.status("f") == "retrying"
    deck.now += 2_000
    deck.do(ComeDue())
    deck.claim()
    deck.end("f")
    assert deck.report.conditions == [deck.id("w")]
    deck.do(Decide(task_id=deck.id("w"), verdict=SkipIt()))
    assert deck.statuses(work) == {"a": "failed", "f": "succeeded", "w": "skipped"}
    assert deck.job_status(work) == "failed"


def test_what_is_skipped_with_the_need_of_a_task_of_finally_lets_no_other_of_it_run(deck: Deck) -> None:
    later = (task("f", "a"), task("g", done("f")))
    work = deck.submit(work_of(task("a", when="false"), then=later))
    deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt()))
    deck.settle()
    assert deck.statuses(work) == {"a": "skipped", "f": "skipped", "g": "skipped"}
    assert deck.job_status(work) == "succeeded"


@pytest.mark.parametrize("claimed", [False, True])
def test_a_job_of_which_nothing_was_claimed_has_nothing_to_clear_up(deck: Deck, *, claimed: bool) -> None:
    work = deck.submit(work_of(task("a", when="x"), task("b", done("a"), when="x")))
    if claimed:
        deck.do(Cancel(job_id=work))
    else:
        deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt()))
        deck.do(Decide(task_id=deck.id("b"), verdict=SkipIt()))
        deck.settle()
    left = "cancelled" if claimed else "skipped"
    assert (deck.status("f"), deck.status("g")) == (left, left)
    assert deck.job_status(work) == ("cancelled" if claimed else "succeeded")


@pytest.mark.parametrize("force", [Force.ASK, Force.KILL])
def test_a_second_cancel_ends_it(deck: Deck, force: Force) -> None:
    work = deck.submit(work_of(task("a"), then=(task("f"), task("g", "f"), task("h"))))
    deck.claim()
    deck.do(Cancel(job_id=work))
    deck.end("a", Cancelled())
    deck.settle()
    deck.claim(1)
    deck.do(Cancel(job_id=work, actor="ada", force=force))
    assert [(stop.task_id, stop.force) for stop in deck.report.stops] == [(deck.id("f"), force)]
    assert deck.history(job=work).count("finally.cut") == 1
    assert (deck.status("g"), deck.status("h")) == ("cancelled", "cancelled")
    third = deck.operate(Cancel(job_id=work))
    assert third.refused[0].reason == "the job is ending already"
    deck.end("f", Cancelled())
    assert deck.job_status(work) == "cancelled"


def test_a_second_cancel_before_it_opened_keeps_it_closed_and_a_kill_does_at_once(deck: Deck) -> None:
    first, second = deck.submit(work_of(task("a"))), deck.submit(work_of(task("b")))
    deck.claim()
    deck.do(Cancel(job_id=first))
    deck.do(Cancel(job_id=first))
    deck.do(Cancel(job_id=second, force=Force.KILL))
    for work, key in ((first, "a"), (second, "b")):
        deck.do(deck.completion(key, Cancelled()))
        assert (deck.job_status(work), set(deck.statuses(work).values())) == ("cancelled", {"cancelled"})


def test_a_cancel_while_it_runs_in_a_job_that_would_succeed_lets_it_end(deck: Deck) -> None:
    work = deck.submit(work_of(task("a")))
    deck.claim()
    deck.end("a")
    deck.settle()
    deck.claim()
    deck.do(Cancel(job_id=work))
    assert (deck.status("f"), deck.report.stops, deck.job_status(work)) == ("running", [], "ending")
    deck.end("f")
    deck.drain()
    assert (deck.status("g"), deck.job_status(work)) == ("succeeded", "cancelled")


def test_a_pause_keeps_it_and_a_cancel_of_the_paused_job_lets_it_run(deck: Deck) -> None:
    work = deck.submit(work_of(task("a")))
    deck.claim()
    deck.end("a")
    deck.settle()
    deck.do(Pause(job_id=work))
    assert deck.claim() == []
    deck.do(Cancel(job_id=work))
    deck.settle()
    deck.drain()
    assert (deck.status("g"), deck.job_status(work)) == ("succeeded", "cancelled")


def test_a_held_task_of_it_waits_for_the_operator_also_in_an_ending_job(deck: Deck) -> None:
    work = deck.submit(work_of(task("a"), then=(task("f"),)))
    deck.claim()
    deck.end("a", failure(), GiveUp())
    deck.settle()
    deck.do(Hold(task_ids=(deck.id("f"),)))
    assert deck.claim() == []
    assert deck.job_status(work) == "ending"
    deck.do(Cancel(job_id=work))
    assert (deck.status("f"), deck.job_status(work)) == ("cancelled", "failed")


def test_after_a_crash_it_goes_on(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 2)
    work = deck.submit(work_of(task("a"), *tasks("b", 5), then=tasks("f", 5)))
    deck.claim(1)
    deck.end("a", failure())
    for _ in range(20):
        deck.crash()
        assert findings(deck.db) == ()
        deck.settle_once()
    deck.drain()
    assert {deck.status(f"f{n}") for n in range(5)} == {"succeeded"}
    assert deck.job_status(work) == "failed"


def test_a_retry_of_a_job_that_failed_runs_it_again_at_the_end(deck: Deck) -> None:
    work = deck.submit(work_of(task("a"), then=(task("f"), task("g", "a"))))
    deck.drain(fail=failing("a"))
    assert deck.statuses(work) == {"a": "failed", "f": "succeeded", "g": "skipped"}
    answer = deck.operate(Rerun(job_id=work))
    assert answer.changed == 2
    assert deck.stages(work) == ["open", "pending"]
    assert deck.statuses(work) == {"a": "queued", "f": "blocked", "g": "blocked"}
    deck.drain()
    assert deck.statuses(work) == {"a": "succeeded", "f": "succeeded", "g": "succeeded"}
    assert (deck.column("f", "generation"), deck.column("f", "retried")) == (2, 0)
    assert deck.job_status(work) == "succeeded"


def test_a_retry_that_leaves_a_need_of_it_failed_skips_what_needs_that_once_more(deck: Deck) -> None:
    plan = work_of(task("a"), task("b"), then=(task("f", "a"), task("g", done("a"))), on_task_failure=FINISH)
    work = deck.submit(plan)
    deck.drain(fail=failing("a", "b"))
    deck.operate(Rerun(task_ids=(deck.id("b"),)))
    deck.settle()
    deck.drain()
    assert deck.statuses(work) == {"a": "failed", "b": "succeeded", "f": "skipped", "g": "succeeded"}
    assert deck.job_status(work) == "failed"


def test_a_retry_of_a_task_of_it_runs_that_alone(deck: Deck) -> None:
    work = deck.submit(work_of(task("a"), then=(task("f"), task("h"))))
    deck.drain(fail=failing("f"))
    assert deck.job_status(work) == "failed"
    deck.operate(Rerun(task_ids=(deck.id("f"),)))
    deck.drain()
    assert (deck.column("f", "generation"), deck.column("h", "generation")) == (2, 1)
    assert deck.job_status(work) == "succeeded"
    deck.operate(Rerun(task_ids=(deck.id("f"),)))
    deck.do(Cancel(job_id=work))
    deck.drain()
    assert (deck.status("f"), deck.job_status(work)) == ("succeeded", "cancelled")


@pytest.mark.parametrize("policy", [STOP, CONTINUE])
def test_a_retry_of_a_task_of_it_leaves_the_verdict_of_the_others(deck: Deck, policy: OnTaskFailure) -> None:
    work = deck.submit(work_of(task("a"), then=(task("f"),), on_task_failure=policy))
    deck.drain(fail=failing("a", "f"))
    reason = deck.value("SELECT reason FROM job WHERE id = ?", work)
    deck.operate(Rerun(task_ids=(deck.id("f"),)))
    deck.drain()
    assert (deck.status("f"), deck.job_status(work)) == ("succeeded", "failed")
    assert reason in ("task a failed", "no task succeeded")


def test_a_wrong_mark_is_found(deck: Deck) -> None:
    work = deck.submit(work_of(task("a")))
    deck.db.execute("UPDATE job SET finishing = 1 WHERE id = ?", (work,))
    deck.db.execute("UPDATE stage SET status = 'open' WHERE is_finally")
    deck.db.execute("UPDATE job SET finishing = 0 WHERE id = ?", (work,))
    assert "job.finishing" in {finding.code for finding in verify(deck.db)}
    deck.db.execute("UPDATE stage SET status = 'pending' WHERE is_finally")


def test_a_resumed_job_runs_it(deck: Deck) -> None:
    work = deck.submit(work_of(task("a")))
    deck.claim()
    deck.do(Pause(job_id=work))
    deck.end("a")
    deck.settle()
    assert deck.claim() == []
    deck.do(Resume(job_id=work))
    deck.drain()
    assert deck.job_status(work) == "succeeded"
