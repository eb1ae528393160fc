"""The history of a job has what happened around it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.limits.limits import Pool
from core.store.readers import Readers
from core.store.reports import Reports
from tests.store.deck import Deck, stage, task


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "store.db")
    yield made
    made.close()


@pytest.fixture
async def reports(deck: Deck) -> AsyncIterator[Reports]:
    readers = Readers(deck.path)
    yield Reports(readers)
    await readers.close()


def note(deck: Deck, kind: str, at: int | None = None, **data: str) -> int:
    """Write an event of no job."""
    values = (deck.now if at is None else at, kind, json.dumps(data))
    (number,) = deck.db.execute(
        "INSERT INTO event (at, kind, actor, data) VALUES (?, ?, 'ana (cli)', ?) RETURNING id", values
    ).fetchone()
    return int(number)


async def ids(reports: Reports, job: int, text: str = "", **more: int) -> list[int]:
    page = await reports.events.story(job, parse(text, Noun.EVENTS), **{"limit": 500, **more})
    return [event.id for event in page.rows]


async def own(reports: Reports, job: int) -> list[int]:
    return [event.id for event in (await reports.events.page(job_id=job, limit=500)).rows]


async def test_pauses_of_what_a_job_uses_and_stops_of_the_engine_are_in_their_places(
    deck: Deck, reports: Reports
) -> None:
    for name, queues in (("default", ()), ("mail", ("mail",))):
        body = Pool(name=name, slots=1, queues=queues)
        deck.change(
            "INSERT INTO pool (name, position, body) VALUES (?, 0, ?)"
            " ON CONFLICT DO UPDATE SET body = excluded.body",
            name,
            json.dumps({"name": name, "slots": 1, "queues": list(body.queues)}),
        )
    before = note(deck, "engine.started")
    job = deck.job(stage(task("a"), task("b")))
    around = [
        note(deck, "queue.paused", queue="default"),
        note(deck, "pool.paused", pool="default"),
        note(deck, "engine.stopped"),
        # A clock that was set back by minutes.
        note(deck, "engine.started", at=deck.now - 600_000),
    ]
    elsewhere = [note(deck, "queue.paused", queue="mail"), note(deck, "pool.paused", pool="mail"), before]
    other = note(deck, "limit.soft", limit="team")
    deck.drain()
    around.append(note(deck, "claims.closed"))
    assert deck.db.execute("SELECT status FROM job WHERE id = ?", (job,)).fetchone() == ("succeeded",)
    around.pop()  # It is of after the end.
    told = await ids(reports, job)
    assert told == sorted([*await own(reports, job), *around])
    assert not {*elsewhere, other} & set(told)
    assert await ids(reports, job, "sort:-id") == told[::-1]
    assert await ids(reports, job, "kind:queue.paused") == around[:1]
    # What is of the job alone does not match what is around it.
    assert not set(around) & set(await ids(reports, job, "key:a"))


async def test_pages_lose_nothing_and_a_job_that_runs_has_what_is_newest(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = deck.job(stage(*(task(f"t{number}") for number in range(5))))
    around = [note(deck, "queue.paused", queue="default") for _ in range(7)]
    deck.claim()
    around += [note(deck, "queue.resumed", queue="default") for _ in range(7)]
    whole = sorted([*await own(reports, job), *around])
    assert await ids(reports, job) == whole
    monkeypatch.setattr("core.store.reports.past.surrounding_events.AROUND_MAX", 3)
    for order in ("", "sort:-id"):
        for limit in (1, 2, 4, 50):
            told: list[int] = []
            after = "0"
            while after is not None:
                page = await reports.events.story(
                    job, parse(order, Noun.EVENTS), after_id=int(after), limit=limit
                )
                assert len(page.rows) <= limit
                told += [event.id for event in page.rows]
                after = page.next
            assert told == (whole[::-1] if order else whole)
            newest = note(deck, "engine.stop_requested")
            whole.append(newest)


async def test_the_events_of_a_job_alone_are_as_before(deck: Deck, reports: Reports) -> None:
    job = deck.job(stage(task("a")))
    paused = note(deck, "queue.paused", queue="default")
    assert paused not in await own(reports, job)
    assert await ids(reports, 10**6) == []
