"""Tests of a lost terminal: the console ends, also without a signal."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import CONSOLE
from tests.support.terminal import Terminal
from tests.support.waiting import until_now


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("trap : HUP; {}; true", id="the-shell-keeps-the-signal"),
        pytest.param("trap '' HUP; {}; true", id="signals-are-ignored"),
    ],
)
def test_a_console_without_its_terminal_ends_though_it_hears_of_no_hang_up(tmp_path: Path, said: str) -> None:
    home = tmp_path / "home"
    command = shlex.join([*CONSOLE, "--home", str(home)])
    with Terminal(["/bin/sh", "-c", said.format(command)]) as terminal:
        terminal.sees("Pulse", "slots 0/")
        terminal.hang_up()
        until_now(lambda: terminal.process.poll() is not None, "the console has ended")
    subprocess.run([*CONSOLE, "stop", "--home", str(home)], cwd=Path(__file__).parents[2], check=False)
