"""Engines and consoles are killed, and neither takes anything from the other."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.homes import LEAVES, Home
from tests.support.terminal import Terminal
from tests.support.waiting import until_now

NUMBER = 5


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.end()


def gates(place: Home) -> Path:
    """Submit a job with tasks that wait for one file; return the file."""
    folder = place.path.parent
    script = f"until test -e '{folder}/gate'; do sleep 0.1; done"
    tasks = [{"key": f"gate_{n}", "uses": "shell", "with": {"script": script}} for n in range(NUMBER)]
    (folder / "gates.json").write_text(json.dumps({"name": "gates", "tasks": tasks}))
    assert place.run("run", str(folder / "gates.json"), "--detach").returncode == 0
    return folder / "gate"


def console(place: Home) -> Terminal:
    settings = {"TASKDECK_HOME": str(place.path), "PYTHONPATH": str(place.package), "TASKDECK_LINGER": LEAVES}
    return Terminal(place.argv(), size=(100, 30), environ=settings)


def closed_up(terminal: Terminal) -> str:
    """Return what is on the screen with single blanks, however wide its columns are."""
    return " ".join(terminal.picture().split())


def kill_engine(place: Home) -> None:
    os.kill(place.engine, signal.SIGKILL)
    place.has_none()


def test_a_console_outlives_its_engine_and_comes_back_to_the_same_row_under_the_same_filter(
    place: Home,
) -> None:
    with console(place) as terminal:
        terminal.sees("slots 0/")
        place.has_engine()
        gate = gates(place)
        terminal.press("3", "/", "key:gate*", "enter")
        terminal.sees("/ key:gate*", *(f"gate_{n}" for n in range(NUMBER)), f"filter {NUMBER}/")
        # The newest stands first; marking the third moves the cursor to the fourth.
        terminal.press("j", "j", "space")
        terminal.sees("marks 1")
        terminal.until(lambda: "* 3 2 gates gate_2" in closed_up(terminal), "the mark is not shown")
        kill_engine(place)
        terminal.sees("NO ENGINE", "STALE", "/ key:gate*", "marks 1", *(f"gate_{n}" for n in range(NUMBER)))
        # A verb without an engine is refused in words, and the row stays as it is.
        terminal.press("x")
        terminal.sees("no engine")
        place.start("serve")
        terminal.misses("NO ENGINE", "STALE")
        terminal.sees("an engine is back", "marks 1", "/ key:gate*")
        gate.touch()
        place.waits_for("SELECT status, count(*) FROM task GROUP BY 1", ("succeeded", NUMBER))
        terminal.sees("succeeded", f"filter {NUMBER}/")
        # New rows above and rows that changed: the cursor is where its task is.
        gates(place)
        terminal.sees(f"filter {2 * NUMBER}/")
        terminal.press("enter")
        terminal.sees(" Task 2  gate_1", "succeeded")
        assert b"Traceback" not in bytes(terminal.written)


def test_an_engine_goes_on_as_if_nothing_were_when_its_console_is_killed(place: Home) -> None:
    with console(place) as terminal:
        terminal.sees("slots 0/")
        engine = place.has_engine()
        gate = gates(place)
        terminal.sees("● running")
        terminal.process.send_signal(signal.SIGKILL)
        terminal.process.wait()
    assert place.engine == engine
    gate.touch()
    place.waits_for("SELECT status FROM job WHERE id > 1", ("succeeded",))
    assert place.engine == engine
    found = place.run("events", "--job", "2", "--json")
    kinds = [json.loads(line)["kind"] for line in found.stdout.splitlines()]
    for kind in ("task.claimed", "task.succeeded"):
        assert kinds.count(kind) == NUMBER
    assert (kinds[-1], kinds.count("attempt.lost")) == ("job.succeeded", 0)
    until_now(lambda: not place.owned, "the engine ends by itself")
