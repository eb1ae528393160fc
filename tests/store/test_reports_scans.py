"""Tests of scans without an index: bounded, and reported by the page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Hold
from core.model.counts import Count
from core.model.views import Page, TaskView
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.paging import search
from tests.store.deck import Deck, stage, task
from tests.store.test_reports_counting import Plans

SEARCHED = 10
TASKS = 35


@pytest.fixture(autouse=True)
def searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SCAN_LIMIT", SEARCHED)


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    """Tasks 1 to 35; every seventh has the key `rare`, the last five are in group `late`, 3 and 5 held."""
    made = Deck(tmp_path / "deck.db")
    made.loose(*(task("rare" if n % 7 == 0 else f"k{n % 5}") for n in range(1, TASKS - 4)))
    made.loose(
        *(task("rare" if n % 7 == 0 else f"k{n % 5}") for n in range(TASKS - 4, TASKS + 1)), group="late"
    )
    made.do(Hold(task_ids=(3, 5)))
    yield made
    made.close()


async def listed(reports: Reports, text: str, limit: int) -> list[Page[TaskView]]:
    pages = [await reports.tasks.page(parse(text, Noun.TASKS), limit=limit)]
    while pages[-1].next is not None:
        pages.append(await reports.tasks.page(parse(text, Noun.TASKS), after=pages[-1].next, limit=limit))
    return pages


def ids(*pages: Page[TaskView]) -> list[int]:
    return [view.id for page in pages for view in page.rows]


@pytest.mark.parametrize("order", ["key", "-key", "queued", "-finished", "err", "-attempts", "name"])
@pytest.mark.parametrize("limit", [3, SEARCHED, 100])
async def test_a_list_in_another_order_is_made_of_the_newest_rows(
    reports: Reports, order: str, limit: int
) -> None:
    pages = await listed(reports, f"sort:{order}", limit)
    assert sorted(ids(*pages)) == list(range(TASKS - SEARCHED + 1, TASKS + 1))
    assert {page.searched for page in pages} == {SEARCHED}


async def test_rows_do_not_leave_a_list_between_its_pages(deck: Deck, reports: Reports) -> None:
    where = parse("sort:-key", Noun.TASKS)
    first = await reports.tasks.page(where, limit=4)
    deck.loose(*(task("a") for _ in range(5)))
    rest = await reports.tasks.page(where, after=first.next, limit=100)
    assert set(range(TASKS - SEARCHED + 1, TASKS + 1)) <= {*ids(first), *ids(rest)}
    again = await reports.tasks.page(where, limit=100)
    assert sorted(ids(again)) == list(range(TASKS + 5 - SEARCHED + 1, TASKS + 6))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("group:late sort:key", [31, 32, 33, 34, 35]),
        ("status:held sort:key", [5, 3]),
        ("id:1,2,30 sort:-key", [2, 1, 30]),
        ("job:2 sort:-key", [37, 36]),
    ],
)
async def test_nothing_is_cut_where_an_index_leaves_few(
    deck: Deck, reports: Reports, text: str, found: list[int]
) -> None:
    deck.job(stage(task("a"), task("b")))
    (page,) = await listed(reports, text, 100)
    assert (ids(page), page.searched) == (found, None)


@pytest.mark.parametrize("order", ["id", "-id", "created", "-created", "age", "-age"])
async def test_rows_are_numbered_as_they_are_created_so_these_orders_hold_all(
    reports: Reports, order: str
) -> None:
    pages = await listed(reports, f"sort:{order}", 4)
    rising = list(range(1, TASKS + 1))
    assert ids(*pages) == (rising if order in ("id", "created", "-age") else rising[::-1])
    assert {page.searched for page in pages} == {None}


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("key:rare", [35, 28, 21, 14, 7]),
        ("key:rare sort:id", [7, 14, 21, 28, 35]),
        ("key:rare id>7 id<35", [28, 21, 14]),
        ("key:rare id<=21 sort:id", [7, 14, 21]),
        ("key:none", []),
        ("key:none sort:id", []),
        ("job:1 key:rare", [35, 28, 21, 14, 7]),
    ],
)
async def test_a_search_in_order_of_id_ends_early_and_looks_on(
    reports: Reports, text: str, found: list[int], limit: int
) -> None:
    pages = await listed(reports, text, limit)
    assert ids(*pages) == found
    assert all(page.next is not None and len(page.rows) < limit for page in pages if page.searched)
    assert all(len(page.rows) == limit for page in pages[:-1] if not page.searched)


async def test_a_page_that_ends_early_says_how_many_rows_were_looked_at(reports: Reports) -> None:
    assert [page.searched for page in await listed(reports, "key:none", 100)] == [10, 20, 30, None]
    assert [page.searched for page in await listed(reports, "key:none sort:id", 5)] == [10, 20, 30, None]
    # Those beyond a bound of the id are not looked at.
    assert [page.searched for page in await listed(reports, "key:none id<=15", 5)] == [10, None]
    (few,) = await listed(reports, "key:none id>25", 5)
    assert few.searched is None


async def test_what_an_index_or_the_counters_know_is_found_at_once(deck: Deck, reports: Reports) -> None:
    for text, found in (("status:held", [5, 3]), ("status:running", []), ("status:blocked", [])):
        (page,) = await listed(reports, text, 100)
        assert (ids(page), page.searched) == (found, None)
    deck.claim(1)
    (page,) = await listed(reports, "status:running", 100)
    assert (ids(page), page.searched) == ([1], None)


async def test_jobs_are_cut_alike(deck: Deck, reports: Reports) -> None:
    for number in range(SEARCHED + 3):
        deck.job(stage(task("a")), name=f"j{number:02}")
    page = await reports.jobs.page(parse("sort:name", Noun.JOBS))
    assert [view.name for view in page.rows] == [f"j{number:02}" for number in range(3, SEARCHED + 3)]
    assert page.searched == SEARCHED
    early = await reports.jobs.page(parse("name:j00", Noun.JOBS))
    assert (early.rows, early.searched) == ((), SEARCHED)
    late = await reports.jobs.page(parse("name:j00", Noun.JOBS), after=early.next)
    assert [view.name for view in late.rows] == ["j00"]


@pytest.mark.parametrize("order", ["", "sort:-id"])
async def test_events_are_searched_bit_by_bit(reports: Reports, order: str) -> None:
    everything = (await reports.events.page(limit=2_000)).rows
    wanted = [event.id for event in everything if event.kind == "task.held"]
    where = parse(f"kind:task.held {order}", Noun.EVENTS)
    found, searched, after = [], [], 0
    while True:
        page = await reports.events.page(where, after_id=after)
        found += [event.id for event in page.rows]
        searched.append(page.searched)
        if page.next is None:
            break
        after = int(page.next)
    assert sorted(found) == wanted
    segments = (len(everything) - 1) // SEARCHED
    assert searched == [*(SEARCHED * (n + 1) for n in range(segments)), None]


async def test_the_events_of_one_task_are_found_at_once(reports: Reports) -> None:
    for where in (None, parse("kind:task.created sort:-id", Noun.EVENTS)):
        page = await reports.events.page(where, task_id=1)
        assert [event.kind for event in page.rows] == ["task.created"]
        assert (page.next, page.searched) == (None, None)


async def test_a_count_looks_where_a_list_does(reports: Reports) -> None:
    assert await reports.totals.count(parse("key:rare", Noun.TASKS)) == Count(number=2, searched=SEARCHED)
    assert await reports.totals.count(parse("key:rare id<30", Noun.TASKS)) == Count(
        number=2, searched=SEARCHED
    )
    assert await reports.totals.count(parse("job:1 key:rare", Noun.TASKS)) == Count(
        number=2, searched=SEARCHED
    )


@pytest.mark.parametrize(
    ("ask", "plan"),
    [
        (
            lambda reports: reports.tasks.page(parse("job:1", Noun.TASKS)),
            "SEARCH task USING INTEGER PRIMARY KEY",
        ),
        (lambda reports: reports.tasks.page(parse("key:none", Noun.TASKS)), "PRIMARY KEY (rowid>?)"),
        (lambda reports: reports.tasks.page(parse("sort:key", Noun.TASKS)), "PRIMARY KEY (rowid>?)"),
        (lambda reports: reports.tasks.page(parse("sort:created", Noun.TASKS)), "SCAN task"),
    ],
)
async def test_no_page_reads_or_sorts_the_whole_table(
    deck: Deck, readers: Readers, ask: Callable[[Reports], Awaitable[object]], plan: str
) -> None:
    plans = Plans(deck, readers)
    await ask(Reports(readers))
    told = plans.all()
    assert any(plan in said for said in told)
    assert not any("task_list" in said for said in told)
