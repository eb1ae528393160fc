"""Tests of the why screens and their keys."""

from __future__ import annotations

import pytest

from core.model.records import replace
from tests.console.support_console import HOSTILE, VISIBLE, console
from tests.console.support_fake_control import FakeControl


def stocked() -> FakeControl:
    control = FakeControl()
    job = control.add_job("nightly", status="running")
    control.add_task(job, "fetch", status="running")
    control.add_task(job, "parse", status="blocked", wait_reason="needs", waits_for=f"need {HOSTILE}")
    return control


@pytest.mark.parametrize(
    "keys", [("3", "w"), ("2", "enter", "G", "w"), ("2", "enter", "G", "v", "w"), ("3", "enter", "w")]
)
async def test_w_says_why_the_task_under_the_cursor_waits(keys: tuple[str, ...]) -> None:
    async with console(stocked(), size=(120, 40)) as operator:
        for key in keys:
            await operator.press(key)
            if key == "enter":
                await operator.sees("parse")
        told = await operator.sees("Why task 2 waits", "ends by  the end of")
        assert VISIBLE in told
        await operator.press("escape")
        await operator.misses("Why task 2 waits")


async def test_w_on_a_job_says_for_what_its_tasks_wait() -> None:
    async with console(stocked(), size=(80, 24)) as operator:
        await operator.press("2", "w")
        await operator.sees("Why job 2 waits", "1 task needs", "taskdeck why --task 2")


async def test_why_follows_what_happens() -> None:
    control = stocked()
    async with console(control, size=(80, 24)) as operator:
        await operator.press("3", "w")
        await operator.sees("Why task 2 waits", "it waits for need")
        control.set_task(2, status="running", waits_for=None)
        await operator.beat()
        await operator.sees("it is running")


async def test_the_task_page_has_the_reasons_with_what_ends_them() -> None:
    async with console(stocked(), size=(120, 40)) as operator:
        await operator.press("3", "enter")
        await operator.sees("waits for", "it waits for need", "ends by the end of need")


async def test_why_is_read_again_when_the_engine_says_other_things_of_itself() -> None:
    control = stocked()
    async with console(control, size=(80, 24)) as operator:
        await operator.press("3", "w")
        await operator.sees("Why task 2 waits", "it waits for need")
        control.reads.clear()
        await operator.beat()
        assert not control.reads["why"]
        assert control.engine is not None
        control.engine = replace(control.engine, state="draining")
        await operator.beat()
        await operator.until(lambda: control.reads["why"], "it was not read again")
