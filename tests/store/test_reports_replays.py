"""Replays of jobs, compared with the rows as they were seen then."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from core.model.commands.work import Cancel, Hold
from core.model.errors import Invalid, NotFound
from core.model.events import BIRTHS
from core.model.patterns.instances import ForEach
from core.model.patterns.judgements import Decide, Expand
from core.model.values import INBOX
from core.render.history.lines import line_of
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.reports.past import replay_sql, replays
from tests.store.test_reports_counting import Plans
from tests.support.deck import Deck
from tests.support.factories import failure, flat, job, stage, task
from tests.support.lives import batch
from tests.support.seeds import seeds

COLUMNS = (
    "id, status, epoch, tries, priority, queue, queued_at, started_at, finished_at, retry_at,"
    " stop_at, status_by, status_reason, tolerated, error->>'code', output"
)
JOB_COLUMNS = (
    "status, reason, started_at, finished_at, verdict_by, verdict_task, verdict_ends, paused_at, pinned_at"
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The rows of one job."""

    job: tuple[object, ...]
    tasks: tuple[tuple[object, ...], ...]
    stages: Mapping[str, str]


def newest(deck: Deck, job_id: int) -> int:
    return int(str(deck.value("SELECT max(id) FROM event WHERE job_id = ?", job_id)))


def seen(deck: Deck, job_id: int) -> Seen:
    return Seen(
        job=deck.rows(f"SELECT {JOB_COLUMNS} FROM job WHERE id = ?", job_id)[0],
        tasks=tuple(deck.rows(f"SELECT {COLUMNS} FROM task WHERE job_id = ? ORDER BY id", job_id)),
        stages=dict(deck.rows("SELECT name, status FROM stage WHERE job_id = ? ORDER BY position", job_id)),
    )


@asynccontextmanager
async def reading(deck: Deck) -> AsyncIterator[replays.ReplayReports]:
    readers = Readers(deck.path)
    try:
        yield Reports(readers, now=lambda: deck.now - deck.offset).replays
    finally:
        await readers.close()


async def told(reports: replays.ReplayReports, job_id: int, event: int, deck: Deck) -> Seen:
    """Return a job after an event as its replay says; its counts are those of the tasks."""
    at = await reports.job(job_id, event=event)
    assert (at.event, at.unknown, at.is_trimmed) == (event, 0, False)
    tasks = []
    after = 0
    while True:
        page = await reports.tasks(job_id, event, after=after, limit=3)
        tasks += [detail.task for detail in page.rows]
        outputs = {detail.task.id: detail.output for detail in page.rows}
        assert len(outputs) == len(page.rows)
        if page.next is None:
            break
        after = int(page.next)
    # Instances count for their group.
    instances = {number for (number,) in deck.rows("SELECT id FROM task WHERE set_id IS NOT NULL")}
    counted = [one for one in tasks if one.id not in instances]
    assert at.job.tasks == dict(sorted(Counter(one.status for one in counted).items()))
    assert at.job.tolerated == sum(one.tolerated for one in counted)
    whole = (await reports.tasks(job_id, event, limit=2_000)).rows
    assert [detail.task for detail in whole] == tasks
    packed = {detail.task.id: detail.output for detail in whole}
    return Seen(
        job=(
            at.job.status,
            at.job.reason,
            at.job.started_at,
            at.job.finished_at,
            at.job.verdict_by,
            at.job.verdict_task,
            at.job.verdict_ends,
            (at.job.paused or {}).get("at"),
            (at.job.pinned or {}).get("at"),
        ),
        tasks=tuple(
            (
                *(one.id, one.status, one.attempts, one.tries, one.priority, one.queue),
                *(one.queued_at, one.started_at, one.finished_at),
                None if one.retry_at is None else one.retry_at + deck.offset,
                None if one.stop_requested is None else one.stop_requested["at"],
                *(one.status_by, one.status_reason, int(one.tolerated)),
                (one.error or {}).get("code"),
                packed[one.id],
            )
            for one in tasks
        ),
        stages={one.name: one.status for one in at.stages},
    )


def tries(row: tuple) -> int:
    """Return the attempt that a row is at, as lists count it."""
    return max(row[3] + (row[1] in ("running", "succeeded")), int(row[7] is not None))


def comparable(one: Seen) -> Seen:
    """Read what is stored as JSON, and forget the stops of tasks that have ended."""
    from core.store.sql import unpack

    tasks = tuple(
        (*row[:3], tries(row), *row[4:10], row[10] if row[8] is None else None, *row[11:15], unpack(row[15]))  # type: ignore[arg-type]
        for row in one.tasks
    )
    return Seen(job=one.job, tasks=tasks, stages=one.stages)


@pytest.mark.parametrize("seed", seeds(2, soak=40))
async def test_a_random_life_folded_to_any_event_is_as_its_rows_were(tmp_path: Path, seed: int) -> None:
    deck, draw = Deck(tmp_path / "deck.db"), Random(seed)
    known: dict[tuple[int, int], Seen] = {}
    for _ in range(80):
        deck.ask(*batch(deck, draw, draw.randint(1, 4)), slots=3)
        for (job_id,) in deck.rows("SELECT id FROM job WHERE id != ?", INBOX):
            known[job_id, newest(deck, job_id)] = comparable(seen(deck, job_id))
    there = {row[0] for row in deck.rows("SELECT id FROM job")}
    purging = {row[0] for row in deck.rows("SELECT job_id FROM purge")}
    assert len(known) > 20
    async with reading(deck) as reports:
        for (job_id, event), one in known.items():
            if job_id in there - purging:
                assert await told(reports, job_id, event, deck) == one, (job_id, event)
    deck.db.close()


async def test_a_moment_and_an_event_of_something_else_stand_for_the_last_event_before(deck: Deck) -> None:
    job_id = deck.submit(flat(task("a")))
    first = newest(deck, job_id)
    wall = deck.now - deck.offset
    other = deck.submit(flat(task("b")))
    deck.drain()
    async with reading(deck) as reports:
        assert (await reports.job(job_id, at=wall)).event == first
        assert (await reports.job(job_id, event=newest(deck, other))).job.status == "succeeded"
        latest = await reports.job(job_id)
        assert (latest.event, latest.later, latest.job.status) == (newest(deck, job_id), 0, "succeeded")
        assert (await reports.job(job_id, event=first)).later > 0


async def test_what_cannot_be_replayed_is_refused_with_a_code(
    deck: Deck, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = deck.submit(flat(task("a")))
    first = int(str(deck.value("SELECT min(id) FROM event WHERE job_id = ?", job_id)))
    async with reading(deck) as reports:
        for question, code in (
            (lambda: reports.job(INBOX), "history.inbox"),
            (lambda: reports.tasks(INBOX, 9), "history.inbox"),
            (lambda: reports.job(job_id, event=first - 1), "history.too_early"),
            (lambda: reports.tasks(job_id, first - 1), "history.too_early"),
            (lambda: reports.job(job_id, at=1), "history.too_early"),
        ):
            with pytest.raises(Invalid) as refused:
                await question()
            assert refused.value.code == code
            assert refused.value.hint
        for unknown in (99, 2**70, -1):
            with pytest.raises(NotFound):
                await reports.job(unknown, event=2**70)
        assert (await reports.job(job_id, event=2**70)).job.status == "pending"


async def test_a_history_that_is_too_long_is_not_folded(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import text

    job_id = deck.submit(flat(task("a"), task("b")))
    monkeypatch.setattr(replay_sql, "BEYOND", text(str(replay_sql.BEYOND).replace("1000000", "2")))
    async with reading(deck) as reports:
        with pytest.raises(Invalid) as refused:
            await reports.job(job_id)
        assert refused.value.code == "history.too_long"


async def test_a_task_whose_first_events_are_gone_is_unknown_and_never_guessed(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    job_id = deck.submit(flat(task("a"), task("b"), task("c", "b")))
    deck.do(Hold(task_ids=(deck.id("a"),)))
    middle = newest(deck, job_id)
    deck.do(Cancel(task_ids=(deck.id("b"),)))
    deck.settle()
    deck.db.execute("DELETE FROM event WHERE id <= ? AND kind != 'task.held'", (middle,))
    async with reading(deck) as reports:
        at = await reports.job(job_id, event=middle)
        rows = (await reports.tasks(job_id, middle)).rows
    assert at.is_trimmed
    assert (at.unknown, at.job.status) == (2, "unknown")
    assert at.job.tasks == {"held": 1, "unknown": 2}
    assert [row.task.status for row in rows] == ["held", "unknown", "unknown"]
    deck.db.close()


async def test_tasks_that_came_later_were_not_there(deck: Deck) -> None:
    job_id = deck.submit(job(stage(task("a"), task("b"))))
    first = newest(deck, job_id)
    deck.claim()
    deck.end("a", failure())
    last = newest(deck, job_id)
    deck.db.execute("UPDATE event SET id = id + 1000 WHERE task_id = ?", (deck.id("b"),))
    async with reading(deck) as reports:
        assert [row.task.key for row in (await reports.tasks(job_id, last)).rows] == ["a"]
        assert (await reports.job(job_id, event=first)).unknown == 0


async def test_replays_are_read_by_indexes_alone(deck: Deck) -> None:
    job_id = deck.submit(flat(task("a"), task("b", "a")))
    deck.drain()
    readers = Readers(deck.path)
    plans = Plans(deck, readers)  # type: ignore[arg-type]
    reports = Reports(readers).replays
    await reports.job(job_id)
    await reports.tasks(job_id, newest(deck, job_id))
    told = " | ".join(plans.all())
    await readers.close()
    for table in ("task", "event", "edge", "job", "stage", "t", "e", "b", "n", "p"):
        assert f"SCAN {table} |" not in f"{told} |", told
    assert "event_job" in told
    assert "event_task" in told


@pytest.mark.parametrize("seed", seeds(2, soak=40))
async def test_every_event_of_a_random_life_is_told_with_the_facts_that_its_sentence_names(
    tmp_path: Path, seed: int
) -> None:
    deck, draw = Deck(tmp_path / "deck.db"), Random(seed)
    for _ in range(80):
        deck.ask(*batch(deck, draw, draw.randint(1, 4)), slots=3)
    readers = Readers(deck.path)
    reports = Reports(readers)
    page = await reports.events.page(limit=2_000)
    await readers.close()
    deck.db.close()
    kinds = {event.kind for event in page.rows}
    assert len(kinds) > 25
    for event in page.rows:
        line = line_of(event)
        # A fact that is missing is told as a question mark.
        assert "?" not in line.text or "?" in json.dumps(event.data), (event.kind, event.data)
        assert line.after is None or line.before or event.kind in (*BIRTHS, "stage.open"), event.kind


async def test_instances_count_for_their_group_alone_and_come_when_it_was_expanded(deck: Deck) -> None:
    job_id = deck.submit(flat(task("g", for_each=ForEach()), task("a")))
    before = newest(deck, job_id)
    deck.do(Decide(task_id=deck.id("g"), verdict=Expand(items=[1, 2, 3])))
    deck.settle()
    deck.drain()
    async with reading(deck) as reports:
        then, now = await reports.job(job_id, event=before), await reports.job(job_id)
        of_then = (await reports.tasks(job_id, before)).rows
        of_now = (await reports.tasks(job_id, newest(deck, job_id))).rows
    assert then.job.tasks == {"blocked": 1, "queued": 1}
    assert [row.task.key for row in of_then] == ["g", "a"]
    assert now.job.tasks == now.stages[0].tasks == {"succeeded": 2}
    assert [row.task.status for row in of_now] == ["succeeded"] * 5
