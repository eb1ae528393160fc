"""Tests of the feed: when it reads, and lost or replaced engines."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from console.engine_lifecycle.starters import EngineStarter, SpawnedEngine
from console.feed import RETRY_SECONDS, SECONDS_SLOW, Feed
from console.rows import listing
from console.screens.lists import TasksScreen
from console.shell.app import ConsoleApp, ConsoleOptions
from core.control.api import StopMode
from core.model.records import replace
from tests.console.support_console import Operator, console, shown
from tests.console.support_fake_control import INFO, NOW, FakeControl
from tests.support.waiting import until


def stocked() -> FakeControl:
    """Return a control with a job of four tasks."""
    control = FakeControl()
    job = control.add_job("nightly")
    for number in range(4):
        control.add_task(job, f"t{number + 1}", status="failed" if number % 2 else "queued")
    return control


@asynccontextmanager
async def following(control: FakeControl, starter: EngineStarter | None = None):
    """Run a console that follows what changes, as it does for an operator."""
    app = ConsoleApp(control, ConsoleOptions(tick=0.1, starter=starter))
    async with app.run_test(size=(120, 30)) as pilot:
        operator = Operator(app, pilot)
        await operator.sees("help")
        await operator.press("3")
        yield operator


async def test_the_feed_answers_as_soon_as_something_changes() -> None:
    control = stocked()
    control.patience = 60.0
    feed = Feed(control)
    await feed.ask()
    asked = asyncio.create_task(feed.ask())
    await until(lambda: control._stirred, "it does not wait")
    control.set_task(1, status="running")
    assert await asked == {"task.claimed"}
    assert feed.pulse.tasks["running"] == 1


async def test_a_change_is_seen_without_a_key_and_one_of_another_noun_costs_no_read() -> None:
    control = stocked()
    control.patience = 60.0
    async with following(control) as operator:
        await operator.sees("t4", "running 0")
        control.set_task(1, status="running")
        await operator.sees("● running", "running 1")
        reads = control.reads["tasks"]
        asked = control.reads["changes"]
        control.note("queue.resumed")
        await operator.until(lambda: control.reads["changes"] > asked, "nothing was asked")
        await operator.pilot.pause()
        assert control.reads["tasks"] == reads


async def test_an_engine_in_trouble_says_so_on_every_screen_while_it_lasts() -> None:
    control = stocked()
    control.patience = 0.01
    async with following(control) as operator:
        control.engine = replace(INFO, trouble="the disk is full")
        await operator.sees("! the disk is full", "t4")
        await operator.press("2")
        await operator.sees("! the disk is full", "nightly")
        control.engine = INFO
        await operator.misses("the disk is full")


async def test_an_idle_screen_reads_nothing_however_long_it_is_looked_at() -> None:
    control = stocked()
    control.patience = 0.01
    async with following(control) as operator:
        await operator.sees("t4")
        asked = control.reads["changes"]
        await operator.until(lambda: control.reads["changes"] > asked + 1, "nothing was asked")
        reads = control.reads["tasks"]
        asked = control.reads["changes"]
        await operator.until(lambda: control.reads["changes"] > asked + 3, "nothing was asked")
        assert control.reads["tasks"] == reads


async def test_a_change_while_rows_are_being_read_is_read_as_well() -> None:
    control = stocked()
    async with console(control, at="3") as operator:
        await operator.sees("t4")
        gate, read = asyncio.Event(), control.answer_tasks

        async def slow(request):
            page = await read(request)
            await gate.wait()
            return page

        control.answer_tasks = slow
        operator.app.screen.reload()
        await operator.until(lambda: control.reads["tasks"] == 2, "it does not read")
        control.set_task(1, status="running")
        await operator.beat()
        gate.set()
        await operator.sees("● running")


async def test_a_list_that_is_looked_at_again_is_read_only_if_something_changed_meanwhile() -> None:
    control = stocked()
    control.patience = 60.0
    async with following(control) as operator:
        await operator.sees("t4", "queued 2")
        tasks = operator.app.screen
        assert isinstance(tasks, TasksScreen)
        await operator.until(tasks.is_fresh, "it is not fresh")
        before = control.reads["tasks"]
        await operator.press("7")
        await operator.sees("Queues")
        await operator.press("3")
        await operator.sees("t4")
        assert control.reads["tasks"] == before
        await operator.press("7")
        await operator.sees("Queues")
        control.set_task(1, status="running")
        await operator.sees("running 1")
        await operator.press("3")
        await operator.sees("● running")


async def test_a_frozen_console_asks_for_nothing() -> None:
    control = stocked()
    control.patience = 0.01
    async with following(control) as operator:
        await operator.sees("t4")
        await operator.press("Z")
        await operator.sees("FROZEN")
        beats = [worker for worker in operator.app.workers if worker.group == "beat"]
        assert all(worker.is_finished for worker in beats)
        control.set_task(1, status="running")
        for _ in range(20):
            await operator.pilot.pause()
        assert "● running" not in shown(operator.app)
        await operator.press("Z")
        await operator.sees("● running")


async def test_an_engine_that_goes_takes_neither_rows_nor_marks_nor_filter_and_is_greeted_once() -> None:
    control = stocked()
    async with console(control, at="3") as operator:
        await operator.sees("t4")
        await operator.press("slash")
        await operator.type("status:failed")
        await operator.press("enter")
        await operator.sees("filter 2/4")
        await operator.press("space")
        control.engine = None
        await operator.beat()
        operator.app.desk.feed._answered_at -= 9
        operator.app.screen.refresh_ages()
        screen = await operator.sees("NO ENGINE", "STALE ", "t4", "/ status:failed", "marks 1")
        assert "*" in screen
        assert operator.app.screen.table.cursor == 1
        control.engine = replace(INFO, pid=77, epoch=2)
        control.set_task(1, status="failed")
        await operator.beat()
        await operator.hears("an engine is back (process 77)")
        await operator.misses("NO ENGINE", "STALE")
        await operator.sees("t1", "marks 1")
        assert operator.app.screen.table.selected.id == 2
        await operator.beat()
        assert sum("is back" in words for words in operator.told) == 1


def test_the_pace_follows_the_link_the_writer_and_the_engine() -> None:
    feed = Feed(stocked())
    assert feed.seconds(0.5, pending=0) == RETRY_SECONDS
    feed.pulse = replace(feed.pulse, engine=INFO)
    assert feed.seconds(0.5, pending=0) == 0.5
    assert feed.seconds(0.5, pending=2) == SECONDS_SLOW
    feed.pulse = replace(feed.pulse, link_ms=300)
    assert feed.seconds(1.0, pending=0) == SECONDS_SLOW


class OtherStarter(SpawnedEngine):
    """Notes its starts, and brings an engine of this version."""

    def __init__(self, control: FakeControl) -> None:
        super().__init__([], Path("/dev/null"))
        self.control = control

    def start(self) -> None:
        self.control.asked.append(("start", None))
        self.control.engine = replace(INFO, epoch=2)


async def test_an_engine_of_another_version_is_named_and_replaced_only_when_wanted() -> None:
    control = stocked()
    control.engine = replace(INFO, version="0.0.1")
    async with following(control, OtherStarter(control)) as operator:
        await operator.sees("ENGINE 0.0.1")
        await operator.hears("the engine is 0.0.1")
        await operator.press("E")
        await operator.sees("drain it, then start a new one? [y/N]")
        await operator.press("enter")
        await operator.misses("[y/N]")
        assert control.asked == []
        await operator.press("E")
        await operator.sees("[y/N]")
        await operator.press("y")
        await operator.until(lambda: len(control.asked) == 2, "it was not replaced")
        assert control.asked == [("stop", StopMode.DRAIN), ("start", None)]
        await operator.misses("ENGINE 0.0.1", "NO ENGINE")


async def test_ages_grow_without_a_read(monkeypatch: pytest.MonkeyPatch) -> None:
    control = stocked()
    monkeypatch.setattr(listing, "now_ms", lambda: NOW + 1_200_000)
    async with console(control, at="3") as operator:
        await operator.sees("20m")
        reads = control.reads.copy()
        monkeypatch.setattr(listing, "now_ms", lambda: NOW + 1_860_000)
        operator.app.screen.refresh_ages()
        await operator.sees("31m")
        assert "20m" not in shown(operator.app)
        assert control.reads == reads


async def test_rows_age_by_themselves_under_a_console_that_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    control = stocked()
    control.patience = 60.0
    monkeypatch.setattr(listing, "now_ms", lambda: NOW + 5_000)
    async with following(control) as operator:
        await operator.sees("t4", "<1m")
        monkeypatch.setattr(listing, "now_ms", lambda: NOW + 10_800_000)
        await operator.sees("3h")


async def test_a_count_of_the_newest_rows_alone_says_so() -> None:
    control = stocked()
    control.searched = 2
    async with console(control, at="3") as operator:
        await operator.press("slash")
        await operator.type("status:failed")
        await operator.press("enter")
        await operator.sees("filter >=1/4", "searched newest 2")


async def test_a_list_that_was_cut_by_its_order_says_so_behind_it() -> None:
    control = stocked()
    control.searched = 3
    async with console(control, at="3") as operator:
        await operator.sees("t1", "t4")
        assert "newest" not in shown(operator.app)
        await operator.press("slash")
        await operator.type("sort:key")
        await operator.press("enter")
        await operator.sees("/ sort:key   (sorted newest 3)", "t2")
        assert "t1" not in shown(operator.app)
        control.searched = None
        await operator.press("ctrl+r")
        await operator.sees("t1")
        assert "newest" not in shown(operator.app)


@pytest.mark.parametrize(("order", "said"), [("-id", "newest"), ("created", "oldest"), ("age", "newest")])
async def test_a_search_that_ended_early_says_so(order: str, said: str) -> None:
    control = stocked()
    control.searched = 2
    async with console(control, at="3") as operator:
        await operator.press("slash")
        await operator.type(f"status:queued sort:{order}")
        await operator.press("enter")
        await operator.sees("filter >=1/4", f"(searched {said} 2)", "t3")
        await operator.press("end")
        await operator.sees("t3")


async def test_a_search_without_a_find_does_not_say_that_there_is_nothing() -> None:
    control = stocked()
    control.searched = 2
    async with console(control, at="3") as operator:
        await operator.press("slash")
        await operator.type("key:t1")
        await operator.press("enter")
        await operator.sees("nothing matches among the rows searched", "(searched newest 2)")


async def test_what_was_cut_does_not_hide_the_fault_of_what_is_typed() -> None:
    control = stocked()
    async with console(control, at="3") as operator:
        await operator.press("slash")
        await operator.type("key:t* sort:key")
        await operator.press("enter")
        await operator.sees("/ key:t* sort:key")
        await operator.press("slash")
        await operator.type(" nothing:such")
        await operator.press("enter")
        await operator.sees("nothing:such", "^")
        control.searched = 2
        reads = control.reads["tasks"]
        operator.app.screen.reload()
        await operator.until(lambda: control.reads["tasks"] > reads, "the rows were not read")
        await operator.sees("^")
        await operator.press("escape")
        await operator.sees("(sorted newest 2)")


async def test_leaving_may_drain_an_engine_of_ours() -> None:
    control = stocked()
    starter = OtherStarter(control)
    starter.__class__ = type("Ours", (OtherStarter,), {"pid": INFO.pid})
    async with following(control, starter) as operator:
        await operator.press("q")
        await operator.sees("r drains it")
        await operator.press("r")
        await operator.sees("Drain the engine for everyone?", "go on to the end")
        await operator.press("y")
        await operator.until(lambda: operator.app._exit, "the console did not leave")
    assert control.asked == [("stop", StopMode.DRAIN)]
