"""Tests of the overview in lines: only new lines, no control sequences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from io import StringIO

import pytest

from console.last_look import LastLook
from console.memory import Memory
from console.screens import orphans, pulse_panels, pulse_running, retries
from console.sessions.overview import COMMANDS, write_overview
from console.shell import places
from console.shell.places import ROOTS
from console.widgets.bars import trend_of
from core.control.api import Target
from core.filters.fields import Noun
from core.model.errors import Unavailable
from core.model.orphans import OrphanKind
from core.model.records import replace
from core.model.run_times import UsualTime
from core.model.values import to_iso
from core.model.views import ClaimsClosed
from core.render.columns import COLUMNS, Column, Form, cell
from core.render.times import usual_text
from tests.console.support_console import HOSTILE, VISIBLE
from tests.console.support_fake_control import INFO, NOW, FakeControl
from tests.support.waiting import until


def stocked() -> FakeControl:
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "fetch", status="succeeded")
    control.add_task(job, "parse", status="failed", error={"code": "exit", "message": "exit status 7"})
    control.add_task(job, "load", status="queued")
    control.add_job("done", status="succeeded")
    return control


async def test_the_overview_counts_lost_tasks_and_says_why_nothing_is_claimed() -> None:
    control = stocked()
    control.add_orphan(3, kind=OrphanKind.LOST)
    control.engine = replace(
        INFO,
        closed=(ClaimsClosed(code="store.full", message="the disk is full", hint="free space", since=0),),
    )
    text = await once(control)
    assert "lost and held: 1 (decide: taskdeck orphans --plan)\n" in text
    assert "nothing is claimed: the disk is full (free space)\n" in text


async def test_failures_that_are_known_are_not_counted_as_failed_in_the_overview() -> None:
    control = stocked()
    control.set_task(2, family="3fa91c22d0")
    await control.failures.acknowledge(("3fa91c22d0",), actor="eve")
    assert "tasks: 1 queued, 1 succeeded, 1 known failures\n" in await once(control)
    control.engine = None
    assert "tasks: 1 queued, 1 succeeded, 1 known failures\n" in await once(control)


async def once(control: FakeControl) -> str:
    out = StringIO()
    await write_overview(control, out, watch=None)
    return out.getvalue()


def remembering(**values: int) -> Memory:
    memory = Memory(None)
    for name, value in values.items():
        memory.keep(name, value)
    return memory


class Watched:
    """An overview that is watched without a pause; `after` waits for a change to be told."""

    def __init__(self, control: FakeControl) -> None:
        self.control = control
        self.out = StringIO()

    async def after(self, change: Callable[[], object], text: str) -> str:
        """Make a change; return all that is written from then until the text has been."""
        at = len(self.out.getvalue())
        change()
        await until(lambda: text in self.out.getvalue()[at:], f"{text!r} was not told")
        return self.out.getvalue()[at:]


@pytest.fixture
async def watched():
    watched = Watched(stocked())
    async with asyncio.TaskGroup() as group:
        task = group.create_task(write_overview(watched.control, watched.out, watch=0))
        await until(lambda: "fails:" in watched.out.getvalue(), "nothing was told")
        yield watched
        task.cancel()


async def test_an_overview_holds_engine_counts_jobs_failures_and_waits() -> None:
    lines = (await once(stocked())).splitlines()
    assert lines[0].startswith("engine: pid 4711, version ")
    assert lines[1].startswith("slots: 0 of 4 busy")
    assert lines[2].startswith("home: ")
    assert lines[3:5] == ["tasks: 1 failed, 1 queued, 1 succeeded", "jobs: 1 running"]
    assert any(
        line.startswith("job 2 nightly: running, 2 of 3 done; 1 failed, 1 queued, 1 succeeded; created 20")
        for line in lines
    )
    assert any(
        line.startswith("fails: 1 tasks of 1 jobs: exit: exit status 7 (newest: task ") for line in lines
    )
    assert any(line.startswith("waits: 1 tasks, queued default") for line in lines)
    assert not any("done:" in line for line in lines)


async def test_no_engine_is_told_and_the_counts_are_read_all_the_same() -> None:
    control = stocked()
    control.engine = None
    told = await once(control)
    assert "engine: none is running" in told
    assert "tasks: 1 failed" in told


async def test_nothing_under_way_is_said_in_words() -> None:
    assert "active jobs: none" in await once(FakeControl())


async def test_more_jobs_than_are_listed_are_not_hidden_silently() -> None:
    control = FakeControl()
    for number in range(25):
        control.add_job(f"job_{number}")
    told = await once(control)
    assert "active jobs: more than these 20" in told
    assert told.count("\njob ") == 20


async def test_hostile_texts_are_glyphs_on_one_line() -> None:
    control = FakeControl()
    job = control.add_job(HOSTILE)
    control.add_task(job, HOSTILE, status="failed", error={"code": HOSTILE, "message": HOSTILE})
    control.add_task(job, "t", queue=HOSTILE)
    told = await once(control)
    assert all(line.isprintable() for line in told.split("\n"))
    assert VISIBLE in told


async def test_what_cannot_be_read_is_told_and_the_overview_goes_on() -> None:
    control = stocked()
    control.broken = Unavailable("store.busy", "the store is busy")
    assert "! the store is busy" in await once(control)


async def test_a_watched_overview_adds_only_what_has_changed(watched: Watched) -> None:
    def run() -> None:
        watched.control.set_task(3, status="running")

    told = await watched.after(run, "job 2 nightly")
    assert "tasks: 1 failed, 1 running, 1 succeeded" in told
    assert "fails:" not in told
    assert "engine:" not in told


async def test_how_a_watched_job_ended_is_told(watched: Watched) -> None:
    await watched.after(lambda: watched.control.set_job(2, status="failed"), "job 2 nightly: failed")


async def test_trouble_is_told_once_and_nothing_is_taken_to_be_over(watched: Watched) -> None:
    def break_down() -> None:
        watched.control.broken = Unavailable("store.busy", "the store is busy")

    told = await watched.after(break_down, "the store is busy")
    assert "no longer" not in told

    def mend() -> None:
        watched.control.broken = None
        watched.control.set_task(2, status="succeeded", error=None)

    told = await watched.after(mend, "no longer fails: exit")
    assert "job 2" in told


async def test_what_runs_is_written_with_what_is_usual_longest_first() -> None:
    control = FakeControl()
    usual = UsualTime(median_ms=40_000, p90_ms=50_000, p95_ms=60_000, attempts=9)
    control.add_task(1, "short", status="running", attempts=1, started_at=NOW - 30_000, usual=usual)
    control.add_task(1, "long", status="running", attempts=1, started_at=NOW - 600_000)
    runs = [line for line in (await once(control)).splitlines() if line.startswith("runs: ")]
    starts = [
        f"runs: task 2 long of job 1 since {to_iso(NOW - 600_000)}; try ",
        f"runs: task 1 short of job 1 since {to_iso(NOW - 30_000)}, usually 40s, 95% within 1m; try ",
    ]
    assert [line[: len(start)] for line, start in zip(runs, starts, strict=True)] == starts


def written(columns: Sequence[Column], view: object) -> list[str]:
    """Return what a screen's columns hold, as they are told in lines: moments, numbers, whole texts."""
    moments = (Form.AGE, Form.DUE, Form.CLOCK, Form.TIME)
    told = []
    for column in columns:
        value = getattr(view, column.path.partition(".")[0])
        if value is None or value == "" or column.name == "state":
            continue
        if isinstance(value, UsualTime):
            told.append(usual_text(value))
            continue
        match column.form:
            case Form.TEXT | Form.NUMBER if isinstance(value, tuple):
                told += map(str, value)
            case form if form in moments:
                told.append(to_iso(value))
            case Form.TREND:
                told.append(" ".join(map(str, value)) if any(value) else "")
            case Form.COUNTS:
                told += [f"{n} {status}" for status, n in value.items() if n]
            case Form.SPAN if getattr(view, column.other) is None:
                told.append(to_iso(value))
            case _:
                told.append(str(cell(column, view, now=0)))
    return [text for text in told if text]


async def test_the_lines_say_what_every_panel_and_list_of_the_screens_says() -> None:
    control = FakeControl()
    job = control.add_job("nightly", actor="ana (cli)", reason="a reason")
    usual = UsualTime(median_ms=40_000, p90_ms=50_000, p95_ms=60_000, attempts=9)
    ran = control.add_task(
        job, "fetch", status="running", attempts=3, started_at=NOW - 9_000, usual=usual, queue="q1"
    )
    failed = control.add_task(
        job, "parse", status="failed", finished_at=NOW - 5, error={"code": "c7", "message": "no price"}
    )
    due = control.add_task(job, "again", status="retrying", retry_at=NOW + 77_000, error={"code": "c8"})
    waits = control.add_task(job, "load", status="blocked", waits_for="needs parse")
    control.add_task(job, "more", status="queued", queue="q1")
    await control.pause(Target(queue="q1"), reason="full", actor="bob")
    for number, kind in enumerate(OrphanKind):
        task = control.add_task(job, f"orphan{number}")
        control.add_orphan(task, kind=kind, pids=(70 + number,), commands=(f"cmd {number}",))
    told = await once(control)
    row = control.task_rows
    pulse = await control.pulse()
    panels: list[tuple[Sequence[Column], Sequence[object]]] = [
        (pulse_running.COLUMNS, [row[ran]]),
        (pulse_panels.FAILING, pulse.failing),
        (pulse_panels.WAITING, pulse.waiting),
        (COLUMNS[Noun.FAILURES], pulse.failing),
        (COLUMNS[Noun.QUEUES], await control.queues()),
        (COLUMNS[Noun.JOBS], [control.job_view(job)]),
        (COLUMNS[Noun.TASKS], [row[waits], row[failed], row[ran]]),
        (retries.COLUMNS, [row[due], row[failed]]),
        (orphans.COLUMNS, await control.orphans.all()),
    ]
    assert all(views for _, views in panels)
    missing = [
        (type(view).__name__, text)
        for columns, views in panels
        for view in views
        for text in written(columns, view)
        if text not in told
    ]
    assert missing == []
    for status in ("succeeded", "failed"):
        trend = trend_of(pulse.rates, status)
        assert f"throughput: {status} {trend.now}/min, peak {trend.peak}" in told
    assert "waits for needs parse" in told


def test_every_screen_is_in_the_overview_or_has_a_command_that_says_it_in_lines() -> None:
    in_overview = {"pulse", "retries", "failures", "budgets", "queues", "schedules", "orphans", "handoff"}
    # The overview tells of every gauge that it reads.
    in_overview |= {"the gauges of a limit"}
    assert in_overview.isdisjoint(COMMANDS)
    assert in_overview | set(COMMANDS) == {*ROOTS, *places.ABOUT}


async def test_the_overview_says_what_failed_and_was_changed_since_one_looked() -> None:
    control = stocked()
    last_look = LastLook(remembering(looked_at=1_000), now=lambda: NOW)
    out = StringIO()
    await write_overview(control, out, watch=None, last_look=last_look)
    assert "1 new" in out.getvalue()
    assert "new since you last looked" in out.getvalue()


async def test_an_engine_that_drains_says_so_with_the_way_back_and_what_is_set_aside() -> None:
    control = stocked()
    control.engine = replace(INFO, state="draining", running=3, set_aside="job 7: it broke", protected=True)
    told = await once(control)
    assert "draining (take it back: taskdeck resume --engine)" in told
    assert f"slots: 3 of {INFO.slots} busy\n" in told
    assert "set aside: job 7: it broke\n" in told
    assert "protected: consoles only read, until changes are armed\n" in told
