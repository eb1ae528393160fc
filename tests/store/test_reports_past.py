"""The past as reports tell it, compared with what was seen then."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Cancel, ComeDue, Command, Hold, Pause, Prioritise, Rerun, Resume
from core.model.errors import Invalid, Unavailable
from core.model.plans import JobPlan
from core.model.values import INBOX
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.paging.search import SCAN_LIMIT
from core.store.reports.past import past, past_pages
from tests.support.deck import Deck
from tests.support.factories import job, stage, task
from tests.support.lives import batch

ALL = 2_000


@dataclass(frozen=True, kw_only=True)
class Seen:
    """How everything stood after an event, as the rows and the counters said."""

    wall: int
    tasks: Mapping[int, str]
    jobs: Mapping[int, str]
    of_jobs: Mapping[tuple[int, str], int]


def seen(deck: Deck) -> tuple[int, Seen]:
    """Return the newest event and how everything stands."""
    counted = deck.rows("SELECT ref, status, n FROM counter WHERE scope = 'job' AND n > 0")
    return int(str(deck.value("SELECT max(id) FROM event"))), Seen(
        wall=deck.now - deck.offset,
        tasks=dict(deck.rows("SELECT id, status FROM task")),
        jobs=dict(deck.rows("SELECT id, status FROM job")),
        of_jobs={(int(ref), status): number for ref, status, number in counted},
    )


@asynccontextmanager
async def reading(deck: Deck) -> AsyncIterator[past.PastReports]:
    readers = Readers(deck.path)
    try:
        yield Reports(readers, now=lambda: deck.now - deck.offset).past
    finally:
        await readers.close()


async def told(reports: past.PastReports, event: int, wall: int) -> Seen:
    """Return how everything stood after an event, as the lists say; compare the counts with them."""
    tasks = (await reports.tasks(event, limit=ALL)).rows
    jobs = (await reports.jobs(event, limit=ALL)).rows
    counts = await reports.counts(event)
    assert (counts.event, counts.missing) == (event, 0)
    assert counts.tasks == _numbers(row.status for row in tasks)
    assert counts.jobs == _numbers(row.status for row in jobs if row.id != INBOX)
    return Seen(
        wall=wall,
        tasks={row.id: row.status for row in tasks},
        jobs={row.id: row.status for row in jobs},
        of_jobs={(row.id, status): number for row in jobs for status, number in row.tasks.items()},
    )


def _numbers(statuses: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for status in statuses:
        found[status] = found.get(status, 0) + 1
    return found


def lived(deck: Deck, draw: Random, groups: int) -> dict[int, Seen]:
    """Carry out random groups of commands; return what was seen after each, by its last event."""
    known = dict([seen(deck)])
    for _ in range(groups):
        more: tuple[Command, ...] = ()
        if draw.random() < 0.1 and deck.value("SELECT count(*) FROM task"):
            more = (Prioritise(task_ids=(draw.randint(1, 20),), priority=5),)
        deck.ask(*batch(deck, draw, draw.randint(1, 4)), *more, slots=3)
        known.update([seen(deck)])
    return known


@pytest.mark.parametrize("seed", range(2))
async def test_every_moment_of_a_random_life_is_told_as_it_was(tmp_path: Path, seed: int) -> None:
    deck, draw = Deck(tmp_path / "deck.db"), Random(seed)
    known = lived(deck, draw, 60)
    async with reading(deck) as reports:
        for event, one in list(known.items())[::3]:
            assert await told(reports, event, one.wall) == one
        middle = sorted(known)[30]
        await reports.counts(middle)
        # What was undone before stays right while life goes on, also under the next engine.
        deck.crash()
        later = lived(deck, draw, 20)
        assert await told(reports, middle, known[middle].wall) == known[middle]
        for event, one in list(later.items())[::3]:
            assert await told(reports, event, one.wall) == one
            # A moment has all events of its millisecond.
            assert (await reports.moment(one.wall)).event == event
            assert (await reports.moment(min(one.wall + 9, deck.now))).event == event
    deck.db.close()


async def test_events_that_do_not_say_what_was_left_are_undone_by_those_before(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    known = lived(deck, Random(7), 40)
    # As schema version 1 wrote them.
    deck.db.execute("UPDATE event SET data = json_remove(data, '$.from')")
    async with reading(deck) as reports:
        for event, one in list(known.items())[::3]:
            assert await told(reports, event, one.wall) == one
    deck.db.close()


async def test_events_of_one_millisecond_are_told_apart_by_their_order(deck: Deck) -> None:
    (first,) = deck.enqueue(task("a"))
    between = seen(deck)
    deck.now -= 10
    deck.do(Hold(task_ids=(first,)))
    assert deck.value("SELECT count(DISTINCT at) FROM event WHERE task_id IS NOT NULL") == 1
    async with reading(deck) as reports:
        assert (await reports.counts(between[0])).tasks == {"queued": 1}
        assert (await reports.moment(between[1].wall)).tasks == {"held": 1}


async def test_where_the_clock_was_set_back_the_last_time_is_told(deck: Deck) -> None:
    deck.enqueue(task("a"))
    deck.now += 5_000
    deck.do(Hold(task_ids=(1,)))
    before = deck.now
    deck.offset = 3_000
    deck.now += 1_000
    deck.enqueue(task("b"))
    step = deck.now - deck.offset
    deck.now += 5_000
    deck.do(Cancel(task_ids=(2,)))
    async with reading(deck) as reports:
        assert step < before
        assert (await reports.moment(step - 1)).tasks == {"queued": 1}
        assert (await reports.moment(step)).tasks == {"held": 1, "queued": 1}
        # The clock showed this twice: before the step only task 1 was there.
        assert (await reports.moment(before)).tasks == {"held": 1, "queued": 1}
        assert (await reports.moment(deck.now - deck.offset)).tasks == {"cancelled": 1, "held": 1}


async def test_what_cannot_be_told_is_refused_with_a_code(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = deck.value("SELECT min(at) FROM event")
    assert isinstance(begun, int)
    deck.enqueue(task("a"), task("b"))
    deck.do(Hold(task_ids=(1, 2)))
    last = seen(deck)[0]
    async with reading(deck) as reports:
        for question, code in (
            (lambda: reports.moment(deck.now + 1), "history.future"),
            (lambda: reports.moment(begun - 1), "history.too_early"),
            (lambda: reports.counts(0), "history.unknown"),
            (lambda: reports.tasks(last + 1), "history.unknown"),
            (lambda: reports.jobs(last + 1), "history.unknown"),
            (lambda: reports.tasks(last, parse("took>5s", Noun.TASKS)), "filter.past"),
            (lambda: reports.jobs(last, parse("sort:name", Noun.JOBS)), "filter.sort"),
            (lambda: reports.jobs(last, after="x"), "page.cursor"),
        ):
            with pytest.raises(Invalid) as refused:
                await question()
            assert refused.value.code == code
            assert refused.value.hint
        monkeypatch.setattr(past, "EVENTS_MAX", 3)
        assert (await reports.counts(last - 3)).undone == 3
        with pytest.raises(Invalid) as refused:
            await reports.counts(last - 4)
        assert refused.value.code == "history.too_long"
        assert refused.value.facts["events"] == 4


async def test_rows_that_were_deleted_since_are_said_to_be_missing(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    deck.enqueue(task("a"), task("b"))
    event = seen(deck)[0]
    deck.do(Cancel(task_ids=(1, 2)))
    deck.db.execute("DELETE FROM task WHERE id = 1")
    deck.db.execute("UPDATE counter SET n = n - 1 WHERE status = 'cancelled'")
    async with reading(deck) as reports:
        counts = await reports.counts(event)
        assert (counts.tasks, counts.missing) == ({"queued": 1}, 1)
        assert [row.id for row in (await reports.tasks(event)).rows] == [2]
    deck.db.close()


def three(name: str) -> JobPlan:
    return job(stage(task("a"), task("b", queue="other"), task("c", "a")), name=name)


async def test_lists_are_filtered_by_what_was_and_read_page_by_page(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (deck.submit(three(name)) for name in ("one", "two"))
    deck.claim(2)
    event, _ = seen(deck)
    began = deck.now
    deck.drain()
    deck.submit(three("three"))
    async with reading(deck) as reports:

        async def listed(filter_: str, limit: int = 2) -> list[int]:
            found, after = list[int](), None
            while True:
                page = await reports.tasks(event, parse(filter_, Noun.TASKS), after=after, limit=limit)
                found += [row.id for row in page.rows]
                after = page.next
                if after is None:
                    return found

        running = [row.id for row in (await reports.tasks(event)).rows if row.status == "running"]
        assert len(running) == 2
        for scan in (SCAN_LIMIT, 2):
            monkeypatch.setattr(past_pages, "SCAN_LIMIT", scan)
            assert await listed("") == [6, 5, 4, 3, 2, 1]
            assert await listed("sort:id") == [1, 2, 3, 4, 5, 6]
            assert await listed("status:running") == running
            assert await listed("status:running sort:id", limit=1) == running[::-1]
            assert await listed(f"job:{second} -status:running,blocked") == [
                number for number in (5, 4) if number not in running
            ]
            assert await listed("status:succeeded") == []
            assert await listed("queue:other key:b") == [5, 2]
            assert await listed("id<4 c") == [3]
            assert await listed("id:2") == [2]
            # The first page is not lost among the rows that came later.
            assert [one.id for one in (await reports.tasks(event, limit=2)).rows] == [6, 5]
        monkeypatch.undo()
        (row,) = (await reports.tasks(event, parse(f"id:{running[0]}", Noun.TASKS))).rows
        assert (row.status, row.since) == ("running", began)
        jobs = (await reports.jobs(event, parse("status:running id>1", Noun.JOBS))).rows
        assert [(one.id, one.name) for one in jobs][-1] == (first, "one")
        assert (await reports.jobs(event, parse("name:three", Noun.JOBS))).rows == ()
        assert [one.id for one in (await reports.jobs(event, limit=1)).rows] == [second]


async def test_statuses_of_the_last_moments_are_kept_and_no_more(deck: Deck) -> None:
    deck.enqueue(task("a"))
    events = []
    for command in (Hold(task_ids=(1,)), Cancel(task_ids=(1,)), Rerun(task_ids=(1,)), Pause(job_id=INBOX)):
        events.append(seen(deck)[0])
        deck.ask(command)
    deck.ask(Resume(job_id=INBOX), ComeDue())
    readers = Readers(deck.path)
    reports = Reports(readers, now=lambda: deck.now).past
    for event in (*events, events[-1]):
        await reports.counts(event)
    async with readers.workspace() as db:
        kept = (await db.execute(text("SELECT event FROM temp.past_moment ORDER BY event"))).scalars().all()
        of = (await db.execute(text("SELECT DISTINCT event FROM temp.past ORDER BY event"))).scalars().all()
    await readers.close()
    assert list(kept) == sorted(events)[-past.MOMENTS :]
    assert set(of) <= set(kept)


async def test_the_connection_with_tables_of_its_own_cannot_write_the_store(deck: Deck) -> None:
    deck.enqueue(task("a"))
    readers = Readers(deck.path)
    with pytest.raises((OperationalError, Unavailable, sqlite3.OperationalError)):
        async with readers.workspace() as db:
            await db.execute(text("UPDATE task SET priority = 9"))
    await readers.close()
    assert deck.value("SELECT priority FROM task") == 0
