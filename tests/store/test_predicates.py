"""SQL made from a filter finds the rows that the filter matches."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.filters.fields import FIELDS, Kind, Noun
from core.filters.matching import matches
from core.filters.parser import parse
from core.filters.terms import Ago, At, Compare, Contains, Filter, Glob, In, Length, Matches, Op, Term
from core.model.errors import Invalid
from core.model.events import EventView
from core.model.records import as_dict
from core.model.status import TASK_FINAL, TaskStatus
from core.store.database import open_writer
from core.store.predicates import where
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.sql import pack, raw
from tests.store.deck import Deck, task

NOW = 10_000
LETTERS = "aAb*?[é\ud800\n"
TEXTS = st.text(LETTERS, max_size=3)
NUMBERS = st.integers(0, 6)
MOMENTS = st.none() | st.integers(NOW - 5, NOW + 5)

TASK_ROWS = st.fixed_dictionaries(
    {
        "key": TEXTS,
        "name": st.none() | TEXTS,
        "grp": st.none() | TEXTS,
        "uses": TEXTS,
        "queue": st.sampled_from(["default", "a*b", "[x]"]),
        "priority": NUMBERS,
        "needs_left": st.integers(0, 1),
        "tries": NUMBERS,
        "status": st.sampled_from([str(s) for s in TaskStatus if s is not TaskStatus.RUNNING]),
        "epoch": st.integers(1, 4),
        "wait_reason": st.none() | st.just("condition"),
        "created_at": st.integers(NOW - 5, NOW + 5),
        "queued_at": MOMENTS,
        "started_at": MOMENTS,
        "finished_at": MOMENTS,
        "retry_at": MOMENTS,
        "error": st.none() | st.fixed_dictionaries({"code": TEXTS, "message": TEXTS}),
    }
)
TEXT_COLUMNS = ("key", "name", "grp", "uses", "queue")


def _terms(noun: Noun) -> st.SearchStrategy[Term]:
    fields = FIELDS[noun].fields
    texts = st.sampled_from([f.name for f in fields if f.kind is Kind.TEXT])
    numbers = st.sampled_from([f.name for f in fields if f.kind is Kind.NUMBER])
    times = st.sampled_from([f.name for f in fields if f.kind in (Kind.TIME, Kind.AGE)])
    spans = st.sampled_from([f.name for f in fields if f.kind is Kind.SPAN])
    choices = [f for f in fields if f.kind is Kind.CHOICE]
    globs = st.builds(lambda parts: Glob(parts=tuple(parts)), st.lists(TEXTS, min_size=2, max_size=3))
    values = st.lists(TEXTS | globs | st.sampled_from(["default", "a*b"]), min_size=1, max_size=3).map(tuple)
    ops = st.sampled_from(Op)
    return st.one_of(
        st.builds(In, field=texts, values=values, negated=st.booleans()),
        st.builds(
            In,
            field=numbers,
            values=st.lists(NUMBERS, min_size=1, max_size=2).map(tuple),
            negated=st.booleans(),
        ),
        *(
            st.builds(
                In,
                field=st.just(f.name),
                values=st.lists(st.sampled_from(f.choices), min_size=1, max_size=3).map(tuple),
                negated=st.booleans(),
            )
            for f in choices
        ),
        st.builds(Compare, field=numbers, op=ops, value=NUMBERS),
        st.builds(
            Compare,
            field=times,
            op=ops,
            value=st.builds(At, ms=st.integers(NOW - 6, NOW + 6)) | st.builds(Ago, ms=st.integers(-6, 6)),
        ),
        *(
            [st.builds(Compare, field=spans, op=ops, value=st.builds(Length, ms=st.integers(-3, 8)))]
            if any(f.kind is Kind.SPAN for f in fields)
            else []
        ),
        st.builds(Contains, text=TEXTS.filter(bool), negated=st.booleans()),
        st.builds(
            Matches, field=texts, pattern=st.sampled_from(["a", "^b", "[*]", "é|A", "a.?b", "\ud800", "$"])
        ),
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("predicates")


@pytest.fixture(scope="module")
def db(home: Path) -> Iterator[sqlite3.Connection]:
    connection = open_writer(home / "deck.db", synchronous="NORMAL", now=1)
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("PRAGMA foreign_keys = OFF")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(scope="module")
def reports(home: Path, db: sqlite3.Connection, loop: asyncio.AbstractEventLoop) -> Iterator[Reports]:
    readers = Readers(home / "deck.db")
    yield Reports(readers, now=lambda: NOW)
    loop.run_until_complete(readers.close())


def _insert(db: sqlite3.Connection, number: int, row: dict[str, object]) -> None:
    error = row["error"]
    texts = {name: raw(row[name]) for name in TEXT_COLUMNS}  # type: ignore[arg-type]
    bound = {**row, **texts, "error": None if error is None else pack(error), "id": number}  # type: ignore[arg-type]
    names = list(bound)
    marks = [f"CAST(:{name} AS TEXT)" if name in TEXT_COLUMNS else f":{name}" for name in names]
    db.execute(
        f"INSERT INTO task ({', '.join(names)}, job_id, stage_id, lane_id, sort_key, conditional,"
        f" max_attempts, spec) VALUES ({', '.join(marks)}, :id % 3 + 1, 1, 1, 0, 0, 1, '{{}}')",
        bound,
    )


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(TASK_ROWS, min_size=1, max_size=8),
    terms=st.lists(_terms(Noun.TASKS), min_size=1, max_size=3),
)
def test_sql_finds_what_the_filter_matches(
    db: sqlite3.Connection,
    reports: Reports,
    loop: asyncio.AbstractEventLoop,
    rows: list[dict[str, object]],
    terms: list[Term],
) -> None:
    db.execute("DELETE FROM task")
    for number, row in enumerate(rows, start=1):
        _insert(db, number, row)
    everything = loop.run_until_complete(reports.tasks.page())
    assert len(everything.rows) == len(rows)
    filter_ = Filter(noun=Noun.TASKS, terms=tuple(terms))
    expected = [view.id for view in everything.rows if matches(filter_, as_dict(view), now=NOW)]
    found = loop.run_until_complete(reports.tasks.page(filter_))
    assert [view.id for view in found.rows] == expected


def test_what_neither_runs_nor_has_ended_takes_no_time(
    db: sqlite3.Connection, reports: Reports, loop: asyncio.AbstractEventLoop
) -> None:
    db.execute("DELETE FROM task")
    columns = dict.fromkeys((*TEXT_COLUMNS, "wait_reason", "queued_at", "finished_at", "retry_at", "error"))
    times = {"created_at": NOW, "started_at": NOW - 5}
    numbers = {"priority": 0, "needs_left": 0, "tries": 1, "epoch": 1, **times}
    for number, status in enumerate(TaskStatus, start=1):
        texts = {"key": status, "uses": "shell", "queue": "default"}
        _insert(db, number, {**columns, **numbers, **texts, "status": str(status)})
    filter_ = Filter(noun=Noun.TASKS, terms=(Compare(field="took", op=Op.AT_LEAST, value=Length(ms=0)),))
    expected = {status for status in TaskStatus if status == TaskStatus.RUNNING or status in TASK_FINAL}
    everything = loop.run_until_complete(reports.tasks.page()).rows
    found = loop.run_until_complete(reports.tasks.page(filter_)).rows
    assert {view.status for view in found} == expected
    assert {view.status for view in everything if matches(filter_, as_dict(view), now=NOW)} == expected


def _event_row(view: EventView) -> dict[str, object]:
    return {**as_dict(view), "noise": view.noise}


@settings(max_examples=60, deadline=None)
@given(terms=st.lists(_terms(Noun.EVENTS), min_size=1, max_size=2))
def test_events_too(
    db: sqlite3.Connection, reports: Reports, loop: asyncio.AbstractEventLoop, terms: list[Term]
) -> None:
    db.execute("DELETE FROM event")
    kinds = ("task.created", "task.queued", "engine.started", "job.failed", "task.succeeded", "task.claimed")
    for number, kind in enumerate(kinds, start=1):
        db.execute(
            "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?, ?, '{}')",
            (
                number,
                NOW - 3 + number,
                kind,
                number if number != 3 else None,
                1,
                None,
                ("ab", None, "engine")[number % 3],
            ),
        )
    everything = loop.run_until_complete(reports.events.page())
    filter_ = Filter(noun=Noun.EVENTS, terms=tuple(terms))
    expected = [view.id for view in everything.rows if matches(filter_, _event_row(view), now=NOW)]
    found = loop.run_until_complete(reports.events.page(filter_))
    assert [view.id for view in found.rows] == expected


@pytest.mark.parametrize(
    ("noun", "text"),
    [
        (Noun.JOBS, "name:w* status:pending age<1h -reason:x id>=2 actor~^t"),
        (Noun.QUEUES, "name:default -reason:x default"),
    ],
)
async def test_jobs_and_queues_have_filters_too(tmp_path: Path, noun: Noun, text: str) -> None:
    deck = Deck(tmp_path / "deck.db")
    deck.job(name="work")
    readers = Readers(deck.path)
    try:
        reports = Reports(readers, now=lambda: deck.now)
        filter_ = parse(text, noun)
        found = (
            (await reports.jobs.page(filter_)).rows
            if noun is Noun.JOBS
            else await reports.queues.all(filter_)
        )
        assert [view.name for view in found] == ["work" if noun is Noun.JOBS else "default"]
    finally:
        await readers.close()
        deck.close()


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        (In(field="key", values=(Glob(parts=("[x]", "")),)), {"[x]1"}),
        (In(field="key", values=(Glob(parts=("a?", "")),)), {"a?2"}),
        (In(field="key", values=(Glob(parts=("a*", "")), "x3")), {"a*4", "x3"}),
        (In(field="key", values=(Glob(parts=("", "a", "")),), negated=True), {"[x]1", "x3"}),
        (Contains(text="A"), {"a?2", "a*4", "ab5"}),
        (Contains(text="%"), set()),
        (Contains(text="_"), set()),
    ],
)
async def test_signs_of_sql_are_plain_text(tmp_path: Path, term: Term, expected: set[str]) -> None:
    deck = Deck(tmp_path / "deck.db")
    deck.loose(*(task(key, queue="q") for key in ("[x]1", "a?2", "x3", "a*4", "ab5")))
    readers = Readers(deck.path)
    try:
        found = await Reports(readers).tasks.page(Filter(noun=Noun.TASKS, terms=(term,)))
        assert {view.key for view in found.rows} == expected
    finally:
        await readers.close()
        deck.close()


async def test_running_tasks_are_found_by_their_open_attempts(tmp_path: Path) -> None:
    deck = Deck(tmp_path / "deck.db")
    deck.loose(task("a"), task("b"), task("c"))
    deck.claim(2)
    readers = Readers(deck.path)
    reports = Reports(readers)
    try:
        assert await reports.targets.task_ids(parse("status:running", Noun.TASKS)) == [1, 2]
        assert await reports.targets.task_ids(parse("-status:running", Noun.TASKS)) == [3]
        assert await reports.targets.task_ids(parse("status:running,queued", Noun.TASKS)) == [1, 2, 3]
    finally:
        await readers.close()
        deck.close()


def test_values_are_bound_and_never_part_of_the_sql() -> None:
    evil = "x'; DROP TABLE task; --"
    filter_ = Filter(
        noun=Noun.TASKS,
        terms=(
            In(field="key", values=(evil, Glob(parts=(evil, "")))),
            Contains(text=evil),
            Matches(field="name", pattern="DROP"),
        ),
    )
    assert not any("DROP" in str(condition) for condition in where(filter_, now=NOW))


def test_a_pattern_that_is_none_is_refused() -> None:
    filter_ = Filter(noun=Noun.TASKS, terms=(Matches(field="key", pattern="(" * 3),))
    with pytest.raises(Invalid) as caught:
        where(filter_, now=NOW)
    assert caught.value.code == "filter.regex"


def test_words_that_no_field_knows_never_reach_the_sql() -> None:
    filter_ = Filter(noun=Noun.TASKS, terms=(In(field="status", values=("queued'--",)),))
    assert "queued" not in str(where(filter_, now=NOW)[0])
