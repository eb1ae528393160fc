"""Tests of the screen of an earlier time, and the way there."""

from __future__ import annotations

import pytest

from console.navigation.goto import GoToMoment, parse_place
from console.widgets.line import Line
from tests.console.support_console import HOSTILE, Operator, console
from tests.console.support_fake_control import NOW, FakeControl

MARK = "AS OF "


def stocked(tasks: int = 2) -> FakeControl:
    control = FakeControl()
    for name in ("nightly", f"other{HOSTILE}"):
        job = control.add_job(name, status="succeeded", finished_at=NOW)
        for number in range(tasks):
            control.add_task(job, f"key{number}", status="succeeded", attempts=1)
    control.then = {1: "running", 2: "blocked"}
    return control


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.shell.navigator.now_ms", lambda: NOW)
    monkeypatch.setattr("console.screens.past.now_ms", lambda: NOW)


async def go(operator: Operator, text: str) -> None:
    await operator.press("colon")
    await operator.sees("Go to")
    await operator.type(text)
    await operator.press("enter")
    await operator.quiet()


@pytest.mark.parametrize("size", [(120, 40), (80, 24), (40, 10)])
async def test_jobs_and_their_tasks_are_shown_as_they_stood_and_esc_leads_to_now(
    size: tuple[int, int],
) -> None:
    async with console(stocked(), size=size) as operator:
        await go(operator, "at -2h")
        await operator.sees(MARK)
        assert "reverse" in str(operator.app.screen.query_one(".title", Line).content.spans)
        await operator.press("j", "enter")
        await operator.quiet()
        await operator.sees("· read-only  Task", "running", "blocked", "row 1/2  now:")
        if size[1] > 10:
            await operator.sees(
                "SINCE", "all jobs 2 running", "all tasks 1 missing (deleted since), 1 running"
            )
        await operator.press("escape", "escape")
        await operator.misses(MARK)


async def test_one_status_of_then_is_listed_and_all_tasks() -> None:
    async with console(stocked()) as operator:
        await go(operator, "at 00:00")
        await operator.sees("Jobs", "running")
        await operator.press("a")
        await operator.sees("read-only  Tasks", "row 1/4")
        await operator.press("s")
        await operator.sees("Tasks, only running", "row 1/1")
        await operator.press("enter")
        await operator.sees("Events of task 1")
        await operator.press("escape")
        await operator.quiet()
        await operator.press("s", "s")
        await operator.sees("Tasks, only succeeded", "row 1/2")
        await operator.press("a")
        await operator.sees("read-only  Jobs", "row 1/2")


async def test_nothing_there_acts_or_is_read_again() -> None:
    control = stocked()
    async with console(control) as operator:
        await go(operator, "at -2h")
        await operator.sees(MARK)
        reads = control.reads["past_jobs"]
        await operator.press("r", "x", "X", "p", "h")
        control.set_task(1, status="failed")
        await operator.beat()
        await operator.quiet()
        assert control.asked == []
        assert control.reads["past_jobs"] == reads
        await operator.sees(MARK)


async def test_a_long_list_is_read_page_by_page() -> None:
    async with console(stocked(tasks=300)) as operator:
        await go(operator, "at -2h")
        await operator.press("a")
        await operator.sees("row 1/")
        await operator.press("G")
        await operator.sees("row 600/600")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("at 2040-01-01", "in the future"),
        ("at tea time", "'tea time' is not a moment since 1970: write 02:10, yesterday 02:10"),
        ("at", "is not a moment"),
    ],
)
async def test_a_moment_that_cannot_be_shown_is_refused_in_a_sentence(text: str, told: str) -> None:
    async with console(stocked()) as operator:
        await go(operator, text)
        await operator.hears(told)
        await operator.misses(MARK)


def test_the_words_behind_at_are_a_moment() -> None:
    assert parse_place("at  yesterday 02:10", ()) == GoToMoment(text="yesterday 02:10")
