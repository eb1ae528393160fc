"""Tests of the console on a real terminal with a real engine."""

from __future__ import annotations

import fcntl
import os
import re
import select
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from console.terminal import driver
from console.terminal.driver import CountingDriver, EscapeFirst
from tests.console.support_console import console
from tests.console.support_fake_control import FakeControl
from tests.support.commands import CONSOLE
from tests.support.terminal import Terminal

COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])\b[0-9;]*m")


def test_the_console_starts_an_engine_shows_it_without_colours_and_ends_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Terminal([*CONSOLE, "--home", str(home)], environ={"NO_COLOR": "1"}) as terminal:
        terminal.sees("slots 0/")
        terminal.press("7")
        terminal.sees("Queues")
        terminal.press("?")
        terminal.sees("Keys of this screen")
        terminal.press("backspace")
        terminal.misses("Keys of this screen")
        terminal.press("?")
        terminal.sees("Keys of this screen")
        # In one piece, as a slow line brings them.
        terminal.press("\x1b:")
        terminal.sees("Go to")
        terminal.press("\x1b3")
        terminal.sees("Tasks")
        terminal.press("q")
        assert terminal.ends() == 0
    assert not COLOUR.search(bytes(terminal.written))
    with (home / "engine.lock").open() as lock:
        # Blocks as long as an engine lives; the time-out of the test is the deadline.
        fcntl.flock(lock, fcntl.LOCK_EX)


@pytest.mark.parametrize(
    ("written", "keys"),
    [
        ("\x1b1", ["escape", "1"]),
        ("\x1b/", ["escape", "slash"]),
        ("\x1bX", ["escape", "X"]),
        ("\x1b=", ["escape", "equals_sign"]),
        ("\x1bf", ["ctrl+right"]),
        ("\x1b[Aj", ["up", "j"]),
        ("\x1b\x1b[B", ["escape", "down"]),
    ],
)
def test_an_escape_in_one_piece_with_another_key_is_a_key_of_its_own(written: str, keys: list[str]) -> None:
    parser = EscapeFirst()
    found = [*parser.feed(written), *parser.feed("")]
    assert [getattr(event, "key", "") for event in found] == keys


async def test_nothing_is_looked_for_while_no_key_comes(monkeypatch) -> None:
    monkeypatch.setattr(driver, "_WHOLE_SECONDS", 0.0)
    looks: list[int | None] = []

    class Poll:
        def __init__(self) -> None:
            self._poll = select.poll()
            self.register = self._poll.register

        def poll(self, timeout: int | None) -> list[tuple[int, int]]:
            looks.append(timeout)
            return self._poll.poll(timeout)

    monkeypatch.setattr(driver, "select", SimpleNamespace(poll=Poll, POLLIN=select.POLLIN))
    keys, heard = os.pipe(), []
    async with console(FakeControl()) as operator:
        reader = CountingDriver(operator.app)
        reader.fileno = keys[0]
        monkeypatch.setattr(reader, "process_message", heard.append)
        monkeypatch.setattr(reader, "_disable_mouse_support", lambda: None)
        reader._key_thread = threading.Thread(target=reader.run_input_thread, daemon=True)
        reader._key_thread.start()
        for number in range(3):
            os.write(keys[1], b"j")
            await operator.until(lambda number=number: len(heard) > number, "a key was not heard")
        reader.disable_input()
        assert not reader._key_thread.is_alive()
        os.close(reader._leave)
    assert [event.key for event in heard] == ["j"] * 3
    assert looks == [None] * 4
    for descriptor in keys:
        os.close(descriptor)
