"""One console goes to other homes, and through ssh to a host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.homes import Home
from tests.support.sshd import BOX, Box
from tests.support.terminal import Terminal


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    box = Box(tmp_path_factory.mktemp("box") / "etc")
    yield box
    box.end()


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder whose name leaves room for others in a line."""
    return tmp_path_factory.mktemp("d")


@pytest.fixture
def homes(place: Path) -> Iterator[tuple[Home, Home, Home]]:
    homes = Home(place / "one"), Home(place / "two b"), Home(place / "far")
    yield homes
    for home in homes:
        home.end()


def _is_at(terminal: Terminal, home: Home) -> None:
    """Wait until the first line names a home; elsewhere it stands while the console still connects."""

    def is_at() -> bool:
        return terminal.picture().partition("\n")[0].rstrip().endswith(home.path.name)

    terminal.until(is_at, f"the console is not at {home.path}")


def _is_told(terminal: Terminal, *texts: str) -> None:
    """Wait for the words of a notice, wherever its lines are broken: that goes by the paths in it."""

    def is_told() -> bool:
        told = "".join(line.partition("▌")[2] for line in terminal.picture().splitlines())
        return all("".join(text.split()) in "".join(told.split()) for text in texts)

    terminal.until(is_told, f"{texts} are not told")


def test_a_console_goes_to_other_homes_and_hosts_and_its_habits_follow(
    server: Box, homes: tuple[Home, Home, Home], place: Path
) -> None:
    one, two, far = homes
    user = {"XDG_DATA_HOME": str(place / "user")}
    two.run("exec", "--detach", "--", "sh", "-c", "echo second")
    two.run("stop")
    environ: dict[str, str | None] = {**one.environ, **server.environ(far), **user, "TASKDECK_HOME": None}
    with Terminal(one.argv("--home", str(one.path)), size=(120, 30), environ=environ) as terminal:
        terminal.sees("Pulse", str(one.path))
        engine = one.has_engine()
        one.run("exec", "--detach", "--", "sleep", "600")
        one.waits_for("SELECT status FROM task", ("running",))
        terminal.press(f":home {place}/three\r")
        _is_told(terminal, "three does not exist", "still connected to")
        terminal.press(f":home {two.path}\r")
        terminal.sees("Work is under way")
        terminal.press("d")
        _is_at(terminal, two)
        terminal.press("3")
        terminal.sees("row 1/1", "KEY", "succeeded")
        # The engine of the first home goes on with its work.
        assert one.engine == engine
        terminal.press(":host silent\r")
        _is_told(terminal, "ssh cannot reach silent", "still connected to")
        terminal.press(f":host {BOX} {far.path}\r")
        _is_at(terminal, far)
        terminal.press(":home\r")
        terminal.sees("Other homes and hosts", "answers: serving, 1 of")
        terminal.press("two b\r")
        # The screen that was shown last there, not that of the host.
        terminal.sees("row 1/1", "KEY", "succeeded")
        terminal.press("q")
        assert terminal.ends() == 0
    listed = two.run("homes", "--json", **server.environ(far), **user).stdout.splitlines()
    known = [json.loads(line) for line in listed]
    assert [(row["host"], row["home"]) for row in known] == [
        (None, str(two.path)),
        (BOX, str(far.path)),
        (None, str(one.path)),
    ]
    assert {row["state"] for row in known} <= {"answers", "no engine"}
    assert two.run("homes", "--forget", str(one.path), **user).stdout == f"forgot {one.path}\n"
    assert two.run("homes", "--forget", f"{BOX}:{far.path}", **user).returncode == 0
    assert two.run("homes", "--forget", "nowhere", **user).stderr.startswith("error[home.unknown]: nowhere")
    assert one.engine == engine
