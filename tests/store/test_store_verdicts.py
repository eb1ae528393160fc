"""Verdicts, stages and the ends of jobs."""

from __future__ import annotations

import pytest

from core.model.commands.work import Cancel
from core.model.errors import Conflict
from core.model.outcomes import Cancelled, GiveUp, RetryAt
from core.model.patterns.judgements import Decide, SkipIt
from core.model.plans import OnTaskFailure
from core.model.values import INBOX
from core.store import batch
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, FINISH, STOP, done, failure, flat, job, stage, task, tasks


def test_the_job_runs_with_its_first_claim_and_succeeds_with_its_last_task(deck: Deck) -> None:
    work = deck.submit(job(stage(task("a")), stage(task("b"))))
    assert deck.job_status(work) == "pending"
    deck.drain()
    assert deck.history(job=work) == [
        "job.created",
        "stage.open",
        "task.created",
        "task.created",
        "task.claimed",
        "job.running",
        "task.succeeded",
        "stage.succeeded",
        "stage.open",
        "task.queued",
        "task.claimed",
        "task.succeeded",
        "stage.succeeded",
        "job.succeeded",
    ]
    assert work in [ended for report in deck.reports for ended in report.ended_jobs]


def test_under_stop_the_first_failure_brings_the_verdict(deck: Deck) -> None:
    work = deck.submit(job(stage(task("a"), task("b"), task("c", "b")), stage(task("d"))))
    deck.claim()
    deck.end("a", failure())
    assert deck.job_status(work) == "ending"
    assert deck.statuses(work) == {"a": "failed", "b": "running", "c": "cancelled", "d": "cancelled"}
    assert [(stop.task_id, stop.epoch) for stop in deck.report.stops] == [(deck.id("b"), 1)]
    assert deck.column("b", "stop_by") == "engine"
    deck.end("b", Cancelled())
    assert deck.job_status(work) == "failed"
    assert deck.stages(work) == ["failed", "cancelled"]


def test_nothing_of_an_ending_job_is_claimed(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 2)
    deck.submit(flat(task("a"), task("b"), *tasks("c", 20)))
    deck.claim(2)
    deck.end("a", failure())
    assert deck.report.left_over
    assert deck.claim() == []


def test_a_late_success_stands_but_does_not_change_the_verdict(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b"), task("c", "b")))
    deck.claim()
    deck.end("a", failure())
    deck.end("b")
    assert deck.statuses(work) == {"a": "failed", "b": "succeeded", "c": "cancelled"}
    assert (deck.job_status(work), deck.stages(work)) == ("failed", ["failed"])


def test_a_task_of_an_ending_job_is_cancelled_where_it_would_have_been_retried(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b")))
    deck.claim()
    deck.end("a", failure())
    deck.end("b", failure(), RetryAt(at=deck.now + 1))
    assert deck.status("b") == "cancelled"
    assert deck.job_status(work) == "failed"


def test_two_failures_in_one_batch_give_one_verdict(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), task("b"), task("c", "a")))
    deck.claim()
    deck.do(deck.completion("b", failure()), deck.completion("a", failure()))
    assert deck.history(job=work).count("job.ending") == 1
    assert deck.job_status(work) == "failed"


def test_under_finish_the_open_stage_drains_and_no_later_stage_opens(deck: Deck) -> None:
    stages = stage(task("a"), task("b"), task("c", "b"), task("e", "a")), stage(task("d"))
    work = deck.submit(job(*stages, on_task_failure=FINISH))
    deck.claim()
    deck.end("a", failure())
    assert deck.job_status(work) == "running"
    deck.end("b")
    assert deck.claim_keys() == ["c"]
    deck.end("c")
    assert deck.statuses(work) == {
        "a": "failed",
        "b": "succeeded",
        "c": "succeeded",
        "e": "skipped",
        "d": "cancelled",
    }
    assert (deck.job_status(work), deck.stages(work)) == ("failed", ["failed", "cancelled"])


@pytest.mark.parametrize(
    ("failing", "expected"),
    [({"a"}, "succeeded"), ({"a", "b"}, "succeeded"), ({"a", "b", "c"}, "failed"), (set(), "succeeded")],
)
def test_under_continue_one_success_is_enough(deck: Deck, failing: set[str], expected: str) -> None:
    work = deck.submit(job(stage(task("a"), task("b")), stage(task("c")), on_task_failure=CONTINUE))
    deck.drain(fail=lambda key: failure() if key in failing else None)
    assert deck.job_status(work) == expected
    assert deck.status("c") == ("failed" if "c" in failing else "succeeded")


def test_under_continue_the_next_stage_opens_after_a_failed_one(deck: Deck) -> None:
    work = deck.submit(job(stage(task("a")), stage(task("b")), on_task_failure=CONTINUE))
    deck.claim()
    deck.end("a", failure())
    assert deck.stages(work) == ["failed", "open"]
    assert deck.status("b") == "queued"


@pytest.mark.parametrize("policy", list(OnTaskFailure))
def test_a_cancelled_stage_cancels_the_job_whatever_the_policy(deck: Deck, policy: OnTaskFailure) -> None:
    work = deck.submit(job(stage(task("a"), task("b")), stage(task("c")), on_task_failure=policy))
    deck.claim()
    deck.do(deck.completion("a", Cancelled()), deck.completion("b"))
    assert (deck.job_status(work), deck.stages(work)) == ("cancelled", ["cancelled", "cancelled"])


@pytest.mark.parametrize(
    ("ends", "closed"),
    [
        ("fcs-", "failed"),
        ("cs-", "cancelled"),
        ("s-", "succeeded"),
        ("-", "skipped"),
        ("ss", "succeeded"),
    ],
)
def test_a_stage_closes_by_the_worst_end_of_its_tasks(deck: Deck, ends: str, closed: str) -> None:
    plans = [task(f"t{n}", when="x" if end == "-" else None) for n, end in enumerate(ends)]
    work = deck.submit(flat(*plans, on_task_failure=FINISH))
    deck.claim()
    for number, end in enumerate(ends):
        key = f"t{number}"
        match end:
            case "f":
                deck.end(key, failure())
            case "c":
                deck.end(key, Cancelled())
            case "s":
                deck.end(key)
            case _:
                deck.do(Decide(task_id=deck.id(key), verdict=SkipIt()))
    assert deck.stages(work) == [closed]


def test_a_job_of_only_skipped_tasks_succeeds(deck: Deck) -> None:
    work = deck.submit(flat(task("a", when="x"), task("b", "a")))
    deck.do(Decide(task_id=deck.id("a"), verdict=SkipIt()))
    assert deck.statuses(work) == {"a": "skipped", "b": "skipped"}
    assert (deck.job_status(work), deck.stages(work)) == ("succeeded", ["skipped"])
    assert deck.history(job=work)[-3:] == ["stage.skipped", "job.running", "job.succeeded"]


def test_empty_stages_are_skipped_and_the_next_opens(deck: Deck) -> None:
    work = deck.submit(
        job(stage(name="x"), stage(task("a")), stage(name="y"), stage(name="z"), stage(task("b")))
    )
    deck.settle()
    assert deck.stages(work) == ["skipped", "open", "pending", "pending", "pending"]
    deck.drain()
    assert deck.stages(work) == ["skipped", "succeeded", "skipped", "skipped", "succeeded"]
    assert deck.job_status(work) == "succeeded"


def test_an_empty_first_stage_is_not_forgotten_by_a_crash(deck: Deck) -> None:
    work = deck.submit(job(stage(name="x"), stage(task("a"))))
    deck.crash()
    deck.do()
    deck.settle()
    deck.drain()
    assert deck.job_status(work) == "succeeded"


def test_a_job_of_nothing_but_empty_stages_succeeds(deck: Deck) -> None:
    work = deck.submit(job(stage(name="x"), stage(name="y")))
    deck.settle()
    assert (deck.job_status(work), deck.stages(work)) == ("succeeded", ["skipped", "skipped"])


def test_a_verdict_closes_empty_stages_too(deck: Deck) -> None:
    work = deck.submit(job(stage(task("a")), stage(name="x"), stage(task("b"))))
    deck.drain(fail=lambda _: failure())
    assert (deck.job_status(work), deck.stages(work)) == ("failed", ["failed", "skipped", "cancelled"])


def test_a_verdict_is_carried_out_in_batches_also_over_crashes(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 10)
    work = deck.submit(job(stage(*tasks("a", 20)), stage(*tasks("b", 25))))
    answer = deck.operate(Cancel(job_id=work, reason="enough", actor="ada"))
    assert answer.changed == 45
    batches = [deck.history().count("task.cancelled")]
    while deck.report.left_over:
        deck.crash()
        deck.settle_once()
        batches.append(deck.history().count("task.cancelled"))
    assert max(after - before for before, after in zip([0, *batches], batches, strict=False)) <= 10
    assert batches[-1] == 45
    assert (deck.job_status(work), deck.stages(work)) == ("cancelled", ["cancelled", "cancelled"])
    assert deck.history(job=work).count("job.cancelled") == 1


def test_the_verdicts_of_many_jobs_share_one_bite(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 10)
    jobs = [deck.submit(flat(*tasks("a", 8))) for _ in range(6)]
    deck.do(*(Cancel(job_id=work) for work in jobs))
    seen = deck.history().count("task.cancelled")
    assert seen <= 10
    while deck.report.left_over:
        deck.settle_once()
        now = deck.history().count("task.cancelled")
        assert now - seen <= 10
        seen = now
    assert {deck.job_status(work) for work in jobs} == {"cancelled"}


def test_a_large_stage_opens_in_batches(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_PER_BATCH", 10)
    work = deck.submit(job(stage(task("a")), stage(*tasks("b", 25))))
    deck.claim()
    deck.end("a")
    seen = deck.history().count("task.queued")
    assert 0 < seen <= 10
    while deck.report.left_over:
        deck.crash()
        deck.settle_once()
        now = deck.history().count("task.queued")
        assert now - seen <= 10
        seen = now
    assert seen == 25
    deck.drain()
    assert deck.job_status(work) == "succeeded"


def test_the_transaction_that_ends_a_job_submits_its_notice(deck: Deck) -> None:
    work = deck.submit(flat(task("a"), name="nightly", notify="https://example.org/hook"))
    deck.claim()
    before = len(deck.reports)
    deck.end("a")
    assert len(deck.reports) == before + 1
    ((uses, spec, group),) = deck.rows("SELECT uses, spec, grp FROM task WHERE job_id = ?", INBOX)
    assert uses == "http"
    assert group == f"notify-{work}"
    assert f'{{"job":{work},"type":"nightly","status":"succeeded"}}' in spec
    assert "https://example.org/hook" in spec


@pytest.mark.parametrize(("outcome", "status"), [("fail", "failed"), ("cancel", "cancelled")])
def test_a_notice_names_how_the_job_ended(deck: Deck, outcome: str, status: str) -> None:
    work = deck.submit(flat(task("a"), notify="https://example.org/hook"))
    if outcome == "fail":
        deck.drain(fail=lambda key: failure() if key == "a" else None)
    else:
        deck.do(Cancel(job_id=work))
    (spec,) = [row[0] for row in deck.rows("SELECT spec FROM task WHERE job_id = ?", INBOX)]
    assert f'"status":"{status}"' in spec


def test_the_inbox_never_ends_and_cannot_be_cancelled(deck: Deck) -> None:
    deck.enqueue(task("a"), task("b"))
    deck.drain(fail=lambda key: failure() if key == "a" else None)
    assert deck.job_status(INBOX) == "running"
    assert deck.stages(INBOX) == ["open"]
    (answer,) = deck.ask(Cancel(job_id=INBOX))
    assert isinstance(answer, Conflict)
    assert answer.code == "job.inbox"


def test_a_done_need_on_a_failed_task_follows_under_finish_but_not_under_stop(deck: Deck) -> None:
    for policy, expected in ((FINISH, "queued"), (STOP, "cancelled")):
        deck.submit(flat(task("a"), task("b", done("a")), on_task_failure=policy))
        deck.claim()
        deck.end("a", failure(), GiveUp())
        assert deck.status("b") == expected
