"""Tests of the overview in lines: only new lines, no control sequences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import StringIO

import pytest

from console.sessions.overview import write_overview
from core.model.errors import Unavailable
from core.model.orphans import OrphanKind
from core.model.records import replace
from core.model.run_times import UsualTime
from core.model.values import to_iso
from core.model.views import ClaimsClosed
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
    await control.acknowledge(("3fa91c22d0",), actor="eve")
    assert "tasks: 1 queued, 1 succeeded, 1 known failures\n" in await once(control)
    control.engine = None
    assert "tasks: 1 queued, 1 succeeded, 1 known failures\n" in await once(control)


async def once(control: FakeControl) -> str:
    out = StringIO()
    await write_overview(control, out, watch=None)
    return out.getvalue()


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
    assert lines[1] == "tasks: 1 failed, 1 queued, 1 succeeded"
    assert lines[2] == "job 2 nightly: running, 2 of 3 done; 1 failed, 1 queued, 1 succeeded"
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
    usual = UsualTime(median_ms=40_000, p95_ms=60_000, attempts=9)
    control.add_task(1, "short", status="running", attempts=1, started_at=NOW - 30_000, usual=usual)
    control.add_task(1, "long", status="running", attempts=1, started_at=NOW - 600_000)
    runs = [line for line in (await once(control)).splitlines() if line.startswith("runs: ")]
    assert runs == [
        f"runs: task 2 long of job 1 since {to_iso(NOW - 600_000)}",
        f"runs: task 1 short of job 1 since {to_iso(NOW - 30_000)}, usually 40s, 95% within 1m",
    ]
