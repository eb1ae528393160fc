"""Tests of the job screen: progress, remaining time, rows, targets of verbs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from console.rows.job_heading import progress
from console.rows.job_rows import rows_of
from console.screens.job import JobScreen
from core.model import present
from core.model.records import replace
from core.model.values import INBOX
from core.model.views import JobView, StageView, TaskView
from tests.console.support_console import HOSTILE, console, strips_of
from tests.console.support_fake_control import NOW, FakeControl

JOB = JobView(
    id=2,
    name="nightly",
    status="running",
    on_task_failure="stop",
    reason=None,
    created_at=NOW,
    started_at=NOW - 60_000,
    finished_at=None,
    tasks={"succeeded": 3, "running": 2, "failed": 1, "queued": 6},
)


@pytest.fixture(autouse=True)
def _fixed_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(present, "time", SimpleNamespace(time_ns=lambda: NOW * 1_000_000))


def test_progress_tells_what_is_done_for_how_long_and_how_much_longer() -> None:
    assert progress(JOB) == "[#####-----------] 4/12  1m  ETA 2m  running 2  failed 1"


@pytest.mark.parametrize(
    "job",
    [
        replace(JOB, tasks={"queued": 4}),
        replace(JOB, tasks={"succeeded": 4}),
        replace(JOB, tasks={"succeeded": 3, "waiting": 1, "blocked": 2}),
        replace(JOB, status="paused"),
        replace(JOB, started_at=None),
        replace(JOB, id=INBOX),
    ],
    ids=["nothing done", "all done", "for people", "paused", "not begun", "inbox"],
)
def test_how_much_longer_is_not_told_where_nobody_knows(job: JobView) -> None:
    assert "ETA" not in progress(job)


def test_a_job_that_ended_tells_how_long_it_took() -> None:
    job = replace(JOB, status="succeeded", finished_at=NOW - 30_000, tasks={"succeeded": 5})
    assert progress(job) == "[################] 5/5  30s"


def test_a_job_without_tasks_has_an_empty_bar() -> None:
    assert progress(replace(JOB, tasks={})).startswith("[----------------] 0/0")


async def test_rows_are_stages_and_below_them_their_tasks_by_depth() -> None:
    control = FakeControl()
    job = control.add_job()
    control.add_task(job, "last", needs=("middle",))
    control.add_task(job, "middle", needs=("first", "elsewhere"))
    control.add_task(job, "first")
    rows = list(rows_of(await control.job_detail(job)))
    assert isinstance(rows[0].view, StageView)
    named = [(row.view.key, row.depth) for row in rows if isinstance(row.view, TaskView)]
    assert named == [("first", 0), ("middle", 1), ("last", 2)]


async def test_verbs_act_on_the_task_under_the_cursor_and_on_a_stage_on_the_job() -> None:
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "only", status="failed")
    async with console(control) as operator:
        await operator.press("2", "enter")
        await operator.sees("stage 1 main", "only")
        screen = operator.app.screen
        assert isinstance(screen, JobScreen)
        chosen = screen.chosen()
        assert chosen is not None
        assert chosen.target.job_id == job
        assert screen.task_status() == ""
        await operator.press("j")
        chosen = screen.chosen()
        assert chosen is not None
        assert chosen.target.task_ids == (1,)
        assert screen.task_status() == "failed"
        assert isinstance(screen.selected_view(), TaskView)


async def test_the_end_of_a_job_is_in_sight_in_80_columns() -> None:
    control = FakeControl()
    job = control.add_job("nightly", started_at=NOW - 60_000)
    control.add_task(job, "a", status="succeeded")
    control.add_task(job, "b", error={"message": "exit status 7"}, status="retrying")
    async with console(control, size=(80, 24)) as operator:
        await operator.press("2", "enter")
        await operator.sees("[########--------] 1/2  1m  ETA 1m", "exit status 7")


async def test_hostile_names_needs_and_stages_are_glyphs_in_the_list() -> None:
    control = FakeControl()
    job = control.add_job(HOSTILE)
    control.stage_rows[job] = replace(control.stage_rows[job], name=HOSTILE)
    control.add_task(job, HOSTILE)
    control.add_task(job, "b", needs=(HOSTILE,))
    async with console(control, size=(200, 24)) as operator:
        await operator.press("2", "enter")
        await operator.sees("stage 1 ␛[31m", "NEEDS")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))


async def test_an_empty_list_of_jobs_names_the_key_that_starts_one() -> None:
    async with console(FakeControl()) as operator:
        await operator.press("2")
        await operator.sees("no job yet: o starts one; try the sample")
