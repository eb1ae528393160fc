"""Tests of the search in the logs of chosen tasks and jobs."""

from __future__ import annotations

from console.screens.found_lines import FoundLinesScreen
from console.screens.log import LogScreen
from tests.console.support_console import HOSTILE, console, strips_of
from tests.console.support_fake_control import FakeControl


def stocked() -> FakeControl:
    control = FakeControl()
    for name in ("nightly", "weekly"):
        job = control.add_job(name)
        for key in ("load", "send"):
            task = control.add_task(job, key, status="failed", attempts=1)
            filler = b"".join(b"line %d\n" % number for number in range(5_000))
            control.outputs[task] = filler + f"x{name} {key}: timeout {HOSTILE}\n".encode() + filler
    return control


async def search(operator, text: str) -> None:
    await operator.press("L")
    await operator.sees("Search the logs of these tasks")
    await operator.type(text)
    await operator.press("enter")
    await operator.quiet()


async def test_the_logs_of_a_job_are_searched_and_a_match_is_a_key_away() -> None:
    async with console(stocked()) as operator:
        await operator.press("j")
        await search(operator, "TIMEOUT")
        seen = await operator.sees(
            "nightly load: timeout", "nightly send: timeout", "job:2", "searched 2 tasks"
        )
        assert "weekly" not in seen
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.press("j", "enter")
        await operator.sees("Log of task 2 send", "nightly send: timeout", "line 4999")
        screen = operator.app.screen
        assert isinstance(screen, LogScreen)
        assert not screen.browser.following
        await operator.press("escape")
        await operator.sees("Found lines  'TIMEOUT'")
        await operator.press("slash")
        await operator.sees("Search the logs")
        await operator.type("nowhere")
        await operator.press("enter")
        await operator.sees("no line holds it")
        await operator.press("escape")
        await operator.sees("weekly")


async def test_the_logs_of_marked_tasks_are_searched_by_a_pattern() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.press("space", "j", "j", "space")
        await search(operator, "~(load|send): time")
        await operator.sees("weekly send: timeout", "nightly load: timeout", "searched 2 tasks")


async def test_a_search_that_is_called_off_leaves_no_screen_and_a_faulty_pattern_is_said() -> None:
    async with console(stocked(), at="3") as operator:
        await operator.press("L")
        await operator.sees("Search the logs")
        await operator.type("~(")
        await operator.press("enter")
        await operator.sees("this is not a regular expression")
        await operator.press("escape")
        await operator.quiet()
        assert not isinstance(operator.app.screen, FoundLinesScreen)
        await operator.press("7", "L")


async def test_where_nothing_is_chosen_there_is_nothing_to_search() -> None:
    async with console(FakeControl(), at="3") as operator:
        await operator.press("L")
        await operator.hears("no job and no task is chosen here")
