"""Tests of change notices: at most twice a second, none missed."""

from __future__ import annotations

import asyncio

import pytest

from core.engine.changes import ALL_KINDS, KEPT, ChangeNotice, ChangeNotices
from core.model.commands.work import StopMode
from core.model.errors import Unavailable
from core.store.batch_report import Report
from tests.support.house import House, task
from tests.support.manual_time import ManualClock
from tests.support.waiting import ticks, within

LOST = Unavailable("engine.lost", "the engine has stopped")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def notices(clock: ManualClock) -> ChangeNotices:
    """Give the notices of an engine whose history stands at event 100."""
    made = ChangeNotices(clock)
    made.hear(Report(last_event=100))
    return made


def batch(last_event: int, *kinds: str) -> Report:
    return Report(last_event=last_event, kinds=set(kinds))


async def asked(notices: ChangeNotices, after: int | None) -> asyncio.Task[ChangeNotice]:
    """Ask, and let the call come to where it waits."""
    call = asyncio.ensure_future(notices.since(after))
    await ticks(2)
    return call


async def test_after_a_pause_a_change_is_told_at_once(notices: ChangeNotices):
    call = await asked(notices, 100)
    assert not call.done()
    notices.hear(batch(103, "task.queued", "task.claimed"))
    await ticks(2)
    assert call.result() == ChangeNotice(last_event=103, kinds=frozenset({"task.queued", "task.claimed"}))


async def test_the_next_notice_comes_half_a_second_after_the_last(notices: ChangeNotices, clock: ManualClock):
    notices.hear(batch(101, "task.queued"))
    call = await asked(notices, 101)
    notices.hear(batch(102, "task.claimed"))
    clock.advance(ms=200)
    notices.hear(batch(103, "task.succeeded"))
    clock.advance(ms=299)
    await ticks(2)
    assert not call.done()
    clock.advance(ms=1)
    await ticks(2)
    assert call.result() == ChangeNotice(last_event=103, kinds=frozenset({"task.claimed", "task.succeeded"}))


async def test_ten_seconds_of_bustle_make_at_most_two_editions_a_second_and_none_is_missed(
    notices: ChangeNotices, clock: ManualClock
):
    heard: list[ChangeNotice] = []

    async def watch() -> None:
        last = 100
        while True:
            heard.append(await notices.since(last))
            assert heard[-1].last_event > last
            last = heard[-1].last_event

    watching = asyncio.ensure_future(watch())
    await ticks(2)
    for number in range(1, 1_001):
        notices.hear(batch(100 + number, f"kind.{number}"))
        clock.advance(ms=10)
        await ticks(3)
    clock.advance(ms=500)
    await ticks(3)
    watching.cancel()
    assert 15 <= len(heard) <= 22
    assert heard[-1].last_event == 1_100
    assert frozenset().union(*[one.kinds for one in heard]) == {f"kind.{n}" for n in range(1, 1_001)}


async def test_what_happens_between_two_calls_is_told_by_the_second_at_once(
    notices: ChangeNotices, clock: ManualClock
):
    for number in range(1, 5):
        notices.hear(batch(100 + number, f"kind.{number}"))
        clock.advance(ms=400)
    call = await asked(notices, 101)
    assert call.result() == ChangeNotice(last_event=104, kinds=frozenset({"kind.2", "kind.3", "kind.4"}))


async def test_two_callers_who_stand_elsewhere_are_each_told_their_own(
    notices: ChangeNotices, clock: ManualClock
):
    notices.hear(batch(101, "task.queued"))
    clock.advance(seconds=1)
    notices.hear(batch(102, "task.claimed"))
    clock.advance(seconds=1)
    behind, before = await asked(notices, 100), await asked(notices, 101)
    assert behind.result().kinds == {"task.queued", "task.claimed"}
    assert before.result().kinds == {"task.claimed"}


async def test_whoever_was_away_for_longer_than_is_remembered_is_told_all_kinds(
    notices: ChangeNotices, clock: ManualClock
):
    for number in range(1, KEPT + 2):
        notices.hear(batch(100 + number, "task.queued"))
        clock.advance(seconds=1)
    assert (await notices.since(100)).kinds == ALL_KINDS
    assert (await notices.since(101)).kinds == {"task.queued"}


@pytest.mark.parametrize("after", [0, 99, 5_000])
async def test_a_number_of_a_former_engine_or_another_store_is_told_all_kinds_at_once(
    notices: ChangeNotices, after: int
):
    answer = await within(notices.since(after), "it is answered")
    assert answer == ChangeNotice(last_event=100, kinds=ALL_KINDS)


async def test_the_first_call_is_answered_at_once_with_all_kinds(notices: ChangeNotices):
    assert await within(notices.since(None), "it is answered") == ChangeNotice(
        last_event=100, kinds=ALL_KINDS
    )


async def test_ten_seconds_in_which_nothing_happens_are_told_as_such(
    notices: ChangeNotices, clock: ManualClock
):
    call = await asked(notices, 100)
    clock.advance(seconds=9.9)
    await ticks(2)
    assert not call.done()
    clock.advance(seconds=0.1)
    await ticks(2)
    assert call.result() == ChangeNotice(last_event=100, kinds=frozenset())


async def test_a_batch_that_failed_or_wrote_no_event_is_no_news(notices: ChangeNotices):
    call = await asked(notices, 100)
    notices.hear(Report(failure=LOST))
    notices.hear(Report(last_event=100))
    await ticks(2)
    assert not call.done()
    call.cancel()


async def test_no_timer_runs_while_nobody_asks(notices: ChangeNotices, clock: ManualClock):
    for number in range(1, 50):
        notices.hear(batch(100 + number, "task.queued"))
    await ticks(2)
    assert clock.pending() == []


async def test_a_caller_who_is_cancelled_leaves_nothing_behind(notices: ChangeNotices, clock: ManualClock):
    notices.hear(batch(101, "task.queued"))
    call = await asked(notices, 101)
    notices.hear(batch(102, "task.claimed"))
    assert clock.pending() == [500, 10_000]
    call.cancel()
    await ticks(2)
    assert clock.pending() == []
    assert not notices._waiting
    clock.advance(seconds=1)
    assert (await notices.since(101)).kinds == {"task.claimed"}


async def test_one_caller_who_leaves_does_not_take_the_edition_of_the_others(
    notices: ChangeNotices, clock: ManualClock
):
    notices.hear(batch(101, "task.queued"))
    leaving, staying = await asked(notices, 101), await asked(notices, 101)
    notices.hear(batch(102, "task.claimed"))
    leaving.cancel()
    await ticks(2)
    clock.advance(ms=500)
    await ticks(2)
    assert staying.result().kinds == {"task.claimed"}


async def test_the_end_of_the_engine_is_told_to_who_waits_and_who_comes_later(notices: ChangeNotices):
    call = await asked(notices, 100)
    notices.fail(LOST)
    await ticks(2)
    assert call.exception() is LOST
    with pytest.raises(Unavailable):
        await notices.since(None)


async def test_somebody_watches_while_he_asks_and_five_seconds_longer(
    notices: ChangeNotices, clock: ManualClock
):
    assert not notices.watched
    call = await asked(notices, 100)
    assert notices.watched
    clock.advance(seconds=10)
    await ticks(2)
    assert call.done()
    clock.advance(seconds=4.9)
    assert notices.watched
    clock.advance(seconds=0.1)
    assert not notices.watched


# With an engine


async def test_an_engine_tells_what_a_job_did(house: House):
    first = await house.engine.changes(None)
    assert first.last_event == house.last_event()
    call = asyncio.ensure_future(house.engine.changes(first.last_event))
    await ticks(2)
    await house.finish(task("a"))
    kinds, last = set(), first.last_event
    while last < house.last_event():
        house.clock.advance(ms=500)
        edition = await within(call, "the change is told")
        assert edition.last_event > last
        kinds, last = kinds | edition.kinds, edition.last_event
        call = asyncio.ensure_future(house.engine.changes(last))
        await ticks(2)
    call.cancel()
    assert {"job.created", "task.claimed", "task.succeeded", "job.succeeded"} <= kinds


async def test_an_engine_that_claims_nothing_knows_where_its_history_stands(empty_house: House):
    await empty_house.open(dispatch=False)
    assert (await empty_house.engine.changes(None)).last_event == empty_house.last_event() > 0


async def test_a_stop_is_told_to_who_waits_at_its_beginning_and_at_its_end(house: House):
    await house.submit(task("a", "block"))
    await house.running("a")
    await house.settle()
    house.clock.advance(seconds=1)
    last = (await house.engine.changes(None)).last_event
    beginning = await asked_engine(house, last)
    house.engine.stop(StopMode.DRAIN)
    assert (await within(beginning, "the beginning is told")).kinds == frozenset()
    assert house.engine.info().state == "draining"
    end = await asked_engine(house, last)
    house.steer.release("a")
    # What the last task did may still be an edition; the next question meets the end.
    with pytest.raises(Unavailable) as caught:
        await within(_to_the_end(house, end), "the end is told")
    assert caught.value.code == "engine.lost"


async def asked_engine(house: House, after: int) -> asyncio.Task[ChangeNotice]:
    call = asyncio.ensure_future(house.engine.changes(after))
    await ticks(2)
    return call


async def _to_the_end(house: House, call: asyncio.Task[ChangeNotice]) -> None:
    while True:
        edition = await call
        call = asyncio.ensure_future(house.engine.changes(edition.last_event))


async def test_who_begins_to_watch_is_told_of_the_newest_event(notices: ChangeNotices, clock: ManualClock):
    notices.hear(batch(101, "task.queued"))
    clock.advance(ms=100)
    notices.hear(batch(103, "task.failed"))
    first = await within(notices.since(None), "it is answered")
    assert first.last_event == 103
    call = await asked(notices, first.last_event)
    clock.advance(ms=400)
    notices.hear(batch(104, "task.queued"))
    clock.advance(ms=500)
    assert (await within(call, "the next one comes")).last_event >= 103
