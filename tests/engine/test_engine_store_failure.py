"""Tests of a store that fails for a while: no outcome lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.registry import Registry
from core.control.api import Target
from core.engine.judgements import conditions as conditions_module
from core.model.commands.work import Claimed, StopMode
from core.model.errors import Unavailable
from core.model.records import replace
from core.store.reports.conditions import WaitingCondition
from tests.support.file_limits import file_limit
from tests.support.house import House, script, task
from tests.support.waiting import DEADLINE, ticks, within


class Failing:
    """The writer's connection, which refuses a statement, or waits before one, while told so."""

    def __init__(self, connection: sqlite3.Connection, refused: str) -> None:
        self._connection = connection
        self._refused = refused
        self.error: Exception = sqlite3.OperationalError("disk I/O error")
        self.broken = False
        self.refusals = 0
        self.begun = 0
        self.held_at = "BEGIN"
        """How the statement begins that it waits before."""
        self.held = threading.Event()
        self.open = threading.Event()
        self.open.set()

    def execute(self, sql: str, *args: Any) -> Any:
        if sql.startswith(self.held_at) and not self.open.is_set():
            self.held.set()
            self.open.wait(DEADLINE)
        if self.broken and sql.startswith(self._refused):
            self.refusals += 1
            raise self.error
        self.begun += sql.startswith("BEGIN")
        return self._connection.execute(sql, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def fail_writes(house: House, *, at: str = "BEGIN") -> Failing:
    journal = house.engine.journal
    failing = Failing(journal._writer.connection, at)
    journal._writer = replace(journal._writer, connection=failing)
    return failing


async def test_an_outcome_is_offered_again_until_the_store_takes_it(house: House):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a"))
    await house.running("a")
    store = fail_writes(house)
    store.broken = True
    house.steer.release("a")
    await house.until(lambda: store.refusals >= 2, "the store was asked")
    # Each pause is twice the one before, up to a minute.
    for pause in (1, 2, 4, 8, 16, 32, 60, 60):
        await house.settle()
        assert house.states(job)["a"] == "running"
        assert "outcomes that the store does not take yet" in house.set_aside()
        (closed,) = house.engine.info().closed
        assert (closed.until or 0) - house.clock.now() == 1_000 * pause
        asked = store.refusals
        house.clock.advance(seconds=pause - 1)
        await house.settle()
        assert store.refusals == asked, "a store in trouble is left alone"
        house.clock.advance(seconds=1)
        await house.until(lambda asked=asked: store.refusals >= asked + 2, "it was asked again")
    # The engine has heard of it: the next pause begins then.
    await house.settle()
    store.broken = False
    house.clock.advance(seconds=60)
    assert (await house.ended(job)).status == "succeeded"
    assert house.steer.started == ["a", "b"]
    assert house.attempts(job, "a") == ["succeeded"]
    await house.settle()
    for _ in range(100):
        if house.engine.info().set_aside:
            # Upkeep that came amid the trouble is tried again later.
            house.clock.advance(seconds=60)
            await house.settle()
    assert (house.engine.info().set_aside, house.engine.info().closed) == ("", ())


async def test_an_outcome_is_offered_soon_after_the_store_writes_again(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    store = fail_writes(house)
    store.broken = True
    house.steer.release("a")
    for pause in (0, 1, 2, 4, 8):
        asked = store.refusals
        house.clock.advance(seconds=pause)
        await house.until(lambda asked=asked: store.refusals > asked, "the store was asked")
        await house.settle()
    store.broken = False
    house.clock.advance(seconds=1)
    assert house.states(job)["a"] == "running"
    await house.submit(task("b", "block"))
    assert (await house.ended(job)).status == "succeeded"


async def test_claims_close_while_the_store_fails_and_open_by_themselves(house: House):
    gate = await house.submit(task("gate", "block"))
    await house.running("gate")
    # What an engine does once it has started asks the store as well.
    await house.settle()
    store = fail_writes(house)
    store.broken = True
    with pytest.raises(Unavailable) as caught:
        await house.submit(task("refused"))
    assert caught.value.code == "store.failed"
    assert house.engine.journal.slots == 0
    assert (await house.control.status()).trouble == "the store refused to write: disk I/O error"
    asked = store.refusals
    await house.settle()
    assert store.refusals == asked, "a store in trouble is left alone"
    store.broken = False
    house.clock.advance(seconds=1)
    assert house.engine.journal.slots == 4
    assert (await house.finish(task("a"))).status == "succeeded"
    assert not (await house.control.status()).trouble
    house.steer.release("gate")
    assert (await house.ended(gate)).status == "succeeded"
    assert house.engine.failure is None


async def test_a_single_refusal_harms_nobody(house: House):
    store = fail_writes(house)
    jobs = [await house.submit(task("a", "block"), name=f"job-{n}") for n in range(3)]
    await house.running("a")
    store.broken = True
    house.steer.release("a")
    await house.until(lambda: store.refusals >= 2, "the store was asked")
    store.broken = False
    for _ in range(4):
        await house.settle()
        house.clock.advance(seconds=1)
    for job in jobs:
        assert (await house.ended(job)).status == "succeeded"


async def test_a_retry_that_came_due_meanwhile_starts_when_the_store_is_back(house: House):
    house.draws = [0.5]
    job = await house.submit(task("a", "fail", retry={"max_attempts": 2, "base": "2s"}, steer={"times": 1}))
    await house.reach(job, "a", "retrying")
    store = fail_writes(house)
    store.broken = True
    house.clock.advance(seconds=1)
    await house.until(lambda: store.refusals >= 2, "the retry came due and was refused")
    await house.settle()
    store.broken = False
    house.clock.advance(seconds=1)
    assert (await house.ended(job)).status == "succeeded"


async def test_a_condition_that_could_not_be_written_is_judged_again(house: House):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a", when="${{ 2 > 1 }}"))
    await house.running("a")
    store = fail_writes(house)
    decided = house.engine.dispatcher._conditions._carry_out

    async def break_first(*judged: Any) -> None:
        store.broken = True
        await decided(*judged)

    house.engine.dispatcher._conditions._carry_out = break_first
    house.steer.release("a")
    await house.until(lambda: store.refusals >= 2, "the judgement was refused")
    await house.settle()
    store.broken = False
    house.engine.dispatcher._conditions._carry_out = decided
    house.clock.advance(seconds=1)
    assert (await house.ended(job)).status == "succeeded"


async def test_a_cancel_right_after_the_trouble_does_not_drop_an_outcome_that_waits(house: House):
    job = await house.submit(task("a", "block"))
    await house.running("a")
    store = fail_writes(house)
    store.broken = True
    house.steer.release("a")
    await house.until(lambda: store.refusals >= 2, "the outcome was refused")
    await house.settle()
    store.broken = False
    await house.control.cancel(Target(job_id=job))
    await house.settle()
    house.clock.advance(seconds=1)
    await house.ended(job)
    assert house.attempts(job, "a") == ["succeeded"]


async def test_an_engine_stops_even_when_its_store_never_writes_again(house: House):
    await house.submit(task("a", "block"))
    await house.running("a")
    store = fail_writes(house)
    store.broken = True
    house.steer.release("a")
    await house.until(lambda: store.refusals >= 2, "the outcome was refused")
    house.engine.stop(StopMode.KILL)
    stopping = asyncio.ensure_future(house.stop())
    await within(stopping, "it stops all the same")
    store.broken = False
    await house.open()
    assert house.rows("SELECT status FROM attempt ORDER BY epoch")[0] == ("lost",)


async def test_a_child_whose_end_the_store_never_takes_does_not_keep_a_stop_that_kills(house: House):
    job = await house.submit(script("a", 'until test -e "$0.end"; do sleep 0.02; done'))
    directory = house.paths.output / str(house.task_id(job, "a")) / "1"
    await house.until((directory / "pid").exists, "the child runs")
    store = fail_writes(house)
    store.broken = True
    (directory / "script.end").touch()
    await house.until(
        lambda: "outcomes that the store does not take yet" in house.set_aside(), "its end was refused"
    )
    house.engine.stop(StopMode.KILL)
    await within(house.stop(), "it stops all the same")
    store.broken = False
    await house.open()
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["succeeded"]


async def test_what_a_group_under_way_claims_while_the_stop_begins_is_ended_with_the_rest(house: House):
    store = fail_writes(house)
    # Any other write of the engine may begin first.
    store.held_at = "INSERT INTO job"
    store.open.clear()
    submitting = asyncio.ensure_future(house.submit(task("a", "block")))
    await house.until(store.held.is_set, "the group that claims is under way")
    house.engine.stop()
    await ticks(50)
    store.open.set()
    job = await within(submitting, "the submit is answered")
    await house.stop()
    assert house.attempts(job, "a") == ["interrupted"]


async def test_an_engine_whose_store_is_in_trouble_is_not_idle(house: House):
    store = fail_writes(house)
    store.broken = True
    with pytest.raises(Unavailable):
        await house.submit(task("a"))
    idle = asyncio.ensure_future(house.engine.wait_idle())
    await house.settle()
    assert not idle.done()
    store.broken = False
    house.clock.advance(seconds=1)
    await within(idle, "it is idle when the store writes again")


LARGE = "x" * 100_000
"""More than the free pages of a small store hold: what cannot be admitted cannot be recorded either."""


async def test_a_full_disk_is_said_and_what_ended_meanwhile_is_recorded_when_there_is_room(house: House):
    job = await house.submit(task("a", "block", steer={"output": {"text": LARGE}}), task("b", "succeed", "a"))
    await house.running("a")
    await house.settle()
    store = fail_writes(house)
    (pages,) = store.execute("PRAGMA page_count").fetchone()
    store.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(Unavailable) as caught:
        await house.submit(task("more", "succeed", steer={"text": LARGE}))
    assert caught.value.code == "store.full"
    assert "free space" in caught.value.hint
    assert "is full" in (await house.control.status()).trouble
    begun = store.begun
    house.steer.release("a")
    await house.until(lambda: store.begun >= begun + 2, "the outcome was offered, then offered alone")
    await house.settle()
    assert house.states(job) == {"a": "running", "b": "blocked"}
    store.execute("PRAGMA max_page_count = 1000000")
    async with asyncio.timeout(DEADLINE):
        while house.states(job) != {"a": "succeeded", "b": "succeeded"}:
            house.clock.advance(seconds=1)
            await house.settle()
    assert house.attempts(job, "a") == ["succeeded"]
    assert house.engine.failure is None


async def test_what_is_about_to_be_claimed_begins_only_with_its_commit(house: House):
    store = fail_writes(house, at="COMMIT")
    store.broken = True
    with pytest.raises(Unavailable):
        await house.submit(task("lost"))
    await ticks(5)
    assert house.steer.started == []
    store.broken = False
    house.clock.advance(seconds=1)
    job = await house.submit(task("kept"))
    assert (await house.ended(job)).status == "succeeded"
    assert house.steer.started == ["kept"]


async def test_a_claim_is_run_as_committed_whatever_was_prepared_for_its_id(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    runner = house.engine.runner
    prepare = runner.prepare

    def prepare_others(claims: Sequence[Claimed]) -> None:
        prepare([replace(claimed, spec=claimed.spec.replace("succeed", "fail")) for claimed in claims])

    monkeypatch.setattr(runner, "prepare", prepare_others)
    job = await house.submit(task("a", "succeed"))
    assert (await house.ended(job)).status == "succeeded"


class Unreadable:
    """The readers of an engine, which refuse while told so, after some reads that they let through."""

    def __init__(self, house: House) -> None:
        readers = house.engine._readers._own
        self._lend = readers._lend
        readers._lend = self.lend  # type: ignore[method-assign]
        self.passes: int | None = None
        """How many reads it lets through; None = all."""
        self.refusals = 0

    def lend(self, *args: Any) -> Any:
        if self.passes == 0:
            self.refusals += 1
            raise Unavailable("store.unreadable", "the store cannot be read: unable to open database file")
        self.passes = None if self.passes is None else self.passes - 1
        return self._lend(*args)


@pytest.mark.parametrize("passes", range(2))
async def test_a_condition_that_could_not_be_read_is_judged_when_the_store_can_be(house: House, passes: int):
    first = task("a", "block", steer={"output": {"n": 3}})
    job = await house.submit(first, task("b", "succeed", "a", when="${{ tasks.a.output.n > 2 }}"))
    await house.running("a")
    store = Unreadable(house)
    store.passes = passes
    house.steer.release("a")
    await house.until(lambda: store.refusals, "a read was refused")
    await house.settle()
    assert house.states(job)["b"] == "blocked"
    assert "the judgement of conditions: Unavailable" in house.set_aside()
    assert not house.engine.dispatcher.quiet, "it is judged later"
    conditions = house.engine.dispatcher._conditions
    judge, judged = conditions.judge_left, list[str]()

    async def noted() -> None:
        judged.append("once more")
        await judge()

    conditions.judge_left = noted  # type: ignore[method-assign]
    await house.settle()
    assert judged == [], "a store in trouble is left alone"
    store.passes = None
    house.clock.advance(seconds=1)
    assert (await house.ended(job)).status == "succeeded"
    assert house.states(job)["b"] == "succeeded"
    assert judged, "it was judged by that"
    await house.settle()
    # A round for purges that was refused meanwhile has a pause of its own.
    assert "conditions" not in house.engine.info().set_aside
    assert house.engine.dispatcher.quiet


async def test_a_condition_that_cannot_be_read_keeps_none_behind_it_from_being_judged(
    empty_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    house = empty_house
    house.registry = lambda: Registry([ChildWorkflow(), house.steer])
    await house.open()
    conditions = house.engine.dispatcher._conditions
    verdict = conditions._verdict
    refused = ["a"]

    async def refuse(one: WaitingCondition) -> Any:
        if one.key in refused:
            raise Unavailable("store.busy", "the store is busy")
        return await verdict(one)

    monkeypatch.setattr(conditions_module, "PAGE", 1)
    conditions._verdict = refuse  # type: ignore[method-assign]
    file = tmp_path / "child.json"
    file.write_text(json.dumps({"name": "child", "tasks": [task("x")]}))
    child = {"key": "child", "uses": "workflow", "with": {"file": str(file)}}
    job = await house.submit(task("a", when="true"), task("b", when="true"), child)
    await house.reach(job, "b", "succeeded")
    await house.reach(job, "child", "succeeded")
    assert house.states(job)["a"] == "blocked"
    await house.settle()
    refused.clear()
    house.clock.advance(seconds=1)
    assert (await house.ended(job)).status == "succeeded"


async def test_a_limit_of_file_sizes_is_named_and_costs_no_outcome(house: House):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a"))
    await house.running("a")
    await house.settle()
    with file_limit(1):
        house.steer.release("a")
        await house.until(lambda: house.engine.info().closed, "nothing is claimed")
        (closed,) = house.engine.info().closed
        assert closed.code == "store.file_limit"
        assert "cannot grow: files may have 1 bytes at the most" in closed.message
        with pytest.raises(Unavailable, match="cannot grow"):
            await house.submit(task("c"))
        await house.until(house.set_aside, "the outcome waits")
    house.clock.advance(seconds=60)
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["succeeded"]


async def test_trouble_of_the_disk_far_from_a_limit_of_file_sizes_is_told_as_that(house: House):
    store = fail_writes(house)
    store.error = sqlite3.OperationalError("disk I/O error")
    store.error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    with file_limit(1 << 40):
        store.broken = True
        with pytest.raises(Unavailable) as refused:
            await house.submit(task("c"))
        store.broken = False
    assert refused.value.code == "store.failed"


@pytest.mark.parametrize("at", ["BEGIN", "UPDATE task", "COMMIT"])
async def test_a_writer_without_memory_fails_nothing_and_goes_on_when_there_is_some(house: House, at: str):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a"))
    await house.running("a")
    await house.settle()
    store = fail_writes(house, at=at)
    store.error, store.broken = MemoryError(), True
    house.steer.release("a")
    await house.until(lambda: house.engine.info().closed, "nothing is claimed")
    (closed,) = house.engine.info().closed
    assert (closed.code, closed.message) == ("short.memory", "this process gets no more memory")
    await house.until(house.set_aside, "the outcome waits")
    await house.settle()
    store.broken = False
    house.clock.advance(seconds=60)
    assert (await house.ended(job)).status == "succeeded"
    assert house.attempts(job, "a") == ["succeeded"]
    assert house.history(job, "a")[-1] == "task.succeeded"
