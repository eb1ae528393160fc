"""Tests of the timeline, the grid of runs, and their keys."""

from __future__ import annotations

import pytest

from core.model.timelines import RunCell, RunRow, RunsView, Segment
from tests.console.support_console import HOSTILE, console
from tests.console.support_fake_control import NOW, FakeControl, bar_of


def stocked() -> FakeControl:
    control = FakeControl()
    for status in ("failed", "succeeded"):
        job = control.add_job("nightly", status=status, started_at=NOW - 100_000, finished_at=NOW)
        control.add_task(job, "fetch", status="succeeded", attempts=1)
        control.add_task(job, f"parse{HOSTILE}", status=status, attempts=2, max_attempts=3)
    parse = control.task_rows[4]
    control.bars[4] = bar_of(
        parse,
        Segment(status="blocked", start=NOW - 100_000, end=NOW - 60_000),
        Segment(status="running", start=NOW - 60_000, end=NOW - 40_000, attempt=1),
        Segment(status="retrying", start=NOW - 40_000, end=NOW - 20_000),
        Segment(status="running", start=NOW - 20_000, end=NOW, attempt=2),
    )
    return control


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 10)])
async def test_v_goes_from_the_list_to_the_graph_to_the_timeline_and_back(size: tuple[int, int]) -> None:
    async with console(stocked(), size=size) as operator:
        await operator.press("enter")
        await operator.sees("fetch")
        await operator.press("v")
        await operator.sees("fetch")
        await operator.press("v")
        await operator.sees("TOOK", *(["slots used", "█ runs"] if size[1] > 10 else ["slots used"]))
        await operator.press("v")
        await operator.sees("STATUS")
        await operator.press("escape")
        await operator.sees("Jobs")


async def test_a_timeline_shows_attempts_waits_and_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.rows.timeline_rows.now_ms", lambda: NOW)
    monkeypatch.setattr("console.screens.timeline.now_ms", lambda: NOW)
    async with console(stocked(), size=(100, 24)) as operator:
        await operator.press("enter")
        await operator.sees("fetch")
        await operator.press("v", "v")
        await operator.sees("*✓ pars", "✗▒▒", "* decided the end: 40s running, 20s for its retry")
        await operator.press("j")
        await operator.sees("attempt 1 20s failed, 20s for its retry, attempt 2 20s")
        await operator.press("enter")
        await operator.sees("Task 4")
        await operator.press("escape", "w")
        await operator.sees("Why task 4 waits")


async def test_a_large_job_is_read_in_parts_wherever_the_view_goes() -> None:
    control = FakeControl()
    job = control.add_job("large")
    for number in range(300):
        control.add_task(job, f"t{number}", status="queued")
    control.searched = 100
    async with console(control, size=(120, 30)) as operator:
        operator.app.navigator.visit("timeline", job)
        await operator.sees("row 1/300", "t0 ", "by these 100")
        for keys, row, key in (("G", 300, "t299"), ("pageup", 280, "t270"), ("g", 1, "t0 ")):
            await operator.press(keys)
            await operator.sees(f"row {row}/300" if keys != "pageup" else "/300", key)


async def test_a_grid_compares_the_runs_of_a_workflow() -> None:
    async with console(stocked(), size=(80, 24)) as operator:
        await operator.press("u")
        await operator.sees("Runs of nightly  the last 2", "2   >3", "✓    ✓", "job 3: succeeded")
        await operator.press("left", "j")
        await operator.sees(">2    3", "job 2: failed", "parse␛", ": failed")
        await operator.press("enter")
        await operator.sees("Task 2")
        await operator.press("escape", "J")
        await operator.sees("Job 2  nightly")


async def test_a_grid_says_what_changed_since_the_run_before_and_who_asked_for_it() -> None:
    control = stocked()
    control.set_job(2, params={"limit": 100})
    control.set_job(3, params={"limit": 0, "day": "x"}, actor="ana (cli)")
    async with console(control, size=(100, 24)) as operator:
        await operator.press("u")
        await operator.sees(
            "job 3: succeeded, by ana (cli)", 'changed since job 2: day (none) -> "x", limit 100 -> 0'
        )
        await operator.press("left")
        await operator.sees("job 2: failed")
        await operator.misses("changed since")
        await operator.press("right", "c")
        await operator.sees("Job 3 compared with")


async def test_a_tolerated_failure_and_a_last_task_are_marked_in_a_grid() -> None:
    control = stocked()
    cell = RunCell(task_id=1, status="failed", took=None, tolerated=True)
    rows = (RunRow(key="clean", cells=(cell, None), is_finally=True),)
    jobs = tuple(control.job_view(number) for number in (3, 2))
    control.runs_view = RunsView(workflow="nightly", runs=jobs, rows=rows)
    async with console(control, size=(100, 24)) as operator:
        await operator.press("u")
        await operator.sees("clean *", "✗x", "clean: failed, tolerated", "x tolerated  * finally")


async def test_the_foot_is_close_to_the_last_row() -> None:
    async with console(stocked(), size=(100, 40)) as operator:
        await operator.press("enter")
        await operator.sees("fetch")
        await operator.press("v", "v")
        shown = await operator.sees("slots used")
        lines = shown.splitlines()
        foot = next(at for at, line in enumerate(lines) if "slots used" in line)
        assert "✓ pars" in lines[foot - 1]
        assert "? help" in lines[-2]


async def test_a_place_leads_to_both() -> None:
    async with console(stocked(), size=(80, 24)) as operator:
        await operator.press("colon")
        await operator.type("runs nightly")
        await operator.press("enter")
        await operator.sees("Runs of nightly")
        await operator.press("colon")
        await operator.type("timeline 2")
        await operator.press("enter")
        await operator.sees("slots used")
