"""Tasks that wait for another job, for a file or a poll."""

from __future__ import annotations

import json

import pytest

from core.model.commands.answers import Answer, NoteLook, WaitRef
from core.model.commands.purges import Purge, SweepPurged
from core.model.commands.work import Cancel, Complete, Hold, Rerun, Unhold
from core.model.outcomes import Parked, Succeeded, TaskError
from core.model.patterns.awaits import AwaitedFile, AwaitedJob, JobEnd, Poll
from core.model.patterns.judgements import Await, Decide
from core.model.plans import JobPlan
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, failure, flat, task
from tests.support.recounts import findings


def waiting(name: str, awaited: AwaitedJob, deck: Deck, *, within: int | None = None, **more: object) -> int:
    """Submit a job of one task that waits for another, and let it wait; return the job."""
    plan = flat(task("w", uses="job", waits=True), task("after", "w"), name=name, **more)
    work = deck.submit(plan)
    deck.do(Decide(task_id=task_of(deck, work), verdict=Await(job=awaited, within_ms=within)))
    deck.settle()
    return work


def task_of(deck: Deck, work: int, key: str = "w") -> int:
    ((task_id,),) = deck.rows("SELECT id FROM task WHERE job_id = ? AND key = ?", work, key)
    return task_id


def state(deck: Deck, work: int, key: str = "w") -> tuple[str, str | None]:
    """Return the status of a task, and its error code."""
    ((status, error),) = deck.rows("SELECT status, error FROM task WHERE job_id = ? AND key = ?", work, key)
    return status, json.loads(error)["code"] if error else None


def one(name: str, key: str | None = None, **more: object) -> JobPlan:
    return flat(task("a"), name=name, client_key=key, **more)


def end(deck: Deck, work: int, outcome: object = None) -> None:
    """Claim and end the one task of a job, all in one transaction after the claim."""
    claimed = [one for one in deck.claim() if one.job_id == work]
    deck.do(*(Complete(task_id=c.task_id, epoch=c.epoch, outcome=outcome or Succeeded()) for c in claimed))  # type: ignore[arg-type]


def test_a_task_goes_on_in_the_transaction_that_ends_the_job_it_waits_for(deck: Deck) -> None:
    other = deck.submit(one("extract"))
    work = waiting("report", AwaitedJob(id=other), deck)
    assert (state(deck, work), deck.report.next_due) == (("waiting", None), None)
    end(deck, other)
    # No other command came between.
    assert (deck.job_status(other), state(deck, work), state(deck, work, "after")) == (
        "succeeded",
        ("succeeded", None),
        ("queued", None),
    )
    ((output,),) = deck.rows("SELECT output FROM task WHERE id = ?", task_of(deck, work))
    assert json.loads(output) == {"id": other, "name": "extract", "status": "succeeded"}
    assert deck.rows("SELECT count(*) FROM awaited") == [(0,)]


@pytest.mark.parametrize(
    ("wanted", "outcome", "expected"),
    [
        (JobEnd.SUCCEEDED, failure(), ("failed", "job.failed")),
        (JobEnd.FAILED, failure(), ("succeeded", None)),
        (JobEnd.FAILED, Succeeded(), ("failed", "job.succeeded")),
        (JobEnd.ENDED, failure(), ("succeeded", None)),
        (JobEnd.CANCELLED, None, ("succeeded", None)),
    ],
)
def test_another_end_than_the_wanted_one_fails_it(
    deck: Deck, wanted: JobEnd, outcome: object, expected: tuple[str, str | None]
) -> None:
    other = deck.submit(one("extract"))
    work = waiting("report", AwaitedJob(id=other, wanted=wanted), deck)
    if outcome is None:
        deck.do(Cancel(job_id=other, actor="ada", reason="enough"))
    else:
        end(deck, other, outcome)
    deck.settle()
    assert state(deck, work) == expected
    if expected[0] == "failed" and wanted is JobEnd.SUCCEEDED:
        told = deck.told("task.failed")[-1]
        assert "it was to end succeeded" in told["error"]["message"]  # type: ignore[index]


def test_what_has_ended_answers_at_once_and_the_newest_of_a_name_counts(deck: Deck) -> None:
    first = deck.submit(one("extract", "day-1"))
    end(deck, first)
    second = deck.submit(one("extract", "day-2"))
    assert state(deck, waiting("by id", AwaitedJob(id=first), deck))[0] == "succeeded"
    assert state(deck, waiting("by key", AwaitedJob(key="day-1"), deck))[0] == "succeeded"
    work = waiting("by name", AwaitedJob(name="extract"), deck)
    assert state(deck, work)[0] == "waiting"
    end(deck, second)
    assert state(deck, work)[0] == "succeeded"


def test_a_job_that_comes_later_is_waited_for_by_its_key_or_name_also_by_held_tasks(deck: Deck) -> None:
    by_key = waiting("by key", AwaitedJob(key="day-1"), deck)
    by_name = waiting("by name", AwaitedJob(name="extract"), deck)
    held = waiting("held", AwaitedJob(name="extract"), deck)
    deck.do(Hold(task_ids=(task_of(deck, held),)))
    deck.submit(one("other", "day-2"))
    deck.crash()
    other = deck.submit(one("extract", "day-1"))
    end(deck, other)
    deck.settle()
    assert [state(deck, work)[0] for work in (by_key, by_name, held)] == ["succeeded", "succeeded", "held"]
    deck.do(Unhold(task_ids=(task_of(deck, held),)))
    assert state(deck, held)[0] == "succeeded"


def test_a_job_that_never_was_fails_by_its_id_or_by_its_deadline(deck: Deck) -> None:
    assert state(deck, waiting("lost", AwaitedJob(id=99), deck)) == ("failed", "job.unknown")
    work = waiting("late", AwaitedJob(key="never"), deck, within=100)
    deck.come_due(deck.now + 200)
    assert state(deck, work) == ("failed", "job.timeout")
    told = deck.told("task.failed")[-1]
    assert told["error"]["message"] == (  # type: ignore[index]
        "the job with the key never did not end in time: no such job was submitted"
    )


def test_a_job_never_waits_for_itself(deck: Deck) -> None:
    plan = flat(task("w", uses="job", waits=True), name="report")
    work = deck.submit(plan)
    deck.do(Decide(task_id=task_of(deck, work), verdict=Await(job=AwaitedJob(id=work))))
    assert state(deck, work) == ("failed", "job.own")
    # By name it waits for another one.
    again = waiting("report", AwaitedJob(name="report"), deck)
    assert state(deck, again) == ("failed", "job.failed")


def test_a_purged_job_fails_the_task_that_was_held_meanwhile(deck: Deck) -> None:
    other = deck.submit(one("extract"))
    work = waiting("report", AwaitedJob(id=other), deck)
    deck.do(Hold(task_ids=(task_of(deck, work),)))
    end(deck, other)
    deck.do(Purge(job_ids=(other,), actor="ada"))
    deck.do(SweepPurged())
    assert deck.rows("SELECT 1 FROM job WHERE id = ?", other) == []
    deck.do(Unhold(task_ids=(task_of(deck, work),)))
    assert state(deck, work) == ("failed", "job.unknown")


def test_a_chain_of_jobs_ends_in_one_transaction(deck: Deck) -> None:
    first = deck.submit(one("j0"))
    chain = [first]
    for number in range(20):
        plan = flat(task("w", uses="job", waits=True), name=f"j{number + 1}")
        chain.append(deck.submit(plan))
        verdict = Await(job=AwaitedJob(id=chain[-2]))
        deck.do(Decide(task_id=task_of(deck, chain[-1]), verdict=verdict))
    end(deck, first, failure())
    assert {deck.job_status(work) for work in chain} == {"failed"}
    assert not deck.report.left_over


def test_of_very_many_that_wait_the_rest_comes_due_at_once(deck: Deck) -> None:
    other = deck.submit(one("extract"))
    plan = flat(*(task(f"w{n}", uses="job", waits=True) for n in range(1_500)), name="many")
    work = deck.submit(plan)
    numbers = [row[0] for row in deck.rows("SELECT id FROM task WHERE job_id = ? ORDER BY id", work)]
    deck.do(*(Decide(task_id=n, verdict=Await(job=AwaitedJob(id=other))) for n in numbers))
    end(deck, other)
    left = deck.rows("SELECT count(*) FROM awaited")[0][0]
    assert 0 < left < 1_500
    assert deck.report.next_due is not None
    assert deck.report.next_due <= deck.now
    deck.crash()
    for _ in range(5):
        deck.come_due(deck.now + 10)
    deck.settle()
    assert deck.job_status(work) == "succeeded"


def test_two_ends_of_one_job_answer_once_and_a_rerun_asks_again(deck: Deck) -> None:
    other = deck.submit(one("extract"))
    work = waiting("report", AwaitedJob(id=other), deck, on_task_failure=CONTINUE)
    end(deck, other, failure())
    assert state(deck, work)[0] == "failed"
    deck.do(Rerun(job_id=other))
    end(deck, other)
    deck.do(Rerun(job_id=work))
    deck.do(Decide(task_id=task_of(deck, work), verdict=Await(job=AwaitedJob(id=other))))
    assert state(deck, work)[0] == "succeeded"
    assert deck.history(task="w").count("task.succeeded") == 1


def parked(deck: Deck, *, within: int | None = None) -> WaitRef:
    """Submit a job whose task parked itself after its first look."""
    deck.submit(flat(task("p"), task("after", "p")))
    deck.claim()
    poll = Poll(every_ms=1_000, url="https://example.org/7")
    deck.end("p", Parked(poll=poll, seen={"status": 200, "json.state": "queued"}, within_ms=within))
    return WaitRef(task_id=deck.id("p"), generation=1)


def test_a_poll_waits_outside_its_slot_with_one_attempt_that_counts_its_looks(deck: Deck) -> None:
    wait = parked(deck)
    assert (deck.status("p"), deck.report.lookouts) == ("waiting", [wait.task_id])
    assert deck.rows("SELECT status, looks FROM attempt") == [("parked", 1)]
    assert deck.do(NoteLook(wait=wait, looks=4, seen={"status": 200, "json.state": "running"})) == [True]
    assert deck.told("task.looked") == [{"looks": 4, "seen": {"status": 200, "json.state": "running"}}]
    assert deck.do(Answer(wait=wait, output={"status": 200}, looks=9)) == [True]
    assert deck.do(Answer(wait=wait, output={"status": 500}, looks=10)) == [False]
    assert deck.do(NoteLook(wait=wait, looks=11, seen={})) == [False]
    assert (deck.status("p"), deck.status("after")) == ("succeeded", "queued")
    assert deck.rows("SELECT looks, seen->>'$.\"json.state\"' FROM attempt WHERE task_id = 1") == [
        (9, "running")
    ]
    assert findings(deck.db) == ()


def test_an_answer_of_an_earlier_generation_ends_nothing(deck: Deck) -> None:
    wait = parked(deck)
    deck.do(Answer(wait=wait, error=TaskError(code="http.5xx", message="it broke")))
    deck.settle()
    deck.do(Rerun(task_ids=(wait.task_id,)))
    deck.claim()
    deck.end("p", Parked(poll=Poll(every_ms=1_000), seen={}))
    assert deck.do(Answer(wait=wait, output={})) == [False]
    assert deck.status("p") == "waiting"
    assert deck.do(Answer(wait=WaitRef(task_id=wait.task_id, generation=2), output={})) == [True]


def test_a_poll_that_is_held_hears_no_answer_and_its_deadline_tells_what_was_seen(deck: Deck) -> None:
    wait = parked(deck, within=10_000)
    deck.do(Hold(task_ids=(wait.task_id,)))
    assert deck.report.lookouts == [wait.task_id]
    assert deck.do(Answer(wait=wait, output={})) == [False]
    deck.do(Unhold(task_ids=(wait.task_id,)))
    assert deck.report.lookouts == [wait.task_id]
    deck.come_due(deck.now + 20_000)
    told = deck.told("task.failed")[-1]
    assert told["error"] == {
        "code": "poll.timeout",
        "message": "what `poll.until` waits for did not come in time",
        "facts": {"seen": {"status": 200, "json.state": "queued"}},
    }


def test_a_stop_that_was_asked_for_ends_a_poll_instead_of_parking_it(deck: Deck) -> None:
    work = deck.submit(flat(task("p")))
    deck.claim()
    deck.do(Cancel(job_id=work, actor="ada"))
    deck.end("p", Parked(poll=Poll(every_ms=1_000), seen={}))
    deck.settle()
    assert (deck.status("p"), deck.job_status(work)) == ("cancelled", "cancelled")
    assert deck.rows("SELECT status FROM attempt") == [("cancelled",)]


def test_a_file_is_answered_once_and_a_large_answer_is_a_payload(deck: Deck) -> None:
    deck.submit(flat(task("f", uses="file", waits=True)))
    file = AwaitedFile(path="/tmp/x", root="/tmp", stable_ms=500)
    deck.do(Decide(task_id=deck.id("f"), verdict=Await(file=file, within_ms=1_000)))
    assert deck.report.lookouts == [deck.id("f")]
    assert deck.rows("SELECT path, root, stable_ms FROM awaited") == [("/tmp/x", "/tmp", 500)]
    wait = WaitRef(task_id=deck.id("f"), generation=1)
    deck.do(Answer(wait=wait, output={"path": "/tmp/x" * 2_000}))
    assert "$payload" in str(deck.column("f", "output"))
    assert findings(deck.db) == ()


def test_a_deadline_and_an_answer_in_one_group_end_a_task_once(deck: Deck) -> None:
    wait = parked(deck, within=100)
    deck.now += 500
    deck.come_due(deck.now)
    assert deck.do(Answer(wait=wait, output={})) == [False]
    assert deck.history(task="p").count("task.failed") == 1
