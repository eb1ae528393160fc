"""Tests of the screens on a fake control, driven by keys."""

from __future__ import annotations

import pytest
from textual.widget import Widget

from console.screens.lists import JobsScreen, TasksScreen
from core.model.errors import Unavailable
from tests.console.support_console import HOSTILE, VISIBLE, console, shown, strips_of
from tests.console.support_fake_control import INFO, FakeControl


def stocked() -> FakeControl:
    """Return a control with two jobs; of the first, one task succeeded, one failed, one is blocked."""
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_task(job, "fetch", status="succeeded", attempts=1)
    error = {"code": "exit", "message": "exit status 7"}
    control.add_task(job, "parse", status="failed", attempts=1, needs=("fetch",), error=error)
    control.add_task(job, "load", status="blocked", needs=("parse",))
    control.add_job("weekly", status="paused")
    control.outputs[1] = b"first line\nsecond line\n"
    return control


async def test_the_console_opens_on_the_jobs_newest_first() -> None:
    async with console(stocked()) as operator:
        screen = await operator.sees("weekly", "nightly", "‖ paused", "● running", "failed 1")
        assert screen.index("weekly") < screen.index("nightly")


async def test_the_keys_of_a_list_are_for_its_rows_from_the_first_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    had_keys: list[str] = []
    watch = Widget.watch_has_focus

    def note(widget: Widget, has_focus: bool) -> None:
        had_keys.append(type(widget).__name__)
        watch(widget, has_focus)

    monkeypatch.setattr(Widget, "watch_has_focus", note)
    async with console(stocked()) as operator:
        await operator.press("3")
        await operator.sees("parse")
        assert set(had_keys) == {"Table"}


async def test_a_list_that_could_not_be_read_says_that_no_engine_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    control = stocked()
    control.engine = None

    async def refuse(*_: object) -> object:
        raise Unavailable("engine.none", "no engine is running")

    with monkeypatch.context() as patched:
        patched.setattr(control, "ask", refuse)
        async with console(control) as operator:
            for key in "2347":
                await operator.press(key)
                await operator.sees("no engine is running (start one with E, or 'taskdeck serve')", "row 0/")
            operator.app.desk.feed.starting = True
            operator.app.screen.show_status()
            await operator.sees("an engine is starting", "row 0/")
            patched.undo()
            control.engine = INFO
            await operator.press("2")
            await operator.beat()
            await operator.sees("weekly", "nightly")
            await operator.misses("no engine is running")


async def test_numbers_and_names_lead_to_the_screens() -> None:
    async with console(stocked()) as operator:
        await operator.press("3")
        await operator.sees("Tasks", "parse", "✗ failed", "exit status 7")
        await operator.press("7")
        await operator.sees("Queues", "default")
        await operator.press("colon")
        await operator.type("ev")
        await operator.press("enter")
        await operator.sees("Events", "task.created")
        await operator.press("2")
        await operator.sees("weekly")


async def test_a_name_that_no_screen_has_is_told() -> None:
    async with console(stocked()) as operator:
        await operator.press("colon")
        await operator.type("nope")
        await operator.press("enter")
        await operator.hears("not found: 'nope'; there are: pulse jobs tasks")
        await operator.press("escape")
        await operator.press("j")
        assert isinstance(operator.app.screen, JobsScreen)
        assert operator.app.screen.table.has_focus


async def test_enter_drills_from_job_to_task_to_log_and_escape_comes_back_step_by_step() -> None:
    async with console(stocked()) as operator:
        await operator.press("j", "enter")
        screen = await operator.sees("Job 2  nightly", "2/3", "stage 1 main", "└ parse", "failed 1")
        assert screen.index("fetch") < screen.index("parse") < screen.index("load")
        await operator.press("j", "enter")
        await operator.sees("Task 1  fetch", "attempts", "250ms", '"argv"', "task.created")
        await operator.press("l")
        await operator.sees("Log of task 1", "first line", "second line", "complete")
        await operator.press("escape")
        await operator.sees("Task 1  fetch")
        await operator.press("escape")
        await operator.sees("Job 2  nightly")
        await operator.press("escape")
        await operator.sees("weekly")
        assert operator.app.screen.table.cursor == 1
        await operator.press("escape")
        await operator.sees("weekly")


async def test_what_changes_is_seen_at_the_next_tick() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("j", "enter")
        await operator.sees("◇ blocked")
        control.set_task(3, status="running", attempts=1)
        await operator.beat()
        await operator.sees("running 1", "1/1")
        await operator.misses("◇ blocked")


async def test_a_tick_asks_once_for_the_counts_and_once_for_the_page_in_view() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("3")
        await operator.sees("parse")
        control.reads.clear()
        control.set_task(3, status="queued")
        await operator.beat()
        await operator.until(lambda: control.reads["tasks"], "the page was not read")
        await operator.pilot.pause()
        assert control.reads == {"changes": 1, "tasks": 1}


async def test_a_frozen_screen_reads_no_rows_and_says_so() -> None:
    control = stocked()
    async with console(control) as operator:
        await operator.press("Z")
        await operator.sees("FROZEN")
        control.reads.clear()
        await operator.beat()
        await operator.until(lambda: control.reads["changes"], "no tick")
        assert control.reads["jobs"] == 0
        await operator.press("Z")
        await operator.misses("FROZEN")


async def test_a_filter_narrows_survives_other_screens_and_goes_by_escape() -> None:
    async with console(stocked()) as operator:
        await operator.press("3", "slash")
        await operator.type("state:failed")
        await operator.press("enter")
        await operator.sees("/ status:failed", "parse", "filter 1/3")
        await operator.misses("fetch")
        await operator.press("enter")
        await operator.sees("Task 2")
        await operator.press("escape", "2")
        await operator.sees("weekly")
        await operator.press("3")
        await operator.sees("/ status:failed")
        await operator.press("escape")
        await operator.sees("fetch", "row 1/3")


async def test_a_faulty_filter_gets_a_caret_and_the_rows_stay() -> None:
    async with console(stocked()) as operator:
        await operator.press("3", "slash")
        await operator.type("key:x stat:failed")
        await operator.press("enter")
        screen = await operator.sees("did you mean `state` or `status`?", "fetch", "parse")
        lines = screen.splitlines()
        typed = next(number for number, line in enumerate(lines) if line.startswith(" key:x stat:failed"))
        assert lines[typed + 1].startswith("       ^^^^ ")
        await operator.press("escape")
        await operator.misses("did you mean")
        await operator.sees("row 1/3")


async def test_the_rows_of_a_queue_are_one_key_away() -> None:
    control = stocked()
    control.add_task(2, "mailing", queue="mail queue")
    async with console(control) as operator:
        await operator.press("7", "j")
        await operator.sees("mail queue")
        await operator.press("enter")
        await operator.sees('/ queue:"mail queue"', "mailing", "filter 1/4")


async def test_queues_are_filtered_and_sorted_like_every_list() -> None:
    control = stocked()
    control.add_task(2, "a", queue="alpha")
    async with console(control) as operator:
        await operator.press("7")
        screen = await operator.sees("alpha    ◐", "default  ◐")
        assert screen.index("alpha    ◐") < screen.index("default  ◐")
        await operator.press("slash")
        await operator.type("sort:-name")
        await operator.press("enter")
        await operator.until(
            lambda: shown(operator.app).index("default  ◐") < shown(operator.app).index("alpha    ◐"),
            "not sorted",
        )
        await operator.press("slash", "ctrl+u")
        await operator.type("name:al*")
        await operator.press("enter")
        await operator.misses("default  ◐")


async def test_events_of_a_job_and_of_a_task_are_one_key_away() -> None:
    async with console(stocked()) as operator:
        await operator.press("j", "e")
        await operator.sees("Events of job 2", "row 1/4")
        await operator.press("escape", "3")
        await operator.sees("Tasks")
        await operator.press("e")
        await operator.sees("Events of task 3", "row 1/1")


async def test_a_log_is_followed_until_f_says_otherwise() -> None:
    control = stocked()
    control.set_task(1, status="running")
    control.outputs[1] = b"".join(b"line %d\n" % number for number in range(100))
    async with console(control) as operator:
        await operator.press("3", "G", "l")
        await operator.sees("line 99", "following")
        control.outputs[1] += b"newest one\n"
        await operator.beat()
        await operator.sees("newest one")
        await operator.press("F", "g")
        await operator.sees("not following", "line 0")
        control.outputs[1] += b"unseen\n"
        await operator.beat()
        await operator.sees("line 1/102")
        assert "unseen" not in shown(operator.app)
        await operator.press("F")
        await operator.sees("unseen")


async def test_every_screen_shows_hostile_texts_as_glyphs() -> None:
    control = FakeControl()
    job = control.add_job(HOSTILE)
    task = control.add_task(
        job, HOSTILE, status="failed", attempts=1, queue=HOSTILE, error={"message": HOSTILE}, name=HOSTILE
    )
    control.outputs[task] = HOSTILE.encode()
    async with console(control, size=(160, 40)) as operator:
        for keys in (("2",), ("enter",), ("escape", "3"), ("enter",), ("l",), ("escape", "escape", "7")):
            await operator.press(*keys)
            await operator.sees("␛[31m")
            for line in strips_of(operator.app.screen):
                assert line.isprintable(), line
        await operator.press("2", "x")
        await operator.until(lambda: "Cancel job" in shown(operator.app), "no question")
        assert VISIBLE in shown(operator.app)
        assert all(line.isprintable() for line in strips_of(operator.app.screen))
        await operator.press("y")
        await operator.hears("1 changed")
        assert all(line.isprintable() for line in strips_of(operator.app.screen))


async def test_a_read_that_fails_is_told_in_the_head_and_forgotten_when_it_works_again() -> None:
    control = stocked()
    async with console(control) as operator:
        control.broken = Unavailable("store.busy", "the store is busy")
        await operator.beat()
        await operator.sees("! the store is busy", "nightly")
        control.broken = None
        await operator.beat()
        await operator.misses("the store is busy")


async def test_help_names_the_keys_of_the_screen_below_and_escape_closes_it() -> None:
    async with console(stocked()) as operator:
        await operator.press("3")
        await operator.sees("Tasks")
        await operator.press("question_mark")
        await operator.sees("hold a task, or release it", "next row")
        await operator.press("G")
        await operator.sees("back; from the first screen: leave")
        await operator.press("escape")
        await operator.sees("parse")
        assert isinstance(operator.app.screen, TasksScreen)


async def test_the_palette_leads_to_a_screen() -> None:
    async with console(stocked()) as operator:
        await operator.press("ctrl+p")
        await operator.type("queues")
        await operator.press("enter")
        await operator.sees("default", "RUNNING")


async def test_every_screen_is_drawn_at_every_size() -> None:
    async with console(stocked()) as operator:
        for size in ((60, 15), (20, 5)):
            await operator.resize(*size)
            for keys in (("2",), ("j", "enter"), ("escape", "3"), ("enter",), ("escape", "7")):
                await operator.press(*keys)
                lines = strips_of(operator.app.screen)
                assert len(lines) == size[1]
