"""A walk through each part of the console, by keys alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.files.operator_file import FOLDER
from tests.support.commands import CONSOLE
from tests.support.homes import Home
from tests.support.terminal import Terminal, kinds

PAINTED = 800
"""Bytes that a whole screen takes at the least."""

WORKFLOW = {
    "name": "nightly",
    "on_task_failure": "finish",
    "tasks": [
        {
            "key": "fetch",
            "uses": "shell",
            "with": {"script": "echo asks; echo 'connection refused' >&2; exit 65", "stderr": "separate"},
        },
        {"key": "slow", "uses": "delay", "with": {"seconds": 600}},
        {"key": "after", "needs": ["slow"], "uses": "delay", "with": {"seconds": 0}},
    ],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """Return a served home: one task failed, one runs, one waits for that."""
    folder = tmp_path_factory.mktemp("parts")
    home = Home(folder / "home")
    home.start("serve")
    home.has_engine()
    (folder / "nightly.json").write_text(json.dumps(WORKFLOW))
    started = home.run("run", "--detach", str(folder / "nightly.json"))
    assert started.returncode == 0, started.stderr
    home.waits_for(
        "SELECT key, status FROM task ORDER BY key",
        ("after", "blocked"),
        ("fetch", "failed"),
        ("slow", "running"),
    )
    yield home
    home.end()


@pytest.fixture(params=[(120, 40), (80, 24)], ids=["120x40", "80x24"])
def terminal(request: pytest.FixtureRequest, place: Home, tmp_path: Path) -> Iterator[Terminal]:
    # A console begins where the operator's last one, that of the other size, was left.
    shutil.rmtree(place.path / FOLDER, ignore_errors=True)
    argv = [*CONSOLE, "--home", str(place.path)]
    with Terminal(argv, size=request.param, environ={"TMPDIR": str(tmp_path)}) as terminal:
        terminal.sees(" Pulse  working")
        yield terminal
        assert b"Traceback" not in bytes(terminal.written)


def row_of(terminal: Terminal, *texts: str) -> int:
    """Wait for a line that holds all texts; return its number, from 0."""

    def found() -> list[int]:
        lines = terminal.picture().splitlines()
        return [number for number, line in enumerate(lines) if all(text in line for text in texts)]

    terminal.until(found, f"no line with {texts}")
    return found()[0]


def causes_and_families(terminal: Terminal) -> None:
    """Parts 3 and 4: what fails says its cause, is a family, and leads to its tasks."""
    row_of(terminal, "failing", "exit 65", "connection refused")
    terminal.press("enter")
    terminal.sees("/ family:")
    row_of(terminal, "fetch", "✗ failed", "exit 65")


def logs(terminal: Terminal) -> None:
    """Part 2: both streams in one log, marked, searched, with times; one stream alone."""
    terminal.press("l")
    terminal.sees(" Log of task", "  asks", "┃ connection refused")
    terminal.press("/", "REFUSED", "enter")
    terminal.sees("match 1/1")
    terminal.press("t")
    row_of(terminal, ":", "┃ connection refused")
    terminal.press("t", "s")
    terminal.misses("┃ connection refused")
    terminal.press("s")
    terminal.sees("STANDARD ERROR", "connection refused")
    terminal.press("q")
    row_of(terminal, "fetch", "✗ failed")


def traps(terminal: Terminal) -> None:
    """Part 1: a new order begins at its top, marks are what is drawn, Ctrl+P says why not."""
    terminal.press("3", "/", "ctrl+u", "enter")
    terminal.misses("/ family:")
    terminal.sees("row 1/3")
    terminal.press("down", ">")
    terminal.sees("row 1/3")
    terminal.press("<", "*")
    terminal.sees("marks 3 (by filter)")
    terminal.press("escape")
    terminal.misses("marks 3")
    terminal.press("ctrl+p", "pager")
    terminal.sees("show the output in $PAGER")
    terminal.press("escape")
    terminal.misses("show the output in $PAGER")
    terminal.press("q")
    terminal.sees("Work is under way")
    terminal.press("n")
    terminal.misses("Work is under way")
    # Two keys in one piece are two keys.
    terminal.press("23")
    terminal.sees(" Tasks", "row 1/3")
    terminal.press(":", "#2", "enter")
    terminal.sees("2 is a job and a task")
    terminal.press("escape")
    terminal.misses("2 is a job and a task")


def reasons(terminal: Terminal) -> None:
    """Part 6: the list says what a task waits for, `w` why and what ends it."""
    terminal.press("/", "ctrl+u", "key:after", "enter")
    terminal.sees("/ key:after", "WAITS FOR", "slow")
    row_of(terminal, "after", "◇ blocked", "slow")
    terminal.press("w")
    terminal.sees(" Why task", "it needs slow (running)", "the end of slow")
    terminal.press("escape")
    row_of(terminal, "after", "◇ blocked")


def times(terminal: Terminal) -> None:
    """Part 5: the longest first, and the same job as list, graph and timeline."""
    terminal.press("escape", "/", "ctrl+u", "sort:-took", "enter")
    terminal.sees("TOOK▼")
    row_of(terminal, "slow", "● running")
    terminal.press("2", "enter")
    terminal.sees(" Job 2  nightly", "● running")
    terminal.press("v")
    row_of(terminal, "● slow", "◇ after")
    terminal.press("v")
    terminal.sees("slots used", "█ runs")
    terminal.press("v")
    row_of(terminal, "fetch", "✗ failed")


def across_time(terminal: Terminal) -> None:
    """Part 7: a note for who comes next, and the jobs as they were."""
    terminal.press(":", "handoff", "enter")
    terminal.sees(" handoff of ", "fails", "job 2 nightly: running")
    terminal.press(":", "at 1s ago", "enter")
    terminal.sees("AS OF ", "read-only")
    terminal.press("escape")
    terminal.misses("AS OF ")


def looks(terminal: Terminal) -> None:
    """Part 9: the strip of screens with what wants attention; keys without room leave a mark."""
    terminal.press("2")
    # Names are cut where the screen is narrow.
    terminal.sees("1 Pulse  2 Jobs", "4 Retr", "✗1")
    assert terminal.settled().splitlines()[-1].rstrip().endswith(("…", "leave"))
    # Colours of the 256 that a plain terminal has, and none that it would have to guess.
    drawn = kinds(bytes(terminal.written))
    assert "SGR 38;5" in drawn
    assert not {"SGR 38;2", "SGR 48;2"} & drawn


def accessible(terminal: Terminal, place: Home) -> None:
    """Part 10: the cursor of the terminal stands on the row, and lines say what screens say."""
    terminal.press("3", "/", "ctrl+u", "sort:id", "enter")
    terminal.sees("TASK▲", "row 1/3")
    line = row_of(terminal, "fetch", "✗ failed")
    terminal.until(lambda: terminal.cursor == (0, line), "the cursor is not on the first row")
    terminal.press("down")
    terminal.until(lambda: terminal.cursor == (0, line + 1), "the cursor is not on the second row")
    plain = place.run("--plain").stdout
    assert all(text in plain for text in ("exit 65", "slow", "running", "blocked"))


def habits(terminal: Terminal) -> None:
    """Part 8: jump from a task to its job; Ctrl+C says how to leave, Ctrl+L paints anew."""
    terminal.press("J")
    terminal.sees("job 2")
    terminal.press("escape", "ctrl+c")
    terminal.sees("q leaves")
    written = len(terminal.written)
    terminal.press("ctrl+l")
    terminal.until(lambda: len(terminal.written) - written > PAINTED, "nothing was painted again")
    terminal.press("3", "/", "ctrl+u", "sort:-id", "enter")
    terminal.sees("TASK▼", "row 1/3")


def begins_where_it_was_left(terminal: Terminal) -> None:
    """Part 8: the last screen and its order are those of the same operator's next console."""
    terminal.sees(" Tasks", "TASK▼", "/ sort:-id")


def test_each_part_keeps_what_it_promises(terminal: Terminal, place: Home) -> None:
    causes_and_families(terminal)
    logs(terminal)
    traps(terminal)
    reasons(terminal)
    times(terminal)
    across_time(terminal)
    looks(terminal)
    accessible(terminal, place)
    habits(terminal)
    terminal.press("q")
    terminal.sees("Work is under way")
    terminal.press("d")
    assert terminal.ends() == 0
    with Terminal([*CONSOLE, "--home", str(place.path)], size=terminal.size) as again:
        begins_where_it_was_left(again)
