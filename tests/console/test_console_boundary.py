"""The boundary keeps the console alive: whatever fails, when, and how often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.widget import MountError

from console.dialogs.help import HelpDialog
from console.screens.failed import FailedScreen
from console.screens.lists import JobsScreen, TasksScreen
from console.screens.pulse import PulseScreen
from console.sessions import screen
from console.shell.app import ConsoleApp, ConsoleOptions
from console.widgets.table import Table
from core.model.errors import MachineShort
from tests.console.support_console import console, shown
from tests.console.support_fake_control import FakeControl
from tests.support.waiting import DEADLINE, until


def stocked() -> FakeControl:
    """Return a control with two jobs and four tasks."""
    control = FakeControl()
    job = control.add_job("nightly")
    control.add_job("weekly")
    for number in range(4):
        control.add_task(job, f"t{number + 1}", status="queued")
    return control


def broken(*_: object, **__: object) -> None:
    raise KeyError("broken on purpose")


FAILED = "Something went wrong (KeyError)"


@asynccontextmanager
async def alone() -> AsyncIterator[Watch]:
    """Run a console without a pilot, which would wait for widgets that have died."""
    app = ConsoleApp(stocked(), ConsoleOptions(tick=0))
    running = asyncio.create_task(app.run_async(headless=True, size=(120, 40)))
    yield Watch(app)
    app.exit()
    await asyncio.wait_for(running, DEADLINE)


class Watch:
    """Presses keys and looks, whatever has died."""

    def __init__(self, app: ConsoleApp) -> None:
        self.app = app

    def press(self, key: str) -> None:
        self.app.post_message(events.Key(key, key if len(key) == 1 else None))

    async def sees(self, *texts: str) -> None:
        """Wait until all texts are on the screen."""
        await until(lambda: all(text in self._picture() for text in texts), f"{texts} are shown")

    def _picture(self) -> str:
        return shown(self.app) if self.app.is_running and len(self.app.screen_stack) else ""


@pytest.mark.parametrize("method", ["on_mount", "compose", "on_screen_resume", "title_line"])
async def test_a_first_screen_that_fails_at_the_start_can_be_left_and_wanted_back(
    monkeypatch, method
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(PulseScreen, method, broken)
        async with alone() as watch:
            await watch.sees(FAILED, "broken on purpose")
            watch.press("2")
            await watch.sees("nightly", "weekly")
            watch.press("1")
            await watch.sees(FAILED)
            first = watch.app.screen
            watch.press("ctrl+r")
            await until(lambda: watch.app.screen is not first, "it is tried again")
            await watch.sees(FAILED, "broken on purpose")
            patch.undo()
            watch.press("ctrl+r")
            await watch.sees("WHAT FAILS", "WHAT WAITS")
            watch.press("2")
            await watch.sees("nightly", "weekly")


async def test_a_widget_that_cannot_be_mounted_takes_its_screen_and_no_other(monkeypatch) -> None:
    async with console(stocked()) as operator:
        with monkeypatch.context() as patch:
            patch.setattr(Table, "on_mount", broken, raising=False)
            await operator.press("3")
            await operator.sees(FAILED)
        await operator.press("ctrl+r")
        await operator.sees("t4")


async def test_two_faults_in_a_row_on_a_first_screen_are_one_failure(monkeypatch) -> None:
    async with console(stocked()) as operator:
        screen = operator.app.screen
        monkeypatch.setattr(screen, "on_table_moved", broken)
        monkeypatch.setattr(screen, "action_open", broken)
        screen.call_later(broken)
        screen.table.call_later(broken)
        await operator.press("enter", "j", "enter")
        await operator.sees(FAILED)
        await operator.press("ctrl+r")
        await operator.sees("nightly", "weekly")
        for _ in range(3):
            monkeypatch.setattr(operator.app.screen, "action_open", broken)
            await operator.press("enter")
            await operator.sees(FAILED)
            await operator.press("ctrl+r")
            await operator.sees("nightly", "weekly")


async def test_a_screen_that_fails_behind_another_is_replaced_when_it_is_seen_again() -> None:
    async with console(stocked()) as operator:
        jobs = operator.app.screen
        await operator.press("3")
        await operator.sees("t4")
        jobs.call_later(broken)
        await operator.pilot.pause()
        assert isinstance(operator.app.screen, TasksScreen), "what is seen is not to blame"
        await operator.press("2")
        await operator.sees(FAILED)
        await operator.press("ctrl+r")
        await operator.sees("nightly")
        assert isinstance(operator.app.screen, JobsScreen)


async def test_a_dialog_that_fails_goes_and_says_why() -> None:
    async with alone() as watch:
        await watch.sees("WHAT FAILS")
        watch.press("colon")
        await watch.sees("Go to")
        watch.app.screen.call_later(broken)
        await watch.sees("WHAT FAILS", "KeyError")
        watch.press("2")
        await watch.sees("nightly")


async def test_a_help_that_fails_goes_too(monkeypatch) -> None:
    async with console(stocked()) as operator:
        with monkeypatch.context() as patch:
            patch.setattr(HelpDialog, "on_mount", broken)
            await operator.press("question_mark")
            await operator.hears("KeyError")
        await operator.press("3")
        await operator.sees("t4")


async def test_what_stands_for_a_failure_is_not_replaced_when_it_fails_itself(monkeypatch) -> None:
    ended: list[Exception] = []
    monkeypatch.setattr(App, "_handle_exception", lambda _, error: ended.append(error))
    async with console(stocked()) as operator:
        monkeypatch.setattr(operator.app.screen, "action_open", broken)
        await operator.press("enter")
        await operator.until(lambda: isinstance(operator.app.screen, FailedScreen), "it stands")
        failed = operator.app.screen
        monkeypatch.setattr(failed, "action_back", broken)
        await operator.press("escape")
        await operator.until(lambda: ended, "the app hears of it")
        assert operator.app.screen is failed


async def test_a_screen_that_is_taken_away_while_it_is_made_is_not_told_of(monkeypatch) -> None:
    app = ConsoleApp(stocked(), ConsoleOptions(tick=0))

    def leave(screen: PulseScreen) -> ComposeResult:
        app.exit()
        # As Textual says it of a screen that it has taken away in the meantime.
        raise MountError(f"Can't mount widget(s) before {screen!r} is mounted")

    monkeypatch.setattr(PulseScreen, "compose", leave)
    await asyncio.wait_for(app.run_async(headless=True, size=(120, 40)), DEADLINE)
    assert app.return_code == 0
    assert app._exception is None


async def test_a_console_without_threads_ends_by_name_without_a_traceback(capsys) -> None:
    async with alone() as watch:
        await until(lambda: watch.app.is_running, "it runs")
        watch.app.boundary._fatal(RuntimeError("can't start new thread"))
    assert watch.app.short is not None
    assert watch.app.short.code == "short.threads"
    assert "Traceback" not in capsys.readouterr().err


async def test_what_such_a_console_was_short_of_is_the_end_of_its_command() -> None:
    class Ended:
        short = MachineShort("short.threads", "no more threads can be started", hint="raise `ulimit -v`")

        async def run_async(self, *, mouse: bool) -> None:
            assert not mouse

    with pytest.raises(MachineShort):
        await screen._run_until_signalled(Ended(), mouse=False, unpacked=None)
