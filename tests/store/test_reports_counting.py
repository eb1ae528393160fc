"""Tests that counts, totals and previews agree with lists and verbs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event as events_of

from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import Cancel, Hold, Pause
from core.model.counts import Count
from core.model.errors import Invalid
from core.store.readers import Readers
from core.store.reports import Reports, targets
from core.store.reports.paging import search
from tests.store.deck import Deck, failure, stage, task
from tests.support.steps import counted_sql

TASK_FILTERS = (
    "",
    "status:queued",
    "status:queued,failed",
    "-status:queued",
    "status:failed status:queued",
    "queue:slow",
    "queue:slow,default status:queued",
    "-queue:slow",
    "queue:s*",
    "job:1",
    "job:2,3 -status:queued",
    "job:2 queue:slow",
    "job:2 queue:slow status:queued",
    "queue:none",
    "key:a",
    "err~broke",
    "status:failed err~broke",
    "group:g",
    "id:1,3,99",
    "b sort:-key",
)


@pytest.fixture
def deck(tmp_path: Path) -> Iterator[Deck]:
    made = Deck(tmp_path / "deck.db", fill=fill)
    yield made
    made.close()


def fill(deck: Deck) -> None:
    """Store tasks of several queues, jobs, groups and statuses."""
    deck.loose(task("a"), task("b", queue="slow"), task("a", queue="slow", priority=5), group="g")
    deck.job(stage(task("a", priority=9), task("b", "a", queue="slow"), task("c", queue="slow")))
    deck.job(stage(task("a")), name="other", on_task_failure="continue")
    deck.end(*deck.claim(1))
    deck.end(*deck.claim(1), outcome=failure())


def tasks_of(number: int) -> tuple[int, ...]:
    return tuple(range(1, number + 1))


@pytest.mark.parametrize("text", TASK_FILTERS)
async def test_a_count_and_a_preview_say_what_the_list_shows(reports: Reports, text: str) -> None:
    where = parse(text, Noun.TASKS)
    listed = (await reports.tasks.page(where, limit=2_000)).rows
    assert await reports.totals.count(where) == Count(number=len(listed))
    preview = await reports.targets.preview(where)
    assert preview.number == len(listed)
    assert preview.by_status == Counter(view.status for view in listed)
    assert list(preview.first) == sorted(view.id for view in listed)[:5]
    assert preview.since == 0


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        (Noun.JOBS, ""),
        (Noun.JOBS, "status:running"),
        (Noun.JOBS, "status:running,failed name:work"),
        (Noun.JOBS, "-status:running"),
        (Noun.EVENTS, ""),
        (Noun.EVENTS, "job:2"),
        (Noun.EVENTS, "job:1,2 kind:task.*"),
        (Noun.EVENTS, "task:1 key:a"),
        (Noun.QUEUES, ""),
        (Noun.QUEUES, "name:slow"),
    ],
)
async def test_jobs_events_and_queues_are_counted_too(reports: Reports, noun: Noun, text: str) -> None:
    where = parse(text, noun)
    match noun:
        case Noun.JOBS:
            listed = len((await reports.jobs.page(where)).rows)
        case Noun.EVENTS:
            listed = len((await reports.events.page(where, limit=2_000)).rows)
        case _:
            listed = len(await reports.queues.all(where))
    assert await reports.totals.count(where) == Count(number=listed)


@pytest.mark.parametrize(
    ("noun", "text", "expected"),
    [
        (Noun.TASKS, "", Count(number=7)),
        (Noun.TASKS, "status:queued", Count(number=5)),
        (Noun.TASKS, "key:a", Count(number=1, searched=3)),
        (Noun.TASKS, "group:g key:a", Count(number=2)),
        (Noun.TASKS, "job:2 key:a", Count(number=1)),
        (Noun.EVENTS, "", Count(number=3, searched=3)),
        (Noun.EVENTS, "task:1", Count(number=1)),
        (Noun.EVENTS, "job:2 kind:task.*", Count(number=0, searched=3)),
        (Noun.JOBS, "name:work", Count(number=1)),
    ],
)
async def test_without_counter_or_short_index_only_the_newest_rows_are_looked_at(
    reports: Reports, monkeypatch: pytest.MonkeyPatch, noun: Noun, text: str, expected: Count
) -> None:
    monkeypatch.setattr(search, "SCAN_LIMIT", 3)
    assert await reports.totals.count(parse(text, noun)) == expected


async def test_totals_count_tasks_live_jobs_and_paused_queues(deck: Deck, reports: Reports) -> None:
    deck.do(Pause(queue="slow"))
    totals = await reports.totals.current()
    assert totals.tasks == dict(deck.db.execute("SELECT status, count(*) FROM task GROUP BY status"))
    live = [job.status for job in (await reports.jobs.page()).rows if job.id > 1 and job.finished_at is None]
    assert live
    assert totals.jobs == Counter(live)
    assert totals.paused_queues == 1
    ((last,),) = deck.db.execute("SELECT max(id) FROM event").fetchall()
    assert totals.last_event == last


async def test_the_totals_of_an_empty_store_are_empty(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "empty.db")
    readers = Readers(deck.path)
    totals = await Reports(readers).totals.current()
    assert (totals.tasks, totals.jobs, totals.paused_queues, totals.last_event) == ({}, {}, 0, 0)
    preview = await Reports(readers).targets.preview(parse("", Noun.TASKS))
    assert (preview.as_of, preview.number, preview.first) == (0, 0, ())
    await readers.close()
    deck.close()


@pytest.mark.parametrize("events", [0, 100_000])
@pytest.mark.parametrize("text", TASK_FILTERS)
async def test_a_preview_and_a_verb_leave_alone_what_changed_since(
    deck: Deck, reports: Reports, monkeypatch: pytest.MonkeyPatch, text: str, events: int
) -> None:
    monkeypatch.setattr(targets, "EVENTS_MAX", events)
    where = parse(text, Noun.TASKS)
    as_of = (await reports.totals.current()).last_event
    before = await reports.targets.preview(where)
    deck.do(Hold(task_ids=(2,)), Cancel(task_ids=(7,)))
    deck.loose(task("a"), group="g")
    found = await reports.targets.task_ids(where)
    left = await reports.targets.task_ids(where, as_of=as_of)
    assert left == [number for number in found if number not in (2, 7, 8)]
    preview = await reports.targets.preview(where, as_of=as_of)
    assert (preview.as_of, preview.number, preview.since) == (as_of, len(left), len(found) - len(left))
    assert list(preview.first) == left[:5]
    statuses = await reports.outcomes.task_statuses(left)
    assert preview.by_status == Counter(statuses.values())
    assert before.number >= preview.number


@pytest.mark.parametrize("text", TASK_FILTERS)
async def test_named_tasks_are_left_alone_and_not_counted(deck: Deck, reports: Reports, text: str) -> None:
    where = parse(text, Noun.TASKS)
    as_of = (await reports.totals.current()).last_event
    deck.do(Hold(task_ids=(2, 3)))
    found = await reports.targets.task_ids(where)
    excluding = (1, 3, 4, 999)
    left = await reports.targets.task_ids(where, as_of=as_of, excluding=excluding)
    assert left == [number for number in found if number not in (1, 2, 3, 4)]
    preview = await reports.targets.preview(where, as_of=as_of, excluding=excluding)
    assert (preview.number, preview.since) == (len(left), int(2 in found))
    assert preview.by_status == Counter((await reports.outcomes.task_statuses(left)).values())
    everything = await reports.targets.preview(where, excluding=tasks_of(9))
    assert (everything.number, everything.by_status, everything.first) == (0, {}, ())


@pytest.mark.parametrize(("as_of", "number"), [(-(2**70), 0), (0, 0), (2**70, 7)])
async def test_any_number_is_taken_as_an_event(reports: Reports, as_of: int, number: int) -> None:
    preview = await reports.targets.preview(parse("", Noun.TASKS), as_of=as_of)
    assert (preview.as_of, preview.number, preview.since) == (as_of, number, 7 - number)
    assert len(await reports.targets.task_ids(as_of=as_of)) == number


@pytest.mark.parametrize("noun", [Noun.JOBS, Noun.EVENTS, Noun.QUEUES])
async def test_only_filters_on_tasks_select_targets(reports: Reports, noun: Noun) -> None:
    for ask in (reports.targets.preview, reports.targets.task_ids):
        with pytest.raises(Invalid) as caught:
            await ask(parse("", noun))
        assert caught.value.code == "target.unfit"
        assert caught.value.hint


COUNT_PLANS = [
    (Noun.TASKS, "status:queued", "SEARCH counter"),
    (Noun.TASKS, "queue:slow -status:failed", "SEARCH counter"),
    (Noun.TASKS, "job:2", "SEARCH counter"),
    (Noun.TASKS, "job:2 key:a", "task_list"),
    (Noun.TASKS, "status:failed err:x", "task_trouble"),
    (Noun.TASKS, "group:g key:a", "task_group"),
    (Noun.TASKS, "key:a", "SEARCH task USING INTEGER PRIMARY KEY"),
    (Noun.EVENTS, "", "SEARCH event USING INTEGER PRIMARY KEY"),
    (Noun.EVENTS, "job:2", "event_job"),
    (Noun.EVENTS, "task:2", "event_task"),
    (Noun.JOBS, "status:running", "job_live"),
]


class Plans:
    """Note each statement of readers, and how SQLite carries it out."""

    def __init__(self, deck: Deck, readers: Readers) -> None:
        self.deck = deck
        self.asked: list[tuple[str, object]] = []
        engine = readers._pool.engine.sync_engine
        events_of.listen(engine, "before_cursor_execute", lambda *args: self.asked.append((args[2], args[3])))

    def all(self) -> list[str]:
        return [
            " | ".join(row[3] for row in self.deck.db.execute(f"EXPLAIN QUERY PLAN {sql}", values))  # type: ignore[arg-type]
            for sql, values in self._reads()
        ]

    def cost(self) -> int:
        """Return how many instructions SQLite needs for all of them once more."""
        with counted_sql(self.deck.db, every=10) as count:
            for sql, values in self._reads():
                self.deck.db.execute(sql, values).fetchall()  # type: ignore[arg-type]
        return count.number

    def _reads(self) -> list[tuple[str, object]]:
        return [(sql, values) for sql, values in self.asked if sql.lstrip().startswith("SELECT")]


@pytest.mark.parametrize(("noun", "text", "index"), COUNT_PLANS)
async def test_counts_are_read_from_counters_or_by_an_index(
    deck: Deck,
    readers: Readers,
    reports: Reports,
    monkeypatch: pytest.MonkeyPatch,
    noun: Noun,
    text: str,
    index: str,
) -> None:
    if index.endswith("PRIMARY KEY"):
        monkeypatch.setattr(search, "SCAN_LIMIT", 3)
    plans = Plans(deck, readers)
    await reports.totals.count(parse(text, noun))
    assert index in plans.all()[-1]


async def test_a_preview_without_terms_reads_counters_and_few_tasks(
    deck: Deck, readers: Readers, reports: Reports
) -> None:
    as_of = (await reports.totals.current()).last_event
    deck.do(Hold(task_ids=(2,)))
    plans = Plans(deck, readers)
    await reports.targets.preview(parse("", Noun.TASKS), as_of=as_of)
    _last, kept, since, first = plans.all()
    assert "SEARCH counter" in kept
    assert "SEARCH task USING INTEGER PRIMARY KEY" in since
    assert "SEARCH event USING INTEGER PRIMARY KEY" in since
    assert "TEMP B-TREE" not in first
    assert "event_task" in first


async def test_the_standing_reads_no_task_and_no_job_that_has_ended(
    deck: Deck, readers: Readers, reports: Reports
) -> None:
    plans = Plans(deck, readers)
    await reports.totals.current()
    told = " | ".join(plans.all())
    assert "COVERING INDEX job_live" in told
    assert "SEARCH counter USING PRIMARY KEY (scope=?)" in told
    assert "task" not in told
