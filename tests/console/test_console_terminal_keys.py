"""Tests of Ctrl+L, Ctrl+Z, Ctrl+C and the mouse."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from console.engine_lifecycle.starters import EmbeddedEngine
from console.shell.app import ConsoleApp, ConsoleOptions
from core.model.decks import DeckName
from tests.console.support_console import Operator, console
from tests.console.support_fake_control import FakeControl
from tests.support.homes import Home
from tests.support.terminal import Terminal


class Beside:
    def stop(self) -> None:
        raise AssertionError("it is stopped")


async def test_control_c_says_how_to_leave_in_our_words() -> None:
    async with console(FakeControl()) as operator:
        await operator.press("ctrl+c")
        await operator.hears("q leaves (from any screen: Ctrl+P, quit)")
        assert operator.app.is_running


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (ConsoleOptions(tick=0, deck=DeckName(host="user@box")), "not over --host"),
        (ConsoleOptions(tick=0, starter=EmbeddedEngine(Beside())), "the engine runs in this process"),
        (ConsoleOptions(tick=0), "this terminal cannot suspend"),
    ],
)
async def test_a_console_that_must_not_stand_still_says_why(options: ConsoleOptions, why: str) -> None:
    app = ConsoleApp(FakeControl(), options)
    async with app.run_test() as pilot:
        operator = Operator(app, pilot)
        await operator.press("ctrl+z")
        await operator.hears(why)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_the_screen_is_drawn_again_and_the_shell_is_one_key_away(tmp_path: Path, size) -> None:
    home = Home(tmp_path / "home")
    command = shlex.join(home.argv("--home", str(home.path)))
    try:
        with Terminal(["bash", "--norc", "--noprofile", "-i"], size=size) as terminal:
            terminal.press(f"{command}\r")
            terminal.sees(" Pulse  idle")
            terminal.settled()
            # As a program in the background does.
            before, drawn = terminal.picture(), len(terminal.written)
            terminal.press("ctrl+l")
            terminal.until(lambda: b" Pulse" in bytes(terminal.written[drawn:]), "nothing is drawn again")
            assert terminal.settled() == before
            terminal.press("ctrl+z")
            terminal.sees("Stopped")
            terminal.press("echo shell-$((6 * 7))\r")
            terminal.sees("shell-42")
            terminal.press("fg\r")
            terminal.sees(" Pulse  idle")
            assert terminal.settled() == before
            terminal.press("2")
            terminal.sees(" Jobs")
            terminal.press("1", "q")
            left = b"\x1b[?1049l"
            terminal.until(lambda: bytes(terminal.written).count(left) == 2, "the console stays")
            # What is typed before the shell reads again may be dropped with the settings of the terminal.
            terminal.until(
                lambda: b"bash-" in bytes(terminal.written).rpartition(left)[2],
                "the shell does not come back",
            )
            terminal.press("exit\r")
            terminal.ends()
    finally:
        home.end()


def mouse(button: int, x: int, y: int) -> str:
    """Return what a terminal reports of a button pressed and let go, at a cell from 1."""
    return f"\x1b[<{button};{x};{y}M\x1b[<{button};{x};{y}m"


def test_the_mouse_is_used_when_asked_for_and_remembered_but_not_over_ssh(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    try:
        for _ in range(10):
            assert home.run("exec", "--detach", "--", "true").returncode == 0
        home.waits_for("SELECT count(*) FROM task WHERE status = 'succeeded'", (10,))
        with Terminal(home.argv("--home", str(home.path)), size=(100, 30)) as terminal:
            terminal.sees(" Pulse")
            terminal.press("3")
            terminal.sees("row 1/10")
            assert b"\x1b[?1000h" not in bytes(terminal.written)
            terminal.press("ctrl+o")
            terminal.sees("wheel moves, a click chooses")
            terminal.press(mouse(0, 10, 6))
            terminal.sees("row 3/10")
            terminal.press("\x1b[<65;10;6M")
            terminal.sees("row 6/10")
            terminal.press(mouse(0, 4, 3))
            terminal.sees("TASK▲", "row 1/10")
            terminal.press("1", "q")
            terminal.ends()
            assert b"\x1b[?1000l" in bytes(terminal.written)
        for connection, is_used in ((None, True), ("192.0.2.1 1 192.0.2.2 22", False)):
            settings = {"SSH_CONNECTION": connection}
            with Terminal(home.argv("--home", str(home.path)), environ=settings) as terminal:
                terminal.sees(" Pulse")
                terminal.press("q")
                terminal.ends()
                assert (b"\x1b[?1000h" in bytes(terminal.written)) is is_used
    finally:
        home.end()
