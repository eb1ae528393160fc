"""Verdicts of the engine that do not land are told."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from core.connectors.registry import Registry
from core.connectors.shell import Shell
from core.connectors.waiting import SignalWait, Wait
from core.control.api import Target
from core.engine.housekeeping.repairs import Repairs
from core.model.commands.answers import Answer, WaitRef
from core.model.commands.work import Command, FailJob
from core.model.outcomes import TaskError
from core.model.timing.schedules import Overlap
from core.store.reports.repairs import HopelessWait
from tests.engine.test_engine_faults import damage
from tests.engine.test_engine_schedules import BLOCK, HOUR, every, until_fired
from tests.support.house import House, task


@pytest.fixture
def parked(empty_house: House) -> House:
    empty_house.registry = lambda: Registry([Shell(), SignalWait(), Wait(), empty_house.steer])
    return empty_house


def ignore(house: House, key: str, *statuses: str) -> None:
    """Let the store change no row to these statuses for tasks of this key, and say nothing of it."""
    listed = ", ".join(repr(status) for status in statuses)
    damage(
        house,
        f"CREATE TRIGGER ignore_{key} BEFORE UPDATE OF status ON task"
        f" WHEN new.key = '{key}' AND new.status IN ({listed}) BEGIN SELECT RAISE(IGNORE); END",
    )


def told(house: House, kind: str) -> list[Any]:
    return [
        json.loads(data) for (data,) in house.rows("SELECT data FROM event WHERE kind = ? ORDER BY id", kind)
    ]


@pytest.mark.parametrize("error", [None, TaskError(code="poll.odd", message="odd")])
async def test_an_answer_that_comes_after_a_cancel_is_told_with_how_the_task_stands(
    parked: House, error: TaskError | None
):
    await parked.open()
    job = await parked.submit({"key": "a", "uses": "signal", "with": {"name": "go"}}, task("b", "block"))
    await parked.reach(job, "a", "waiting")
    wait = WaitRef(task_id=parked.task_id(job, "a"), generation=1)
    await parked.control.cancel(parked.target(job, "a"))
    await parked.reach(job, "a", "cancelled")
    assert not await parked.engine.journal.submit(Answer(wait=wait, output={}, error=error))
    assert told(parked, "task.judged_late") == [{"judgement": "answer", "status": "cancelled"}]
    parked.steer.release()
    await parked.ended(job)


async def test_of_two_answers_one_lands_and_the_other_is_told(parked: House):
    await parked.open()
    job = await parked.submit({"key": "a", "uses": "signal", "with": {"name": "go"}})
    await parked.reach(job, "a", "waiting")
    wait = WaitRef(task_id=parked.task_id(job, "a"), generation=1)
    both = [parked.engine.journal.submit(Answer(wait=wait, output={"n": n})) for n in (1, 2)]
    assert [await one for one in both] == [True, False]
    assert (await parked.ended(job)).status == "succeeded"
    assert told(parked, "task.judged_late") == [{"judgement": "answer", "status": "succeeded"}]


@pytest.mark.parametrize("statuses", [("queued", "held"), ("queued",)])
async def test_a_due_task_that_is_not_queued_is_held_or_else_named(house: House, statuses: tuple[str, ...]):
    job = await house.submit(task("a", "fail", retry={"max_attempts": 2, "base": "1h", "jitter": "none"}))
    await house.reach(job, "a", "retrying")
    ignore(house, "a", *statuses)
    house.clock.advance(seconds=3_601)
    reason = "it cannot be queued: Bug: a task that is due could not be queued"
    if "held" in statuses:
        await house.until(lambda: told(house, "fault.found"), "it is named")
        assert [one["reason"] for one in told(house, "fault.found")] == [reason]
        assert house.states(job) == {"a": "retrying"}
    else:
        await house.reach(job, "a", "held")
        assert [one["reason"] for one in told(house, "task.held")] == [reason]
    damage(house, "DROP TRIGGER ignore_a")
    await house.control.cancel(Target(job_id=job))
    assert (await house.ended(job)).status == "cancelled"


def later(house: House, kind: str) -> list[Any]:
    """Let time go by; return what events of a kind say."""
    house.clock.advance(seconds=1_801)
    return told(house, kind)


async def test_a_job_that_waits_for_what_never_comes_after_its_verdict_is_named(parked: House):
    await parked.open()
    wait = {"key": "f", "uses": "signal", "with": {"name": "go"}}
    job = await parked.submit(task("a", "fail"), **{"finally": [wait]})
    await parked.reach(job, "f", "waiting")
    await parked.stop()
    damage(
        parked, f"UPDATE awaited SET due_at = 9223372036854775807 WHERE task_id = {parked.task_id(job, 'f')}"
    )
    await parked.open()
    await parked.until(lambda: later(parked, "fault.found"), "it is named")
    parked.clock.advance(seconds=1_801)
    await parked.settle()
    (named,) = told(parked, "fault.found")
    assert named["reason"].startswith(
        "it has its verdict and does not end: task f waits for what is not a moment"
    )
    assert "set aside: it has its verdict" in (await parked.control.why(parked.task_id(job, "f"))).summary
    await parked.control.cancel(parked.target(job, "f"))
    assert (await parked.ended(job)).status == "failed"


class EndlessJob:
    """A journal and a sweep of one job: two of its tasks wait in vain, and it cannot be failed."""

    def __init__(self) -> None:
        self.notes: list[Any] = []

    async def submit(self, command: Command[Any]) -> bool:
        if not isinstance(command, FailJob):
            self.notes.append(command)
        return False

    async def broken_jobs(self) -> list[int]:
        return []

    async def hopeless_waits(self) -> list[HopelessWait]:
        return [HopelessWait(job_id=2, task_id=one, key="f", why="waits for ever") for one in (1, 2)]


async def test_a_job_is_named_once_it_does_not_end_in_a_second_round():
    job = EndlessJob()
    repairs = Repairs(cast("Any", job), cast("Any", job))
    await repairs.run()
    assert job.notes == []
    for _ in range(2):
        await repairs.run()
        assert [note.job_id for note in job.notes] == [2]


async def test_a_fire_whose_outcome_is_not_written_is_undone_with_its_job(house: House):
    await house.control.schedules.add(every(house, BLOCK, overlap=Overlap.QUEUE))
    for number in (1, 2):
        house.clock.advance(ms=HOUR)
        await until_fired(house, number)
    assert house.rows("SELECT status FROM fire ORDER BY at") == [("submitted",), ("waiting",)]
    damage(
        house,
        "CREATE TRIGGER lost BEFORE UPDATE OF status ON fire BEGIN SELECT RAISE(IGNORE); END",
    )
    jobs = "SELECT count(*) FROM job WHERE name = 'nightly'"
    assert house.rows(jobs) == [(1,)]
    house.steer.release()
    await house.until(lambda: "could not be written" in house.engine.info().set_aside, "it is named")
    assert house.rows(jobs) == [(1,)]
    damage(house, "DROP TRIGGER lost")
    house.clock.advance(seconds=60)
    await house.until(lambda: house.rows(jobs) == [(2,)], "its job is submitted, once")
