"""Jobs that succeed together, and what others hear of it."""

from __future__ import annotations

import pytest

from core.model.commands.schedules import MissExpectations
from core.model.commands.work import Claimed
from core.model.errors import Bug
from core.model.patterns.awaits import AwaitedJob
from core.model.patterns.judgements import Await, Decide
from core.model.status import JobStatus, StageStatus
from core.store.apply.moves import jobs, stages
from core.store.apply.moves.stages import OpenStage
from core.store.batch import Batch
from tests.support.deck import Deck
from tests.support.factories import CONTINUE, FINISH, failure, flat, job, stage, task

TOLD = ["task.succeeded", "stage.succeeded", "job.succeeded"]


def end(deck: Deck, claimed: list[Claimed], *, failing: str = "") -> list[str]:
    """End tasks in one group; return what it read."""
    read: list[str] = []
    ends = [deck.completion(one.task_id, failure() if one.key == failing else None) for one in claimed]
    deck.db.set_trace_callback(lambda sql: read.append(sql) if sql.startswith("SELECT") else None)
    deck.do(*ends)
    deck.db.set_trace_callback(None)
    return read


def test_what_a_batch_reads_does_not_grow_with_the_jobs_that_succeed_in_it(deck: Deck) -> None:
    alone = deck.submit(flat(task("a")))
    few = end(deck, deck.claim())
    others = [deck.submit(flat(task("a"))) for _ in range(20)]
    many = end(deck, deck.claim())
    assert len(many) == len(few)
    for one in (alone, *others):
        assert (deck.job_status(one), deck.stages(one)) == ("succeeded", ["succeeded"])
        assert deck.history(job=one)[-3:] == TOLD


def test_a_job_that_starts_with_a_claim_is_written_once_and_keeps_its_turn(deck: Deck) -> None:
    first = deck.submit(flat(task("a"), task("b", "a")))
    written: list[str] = []
    deck.db.set_trace_callback(lambda sql: written.append(sql) if sql.startswith("UPDATE job") else None)
    deck.do(slots=1)
    assert len(written) == 1
    assert deck.rows("SELECT status, vtime FROM job WHERE id = ?", first) == [("running", 1)]
    deck.end_all(deck.report.claimed)
    written.clear()
    deck.do(slots=1)
    assert deck.rows("SELECT status, vtime FROM job WHERE id = ?", first) == [("running", 2)]
    # Whether it starts is asked with each claim.
    assert len(written) == 2
    deck.db.set_trace_callback(None)


def test_ends_of_all_kinds_in_one_batch_leave_what_else_may_follow_to_each_job(deck: Deck) -> None:
    plain = deck.submit(flat(task("a")))
    staged = deck.submit(job(stage(task("a")), stage(task("later"))))
    part = deck.submit(flat(task("a"), task("b", "a")))
    finishes = deck.submit(flat(task("bad"), task("a"), on_task_failure=FINISH))
    fails = deck.submit(flat(task("bad")))
    bears = deck.submit(job(stage(task("bad")), stage(task("later")), on_task_failure=CONTINUE))
    end(deck, deck.claim(), failing="bad")
    found = {name: deck.job_status(one) for name, one in locals().items() if isinstance(one, int)}
    assert found == {
        "plain": "succeeded",
        "staged": "running",
        "part": "running",
        "finishes": "failed",
        "fails": "failed",
        "bears": "running",
    }
    assert deck.stages(staged) == ["succeeded", "open"]
    deck.settle()
    deck.drain()
    # The last stage closes well, and one before it did not.
    assert (deck.stages(bears), deck.job_status(bears)) == (["failed", "succeeded"], "succeeded")
    assert (deck.job_status(staged), deck.job_status(part)) == ("succeeded", "succeeded")


def test_a_stage_that_closes_well_ends_no_job_of_which_another_stage_is_open(deck: Deck) -> None:
    work = deck.submit(job(stage(task("a")), stage(task("b"), task("c"))))
    deck.drain(slots=1)
    assert deck.job_status(work) == "succeeded"


def test_each_kind_of_job_that_succeeds_ends_its_own_silence(deck: Deck) -> None:
    for name in ("day", "night", "week"):
        deck.submit(flat(task("a"), name=name, definition_hash=name, expect_ms=5_000))
    claimed = deck.claim()
    deck.now += 10_000
    deck.do(MissExpectations(ids=(1, 2, 3)))
    end(deck, claimed[:2])
    assert [told["workflow"] for told in deck.told("expectation.met")] == ["day", "night"]


def test_each_of_many_jobs_that_succeed_is_told_to_its_address_and_to_the_task_that_waits(deck: Deck) -> None:
    told = [deck.submit(flat(task("a"), notify=f"https://example.org/{n}")) for n in range(2)]
    waits = deck.submit(flat(task("w", uses="job", waits=True)))
    ((task_id,),) = deck.rows("SELECT id FROM task WHERE job_id = ?", waits)
    deck.do(Decide(task_id=task_id, verdict=Await(job=AwaitedJob(id=told[1]))))
    end(deck, deck.claim())
    assert deck.rows("SELECT grp FROM task WHERE key = 'notify' ORDER BY id") == [
        (f"notify-{one}",) for one in told
    ]
    assert deck.status(task_id) == "succeeded"


def test_a_job_or_stage_that_is_not_as_it_was_read_is_a_bug(deck: Deck) -> None:
    work = deck.submit(flat(task("a")))
    batch = Batch(deck.writer, now=deck.now)
    with pytest.raises(Bug, match="a job could not succeed"):
        jobs.succeed_many(batch, {work: JobStatus.RUNNING})
    ((stage_id,),) = deck.rows("SELECT id FROM stage WHERE job_id = ?", work)
    deck.drain()
    with pytest.raises(Bug, match="a stage could not close_succeeded"):
        stages.close_ended(batch, [OpenStage(work, stage_id, "only")], status=StageStatus.SUCCEEDED)
