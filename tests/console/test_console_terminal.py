"""Open the console on a real terminal and a real engine: first row, keys, no colour, leaving."""

from __future__ import annotations

import fcntl
import os
import re
import sys
from pathlib import Path

import pexpect
import pytest

BACKSPACE = "\x7f"
ROOT = Path(__file__).resolve().parents[2]
COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])\b[0-9;]*m")


class Terminal:
    """A console in a pseudo terminal, and all that it wrote."""

    def __init__(self, home: Path, **environ: str) -> None:
        kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLORTERM")}
        self.written = bytearray()
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "console.launch", "--home", str(home)],
            cwd=str(ROOT),
            env={**kept, "TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **environ},
            dimensions=(24, 80),
            timeout=30,
        )
        self.child.logfile_read = self

    def write(self, data: bytes) -> None:
        self.written += data

    def flush(self) -> None:
        return

    def sees(self, *patterns: str) -> None:
        for pattern in patterns:
            self.child.expect(pattern)

    def leave(self) -> int:
        self.child.send("q")
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


@pytest.mark.timeout(120)
def test_the_console_starts_an_engine_shows_it_without_colours_and_ends_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    terminal = Terminal(home, NO_COLOR="1")
    terminal.sees("slots 0/")
    terminal.child.send("7")
    terminal.sees("Queues")
    terminal.child.send("?")
    terminal.sees("Keys of this screen")
    terminal.child.send(BACKSPACE)
    terminal.sees("Queues")
    terminal.child.send("3")
    terminal.sees("Tasks")
    assert terminal.leave() == 0
    assert not COLOUR.search(bytes(terminal.written))
    with (home / "engine.lock").open() as lock:
        # Blocks as long as an engine lives; the time-out of the test is the deadline.
        fcntl.flock(lock, fcntl.LOCK_EX)
