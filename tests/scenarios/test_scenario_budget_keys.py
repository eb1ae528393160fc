"""A spent budget is raised by keys, and what waited starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import CONSOLE
from tests.support.homes import Home
from tests.support.terminal import Terminal

CONFIG = """slots = 2
[pools.paid]
slots = 2
[budgets.team]
unit = "usd"
max = 1.5
per = "day"
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    home.path.mkdir(mode=0o700)
    (home.path / "config.toml").write_text(CONFIG)
    yield home
    home.end()


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=["120x40", "80x24"])
def test_a_spent_budget_is_seen_and_raised_and_the_task_that_waited_starts(
    place: Home, size: tuple[int, int]
) -> None:
    with Terminal([*CONSOLE, "--home", str(place.path)], size=size) as terminal:
        terminal.sees(" Pulse  idle")
        place.has_engine()
        for _ in range(2):
            asked = place.run("exec", "--detach", "--cost", "usd=1.5", "--", "true")
            assert asked.returncode == 0, asked.stderr
        place.waits_for("SELECT status, count(*) FROM task GROUP BY 1", ("queued", 1), ("succeeded", 1))
        terminal.press("6")
        terminal.sees("Budgets  1 budget  1 spent", "team", "✗ spent", "1.5 usd", "1 task")
        terminal.sees("BUDGET  STATE")
        terminal.press("B")
        terminal.sees("New maximum of team, now 1.5 usd")
        terminal.press("+2", "enter")
        terminal.sees("for this window only")
        terminal.press("g")
        terminal.sees("Plan: set team to 3.5 usd", "then      3.5 usd, for good")
        terminal.press("the invoice is paid", "enter")
        terminal.sees("y applies it")
        terminal.press("y")
        place.waits_for("SELECT status, count(*) FROM task GROUP BY 1", ("succeeded", 2))
        terminal.sees("✓ open", "3.5 usd", "settled 3")
        terminal.press("7")
        terminal.sees("Pools and Queues  1 pool  slots 0/2", "paid", "○○ 0/2")
        terminal.press("+")
        terminal.sees("Resize pool paid: 2 -> 3 slots? [y/N]")
        terminal.press("y")
        terminal.sees("○○○ 0/3")
        terminal.press("q")
        terminal.ends()
    assert b"Traceback" not in bytes(terminal.written)
    told = place.run("--plain")
    assert "budget team: open; settled 3 usd" in told.stdout, told.stderr
    assert "the invoice is paid" in told.stdout
