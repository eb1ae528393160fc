"""What operators ask: cancel, pause, resume, hold, unhold, fail."""

from __future__ import annotations

import pytest

from core.model.commands.work import Cancel, Fail, Hold, Operated, Pause, Prioritise, Rerun, Resume, Unhold
from core.model.errors import Invalid, NotFound
from core.model.outcomes import Cancelled, RetryAt
from core.model.plans import OnTaskFailure
from tests.support.deck import AGING, Deck
from tests.support.factories import FINISH, failure, flat, job, retrying, stage, task, tasks
from tests.support.refused import Refused


def test_cancelling_a_job_asks_what_runs_to_stop_and_ends_the_rest(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b", "a"), task("c")))
    deck.claim(1)
    assert deck.operate(Cancel(job_id=work, reason="enough", actor="ada")).changed == 3
    assert deck.statuses(work) == {"a": "running", "b": "cancelled", "c": "cancelled"}
    assert [stop.task_id for stop in deck.report.stops] == [deck.id("a")]
    assert deck.rows("SELECT verdict, reason, verdict_by FROM job WHERE id = ?", work) == [
        ("cancelled", "enough", "ada")
    ]
    deck.end("a", Cancelled())
    assert deck.job_status(work) == "cancelled"


def test_a_job_is_cancelled_once(deck: Deck) -> None:
    work = deck.submit(flat(task("a")))
    deck.operate(Cancel(job_id=work))
    answer = deck.operate(Cancel(job_id=work))
    assert answer == Operated(changed=0, refused=(Refused(work, "the job is cancelled already"),))


def test_cancelling_tasks_ends_each_according_to_its_status(deck: Deck) -> None:
    plans = (
        task("running", priority=2),
        task("retrying", priority=2, retry=retrying(2)),
        task("done", priority=2),
        *tasks("queued", 1),
        task("held"),
        task("blocked", "held"),
        task("after", "queued0"),
    )
    work = deck.submit(flat(*plans, on_task_failure=FINISH))
    deck.claim(3)
    deck.end("retrying", failure(), RetryAt(at=900_000))
    deck.end("done")
    deck.do(Hold(task_ids=(deck.id("held"),)))
    wanted = tuple(deck.id(plan.key) for plan in plans[:-1])
    answer = deck.operate(Cancel(task_ids=wanted, actor="ada"))
    assert answer == Operated(changed=5, refused=(Refused(deck.id("done"), "it is succeeded already"),))
    assert deck.statuses(work) == {
        "running": "running",
        "retrying": "cancelled",
        "done": "succeeded",
        "queued0": "cancelled",
        "held": "cancelled",
        "blocked": "cancelled",
        "after": "skipped",
    }


def test_a_cancelled_retry_never_comes_due(deck: Deck) -> None:
    deck.enqueue(task("a", retry=retrying(2)))
    deck.claim()
    deck.end("a", failure(), RetryAt(at=50_000))
    deck.do(Cancel(task_ids=(deck.id("a"),)))
    deck.come_due(60_000)
    assert deck.status("a") == "cancelled"
    assert deck.report.next_due is None


def test_a_task_named_twice_or_unknown_is_handled_once_or_refused(deck: Deck) -> None:
    (number,) = deck.enqueue(task("a"))
    answer = deck.operate(Cancel(task_ids=(number, number, 77)))
    assert answer == Operated(changed=1, refused=(Refused(77, "this task does not exist"),))


def test_a_paused_job_keeps_its_tasks_queued_and_claims_nothing_more(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b"), task("c", "a")))
    deck.claim(1)
    assert deck.operate(Pause(job_id=work, reason="lunch", actor="ada")).changed == 1
    deck.end("a")
    assert deck.statuses(work) == {"a": "succeeded", "b": "queued", "c": "queued"}
    assert deck.claim() == []
    assert deck.operate(Pause(job_id=work)).refused == (Refused(work, "the job is paused"),)
    assert deck.operate(Resume(job_id=work)).changed == 1
    assert deck.claim_keys() == ["b", "c"]
    assert deck.told("job.paused") == [{"reason": "lunch", "from": "running"}]


@pytest.mark.parametrize(("claimed", "expected"), [(0, "pending"), (1, "running")])
def test_a_resumed_job_is_what_it_was_before(deck: Deck, claimed: int, expected: str) -> None:
    work = deck.submit(flat(task("a")))
    deck.claim(claimed)
    deck.do(Pause(job_id=work))
    deck.do(Resume(job_id=work))
    assert deck.job_status(work) == expected
    assert deck.operate(Resume(job_id=work)).changed == 0


def test_a_paused_job_may_succeed_fail_and_be_cancelled(deck: Deck) -> None:
    ends = {}
    for name in ("succeeded", "failed", "cancelled"):
        work = deck.submit(flat(task(name)))
        deck.claim()
        deck.do(Pause(job_id=work))
        if name == "cancelled":
            deck.do(Cancel(job_id=work))
        deck.end(name, failure() if name == "failed" else None)
        ends[name] = deck.job_status(work)
    assert ends == {"succeeded": "succeeded", "failed": "failed", "cancelled": "cancelled"}


def test_a_paused_queue_closes_its_lanes_and_moves_no_task(deck: Deck) -> None:
    deck.enqueue(task("a", queue="slow"), task("b"))
    events = len(deck.history())
    pause = Pause(queue="slow", reason="full", actor="ada")
    assert deck.operate(pause).changed == 1
    assert deck.operate(pause).changed == 0
    assert deck.history()[events:] == ["queue.paused"]
    assert deck.claim_keys() == ["b"]
    deck.enqueue(task("c", queue="slow"))
    assert deck.status("c") == "queued"
    assert deck.claim() == []
    deck.crash()
    assert deck.claim() == []
    assert deck.operate(Resume(queue="slow")).changed == 1
    assert deck.claim_keys() == ["a", "c"]


def test_pausing_nothing_or_the_unknown_is_refused(deck: Deck) -> None:
    answers = deck.ask(
        Pause(), Resume(), Pause(queue="?"), Resume(queue="?"), Pause(job_id=9), Resume(job_id=9)
    )
    assert [type(answer) for answer in answers] == [Invalid, Invalid, NotFound, NotFound, NotFound, NotFound]
    assert "default" in answers[2].hint  # type: ignore[union-attr]


def test_a_held_task_is_not_claimed_until_it_is_unheld(deck: Deck) -> None:
    first, _ = deck.enqueue(task("a"), task("b"))
    assert deck.operate(Hold(task_ids=(first,), reason="look", actor="ada")).changed == 1
    assert deck.claim_keys() == ["b"]
    assert deck.operate(Unhold(task_ids=(first,))).changed == 1
    assert deck.claim_keys() == ["a"]
    assert deck.history(task="a") == ["task.created", "task.held", "task.queued", "task.claimed"]


@pytest.mark.parametrize("later", [True, False])
def test_a_retrying_task_goes_on_retrying_while_its_time_lies_ahead(deck: Deck, later: bool) -> None:
    deck.enqueue(task("a", retry=retrying(2)))
    deck.claim()
    deck.end("a", failure(), RetryAt(at=50_000))
    deck.do(Hold(task_ids=(deck.id("a"),)))
    deck.come_due(40_000 if later else 60_000)
    assert deck.status("a") == "held"
    deck.do(Unhold(task_ids=(deck.id("a"),)))
    assert deck.status("a") == ("retrying" if later else "queued")
    assert deck.report.next_due == (50_000 if later else None)
    deck.come_due(70_000)
    assert deck.status("a") == "queued"


@pytest.mark.parametrize("status", ["running", "blocked", "succeeded"])
def test_only_queued_and_retrying_tasks_can_be_held(deck: Deck, status: str) -> None:
    deck.submit(
        flat(
            task("succeeded", priority=2),
            task("running", priority=1),
            task("queued"),
            task("blocked", "queued"),
        )
    )
    deck.claim(1)
    deck.end("succeeded")
    deck.claim(1)
    ((number, why, *_),) = deck.operate(Hold(task_ids=(deck.id(status),))).refused
    assert number == deck.id(status)
    assert why.startswith(f"it is {status}")
    assert deck.operate(Unhold(task_ids=(number,))).refused == (Refused(number, f"it is {status}, not held"),)


def test_a_task_of_a_higher_priority_is_claimed_before_others_that_waited_longer(deck: Deck) -> None:
    *_, last = deck.enqueue(*tasks("t", 3))
    assert deck.operate(Prioritise(task_ids=(last,), priority=90, actor="ada")) == Operated(changed=1)
    assert deck.told("task.prioritised") == [{"priority": 90, "before": 0}]
    assert deck.rows("SELECT actor FROM event WHERE kind = 'task.prioritised'") == [("ada",)]
    assert [claimed.task_id for claimed in deck.claim(1)] == [last]


def test_a_task_that_loses_its_priority_lets_others_go_before_it(deck: Deck) -> None:
    first, second = deck.enqueue(task("a", priority=50), task("b", priority=20))
    deck.do(Prioritise(task_ids=(first,), priority=10))
    assert [claimed.task_id for claimed in deck.claim(1)] == [second]


def test_every_task_that_is_not_final_takes_another_priority_and_keeps_it(deck: Deck) -> None:
    plans = (
        task("running", priority=3),
        task("retrying", priority=2, retry=retrying(2)),
        task("held"),
        task("queued"),
        task("blocked", "queued"),
    )
    deck.submit(flat(*plans))
    deck.claim(2)
    deck.end("retrying", failure(), RetryAt(at=50_000))
    deck.do(Hold(task_ids=(deck.id("held"),)))
    wanted = tuple(deck.id(plan.key) for plan in plans)
    assert deck.operate(Prioritise(task_ids=wanted, priority=77)) == Operated(changed=5)
    assert [deck.column(plan.key, "priority") for plan in plans] == [77] * 5
    deck.do(Unhold(task_ids=(deck.id("held"),)))
    assert deck.column("held", "sort_key") == deck.now - 77 * AGING


def test_a_final_task_and_one_that_has_the_priority_refuse_another(deck: Deck) -> None:
    done, same = deck.enqueue(task("a", priority=9), task("b", priority=8))
    deck.claim(1)
    deck.end("a")
    answer = deck.operate(Prioritise(task_ids=(done, same, 99), priority=8))
    assert answer == Operated(
        changed=0,
        refused=(
            Refused(99, "this task does not exist"),
            Refused(done, "it is succeeded already"),
            Refused(same, "it has priority 8 already"),
        ),
    )
    assert (deck.column("a", "priority"), deck.told("task.prioritised")) == (9, [])


def test_of_an_end_and_a_new_priority_in_one_batch_both_land(deck: Deck) -> None:
    (number,) = deck.enqueue(task("a"))
    deck.claim()
    deck.do(Prioritise(task_ids=(number,), priority=5), deck.completion("a"))
    assert (deck.status("a"), deck.column("a", "priority")) == ("succeeded", 5)


def test_a_held_task_that_is_given_up_ends_as_failed_with_who_and_why(deck: Deck) -> None:
    (number,) = deck.enqueue(task("a", retry=retrying(2)))
    deck.claim()
    deck.end("a", failure(), RetryAt(at=50_000))
    deck.do(Hold(task_ids=(number,)))
    assert deck.operate(Fail(task_ids=(number,), reason="no use", actor="ada")) == Operated(changed=1)
    assert deck.rows("SELECT status, finished_at, retry_at FROM task") == [("failed", deck.now, None)]
    error = {"code": "task.given_up", "message": "no use"}
    told = deck.told("task.failed", without=("family",))
    assert told == [{"error": error, "reason": "no use", "from": "held"}]
    assert deck.rows("SELECT actor FROM event WHERE kind = 'task.failed'") == [("ada",)]
    assert deck.column("a", "error") == '{"code":"task.given_up","message":"no use"}'
    deck.come_due(60_000)
    assert deck.status("a") == "failed"


def test_a_task_given_up_without_a_reason_says_who_did_it(deck: Deck) -> None:
    (number,) = deck.enqueue(task("a"))
    deck.do(Hold(task_ids=(number,)))
    deck.do(Fail(task_ids=(number,), actor="ada"))
    error = {"code": "task.given_up", "message": "given up by ada"}
    assert deck.told("task.failed", without=("family",)) == [{"error": error, "from": "held"}]


@pytest.mark.parametrize(
    ("on_failure", "job_ends", "others"),
    [
        ("stop", "failed", {"b": "cancelled", "c": "cancelled", "d": "cancelled"}),
        ("finish", "failed", {"b": "skipped", "c": "succeeded", "d": "cancelled"}),
        ("continue", "succeeded", {"b": "skipped", "c": "succeeded", "d": "succeeded"}),
    ],
)
def test_a_job_goes_by_its_rules_when_a_task_of_it_is_given_up(
    deck: Deck, on_failure: str, job_ends: str, others: dict[str, str]
) -> None:
    stages = (stage(task("a"), task("b", "a"), task("c"), name="one"), stage(task("d"), name="two"))
    work = deck.submit(job(*stages, on_task_failure=OnTaskFailure(on_failure)))
    deck.do(Hold(task_ids=(deck.id("a"),)))
    deck.do(Fail(task_ids=(deck.id("a"),)))
    deck.settle()
    deck.drain()
    assert deck.statuses(work) == {"a": "failed", **others}
    assert deck.job_status(work) == job_ends


@pytest.mark.parametrize("status", ["running", "queued", "blocked", "retrying", "succeeded"])
def test_only_held_tasks_can_be_given_up(deck: Deck, status: str) -> None:
    deck.submit(
        flat(
            task("succeeded", priority=3),
            task("retrying", priority=2, retry=retrying(2)),
            task("running", priority=1),
            task("queued"),
            task("blocked", "queued"),
        )
    )
    deck.claim(1)
    deck.end("succeeded")
    deck.claim(1)
    deck.end("retrying", failure(), RetryAt(at=900_000))
    deck.claim(1)
    before = deck.picture()
    answer = deck.operate(Fail(task_ids=(deck.id(status), 99)))
    why = "it is succeeded already" if status == "succeeded" else f"it is {status}, not held"
    assert answer.refused == (Refused(99, "this task does not exist"), Refused(deck.id(status), why))
    assert (answer.changed, deck.picture()) == (0, before)


def test_a_task_that_was_given_up_can_be_run_again(deck: Deck) -> None:
    (number,) = deck.enqueue(task("a"))
    deck.do(Hold(task_ids=(number,)))
    deck.do(Fail(task_ids=(number,)))
    assert deck.operate(Rerun(task_ids=(number,))).changed == 1
    deck.drain()
    assert deck.status("a") == "succeeded"
