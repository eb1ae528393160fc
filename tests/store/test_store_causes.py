"""Every change has who and why, in row and event."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from core.model.commands.work import (
    Cancel,
    Complete,
    Fail,
    Hold,
    Kill,
    Operation,
    Pause,
    Prioritise,
    Rerun,
    Resume,
    Unhold,
)
from core.model.outcomes import AskOperator, Cancelled, GiveUp, Lost, RetryAt, Succeeded
from core.store.verify import verify
from tests.support.deck import Deck
from tests.support.factories import failure, flat, retrying, task, tasks
from tests.support.recounts import findings

WHO, WHY = "ana as deploy (cli)", "wrong date"


def cause(deck: Deck, key: str) -> tuple[object, object]:
    return deck.column(key, "status_by"), deck.column(key, "status_reason")


def last_event(deck: Deck, key: str) -> tuple[str, str | None, object]:
    """Return kind and actor of the newest event of a task, and the reason in it."""
    sql = "SELECT kind, actor, data->>'reason' FROM event WHERE task_id = ? ORDER BY id DESC LIMIT 1"
    return deck.rows(sql, deck.id(key))[0]  # type: ignore[return-value]


def queued(deck: Deck) -> None:
    deck.enqueue(task("a"))


def held(deck: Deck) -> None:
    queued(deck)
    deck.do(Hold(task_ids=(deck.id("a"),)))


def retrying_later(deck: Deck) -> None:
    deck.enqueue(task("a", retry=retrying(3)))
    deck.claim()
    deck.end("a", failure(), RetryAt(at=900_000))


def held_while_retrying(deck: Deck) -> None:
    retrying_later(deck)
    deck.do(Hold(task_ids=(deck.id("a"),)))


def failed(deck: Deck) -> None:
    queued(deck)
    deck.claim()
    deck.end("a", failure(), GiveUp())


def blocked(deck: Deck) -> None:
    deck.submit(flat(task("z"), task("a", "z")))


@pytest.mark.parametrize(
    ("before", "make", "kind"),
    [
        (queued, Cancel, "task.cancelled"),
        (blocked, Cancel, "task.cancelled"),
        (held, Cancel, "task.cancelled"),
        (retrying_later, Cancel, "task.cancelled"),
        (queued, Hold, "task.held"),
        (retrying_later, Hold, "task.held"),
        (held, Unhold, "task.queued"),
        (held_while_retrying, Unhold, "task.retry_scheduled"),
        (held, Fail, "task.failed"),
        (failed, Rerun, "task.rerun"),
        (held, Rerun, "task.queued"),
        (retrying_later, Rerun, "task.queued"),
    ],
)
def test_a_verb_on_a_task_leaves_who_and_why_in_row_and_event(
    deck: Deck, before: Callable[[Deck], None], make: Callable[..., Operation], kind: str
) -> None:
    before(deck)
    deck.do(make(task_ids=(deck.id("a"),), reason=WHY, actor=WHO))
    assert last_event(deck, "a") == (kind, WHO, WHY)
    assert cause(deck, "a") == (WHO, WHY)
    assert findings(deck.db) == ()


@pytest.mark.parametrize("make", [Cancel, Kill])
def test_what_ran_ends_with_who_asked_it_to_and_why(deck: Deck, make: Callable[..., Operation]) -> None:
    queued(deck)
    deck.claim()
    deck.do(make(task_ids=(deck.id("a"),), reason=WHY, actor=WHO))
    assert cause(deck, "a") == (None, None)
    deck.end("a", Cancelled())
    assert last_event(deck, "a") == ("task.cancelled", WHO, WHY)
    assert cause(deck, "a") == (WHO, WHY)


def test_a_new_priority_has_who_and_why_in_its_event(deck: Deck) -> None:
    queued(deck)
    deck.do(Prioritise(task_ids=(deck.id("a"),), priority=9, reason=WHY, actor=WHO))
    assert last_event(deck, "a") == ("task.prioritised", WHO, WHY)


def test_what_goes_on_in_the_ordinary_course_forgets_who_asked(deck: Deck) -> None:
    held(deck)
    deck.do(Unhold(task_ids=(deck.id("a"),), reason=WHY, actor=WHO))
    deck.claim()
    assert cause(deck, "a") == (None, None)
    deck.do(Complete(task_id=deck.id("a"), epoch=1, outcome=Succeeded(partial=True, reason="cut")))
    assert cause(deck, "a") == (None, "cut")
    assert findings(deck.db) == ()


def test_a_task_held_after_a_loss_says_so(deck: Deck) -> None:
    queued(deck)
    deck.claim()
    deck.end("a", Lost(reason="gone"), AskOperator())
    by, why = cause(deck, "a")
    assert (by, str(why).partition(";")[0]) == ("engine", "the attempt was lost")


def test_a_skipped_task_names_the_need_that_failed(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b", "a"), task("z"), on_task_failure="finish"))
    deck.claim(1)
    deck.end("a", failure(), GiveUp())
    assert deck.statuses(work)["b"] == "skipped"
    assert cause(deck, "b") == (None, f"its need a (task {deck.id('a')}) failed")


def test_siblings_ended_by_a_verdict_carry_which_task_brought_it(deck: Deck) -> None:
    work = deck.submit(flat(task("a", priority=2), task("runs", priority=1), *tasks("idle", 3)))
    deck.claim(2)
    deck.end("a", failure(), GiveUp())
    deck.settle()
    assert cause(deck, "idle0") == ("engine", "task a failed")
    told = {"reason": "task a failed", "verdict": "failed", "cause": deck.id("a")}
    assert deck.told("task.cancelled")[0] == {**told, "from": "queued"}
    assert deck.told("task.stop_requested") == [told]
    deck.end("runs", Cancelled())
    assert cause(deck, "runs") == ("engine", "task a failed")
    row = deck.rows("SELECT status, verdict_task, verdict_ends FROM job WHERE id = ?", work)
    assert row == [("failed", deck.id("a"), 4)]
    (ending,) = deck.told("job.ending")
    assert (ending["ends"], ending["running"], ending["task"]) == (4, 1, deck.id("a"))  # type: ignore[index,call-overload]
    assert deck.told("job.failed") == [{"reason": "task a failed", "ended": 4, "from": "ending"}]


def test_a_cancelled_job_passes_who_and_why_on_to_its_tasks(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b", "a")))
    deck.do(Cancel(job_id=work, reason=WHY, actor=WHO))
    deck.settle()
    assert {cause(deck, key) for key in "ab"} == {(WHO, WHY)}
    assert deck.rows("SELECT verdict_ends FROM job WHERE id = ?", work) == [(2,)]


def test_a_pause_is_in_the_row_of_its_job_as_long_as_it_lasts(deck: Deck) -> None:
    work = deck.submit(flat(task("a")))
    sql = "SELECT paused_at, paused_by, pause_reason FROM job WHERE id = ?"
    deck.do(Pause(job_id=work, reason=WHY, actor=WHO))
    assert deck.rows(sql, work) == [(deck.now, WHO, WHY)]
    deck.do(Resume(job_id=work, reason="it is right", actor=WHO))
    assert deck.rows(sql, work) == [(None, None, None)]
    (resumed,) = deck.rows("SELECT actor, data->>'reason' FROM event WHERE kind = 'job.pending'")
    assert resumed == (WHO, "it is right")
    deck.do(Pause(job_id=work, reason=WHY, actor=WHO))
    deck.do(Cancel(job_id=work, actor=WHO))
    assert deck.rows(sql, work) == [(None, None, None)]
    assert findings(deck.db) == ()


def test_a_resumed_queue_says_who_and_why(deck: Deck) -> None:
    deck.do(Pause(queue="default", reason=WHY, actor=WHO))
    deck.do(Resume(queue="default", reason="it is right", actor=WHO))
    assert deck.told("queue.resumed") == [{"queue": "default", "reason": "it is right"}]


def test_a_loose_task_keeps_who_asked_for_it(deck: Deck) -> None:
    deck.enqueue(task("a"))
    deck.submit(flat(task("b")))
    assert (deck.column("a", "actor"), deck.column("b", "actor")) == ("tester", None)


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE task SET status_by = 'eve'",
        "UPDATE task SET status_reason = NULL",
        "UPDATE job SET verdict_by = 'eve' WHERE verdict_by IS NOT NULL",
        "UPDATE job SET verdict_ends = 7 WHERE verdict_ends IS NOT NULL",
        "UPDATE job SET paused_by = 'eve' WHERE id > 1",
        "UPDATE task SET actor = 'eve' WHERE actor IS NOT NULL",
    ],
)
def test_a_row_that_says_another_than_its_events_is_found(deck: Deck, wrong: str) -> None:
    work = deck.submit(flat(task("a")))
    deck.enqueue(task("loose"))
    deck.do(Cancel(job_id=work, reason=WHY, actor=WHO))
    assert findings(deck.db) == ()
    deck.db.execute("BEGIN")
    deck.db.execute(wrong)
    codes = {finding.code for finding in verify(deck.db)}
    deck.db.execute("ROLLBACK")
    assert codes
    assert codes <= {"fold.task", "fold.job", "task.actor"}
