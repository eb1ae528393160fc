"""Tests of list columns: their source, text, and place."""

from __future__ import annotations

import time

import pytest

from core.filters.fields import FIELDS, Noun
from core.model.events import EventView
from core.model.failures import FamilyState, FamilyView
from core.model.limits.limit_views import Cause
from core.model.patterns.work_items import ItemView
from core.model.records import replace
from core.model.timing.schedule_views import FireView, ScheduleView
from core.model.timing.schedules import FireKind, FireStatus, Schedule, Timing
from core.model.views import JobView, QueueView, TaskView
from core.render.columns import COLUMNS, Column, Form, cell
from core.render.item_lines import item_line
from core.render.schedule_lines import schedule_line

NOW = 1_767_225_600_000
TASK = TaskView(
    id=42,
    job_id=7,
    stage_id=3,
    key="fetch",
    name=None,
    uses="http",
    queue="mail",
    priority=5,
    group=None,
    status="running",
    attempts=2,
    tries=2,
    max_attempts=5,
    wait_reason=None,
    created_at=NOW - 192_000,
    queued_at=None,
    started_at=NOW - 250,
    finished_at=None,
    retry_at=None,
    stop_requested=None,
    error={"code": "http.5xx", "message": "bad\x1b[2J\nend"},
)
JOB = JobView(
    id=7,
    name="nightly",
    status="failed",
    on_task_failure="stop",
    reason="task fetch failed",
    created_at=NOW - 90_000_000,
    started_at=NOW - 60_000,
    finished_at=NOW - 55_800,
    tasks={"failed": 1, "queued": 0, "succeeded": 4},
)
EVENT = EventView(
    id=9,
    at=NOW,
    kind="task.claimed",
    job_id=7,
    task_id=42,
    key="fetch",
    attempt=1,
    actor=None,
    data={"a": "\u202ex"},
)
QUEUE = QueueView(
    name="mail",
    tasks={"queued": 3},
    paused_at=NOW - 7_500_000,
    paused_by="ada",
    pause_reason="quota",
    waited_ms=150_000,
    pools=("cpu", "gpu"),
    paused_pools=("gpu",),
    ends=(0, 1, 2),
    oldest_at=NOW - 65_000,
    rate=12.34,
)
FAMILY = FamilyView(
    id="3fa91c22d0",
    state=FamilyState.RETURNED,
    code="shell.exit",
    pattern="exit 65: row # has no price",
    message="exit 65: row 7 has no\x1b price",
    failed=4,
    retrying=1,
    jobs=2,
    failures=9,
    first_at=NOW - 7_500_000,
    last_at=NOW - 65_000,
    newest_task=42,
    trend=(0, 1, 8),
)
ITEM = item_line(
    ItemView(
        id=4,
        task_id=9,
        job_id=7,
        task="ask",
        job="release",
        title="go\x1b?",
        text="",
        created_at=NOW,
        submitter="kim",
    ),
    now=NOW,
)
SCHEDULE = schedule_line(
    ScheduleView(
        id=3,
        schedule=Schedule(name="night\x1bly", timing=Timing(cron="0 3 * * *", zone="Europe/Berlin")),
        handled_at=NOW,
        due_at=NOW + 3_600_000,
        wake_at=NOW + 3_600_000,
        created_at=NOW,
        actor="kim",
        paused=Cause(at=NOW, by="ana", reason="holidays"),
        last=FireView(
            at=NOW - 65_000,
            status=FireStatus.SUBMITTED,
            kind=FireKind.TIMED,
            decided_at=NOW,
            job_id=12,
            job_status="failed",
        ),
        open_jobs=1,
        missed=10_001,
    )
)
VIEWS: dict[Noun, object] = {
    Noun.JOBS: JOB,
    Noun.TASKS: TASK,
    Noun.EVENTS: EVENT,
    Noun.QUEUES: QUEUE,
    Noun.FAILURES: FAMILY,
    Noun.SCHEDULES: SCHEDULE,
    Noun.ITEMS: ITEM,
}


def written(noun: Noun, *, now: int = NOW) -> dict[str, str]:
    return {column.name: cell(column, VIEWS[noun], now=now) for column in COLUMNS[noun]}


def test_a_schedule_is_written() -> None:
    assert written(Noun.SCHEDULES) == {
        "name": "night␛ly",
        "state": "paused",
        "fires": "daily at 03:00 Berlin",
        "next": "",
        "last": "failed: job 12",
        "ago": "1m",
        "missed": "10,000+",
        "open": "1 open",
        "overlap": "skip",
        "catch_up": "latest",
        "by": "ana",
        "reason": "holidays",
        "workflow": "",
    }


def test_a_failure_family_is_written() -> None:
    assert written(Noun.FAILURES) == {
        "id": "3fa91c22d0",
        "state": "returned",
        "tasks": "5",
        "jobs": "2",
        "last": "1m",
        "first": "2h5m",
        "trend": "·▁█",
        "failures": "9",
        "err": "exit 65: row 7 has no␛ price",
    }


def test_a_task_is_written() -> None:
    shown = written(Noun.TASKS)
    assert shown == {
        "id": "42",
        "job": "7",
        "key": "fetch",
        "status": "running",
        "try": "2/5",
        "queue": "mail",
        "uses": "http",
        "priority": "5",
        "age": "3m",
        "took": "250ms",
        "wait": "",
        "err": "http.5xx: bad␛[2J␊end",
        "name": "",
        "group": "",
        "family": "",
        "pinned": "",
    }


@pytest.mark.parametrize(
    ("status", "ended", "took"),
    [("running", None, "250ms"), ("retrying", None, ""), ("failed", -50, "200ms")],
)
def test_only_what_runs_or_has_ended_took_time(status: str, ended: int | None, took: str) -> None:
    view = replace(TASK, status=status, finished_at=None if ended is None else NOW + ended)
    (column,) = (column for column in COLUMNS[Noun.TASKS] if column.name == "took")
    assert cell(column, view, now=NOW) == took


def test_a_job_is_written() -> None:
    assert written(Noun.JOBS) == {
        "id": "7",
        "name": "nightly",
        "status": "failed",
        "tasks": "1 failed 4 succeeded",
        "age": "1d1h",
        "took": "4.2s",
        "reason": "task fetch failed",
        "actor": "",
        "pinned": "",
    }


def test_an_event_is_written() -> None:
    assert written(Noun.EVENTS) == {
        "id": "9",
        "at": "2026-01-01T00:00:00.000Z",
        "kind": "task.claimed",
        "job": "7",
        "task": "42",
        "key": "fetch",
        "attempt": "1",
        "actor": "",
        "data": '{"a":"‹U+202E›x"}',
    }


def test_a_queue_is_written() -> None:
    assert written(Noun.QUEUES) == {
        "name": "mail",
        "queued": "3",
        "running": "",
        "retrying": "",
        "pools": "cpu, gpu (paused)",
        "oldest": "1m",
        "waited": "2m30s",
        "ends": "·▄█",
        "rate": "12.3",
        "held": "",
        "failed": "",
        "paused": "2h5m",
        "by": "ada",
        "reason": "quota",
    }


def test_a_clock_behind_shows_no_negative_age() -> None:
    assert written(Noun.TASKS, now=NOW - 10**9)["age"] == "<1m"


@pytest.mark.parametrize(("later", "said"), [(65_000, "1m5s"), (0, "now"), (-1, "now")])
def test_what_is_due_says_how_soon(later: int, said: str) -> None:
    due = Column(name="due", title="", form=Form.DUE, path="paused_at", width=5)
    assert cell(due, replace(QUEUE, paused_at=NOW + later), now=NOW) == said


@pytest.mark.parametrize(
    ("later", "said"),
    [(0, "01-01 01:00:00"), (-3_600_001, "2025-12-31 23:59"), (86_400_000, "01-02 01:00:00")],
)
def test_a_moment_is_written_by_the_clock_of_the_machine(
    monkeypatch: pytest.MonkeyPatch, later: int, said: str
) -> None:
    at = Column(name="at", title="", form=Form.CLOCK, path="at", width=14)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC-1")
        time.tzset()
        shown = cell(at, replace(EVENT, at=NOW + later), now=NOW)
    time.tzset()
    assert shown == said


@pytest.mark.parametrize("noun", list(Noun))
def test_columns_read_attributes_that_the_view_has(noun: Noun) -> None:
    view = VIEWS[noun]
    known = set(dir(view))
    for column in COLUMNS[noun]:
        assert column.path.partition(".")[0] in known
        assert not column.other or column.other in known
        assert bool(column.other) == (column.form in (Form.SPAN, Form.RATIO))


@pytest.mark.parametrize("noun", list(Noun))
def test_fields_of_filters_read_attributes_that_the_view_has(noun: Noun) -> None:
    known = set(dir(VIEWS[noun]))
    columns = {column for field in FIELDS[noun].fields for column in field.column.split(":")}
    assert {column.partition(".")[0] for column in columns} <= known
    assert set(FIELDS[noun].searched) <= known


@pytest.mark.parametrize("noun", list(Noun))
def test_names_are_unique_and_titles_fit(noun: Noun) -> None:
    names = [column.name for column in COLUMNS[noun]]
    assert len(set(names)) == len(names)
    assert all(len(column.title) <= column.floor <= column.width for column in COLUMNS[noun])


def test_numbers_and_lengths_stand_right() -> None:
    right = {column.name for column in COLUMNS[Noun.TASKS] if column.flush_right}
    assert right == {"id", "job", "try", "priority", "age", "took"}
