"""Two people at two consoles of one engine, on one work item."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.connectors.human import Human
from core.connectors.registry import Registry
from core.connectors.waiting import SignalWait
from core.control.api import SubmitOptions
from core.control.nouns.signals import SendSignal
from core.control.remote import RemoteControl
from core.control.server import ControlServer
from core.control.transport import SocketDialer
from core.model.errors import Conflict, TaskdeckError
from core.model.patterns.work_items import ItemScope
from tests.console.support_console import Operator, console
from tests.support.house import House, task

HOUR = 3600


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Return an open house whose engine waits for people and signals."""
    made = House(tmp_path / "home")
    made.registry = lambda: Registry([Human(), SignalWait(), made.steer])
    await made.open()
    yield made
    await made.close()


@asynccontextmanager
async def two_clients(house: House) -> AsyncIterator[tuple[RemoteControl, RemoteControl]]:
    """Serve the engine on its socket, and dial it twice."""
    server, path = ControlServer(), house.paths.home / "engine.sock"
    await server.start(house.control, path)
    try:
        async with RemoteControl(SocketDialer(path)) as first, RemoteControl(SocketDialer(path)) as second:
            yield first, second
    finally:
        await server.stop()


async def asked(house: House, **with_: object) -> tuple[int, int]:
    """Submit a task for people in the name of cat; return its job and its work item."""
    ask = {"key": "ask", "uses": "human", "with": {"title": "Release?", **with_}}
    document = {"name": "work", "tasks": [ask, task("after", "succeed", "ask")]}
    job = (await house.control.submit(document, options=SubmitOptions(actor="cat"))).job_id
    await house.reach(job, "ask", "waiting")
    ((item,),) = house.rows("SELECT max(id) FROM work_item")
    return job, item


async def at_once(*calls: object) -> tuple[list[object], list[TaskdeckError]]:
    """Return what was done of two calls that are made at once, and what was refused."""
    answers = await asyncio.gather(*calls, return_exceptions=True)  # type: ignore[call-overload]
    refused = [one for one in answers if isinstance(one, TaskdeckError)]
    return [one for one in answers if one not in refused], refused


async def sits_down(operator: Operator, name: str) -> None:
    operator.app.desk.items.actor = f"console:{name}"
    await operator.press("9")
    await operator.sees("Release?")


async def test_two_consoles_claim_one_item_and_both_have_to_approve_it(house: House) -> None:
    form = {"share": {"type": "integer", "max": 50}}
    job, item = await asked(house, quorum=2, four_eyes=True, form=form)
    async with two_clients(house) as (one, two), console(one) as ann, console(two) as bob:
        await sits_down(ann, "ann")
        await sits_down(bob, "bob")
        await asyncio.gather(ann.press("c"), bob.press("c"))
        await ann.hears("claim work item")
        await bob.hears("claim work item")
        has_it = [who for who in (ann, bob) if f"claim work item {item}: done" in who.told]
        assert len(has_it) == 1
        first, second = (ann, bob) if has_it == [ann] else (bob, ann)
        await second.hears(f"is claimed by {'ann' if first is ann else 'bob'} since")
        with pytest.raises(Conflict) as refused:
            await one.work_items.approve(item, {"share": 5}, actor="cat")
        assert refused.value.code in ("item.claimed", "item.four_eyes", "item.held")
        await first.press("a", "5", "enter", "enter", "enter")
        await first.hears("1 more to approve")
        assert house.states(job)["ask"] == "waiting"
        await second.beat()
        await second.press("a")
        await second.sees("Work item")
        await second.press("enter", "enter", "enter")
        assert (await house.ended(job)).status == "succeeded"
    shown = await house.control.work_items.one(item)
    assert set(shown.item.approved_by) == {"ann", "bob"}


async def test_of_two_sockets_one_claims_and_one_answers_each_time(house: House) -> None:
    async with two_clients(house) as (one, two):
        for _ in range(5):
            job, item = await asked(house, on_deny="skip")
            done, refused = await at_once(
                one.work_items.claim(item, actor="ann"), two.work_items.claim(item, actor="bob")
            )
            assert (len(done), [error.code for error in refused]) == (1, ["item.claimed"])
            holder = (await one.work_items.one(item)).item.claimed_by
            assert f"claimed by {holder} since" in refused[0].message
            await one.work_items.release(item, actor=holder or "")
            done, refused = await at_once(
                one.work_items.approve(item, actor="ann"), two.work_items.deny(item, "no", actor="bob")
            )
            assert (len(done), [error.code for error in refused]) == (1, ["item.closed"])
            outcome = (await two.work_items.one(item)).item.outcome
            await house.ended(job)
            assert house.states(job)["ask"] == ("succeeded" if outcome == "approved" else "skipped")


async def test_four_eyes_and_a_quorum_hold_over_two_sockets(house: House) -> None:
    job, item = await asked(house, quorum=2, four_eyes=True)
    async with two_clients(house) as (one, two):
        with pytest.raises(Conflict) as refused:
            await two.work_items.approve(item, actor="console:Cat")
        assert refused.value.code == "item.four_eyes"
        done, refused_ = await at_once(
            one.work_items.approve(item, actor="ann"), two.work_items.approve(item, actor=" ANN ")
        )
        assert (len(done), [error.code for error in refused_]) == (1, ["item.approved"])
        assert house.states(job)["ask"] == "waiting"
        assert (await two.work_items.approve(item, actor="bob")).missing == 0
        assert (await house.ended(job)).status == "succeeded"


async def test_what_is_overdue_goes_to_another_who_sees_it_also_after_a_death(house: House) -> None:
    job, item = await asked(house, assignee="ann", due="1h", escalate_to="bob")
    async with two_clients(house) as (one, two):
        assert [(await one.work_items.list(ItemScope.MINE, actor=who)).mine for who in ("ann", "bob")] == [
            1,
            0,
        ]
    house.clock.advance(seconds=HOUR - 1)
    await house.settle()
    # A second engine takes the store over, as after a death of the first.
    await house.open()
    async with two_clients(house) as (one, two):
        assert (await two.work_items.list(ItemScope.MINE, actor="bob")).mine == 0
        house.clock.advance(seconds=62)
        await house.settle()
        assert [(await two.work_items.list(ItemScope.MINE, actor=who)).mine for who in ("ann", "bob")] == [
            0,
            1,
        ]
        with pytest.raises(Conflict) as refused:
            await one.work_items.approve(item, actor="ann")
        assert refused.value.code == "item.assigned"
        await two.work_items.approve(item, actor="bob")
        assert (await house.ended(job)).status == "succeeded"
    kinds = [entry.kind.value for entry in (await house.control.work_items.one(item)).entries]
    assert kinds == ["opened", "escalated", "approved"]


@pytest.mark.parametrize("first", ["signal", "deadline"])
async def test_of_a_signal_and_its_deadline_the_first_counts_and_a_second_signal_is_none(
    house: House, first: str
) -> None:
    wait = {"key": "go", "uses": "signal", "with": {"name": "go", "key": "7", "timeout": "1m"}}
    job = await house.submit(wait)
    await house.reach(job, "go", "waiting")
    async with two_clients(house) as (one, two):
        if first == "deadline":
            house.clock.advance(seconds=61)
        said = [
            SendSignal(name="go", key="7", data={"n": 1}, uid="once", actor=who) for who in ("ann", "bob")
        ]
        done, refused = await at_once(one.signals.send(said[0]), two.signals.send(said[1]))
        house.clock.advance(seconds=61)
        ended = await house.ended(job)
    kinds = house.history(job, "go")
    assert (len(done), refused, len(kinds)) == (2, [], 2), "one end, whichever was first"
    assert ended.status == ("failed" if kinds[-1] == "task.failed" else "succeeded")
    if first == "signal":
        assert ended.status == "succeeded"
    assert house.rows("SELECT count(*) FROM signal") == [(1,)]
