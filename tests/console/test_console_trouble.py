"""Tests of the retries screen: rows, presets, targets of verbs."""

from __future__ import annotations

import time

import pytest

from console.screens.retries import PRESETS, RetriesScreen, when
from core.filters.unparser import unparse
from core.model.text import cells
from tests.console.support_console import HOSTILE, VISIBLE, Operator, console, strips_of
from tests.console.support_fake_control import NOW, FakeControl


def stocked() -> FakeControl:
    """Return a control with a dead, a retried, a healthy and a held task."""
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "fine", status="succeeded", attempts=1)
    error = {"code": "http.5xx", "message": "503 from the other side"}
    ended = time.time_ns() // 1_000_000 - 7_500_000
    control.add_task(job, "dead", status="failed", attempts=3, max_attempts=3, error=error, finished_at=ended)
    due = time.time_ns() // 1_000_000 + 3_600_000
    error = {"code": "timeout", "message": "no answer within 30s"}
    control.add_task(
        job, "again", status="retrying", attempts=1, max_attempts=5, retry_at=due, error=error, queue="mail"
    )
    control.add_task(job, "kept", status="held")
    return control


async def at_trouble(operator: Operator, *texts: str) -> str:
    await operator.press("4")
    return await operator.sees("Retries/Dead", *texts)


async def test_what_went_wrong_is_shown_with_attempts_error_and_when() -> None:
    async with console(stocked()) as operator:
        screen = await at_trouble(operator, "dead", "again", "[all 2]", " retrying 1 ", " dead 1 ")
        line = next(line for line in screen.splitlines() if " dead " in line and "3/3" in line)
        for words in ("✗ failed", "3/3", "2h5m ago", "http.5xx: 503 from the other side"):
            assert words in line
        line = next(line for line in screen.splitlines() if " again " in line)
        for words in ("↻ retrying", "1/5", "in 59m", "no answer within 30s"):
            assert words in line
        assert " fine " not in screen
        assert " kept " not in screen


async def test_t_goes_through_the_presets_and_the_title_says_each() -> None:
    async with console(stocked()) as operator:
        await at_trouble(operator, "[all 2]", " 4 Retries ")
        await operator.press("t")
        await operator.sees("[retrying 1]", "again")
        await operator.misses("3/3")
        await operator.press("t")
        await operator.sees("[dead 1]", " 4 Retries ", "3/3")
        await operator.misses("again")
        await operator.press("t")
        await operator.sees("[all 2]", "3/3", "again")


async def test_a_filter_goes_on_with_another_preset_and_escape_comes_back_to_the_preset() -> None:
    async with console(stocked()) as operator:
        await at_trouble(operator, "3/3")
        await operator.press("slash")
        await operator.type(" queue:mail")
        await operator.press("enter")
        await operator.sees("/ status:failed,retrying queue:mail", "again")
        await operator.misses("3/3")
        await operator.press("t")
        await operator.sees("/ status:retrying queue:mail", "again")
        await operator.press("t")
        await operator.sees("/ status:failed queue:mail", "nothing matches the filter; Esc clears it")
        await operator.press("escape")
        await operator.sees("[dead 1]", "3/3")
        screen = operator.app.screen
        assert isinstance(screen, RetriesScreen)
        assert unparse(screen.rows.where) == "status:failed"


async def test_retry_asks_and_acts_on_the_row_under_the_cursor() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_trouble(operator, "3/3")
        await operator.press("j", "r")
        await operator.sees("Retry task 2 (dead)? [y/N]")
        await operator.press("y")
        await operator.hears("retry task 2 (dead): 1 changed")
        assert control.asked == [("retry", (2,))]
        await operator.misses("3/3")


async def test_what_is_retried_can_be_cancelled() -> None:
    control = stocked()
    async with console(control) as operator:
        await at_trouble(operator, "again")
        await operator.press("x")
        await operator.sees("Cancel task 3 (again)? [y/N]")
        await operator.press("y")
        await operator.hears("1 changed")
        assert control.task_rows[3].status == "cancelled"


async def test_all_dead_are_marked_and_retried_by_the_predicate_that_is_shown() -> None:
    control = stocked()
    for number in range(4):
        control.add_task(2, f"more{number}", status="failed", attempts=1)
    async with console(control) as operator:
        await at_trouble(operator, "more0")
        await operator.press("t", "t")
        await operator.sees("[dead 5]")
        await operator.press("asterisk", "r")
        await operator.sees("Retry 5 tasks? [y/N]")
        await operator.press("y")
        await operator.hears("5 changed")
        assert [(verb, unparse(target)) for verb, target in control.asked] == [("retry", "status:failed")]
        assert control.task_rows[1].status == "succeeded"
        assert control.task_rows[3].status == "retrying"


async def test_enter_log_and_events_lead_to_the_task() -> None:
    control = stocked()
    control.outputs[3] = b"trying\n"
    async with console(control) as operator:
        await at_trouble(operator, "again")
        await operator.press("enter")
        await operator.sees("Task 3  again")
        await operator.press("escape")
        await at_trouble(operator, "again")
        await operator.press("l")
        await operator.sees("Log of task 3", "trying")
        await operator.press("escape")
        await at_trouble(operator, "again")
        await operator.press("e")
        await operator.sees("Events of task 3")


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
async def test_without_trouble_each_preset_says_so(preset) -> None:
    control = FakeControl()
    control.add_task(control.add_job(), "fine", status="succeeded")
    async with console(control) as operator:
        await operator.press("4", *["t"] * PRESETS.index(preset))
        await operator.sees(preset.nothing)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (220, 60)])
async def test_retries_have_room_at_every_size(size: tuple[int, int]) -> None:
    async with console(stocked()) as operator:
        await operator.resize(*size)
        screen = await at_trouble(operator, "✗ failed", "3/3", "http.5xx: ")
        assert len(screen.splitlines()) == size[1]
        assert all(cells(line) == size[0] for line in screen.splitlines())


async def test_retries_show_hostile_texts_as_glyphs() -> None:
    control = FakeControl()
    error = {"code": HOSTILE, "message": HOSTILE}
    control.add_task(control.add_job(HOSTILE), HOSTILE, status="failed", error=error, queue=HOSTILE)
    async with console(control, size=(220, 24)) as operator:
        await at_trouble(operator, f"{VISIBLE}: ")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.press("r")
        await operator.sees("Retry task 1", VISIBLE)
        assert all(line.isprintable() for line in strips_of(operator.app.screen))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "retrying", "retry_at": NOW + 65_000}, "in 1m5s"),
        ({"status": "retrying", "retry_at": NOW}, "now"),
        ({"status": "retrying", "retry_at": None}, ""),
        ({"status": "failed", "finished_at": NOW - 65_000}, "1m ago"),
        ({"status": "failed", "retry_at": NOW + 65_000}, ""),
    ],
)
def test_when_is_ahead_or_behind(changes, said: str) -> None:
    control = FakeControl()
    task = control.add_task(control.add_job())
    control.set_task(task, **changes)
    assert when(control.task_rows[task], now=NOW) == said
