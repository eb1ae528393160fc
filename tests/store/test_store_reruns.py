"""Tests of reruns: one task, its dependants, a job's failures."""

from __future__ import annotations

import pytest

from core.model.commands.work import Cancel, Forecast, Hold, Pause, Prioritise, Rehearse, Rerun
from core.model.errors import Conflict, NotFound
from core.model.outcomes import Cancelled, RetryAt, Succeeded
from core.model.patterns.judgements import Decide, Proceed, SkipIt
from core.model.records import replace
from core.model.refusals import RETRY_LIMIT
from core.model.values import INBOX
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, FINISH, done, failure, flat, job, retrying, stage, task
from tests.support.refused import Refused


def ended(deck: Deck, *failing: str, when: dict[str, bool] | None = None) -> int:
    """Run a job of two stages to its end: a -> b -> c, a done-> d; then e."""
    first = stage(task("a"), task("b", "a"), task("c", "b"), task("d", done("a")))
    work = deck.submit(job(first, stage(task("e", "a")), on_task_failure=FINISH))
    deck.drain(fail=lambda key: failure() if key in failing else None)
    return work


def test_a_rerun_leaves_the_dependants_as_they_are(deck: Deck) -> None:
    work = ended(deck)
    assert deck.operate(Rerun(task_ids=(deck.id("a"),), actor="ada")).changed == 1
    assert deck.statuses(work) == {
        "a": "queued",
        "b": "succeeded",
        "c": "succeeded",
        "d": "succeeded",
        "e": "succeeded",
    }
    assert (deck.job_status(work), deck.stages(work)) == ("running", ["open", "pending"])
    assert deck.report.reopened
    deck.drain()
    assert (deck.job_status(work), deck.stages(work)) == ("succeeded", ["succeeded", "succeeded"])
    assert len(deck.attempts("b")) == 1


def test_downstream_runs_everything_again_that_depends_on_it(deck: Deck) -> None:
    work = ended(deck)
    assert deck.operate(Rerun(task_ids=(deck.id("b"),), downstream=True)).changed == 2
    assert deck.claim_keys() == ["b"]
    assert deck.status("c") == "blocked"
    deck.end("b")
    deck.drain()
    assert [len(deck.attempts(key)) for key in "abcde"] == [1, 2, 2, 1, 1]
    assert deck.job_status(work) == "succeeded"


def test_downstream_reaches_later_stages(deck: Deck) -> None:
    work = ended(deck)
    assert deck.operate(Rerun(task_ids=(deck.id("a"),), downstream=True)).changed == 5
    deck.drain()
    assert [len(deck.attempts(key)) for key in "abcde"] == [2, 2, 2, 2, 2]
    assert deck.history(job=work).count("stage.open") == 4


def test_a_rerun_begins_a_new_generation_but_its_epoch_goes_on(deck: Deck) -> None:
    deck.submit(flat(task("a", retry=retrying(2)), task("z"), on_task_failure=FINISH))
    deck.claim()
    deck.end("a", failure(), RetryAt(at=50_000))
    deck.come_due(60_000)
    deck.claim()
    deck.end("a", failure())
    deck.do(Rerun(task_ids=(deck.id("a"),)))
    row = deck.rows("SELECT generation, epoch, tries, losses, bounces, error FROM task WHERE key = 'a'")
    assert row == [(2, 2, 0, 0, 0, None)]
    (claimed,) = deck.claim()
    assert (claimed.generation, claimed.epoch, claimed.tries) == (2, 3, 0)


def test_the_rerun_of_a_job_takes_what_failed_and_what_was_skipped_for_it(deck: Deck) -> None:
    work = ended(deck, "b")
    assert deck.statuses(work) == {
        "a": "succeeded",
        "b": "failed",
        "c": "skipped",
        "d": "succeeded",
        "e": "cancelled",
    }
    assert deck.operate(Rerun(job_id=work)).changed == 3
    assert (deck.job_status(work), deck.stages(work)) == ("running", ["open", "pending"])
    deck.drain()
    assert [len(deck.attempts(key)) for key in "abcde"] == [1, 2, 1, 1, 1]
    assert deck.job_status(work) == "succeeded"
    assert deck.value("SELECT verdict FROM job WHERE id = ?", work) is None


def test_the_rerun_of_a_job_reaches_skips_behind_a_dependant_that_succeeded(deck: Deck) -> None:
    work = deck.submit(
        flat(task("a"), task("b", done("a")), task("c", "b", when="x"), on_task_failure=FINISH)
    )
    deck.drain(fail=lambda key: failure() if key == "a" else None)
    deck.do(Decide(task_id=deck.id("c"), verdict=SkipIt()))
    assert deck.statuses(work) == {"a": "failed", "b": "succeeded", "c": "skipped"}
    assert deck.operate(Rerun(job_id=work)).changed == 2
    assert deck.statuses(work) == {"a": "queued", "b": "succeeded", "c": "blocked"}
    deck.do(Decide(task_id=deck.id("c"), verdict=Proceed()))
    deck.drain()
    assert deck.job_status(work) == "succeeded"


def test_a_skip_that_a_failure_also_brought_ends_again_and_never_hangs(deck: Deck) -> None:
    plans = task("a"), task("w", when="x"), task("c", "a", "w"), task("d", "c")
    work = deck.submit(flat(*plans, on_task_failure=FINISH))
    deck.drain(fail=lambda key: failure() if key == "a" else None)
    assert deck.status("c") == "skipped"
    deck.do(Decide(task_id=deck.id("w"), verdict=SkipIt()))
    assert deck.job_status(work) == "failed"
    assert deck.operate(Rerun(job_id=work)).changed == 3
    deck.settle()
    deck.drain()
    assert deck.statuses(work) == {"a": "succeeded", "w": "skipped", "c": "skipped", "d": "skipped"}
    assert deck.job_status(work) == "succeeded"


def test_a_task_whose_need_did_not_succeed_is_refused_and_so_is_what_hangs_on_it(deck: Deck) -> None:
    work = ended(deck, "a")
    answer = deck.operate(Rerun(task_ids=(deck.id("b"),), downstream=True))
    assert answer.changed == 0
    assert [refusal.id for refusal in answer.refused] == [deck.id("b"), deck.id("c")]
    assert deck.job_status(work) == "failed"


def test_a_need_that_succeeded_once_and_failed_when_run_again_is_refused_too(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b", "a"), on_task_failure=CONTINUE))
    deck.drain()
    deck.do(Rerun(task_ids=(deck.id("a"),)))
    deck.claim()
    deck.end("a", failure())
    assert deck.job_status(work) == "succeeded"
    assert deck.operate(Rerun(task_ids=(deck.id("b"),))).changed == 0
    assert deck.status("b") == "succeeded"


def test_a_dependant_that_has_not_started_waits_for_the_new_run(deck: Deck) -> None:
    deck.submit(flat(task("a"), task("z"), task("b", "a", "z")))
    deck.claim()
    deck.end("a")
    deck.do(Rerun(task_ids=(deck.id("a"),)))
    deck.end("z")
    assert deck.status("b") == "blocked"
    deck.drain()
    assert deck.status("b") == "succeeded"


def test_a_rerun_while_the_job_is_ending_is_a_conflict(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b")))
    deck.claim()
    deck.end("a", failure())
    (answer,) = deck.ask(Rerun(job_id=work))
    assert isinstance(answer, Conflict)
    assert deck.operate(Rerun(task_ids=(deck.id("a"),))).refused == (
        Refused(deck.id("a"), "its job is ending"),
    )
    deck.end("b", Cancelled())
    assert deck.operate(Rerun(job_id=work)).changed == 2


def test_a_rerun_of_what_is_not_there_is_refused(deck: Deck) -> None:
    (answer,) = deck.ask(Rerun(job_id=99))
    assert isinstance(answer, NotFound)
    assert deck.operate(Rerun(task_ids=(99,))).refused == (Refused(99, "this task does not exist"),)


@pytest.mark.parametrize("status", ["blocked", "queued", "running"])
def test_what_has_not_ended_is_not_run_again(deck: Deck, status: str) -> None:
    deck.submit(flat(task("running", priority=1), task("queued"), task("blocked", "queued")))
    deck.claim(1)
    answer = deck.operate(Rerun(task_ids=(deck.id(status),)))
    assert answer.refused == (Refused(deck.id(status), f"it is {status}"),)
    assert deck.status(status) == status


def test_held_and_retrying_tasks_are_hurried(deck: Deck) -> None:
    held, retried = deck.enqueue(task("held"), task("retried", retry=retrying(2)))
    deck.do(Hold(task_ids=(held,)))
    deck.claim()
    deck.end("retried", failure(), RetryAt(at=900_000))
    assert deck.operate(Rerun(task_ids=(held, retried))).changed == 2
    assert (deck.status("held"), deck.status("retried")) == ("queued", "queued")
    assert deck.column("retried", "tries") == 1


def test_a_loose_task_runs_again_and_the_inbox_stays(deck: Deck) -> None:
    (number,) = deck.enqueue(task("a"))
    deck.drain(fail=lambda _: failure())
    assert deck.operate(Rerun(task_ids=(number, number))).changed == 1
    deck.drain()
    assert (deck.status("a"), deck.job_status(INBOX), deck.stages(INBOX)) == (
        "succeeded",
        "running",
        ["open"],
    )


def test_an_earlier_stage_reopens_beside_a_later_one_and_both_close_once_more(deck: Deck) -> None:
    plan = job(stage(task("a")), stage(task("b")), stage(task("c")), on_task_failure=CONTINUE)
    work = deck.submit(plan)
    deck.claim()
    deck.end("a", failure())
    deck.claim()
    deck.do(Rerun(task_ids=(deck.id("a"),)))
    assert deck.stages(work) == ["open", "open", "pending"]
    deck.end("b")
    assert deck.stages(work) == ["open", "succeeded", "pending"]
    deck.drain()
    assert (deck.job_status(work), deck.stages(work)) == ("succeeded", ["succeeded"] * 3)


def test_a_cancelled_job_runs_to_its_end_when_it_is_run_again(deck: Deck) -> None:
    work = deck.submit(job(stage(task("a"), task("b", "a")), stage(task("c"))))
    deck.claim()
    deck.do(Cancel(job_id=work))
    deck.end("a", Succeeded())
    assert deck.job_status(work) == "cancelled"
    assert deck.operate(Rerun(job_id=work)).changed == 2
    deck.drain()
    assert deck.job_status(work) == "succeeded"
    assert len(deck.attempts("a")) == 1


def test_a_condition_is_judged_again(deck: Deck) -> None:
    deck.submit(flat(task("a", when="x"), task("b")))
    deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt()))
    deck.do(Rerun(task_ids=(deck.id("a"),)))
    assert deck.report.conditions == [deck.id("a")]
    assert deck.column("a", "wait_reason") == "condition"


def test_a_rerun_says_how_its_job_will_end_by_what_stays_of_the_others(deck: Deck) -> None:
    work = deck.submit(flat(task("a", priority=1), task("b")))
    deck.claim(1)
    deck.end("a", failure())
    deck.settle()
    assert deck.statuses(work) == {"a": "failed", "b": "cancelled"}
    alone = deck.operate(Rehearse(operation=Rerun(task_ids=(deck.id("a"),))))
    assert alone.forecasts == (Forecast(job_id=work, status="cancelled", reason="stage only was cancelled"),)
    whole = deck.operate(Rehearse(operation=Rerun(job_id=work)))
    assert (whole.changed, whole.forecasts) == (2, (Forecast(job_id=work, status="succeeded", reason=""),))
    assert alone.starts == (deck.id("a"),)
    assert whole.starts == (deck.id("a"), deck.id("b"))
    assert deck.operate(Rerun(task_ids=(deck.id("a"),))) == replace(alone, starts=())
    deck.claim()
    deck.end("a")
    deck.settle()
    assert deck.job_status(work) == "cancelled"


def test_a_rehearsal_answers_and_changes_nothing(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b", "a")))
    deck.claim()
    deck.end("a", failure())
    deck.settle()
    before, events = deck.picture(), deck.events()
    asked = (
        Rerun(job_id=work),
        Cancel(job_id=work),
        Pause(queue="default"),
        Prioritise(task_ids=(deck.id("b"),), priority=3),
    )
    for operation in asked:
        answer = deck.operate(Rehearse(operation=operation))
        assert (deck.picture(), deck.events(), deck.report.stops) == (before, events, [])
        assert deck.operate(operation) == replace(answer, starts=())
        before, events = deck.picture(), deck.events()
    (refusal,) = deck.ask(Rehearse(operation=Rerun(job_id=999)))
    assert isinstance(refusal, NotFound)


def test_the_inbox_is_not_run_again_or_cancelled_as_a_whole(deck: Deck) -> None:
    deck.enqueue(task("a"), task("b"))
    deck.claim(1)
    deck.end("a", failure())
    before = deck.picture()
    retried, cancelled = deck.ask(Rerun(job_id=1))[0], deck.ask(Cancel(job_id=1))[0]
    assert (retried.code, cancelled.code) == ("job.inbox", "job.inbox")
    assert "1 of them failed or were cancelled" in retried.message
    assert "1 of them have not ended" in cancelled.message
    assert "taskdeck retry 1/KEY" in retried.hint
    assert deck.picture() == before


def test_a_job_of_which_nothing_failed_says_so(deck: Deck) -> None:
    work = ended(deck)
    before = deck.statuses(work)
    answer = deck.operate(Rerun(job_id=work, actor="ada"))
    assert (answer.changed, answer.refused) == (0, (Refused(work, "none of its tasks failed"),))
    assert deck.statuses(work) == before


def retried(deck: Deck, key: str, times: int, *, fail: bool = True) -> None:
    """Retry a task by hand so often; each time it ends again."""
    for _ in range(times):
        assert deck.operate(Rerun(task_ids=(deck.id(key),), actor="ada")).changed == 1
        deck.drain(fail=lambda each: failure() if fail and each == key else None)


@pytest.mark.parametrize("fail", [True, False])
def test_a_task_is_retried_by_hand_five_times_and_then_only_by_force(deck: Deck, *, fail: bool) -> None:
    ended(deck, *("a" if fail else ""))
    retried(deck, "a", 5, fail=fail)
    before = deck.history(task="a")
    answer = deck.operate(Rerun(task_ids=(deck.id("a"),)))
    (refusal,) = answer.refused
    assert (answer.changed, refusal.id, refusal.code) == (0, deck.id("a"), RETRY_LIMIT)
    assert refusal.reason == (
        "maximum retry limit reached: it was retried 5 times by hand (`manual_retries`);"
        " --force retries it once more"
    )
    assert deck.history(task="a") == before
    rehearsed = deck.operate(Rehearse(operation=Rerun(task_ids=(deck.id("a"), deck.id("d")))))
    assert (rehearsed.changed, rehearsed.refused) == (1, (refusal,))
    assert deck.operate(Rerun(task_ids=(deck.id("a"),), force=True)).changed == 1
    deck.drain(fail=lambda each: failure() if fail and each == "a" else None)
    # Force is for once.
    assert [each.code for each in deck.operate(Rerun(task_ids=(deck.id("a"),))).refused] == [RETRY_LIMIT]
    (count,) = deck.db.execute("SELECT retried FROM task WHERE id = ?", (deck.id("a"),)).fetchone()
    assert count == 6


def test_what_runs_again_with_its_need_counts_no_retry_of_its_own(deck: Deck) -> None:
    ended(deck)
    for _ in range(5):
        assert deck.operate(Rerun(task_ids=(deck.id("b"),), downstream=True)).changed == 2
        deck.drain()
    assert deck.operate(Rerun(task_ids=(deck.id("b"),), downstream=True)).changed == 0
    assert deck.operate(Rerun(task_ids=(deck.id("c"),))).changed == 1


def test_the_retry_of_a_job_leaves_out_what_was_retried_too_often_and_what_it_would_skip(deck: Deck) -> None:
    work = deck.submit(
        job(stage(task("a"), task("b", "a"), task("x"), task("y", "x")), on_task_failure=FINISH)
    )
    deck.drain(fail=lambda key: failure() if key in ("a", "x") else None)
    retried(deck, "a", 5)
    answer = deck.operate(Rerun(job_id=work))
    assert (answer.changed, [(each.id, each.code) for each in answer.refused]) == (
        2,
        [(deck.id("a"), RETRY_LIMIT)],
    )
    assert deck.statuses(work) == {"a": "failed", "b": "skipped", "x": "queued", "y": "blocked"}
    deck.drain(fail=lambda key: failure() if key in ("a", "x") else None)
    assert deck.operate(Rerun(job_id=work, force=True)).changed == 4
    deck.drain()
    assert deck.job_status(work) == "succeeded"


def test_two_who_retry_a_task_for_the_last_time_are_one_retry(deck: Deck) -> None:
    ended(deck, "a")
    retried(deck, "a", 4)
    first, second = deck.ask(
        Rerun(task_ids=(deck.id("a"),), actor="ada"), Rerun(task_ids=(deck.id("a"),), actor="bob")
    )
    assert (first.changed, second.changed) == (1, 0)
    deck.drain(fail=lambda key: failure() if key == "a" else None)
    assert deck.operate(Rerun(task_ids=(deck.id("a"),))).refused[0].code == RETRY_LIMIT
