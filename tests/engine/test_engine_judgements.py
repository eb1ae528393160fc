"""Judgements are made of what commits name, again, and later."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from core.connectors.child_workflow import ChildWorkflow
from core.connectors.registry import Registry
from core.engine.judgements import conditions as conditions_module
from core.engine.judgements.conditions import Conditions
from core.model.errors import Unavailable
from core.store.reports.conditions import WaitingCondition
from tests.engine.test_engine_store_failure import fail_writes
from tests.support.house import House, task
from tests.support.waiting import within

BUSY = Unavailable("store.busy", "the store is busy")


@pytest.fixture
async def house(empty_house: House) -> House:
    """Return an open house whose engine knows children and has looked for what a former one left."""
    empty_house.registry = lambda: Registry([ChildWorkflow(), empty_house.steer])
    await empty_house.open()
    await empty_house.settle()
    return empty_house


def conditions_of(house: House) -> Conditions:
    return house.engine.dispatcher._conditions


class Reads:
    """What the conditions of an engine read, and some tasks whose reads fail."""

    def __init__(self, house: House) -> None:
        conditions = conditions_of(house)
        self._waiting = conditions._waiting
        self.named: list[list[int]] = []
        self.pages = 0
        self.broken: set[int] = set()
        conditions._waiting = self

    async def to_judge(self, *, after: int = 0, limit: int = 500) -> Sequence[int]:
        self.pages += 1
        return await self._waiting.to_judge(after=after, limit=limit)

    async def some(self, task_ids: Iterable[int]) -> Sequence[WaitingCondition]:
        self.named.append([*task_ids])
        if self.broken.intersection(task_ids):
            raise RuntimeError("it cannot be read")
        return await self._waiting.some(task_ids)


class Refusing:
    """The verdicts of an engine: of some tasks they fail, of others they wait for a gate."""

    def __init__(self, house: House) -> None:
        conditions = conditions_of(house)
        self._verdict = conditions._verdict
        self.refused: set[str] = set()
        self.slow: set[str] = set()
        self.gate = asyncio.Event()
        self.begun: list[str] = []
        self.ended: list[str] = []
        conditions._verdict = self.verdict  # type: ignore[method-assign]

    async def verdict(self, one: WaitingCondition) -> Any:
        self.begun.append(one.key)
        try:
            if one.key in self.slow:
                await self.gate.wait()
            if one.key in self.refused:
                raise BUSY
            return await self._verdict(one)
        finally:
            self.ended.append(one.key)


async def test_what_a_commit_names_is_read_and_nothing_else_that_waits(house: House):
    verdicts = Refusing(house)
    verdicts.slow = {"slow0", "slow1"}
    others = await house.submit(*(task(key, when="true") for key in verdicts.slow))
    await house.until(lambda: len(verdicts.begun) == 2, "the others are judged")
    reads = Reads(house)
    job = await house.submit(task("a"), task("b", "succeed", "a", when="true"))
    assert (await house.ended(job)).status == "succeeded"
    assert (reads.named, reads.pages) == ([[house.task_id(job, "b")]], 0)
    verdicts.gate.set()
    assert (await house.ended(others)).status == "succeeded"


async def test_a_task_that_is_named_while_it_is_judged_is_judged_again(house: House, tmp_path: Path):
    file = tmp_path / "inner.yaml"
    outputs = "outputs: {n: '${{ tasks.a.output.none }}'}"
    file.write_text(f"name: inner\n{outputs}\ntasks: [{{key: a, uses: steer, with: {{do: succeed}}}}]\n")
    job = await house.submit({"key": "sub", "uses": "workflow", "with": {"file": str(file)}})
    assert (await house.ended(job)).status == "failed"
    assert await house.code(job, "sub") == "workflow.outputs"
    # It takes up the child that it had, which has ended: its outputs are asked for while it is judged.
    await house.control.retry(house.target(job, "sub"))
    assert (await house.ended(job)).status == "failed"
    assert house.rows("SELECT count(*) FROM job WHERE name = 'inner'") == [(1,)]


async def test_judgements_that_fail_are_made_again_after_pauses_that_grow_without_a_scan(house: House):
    verdicts, reads = Refusing(house), Reads(house)
    verdicts.refused = {"a"}
    job = await house.submit(task("a", when="true"), task("b"))
    await house.reach(job, "b", "succeeded")
    armed = house.engine._ports.alarms.armed  # type: ignore[attr-defined]
    pauses = []
    for _ in range(8):
        await house.until(lambda: "judge" in armed, "it is tried again")
        pauses.append((armed["judge"] - house.clock.now()) // 1_000)
        house.clock.advance(seconds=pauses[-1])
        await house.settle()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    told = house.engine.info().set_aside
    assert "the judgement of conditions: Unavailable" in told
    assert (await house.finish(task("c", when="true"))).status == "succeeded"
    assert house.engine.info().set_aside == told, "what is left is told of"
    verdicts.refused.clear()
    house.clock.advance(seconds=60)
    assert (await house.ended(job)).status == "succeeded"
    await house.settle()
    assert (house.engine.info().set_aside, reads.pages) == ("", 0)
    verdicts.refused = {"d"}
    later = await house.submit(task("d", when="true"))
    await house.until(lambda: "judge" in armed, "it is tried again")
    assert armed["judge"] - house.clock.now() == 1_000
    verdicts.refused.clear()
    house.clock.advance(seconds=1)
    assert (await house.ended(later)).status == "succeeded"


async def test_tasks_that_cannot_be_read_keep_none_of_the_pages_behind_from_being_judged(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(conditions_module, "PAGE", 1)
    reads = Reads(house)
    (before,) = house.rows("SELECT coalesce(max(id), 0) FROM task")
    reads.broken = {before[0] + 1}
    job = await house.submit(task("a", when="true"), task("b", when="true"))
    await house.reach(job, "b", "succeeded")
    assert "RuntimeError: it cannot be read" in house.engine.info().set_aside
    reads.broken.clear()
    house.clock.advance(seconds=1)
    assert (await house.ended(job)).status == "succeeded"


async def test_a_start_that_could_not_read_all_that_waits_reads_it_later(empty_house: House):
    house = empty_house
    await house.open(dispatch=False)
    job = await house.submit(task("a", when="true"))
    await within(house.stop(), "the engine stops")
    engine = await house.open(dispatch=False)
    reads = Reads(house)
    refusals = 1

    async def refuse(**page: int) -> Sequence[int]:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise BUSY
        return await Reads.to_judge(reads, **page)

    reads.to_judge = refuse  # type: ignore[method-assign]
    await engine.start()
    await house.settle()
    assert house.states(job) == {"a": "blocked"}
    house.clock.advance(seconds=1)
    assert (await house.ended(job)).status == "succeeded"


async def test_judgements_have_ended_when_the_readers_of_a_stopping_engine_close(house: House):
    verdicts = Refusing(house)
    verdicts.slow = {"a"}
    await house.submit(task("a", when="true"))
    await house.until(lambda: verdicts.begun, "it is judged")
    close, seen = house.engine._readers.close, list[list[str]]()

    async def noted() -> None:
        seen.append([*verdicts.ended])
        await close()

    house.engine._readers.close = noted  # type: ignore[method-assign]
    await within(house.stop(), "the engine stops")
    assert seen == [["a"]]
    assert not house.engine.dispatcher._judgements


async def test_all_that_waits_is_read_once_when_a_store_takes_something_again(house: House):
    job = await house.submit(task("a", "block"), task("b", "succeed", "a", when="true"))
    await house.running("a")
    reads, store = Reads(house), fail_writes(house)
    store.broken = True
    house.steer.release("a")
    for _ in range(30):
        house.clock.advance(seconds=1)
        await house.settle()
    assert (store.refusals > 5, reads.pages) == (True, 0)
    store.broken = False
    house.clock.advance(seconds=60)
    assert (await house.ended(job)).status == "succeeded"
    assert reads.pages in (1, 2), "with the page behind the last"
