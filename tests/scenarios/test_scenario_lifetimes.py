"""How long an engine lives while consoles come, leave and hang up."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.app.engine_process import LOG
from core.host import find_process
from tests.support.homes import LEAVES, Home
from tests.support.terminal import Terminal
from tests.support.waiting import DEADLINE, until_now


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.end()


def console(place: Home, *words: str) -> Terminal:
    settings = {"TASKDECK_HOME": str(place.path), "PYTHONPATH": str(place.package), "TASKDECK_LINGER": LEAVES}
    return Terminal(place.argv(*words), size=(100, 30), environ=settings)


def ends_by_itself(place: Home) -> None:
    until_now(lambda: not place.owned, "the engine ends by itself")


def gated(folder: Path) -> str:
    """Write a workflow whose one task waits for a file; return its path."""
    script = f"until test -e {folder}/gate; do sleep 0.05; done"
    task = {"key": "a", "uses": "shell", "with": {"script": script}}
    path = folder / "gate.json"
    path.write_text(json.dumps({"name": "gate", "tasks": [task]}))
    return str(path)


def gate(place: Home, folder: Path) -> None:
    """Submit a job whose one task waits for a file."""
    assert place.run("run", gated(folder), "--detach").returncode == 0
    place.waits_for("SELECT status FROM attempt", ("running",))


def test_a_terminal_that_hangs_up_leaves_engine_and_children_alive(place: Home, tmp_path: Path) -> None:
    with console(place) as terminal:
        terminal.sees("Jobs")
        engine = place.has_engine()
        gate(place, tmp_path)
        terminal.hang_up()
        until_now(lambda: terminal.process.poll() is not None, "the console has ended")
    assert find_process(engine)
    assert place.engine == engine
    (tmp_path / "gate").touch()
    place.waits_for("SELECT epoch, status FROM attempt", (1, "succeeded"))
    ends_by_itself(place)
    assert place.rows("SELECT epoch FROM engine") == [(1,)]


def test_an_idle_engine_ends_by_itself_after_its_console_was_killed(place: Home) -> None:
    with console(place) as terminal:
        terminal.sees("Jobs")
        place.has_engine()
        terminal.process.send_signal(signal.SIGKILL)
        terminal.process.wait()
    ends_by_itself(place)


def test_two_consoles_that_start_at_once_share_one_engine_and_the_first_may_leave(place: Home) -> None:
    with console(place) as first, console(place) as second:
        for terminal in (first, second):
            terminal.sees("Jobs")
        engine = place.has_engine()
        until_now(lambda: place.rows("SELECT count(*) FROM job") == [(1,)], "the store is there")
        first.misses("NO ENGINE")
        second.misses("NO ENGINE")
        first.press("q")
        assert first.ends() == 0
        assert place.run("exec", "--", "true").returncode == 0
        second.misses("NO ENGINE")
        assert place.engine == engine
        second.press("q")
        assert second.ends() == 0
    ends_by_itself(place)
    assert place.rows("SELECT epoch FROM engine") == [(1,)]


def test_two_runs_at_once_share_one_engine(place: Home, tmp_path: Path) -> None:
    runs = [place.start("run", gated(tmp_path)) for _ in range(2)]
    # Neither may be through before the other has come.
    place.waits_for("SELECT count(*) FROM job WHERE id > 1", (2,))
    (tmp_path / "gate").touch()
    ends = [run.communicate(timeout=DEADLINE) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], ends
    assert place.rows("SELECT epoch FROM engine") == [(1,)]
    assert place.rows("SELECT status FROM job WHERE id > 1") == [("succeeded",)] * 2


def test_a_detached_run_starts_no_engine_beside_the_one_that_runs(place: Home, tmp_path: Path) -> None:
    place.start("serve")
    place.has_engine()
    # It would wait for its turn unseen, and own the home as soon as the first engine is killed.
    gate(place, tmp_path)
    assert not (place.path / "logs" / LOG).exists()


def test_a_drain_waits_for_what_runs_and_says_so(place: Home, tmp_path: Path) -> None:
    place.start("serve")
    place.has_engine()
    gate(place, tmp_path)
    stop = place.start("stop", "--drain")
    assert stop.stderr is not None
    assert stop.stderr.readline() == b"draining: 1 running\n"
    assert place.owned
    (tmp_path / "gate").touch()
    assert stop.communicate(timeout=DEADLINE)[0].startswith(b"the engine (process ")
    assert place.rows("SELECT status FROM attempt") == [("succeeded",)]
    assert place.run("stop", "--drain", "--kill").returncode == 2


def test_an_embedded_engine_serves_others_too_and_ends_with_its_console(place: Home, tmp_path: Path) -> None:
    with console(place, "--embedded") as terminal:
        terminal.sees("Jobs")
        assert place.has_engine() == terminal.process.pid
        gate(place, tmp_path)
        refused = place.run("serve")
        assert refused.returncode == 4
        terminal.press("q")
        terminal.sees("its engine ends with this console")
        terminal.press("r")
        terminal.sees("Drain the engine for everyone?")
        terminal.press("y")
        terminal.sees("waiting for what still runs")
        (tmp_path / "gate").touch()
        assert terminal.ends() == 0
    assert not place.owned
    assert place.rows("SELECT status FROM attempt") == [("succeeded",)]
    assert not (place.path / "engine.sock").exists()


def test_an_embedded_engine_does_not_take_a_home_that_another_one_has(place: Home) -> None:
    place.start("serve")
    engine = place.has_engine()
    with console(place, "--embedded") as terminal:
        assert terminal.ends() == 4
        assert "error[engine.running]" in terminal.picture()
        assert "without --embedded" in terminal.picture()
    os.kill(engine, signal.SIGTERM)
    place.has_none()


def ended_in_order(place: Home, terminal: Terminal) -> None:
    """Hold a console that was asked to end to giving back the terminal, and to ending its engine."""
    assert terminal.ends() == 130
    assert b"Traceback" not in terminal.written
    assert terminal.written.count(b"\x1b[?1049h") == terminal.written.count(b"\x1b[?1049l")
    assert terminal.written.rfind(b"\x1b[?25l") <= terminal.written.rfind(b"\x1b[?25h")
    assert place.rows("SELECT kind FROM event WHERE kind LIKE 'engine.%' ORDER BY id") == [
        ("engine.started",),
        ("engine.stopped",),
    ]
    assert not place.owned
    assert not (place.path / "engine.sock").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_an_embedded_engine_ends_with_a_console_that_is_interrupted_while_it_starts(
    place: Home, number: signal.Signals
) -> None:
    with console(place, "--embedded") as terminal:
        # The engine is about to answer, and the screen is not up yet.
        until_now(lambda: place.rows("SELECT kind FROM event"), "the engine starts")
        terminal.process.send_signal(number)
        ended_in_order(place, terminal)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda one: one.name)
def test_a_console_that_is_asked_to_end_gives_the_terminal_back_first(
    place: Home, number: signal.Signals
) -> None:
    with console(place, "--embedded") as terminal:
        terminal.sees("Jobs")
        place.has_engine()
        terminal.process.send_signal(number)
        ended_in_order(place, terminal)


def test_an_embedded_engine_goes_with_a_terminal_that_hangs_up(place: Home) -> None:
    with console(place, "--embedded") as terminal:
        terminal.sees("Jobs")
        place.has_engine()
        terminal.hang_up()
        until_now(lambda: terminal.process.poll() is not None, "the console has ended")
    assert not place.owned
