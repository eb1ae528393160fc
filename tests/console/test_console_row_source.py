"""Tests of the row source: read, narrow and count, without a screen."""

from __future__ import annotations

import asyncio

from console.feed import Feed
from console.rows.listing import events, tasks
from console.screens.parts.row_source import EndOfRows, RowSource
from core.filters.fields import Noun
from core.filters.terms import Filter, In
from core.model.views import TaskView
from tests.console.support_fake_control import FakeControl

FAILED = Filter(noun=Noun.TASKS, terms=(In(field="status", values=("failed",)),))


def stocked(number: int = 6) -> FakeControl:
    control = FakeControl()
    job = control.add_job("nightly")
    for at in range(number):
        control.add_task(job, f"t{at}", status="failed" if at % 2 else "queued")
    return control


def source(control: FakeControl, feed: Feed | None = None) -> RowSource[TaskView]:
    return RowSource(tasks(control), control=control, feed=feed or Feed(control), nouns=("task",))


async def test_it_reads_what_the_filter_finds_and_counts_it() -> None:
    rows = source(stocked())
    rows.narrow(FAILED)
    assert await rows.read(0, 20)
    assert [task.status for task in rows.shown.rows.values()] == ["failed"] * 3
    assert rows.wants_count(changed=True)
    assert await rows.count()
    assert rows.status_words() == ("filter 3/6",)


async def test_rows_of_a_filter_that_was_changed_meanwhile_are_not_shown() -> None:
    control = stocked()
    rows, before = source(control), control.answer_tasks
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def slow(request):
        page = await before(request)
        begun.set()
        await may_end.wait()
        return page

    control.answer_tasks = slow
    reading = asyncio.ensure_future(rows.read(0, 20))
    await begun.wait()
    rows.narrow(FAILED)
    may_end.set()
    assert not await reading
    assert rows.shown.count == 0
    assert await rows.read_to_end() is EndOfRows.REACHED
    assert rows.shown.count == 3


async def test_it_is_fresh_until_the_feed_reports_a_change_of_its_nouns() -> None:
    control = stocked()
    feed = Feed(control)
    rows = source(control, feed)
    feed.is_followed = True
    await feed.ask()
    await rows.read(0, 20)
    assert rows.is_fresh()
    control.set_task(1, status="running")
    control.add_event("task.running", task_id=1)
    await feed.ask()
    assert not rows.is_fresh()


def test_the_scope_of_a_list_is_part_of_its_predicate() -> None:
    control = stocked()
    rows = RowSource(events(control, job_id=7), control=control, feed=Feed(control), nouns=(), where=None)
    assert rows.predicate == Filter(noun=Noun.EVENTS, terms=(In(field="job", values=(7,)),))
    assert rows.where == Filter(noun=Noun.EVENTS)
