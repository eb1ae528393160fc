"""Tests of jumps, watched jobs, and what is remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.memory import Memory
from console.shell.app import ConsoleApp, ConsoleOptions
from core.model.records import replace
from tests.console.support_console import HOSTILE, Operator, console, shown
from tests.console.support_fake_control import FakeControl


def chain() -> FakeControl:
    """Return a control with a job of three tasks, each needing the one before, and one loose task."""
    control = FakeControl()
    job = control.add_job("nightly")
    for at, key in enumerate(("extract", "change", "load"), 1):
        control.add_task(job, key, status="succeeded" if at == 1 else "queued")
        control.needs[at] = () if at == 1 else (("extract", "change", "load")[at - 2],)
    control.job_rows[1] = replace(control.job_rows[job], id=1, name="loose")
    control.add_task(1, "sh", name="alone")
    return control


async def test_from_a_task_to_its_job_and_back_and_along_its_needs() -> None:
    async with console(chain(), at="3", size=(120, 20)) as operator:
        await operator.press("j", "j", "enter")
        await operator.sees("Task 2  change")
        await operator.press("J")
        await operator.sees("job 2", "nightly", "need extract", "needed by load", "task 3  · queued")
        await operator.press("enter")
        await operator.sees("Job 2  nightly", "stage 1")
        assert operator.app.screen.selected_view().key == "change"
        await operator.press("escape")
        await operator.sees("Task 2  change")
        await operator.press("J", *"needed", "enter")
        await operator.sees("Task 3  load")
        await operator.press("J", *"extr", "escape")
        await operator.press("J", *"need ch", "enter")
        await operator.sees("Task 2  change")
        await operator.press("escape", "escape", "escape")
        await operator.sees(" Tasks")


async def test_from_a_list_from_an_event_and_from_a_loose_task() -> None:
    async with console(chain(), at="3") as operator:
        await operator.press("J")
        await operator.sees("job 1", "the loose tasks")
        await operator.press("escape", "j", "J", "enter")
        await operator.sees("Job 2  nightly")
        await operator.press("colon", *"events", "enter")
        await operator.sees("task.created")
        await operator.press("J")
        await operator.sees("Jump to", "task 4", "job 1")
    async with console(FakeControl()) as operator:
        await operator.press("J")
        await operator.hears("nothing here to jump from")


async def test_columns_order_times_theme_and_screen_are_there_again(tmp_path: Path) -> None:
    async with console(chain(), home=tmp_path, at="3", size=(140, 20)) as operator:
        await operator.press("I", "t", "C")
        await operator.sees("[x] queue")
        lines = [line.strip() for line in shown(operator.app).splitlines()]
        letter = next(line.split()[0] for line in lines if line.endswith("] queue"))
        await operator.press(letter, "escape")
        await operator.misses("QUEUE")
        operator.app.theme_switch.use("light")
    app = ConsoleApp(chain(), ConsoleOptions(tick=0, home=tmp_path))
    async with app.run_test(size=(140, 20)) as pilot:
        operator = Operator(app, pilot)
        await operator.sees(" Tasks", "sort:id", "TASK▲", "CREATED")
        await operator.misses("QUEUE")
        assert app.theme == "light"
    async with console(chain(), at="3", size=(140, 20)) as operator:
        await operator.sees("QUEUE", "TASK▼")


@pytest.mark.parametrize(
    "kept",
    [
        {"screen": "nowhere", "theme": "none", "list tasks": {"hidden": ["id", 7, "x"], "sort": "nope"}},
        {"screen": 7, "theme": {}, "list tasks": {"hidden": "id", "sort": 5, "times": "never"}},
        {"list tasks": [1], "places": "x", "screen": None},
    ],
)
async def test_what_is_kept_and_makes_no_sense_changes_nothing(
    tmp_path: Path, kept: dict[str, object]
) -> None:
    memory = Memory(tmp_path)
    assert memory.file is not None
    memory.file.parent.mkdir()
    memory.file.write_text(json.dumps(kept))
    app = ConsoleApp(chain(), ConsoleOptions(tick=0, home=tmp_path))
    async with app.run_test() as pilot:
        operator = Operator(app, pilot)
        await operator.sees(" Pulse")
        await operator.press("3")
        await operator.sees("KEY", "load")


async def test_a_job_is_shown_by_stages_whatever_order_was_chosen_before(tmp_path: Path) -> None:
    for _ in range(2):
        async with console(chain(), home=tmp_path, at="2") as operator:
            await operator.press("enter")
            await operator.sees("stage 1")
            await operator.press("I")
            await operator.misses("stage 1")


async def test_a_watched_job_rings_once_when_it_ends_as_safe_text(tmp_path: Path) -> None:
    control = chain()
    control.set_job(2, name=HOSTILE)
    other = control.add_job("other")
    async with console(control, home=tmp_path, at="2") as operator:
        await operator.press("j", "M")
        await operator.hears("job 2 is watched: the bell rings when it ends")
        written: list[str] = []
        operator.app._driver.write = written.append
        control.set_job(other, status="succeeded")
        await operator.beat()
        await operator.quiet()
        assert not any("\x1b]9;" in text for text in written)
        control.set_job(2, status="failed")
        await operator.beat()
        await operator.hears("job 2 ␛[31mred")
        control.set_job(2, status="failed")
        await operator.beat()
        await operator.quiet()
        (sent,) = [text for text in written if text.startswith("\x1b]9;")]
        assert sent.removeprefix("\x1b]9;").removesuffix("\x07").isprintable()
        assert sent.endswith(": failed\x07")
        assert "\x07" in written
        await operator.press("M")
        await operator.hears("job 2 has ended: failed")
        assert operator.app.watches.jobs == ()


async def test_what_is_watched_is_watched_by_the_next_console_too_until_it_is_not(tmp_path: Path) -> None:
    control = chain()
    async with console(control, home=tmp_path, at="3") as operator:
        await operator.press("G", "M")
        await operator.hears("job 2 is watched")
    async with console(control, home=tmp_path, at="2") as operator:
        assert operator.app.watches.jobs == (2,)
        await operator.press("M")
        await operator.hears("job 2 is not watched any more")
        assert operator.app.watches.jobs == ()
    async with console(FakeControl()) as operator:
        await operator.press("M")
        await operator.hears("no job here to watch")
