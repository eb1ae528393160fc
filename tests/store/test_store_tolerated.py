"""Tolerated failures: what follows from them, and what is kept of them."""

from __future__ import annotations

import pytest

from core.model.commands.work import Fail, FollowUp, Hold, Repair, Rerun
from core.model.outcomes import Cancelled, TaskError
from core.model.patterns.judgements import Decide, FailIt
from core.model.plans import OnTaskFailure
from core.store import batch
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, FINISH, STOP, done, failure, flat, job, stage, task, tasks
from tests.support.recounts import findings

TOLERATED = "SELECT n FROM counter WHERE scope = 'job_tolerated' AND ref = ? AND n > 0"


def failing(*keys: str):
    return lambda key: failure() if key in keys else None


def soft(key: str, *needs: object, **more: object):
    return task(key, *needs, continue_on_error=True, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("verdict", [STOP, FINISH, CONTINUE])
def test_a_tolerated_failure_meets_needs_closes_stages_and_brings_no_verdict(
    deck: Deck, verdict: OnTaskFailure
) -> None:
    first = stage(soft("a"), task("b", "a"), task("c", done("a")))
    work = deck.submit(job(first, stage(soft("d")), on_task_failure=verdict))
    deck.drain(fail=failing("a", "d"))
    assert deck.statuses(work) == {"a": "failed", "b": "succeeded", "c": "succeeded", "d": "failed"}
    assert deck.stages(work) == ["succeeded", "succeeded"]
    assert deck.job_status(work) == "succeeded"
    assert deck.rows(TOLERATED, str(work)) == [(2,)]
    assert [told["tolerated"] for told in deck.told("task.failed")] == [True, True]
    assert deck.value("SELECT failed FROM family") == 2


def test_a_job_whose_failures_are_all_tolerated_succeeds(deck: Deck) -> None:
    work = deck.submit(flat(soft("a"), on_task_failure=CONTINUE))
    deck.drain(fail=failing("a"))
    assert deck.job_status(work) == "succeeded"


def test_a_failure_beside_a_tolerated_one_brings_the_verdict_and_the_mark_stays(deck: Deck) -> None:
    work = deck.submit(flat(soft("a"), task("b"), task("c", "a")))
    deck.end_all(deck.claim(), failure())
    assert deck.statuses(work) == {"a": "failed", "b": "failed", "c": "cancelled"}
    assert deck.job_status(work) == "failed"
    assert deck.value("SELECT verdict_task FROM job WHERE id = ?", work) == deck.id("b")
    assert deck.rows(TOLERATED, str(work)) == [(1,)]


def test_needs_are_met_also_where_a_batch_leaves_them_over(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 2)
    deck.submit(flat(soft("a"), *tasks("b", 7, "a"), task("z")))
    deck.claim()
    deck.end("a", failure())
    assert deck.report.left_over
    deck.settle()
    assert {deck.status(f"b{number}") for number in range(7)} == {"queued"}


def test_what_fails_without_a_slot_is_tolerated_too(deck: Deck) -> None:
    work = deck.submit(flat(soft("a", when="x"), soft("b"), task("z")))
    deck.do(Decide(task_id=deck.id("a"), verdict=FailIt(error=TaskError(code="when.type", message="no"))))
    deck.do(Hold(task_ids=(deck.id("b"),)))
    deck.do(Fail(task_ids=(deck.id("b"),), actor="ada"))
    deck.drain()
    assert (deck.statuses(work)["a"], deck.statuses(work)["b"]) == ("failed", "failed")
    assert deck.job_status(work) == "succeeded"


def test_a_cancelled_task_is_not_tolerated(deck: Deck) -> None:
    work = deck.submit(flat(soft("a"), task("b", "a")))
    deck.claim()
    deck.end("a", Cancelled())
    assert (deck.job_status(work), deck.status("b")) == ("cancelled", "skipped")


def test_a_retry_takes_the_mark_away_and_what_had_its_need_met_waits_again(deck: Deck) -> None:
    work = deck.submit(flat(soft("a"), task("b"), task("c", "a", "b")))
    deck.claim()
    deck.end("a", failure())
    assert deck.column("c", "needs_left") == 1
    deck.do(Rerun(task_ids=(deck.id("a"),)))
    assert (deck.column("c", "needs_left"), deck.column("a", "tolerated")) == (2, 0)
    assert deck.rows(TOLERATED, str(work)) == []
    deck.claim()
    deck.end("a")
    deck.end("b")
    deck.drain()
    assert deck.job_status(work) == "succeeded"


def test_a_job_that_succeeded_is_retried_for_its_tolerated_failure_and_its_dependants_may_run_again(
    deck: Deck,
) -> None:
    work = deck.submit(flat(soft("a"), task("b", "a")))
    deck.drain(fail=failing("a"))
    answer = deck.operate(Rerun(task_ids=(deck.id("b"),)))
    assert (answer.changed, answer.refused) == (1, ())
    assert [(one.status, one.reason) for one in answer.forecasts] == [("succeeded", "")]
    deck.drain()
    assert deck.status("b") == "succeeded"
    assert deck.operate(Rerun(job_id=work)).changed == 1
    deck.drain()
    assert deck.statuses(work) == {"a": "succeeded", "b": "succeeded"}
    assert (deck.job_status(work), deck.rows(TOLERATED, str(work))) == ("succeeded", [])


def test_a_mark_that_is_wrong_is_found_and_its_count_made_right(deck: Deck) -> None:
    work = deck.submit(flat(soft("a"), task("z")))
    deck.claim()
    deck.end("a", failure())
    deck.db.execute("UPDATE counter SET n = 5 WHERE scope LIKE '%_tolerated'")
    assert {finding.code for finding in verify(deck.db)} == {"counter.wrong"}
    deck.do(Repair(job_id=work), FollowUp())
    assert findings(deck.db) == ()
    deck.db.execute("UPDATE task SET tolerated = 1 WHERE key = 'z'")
    assert "task.tolerated" in {finding.code for finding in verify(deck.db)}
    deck.db.execute("UPDATE task SET tolerated = 0 WHERE key = 'z'")
