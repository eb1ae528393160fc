"""Tests of pages: few rows in memory, no row lost between pages."""

from __future__ import annotations

import pytest

from console.rows.pages import Pages
from console.verbs.apply import movable
from console.verbs.tiers import Verb
from core.control.api import Target
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.views import Page
from tests.console.support_fake_control import FakeControl


class Numbers:
    """A list of numbers, highest first, by keyset."""

    def __init__(self, count: int) -> None:
        self.rows = list(range(count))
        self.reads: list[str | None] = []

    async def read(self, after: str | None, limit: int) -> Page[int]:
        self.reads.append(after)
        rows = sorted((row for row in self.rows if after is None or row < int(after)), reverse=True)
        shown = tuple(rows[:limit])
        return Page(rows=shown, next=str(shown[-1]) if len(rows) > limit else None)


async def test_an_empty_list_has_no_rows_and_no_more() -> None:
    pages = Pages(Numbers(0).read)
    await pages.show(0, 20)
    assert (pages.window(), pages.count, pages.more) == ({}, 0, False)


async def test_the_first_look_reads_the_page_in_view_and_one_after_it() -> None:
    numbers = Numbers(100)
    pages = Pages(numbers.read, rows=10)
    await pages.show(0, 8)
    assert numbers.reads == [None, "90"]
    assert pages.window() == dict(enumerate(range(99, 79, -1)))
    assert pages.count == 20
    assert pages.more


async def test_each_way_to_the_end_goes_further_and_the_last_one_gets_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("console.rows.pages.REACH", 40)
    pages = Pages(Numbers(100).read, rows=10)
    ways = [(await pages.reach_end(), pages.count) for _ in range(3)]
    assert ways == [(False, 40), (False, 80), (True, 100)]


async def test_a_second_look_reads_only_the_page_in_view() -> None:
    numbers = Numbers(100)
    pages = Pages(numbers.read, rows=10)
    await pages.show(0, 8)
    numbers.reads.clear()
    await pages.show(0, 8)
    assert numbers.reads == [None]


async def test_no_more_than_the_pages_around_the_view_stay_in_memory() -> None:
    numbers = Numbers(1000)
    pages = Pages(numbers.read, rows=10)
    for first in range(0, 900, 8):
        await pages.show(first, first + 8)
        window = pages.window()
        assert all(window[row] == 999 - row for row in range(first, first + 9))
        assert len(window) <= 50


async def test_going_back_reads_the_earlier_page_again() -> None:
    numbers = Numbers(1000)
    pages = Pages(numbers.read, rows=10)
    for first in range(0, 300, 10):
        await pages.show(first, first + 9)
    await pages.show(5, 12)
    assert [pages.window()[row] for row in range(5, 13)] == list(range(994, 986, -1))


async def test_rows_that_come_on_top_push_the_others_down_and_none_is_lost() -> None:
    numbers = Numbers(30)
    pages = Pages(numbers.read, rows=10)
    await pages.show(0, 15)
    numbers.rows += [30, 31, 32]
    await pages.show(0, 15)
    assert [pages.window()[row] for row in range(16)] == list(range(32, 16, -1))


async def test_rows_that_go_leave_no_gap() -> None:
    numbers = Numbers(30)
    pages = Pages(numbers.read, rows=10)
    await pages.show(0, 15)
    numbers.rows = [row for row in numbers.rows if row % 2]
    await pages.show(0, 14)
    assert [pages.window()[row] for row in range(15)] == list(range(29, 0, -2))
    assert not pages.more
    assert pages.count == 15


async def test_a_list_that_shrinks_under_a_far_view_ends_earlier() -> None:
    numbers = Numbers(100)
    pages = Pages(numbers.read, rows=10)
    await pages.reach_end()
    numbers.rows = [95, 96]
    await pages.show(0, 8)
    assert pages.window() == {0: 96, 1: 95}
    assert (pages.count, pages.more) == (2, False)


async def test_the_end_is_reached_and_only_its_pages_are_kept() -> None:
    pages = Pages(Numbers(1_234).read, rows=100)
    assert await pages.reach_end()
    assert pages.count == 1_234
    assert pages.window()[1_233] == 0
    assert len(pages.window()) <= 200


async def test_a_list_longer_than_the_reach_says_that_its_end_was_not_found() -> None:
    async def endless(after: str | None, limit: int) -> Page[int]:
        first = int(after or 0)
        return Page(rows=tuple(range(first, first + limit)), next=str(first + limit))

    pages = Pages(endless, rows=20_000)
    assert not await pages.reach_end()
    assert pages.count == 100_000
    assert pages.more


async def test_what_changed_below_a_row_is_read_again_from_its_page_on() -> None:
    numbers = Numbers(100)
    pages = Pages(numbers.read, rows=10)
    await pages.reach_end()
    numbers.rows.remove(73)
    numbers.rows.remove(40)
    numbers.reads.clear()
    changed = pages.before(25)
    assert (changed.count, changed.more, pages.count) == (20, True, 100)
    await changed.show(20, 28)
    assert numbers.reads == ["80", "69"]
    assert [changed.window()[row] for row in range(20, 29)] == [79, 78, 77, 76, 75, 74, 72, 71, 70]
    assert await changed.reach_end()
    assert changed.count == 98


class Searched(Numbers):
    """A list of numbers of which those that are asked for are looked for below 50."""

    async def read(self, after: str | None, limit: int) -> Page[int]:
        page = await super().read(after, limit)
        rows = tuple(row for row in page.rows if row >= 50)
        if after == "50":
            return Page(rows=())
        return Page(rows=rows, next="50", searched=50) if len(rows) < len(page.rows) else page


async def test_a_page_that_ended_early_is_the_last() -> None:
    numbers = Searched(100)
    pages = Pages(numbers.read, rows=20)
    await pages.show(0, 15)
    assert (pages.searched, pages.more) == (None, True)
    assert await pages.reach_end()
    assert (pages.count, pages.more, pages.searched) == (50, False, 50)
    numbers.reads.clear()
    await pages.show(45, 60)
    assert numbers.reads == ["60"]


async def test_pages_forget_that_they_were_cut_when_they_are_not_any_more() -> None:
    numbers = Searched(60)
    pages = Pages(numbers.read, rows=20)
    await pages.show(0, 15)
    assert (pages.count, pages.searched) == (10, 50)
    numbers.rows = list(range(50, 80))
    await pages.show(0, 15)
    assert (pages.count, pages.searched) == (30, None)


async def test_what_can_be_undone_is_looked_for_among_all_tasks_whatever_their_order() -> None:
    control = FakeControl()
    job = control.add_job("nightly")
    ids = [control.add_task(job, f"t{number}") for number in range(4)]
    control.searched = 2
    target = Target(filter=parse("sort:key", Noun.TASKS))
    assert await movable(control, Verb.HOLD, target) == frozenset(ids)
