"""Tests of the history of a job, and of jobs compared."""

from __future__ import annotations

import pytest

from core.model.errors import Invalid
from core.model.text import cells
from tests.console.support_console import HOSTILE, VISIBLE, console, shown
from tests.console.support_fake_control import NOW, FakeControl

SIZES = [(120, 40), (80, 24), (60, 15), (40, 10)]


def stocked() -> FakeControl:
    control = FakeControl()
    for status in ("failed", "succeeded"):
        job = control.add_job("nightly", status=status, started_at=NOW, finished_at=NOW, created_at=NOW)
        control.add_task(job, "fetch", status="succeeded", attempts=1)
        control.add_task(job, f"parse{HOSTILE}", status=status, attempts=2, max_attempts=3)
    control.then = {3: "succeeded", 4: "running"}
    told = {"name": "nightly", "params": {"day": HOSTILE}}
    control.event_rows.clear()
    control.note("job.created", job_id=3, data=told)
    for task in (3, 4):
        control.add_event("task.claimed", task_id=task, **{"from": "queued"})
        control.add_event("task.succeeded", task_id=task, **{"from": "running", "reason": HOSTILE})
    control.note("job.succeeded", job_id=3, data={"from": "running"})
    return control


@pytest.mark.parametrize("size", SIZES)
async def test_a_story_is_told_from_its_beginning_at_every_size(size: tuple[int, int]) -> None:
    async with console(stocked(), size=size) as operator:
        await operator.press("enter")
        await operator.sees("fetch")
        await operator.press("H")
        await operator.sees("History of job 3", "HAPPENED", "row 1/4")
        if size[1] > 15:
            await operator.sees("job 3: nightly is submitted", "then: running, 1 succeeded, 1 running")
        for line in shown(operator.app).splitlines():
            assert cells(line) <= size[0]
            assert "\x1b" not in line


async def test_what_happened_around_the_job_is_marked_as_not_its_own() -> None:
    control = stocked()
    control.note("queue.paused", data={"queue": "mail"})
    async with console(control, size=(120, 30)) as operator:
        operator.app.navigator.visit("history", 3)
        await operator.sees("~ queue mail", "is paused", "row 1/5", "EVENT▲")
        await operator.quiet()
        await operator.misses("filter 4/")


async def test_more_and_less_of_it_is_told() -> None:
    async with console(stocked(), size=(120, 30)) as operator:
        operator.app.navigator.visit("history", 3)
        await operator.sees("noise 1 of 3", "row 1/4", "running -> succeeded")
        await operator.press("plus")
        await operator.sees("noise 2 of 3", "row 1/6", "queued -> running")
        await operator.press("minus", "minus")
        await operator.sees("noise 0 of 3", "row 1/2")
        await operator.press("minus")
        await operator.sees("noise 0 of 3")


async def test_a_filter_narrows_the_story() -> None:
    async with console(stocked(), size=(120, 30)) as operator:
        operator.app.navigator.visit("history", 3)
        await operator.sees("row 1/4")
        await operator.press("slash")
        await operator.type(" key:fetch")
        await operator.press("enter")
        await operator.sees("row 1/1", "fetch")
        await operator.press("escape")
        await operator.sees("row 1/4")


@pytest.mark.parametrize("size", SIZES)
async def test_the_chosen_event_shows_the_job_as_it_stood_and_n_steps_on(size: tuple[int, int]) -> None:
    async with console(stocked(), size=size) as operator:
        operator.app.navigator.visit("history", 3)
        await operator.sees("row 1/4")
        await operator.press("j", "enter")
        await operator.sees("AS OF event 3", "stage 1 main")
        if size[0] >= 80:
            await operator.sees("fetch", "running", "read-only")
        await operator.press("n")
        await operator.sees("AS OF event 5")
        await operator.press("n")
        await operator.sees("AS OF event 6")
        await operator.press("n")
        await operator.quiet()
        await operator.sees("AS OF event 6")
        await operator.press("N", "N", "N")
        await operator.sees("AS OF event 1")
        await operator.press("escape")
        await operator.sees("History of job 3", "row 2/4")


async def test_the_graph_of_then_has_the_statuses_of_then_and_no_verb() -> None:
    control = stocked()
    async with console(control, size=(120, 30)) as operator:
        operator.app.navigator.visit("history", 3)
        await operator.sees("row 1/4")
        await operator.press("enter", "v")
        await operator.sees("AS OF event 1", "fetch", "● parse")
        asked = len(control.asked)
        await operator.press("x", "r", "h", "p", "X")
        await operator.quiet()
        assert len(control.asked) == asked
        await operator.press("n")
        await operator.sees("AS OF event 3")
        await operator.press("v")
        await operator.sees("AS OF event 1", "stage 1 main")


@pytest.mark.parametrize("size", SIZES)
async def test_two_marked_jobs_are_compared(size: tuple[int, int]) -> None:
    async with console(stocked(), size=size) as operator:
        await operator.press("2")
        await operator.sees("row 1/")
        await operator.press("space", "j", "space", "c")
        await operator.sees("Job 3 compared with job 2", "n 3 -> 4")
        await operator.press("escape")
        await operator.sees("Jobs")


async def test_without_marks_a_job_is_compared_with_the_run_before_and_one_mark_is_refused() -> None:
    async with console(stocked(), size=(100, 30)) as operator:
        await operator.press("2")
        await operator.sees("row 1/")
        await operator.press("c")
        await operator.sees("Job 3 compared with job 3", "1 added, 1 changed, 2 same", "+  key: y")
        await operator.press("escape", "space", "c")
        await operator.quiet()
        assert any("mark two" in told for told in operator.told)


async def test_a_history_is_reached_by_its_place_and_the_palette() -> None:
    async with console(stocked(), size=(100, 30)) as operator:
        await operator.press("colon")
        await operator.sees("Go to")
        await operator.type("history 3")
        await operator.press("enter")
        await operator.sees("History of job 3", VISIBLE[:8])


async def test_where_no_state_can_be_told_the_foot_says_why() -> None:
    control = stocked()

    async def refuse(_: object) -> None:
        raise Invalid("history.inbox", "the inbox has no history of its own")

    control.answer_job_at = refuse  # type: ignore[method-assign]
    async with console(control, size=(100, 30)) as operator:
        operator.app.navigator.visit("history", 3)
        await operator.sees("row 1/4", "then: the inbox has no history of its own")
