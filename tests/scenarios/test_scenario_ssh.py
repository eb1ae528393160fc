"""Console and commands here, engine there, through a real ssh that drops."""

from __future__ import annotations

import json
import os
import signal
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
def box(server: Box) -> Iterator[Box]:
    """Return the other machine, without the connections that the test before kept."""
    yield server
    server.hang_up()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Home]:
    """Return the data directory of the other machine."""
    home = Home(tmp_path / "far away")
    yield home
    home.end()


def gate(folder: Path) -> str:
    script = f"until test -e '{folder}/gate'; do sleep 0.05; done; echo through"
    flow = folder / "gate.json"
    task = {"key": "a", "uses": "shell", "with": {"script": script}}
    flow.write_text(json.dumps({"name": "gate", "tasks": [task]}))
    return str(flow)


def screen(box: Box, there: Home) -> Terminal:
    """Open the console on the engine there."""
    argv = [*there.argv("--host", BOX, "--home", str(there.path))]
    settings: dict[str, str | None] = {**box.environ(there), "PYTHONPATH": str(there.package)}
    return Terminal(argv, size=(100, 30), environ={**settings, "TASKDECK_HOME": None})


def test_a_dropped_line_costs_nothing_and_the_console_comes_back_by_itself(
    tmp_path: Path, box: Box, there: Home
) -> None:
    with screen(box, there) as terminal:
        terminal.sees("Jobs")
        engine = there.has_engine()
        there.run("run", gate(tmp_path), "--detach")
        terminal.press("2")
        terminal.sees("gate", "running")
        there.waits_for("SELECT status FROM task", ("running",))
        box.drop()
        (tmp_path / "gate").touch()
        there.waits_for("SELECT status FROM job WHERE id = 2", ("succeeded",))
        terminal.sees("gate", "succeeded")
        assert there.engine == engine
        terminal.press("q")
        assert terminal.ends() == 0
    assert there.rows("SELECT epoch, status FROM attempt") == [(1, "succeeded")]


def test_commands_read_and_change_there(tmp_path: Path, box: Box, there: Home) -> None:
    there.run("run", gate(tmp_path), "--detach")
    far = ("--host", BOX, "--home", str(there.path))
    environ = {**box.environ(there), "TASKDECK_HOME": str(tmp_path / "here")}
    (job,) = [
        row
        for row in map(json.loads, there.run("jobs", *far, "--json", **environ).stdout.splitlines())
        if row["name"] == "gate"
    ]
    assert (job["id"], job["status"]) == (2, "running")
    assert there.run("cancel", "2", *far, "--reason", "enough", **environ).stdout == "cancelled 1\n"
    there.waits_for("SELECT status FROM job WHERE id = 2", ("cancelled",))
    stopped = there.run("stop", *far, **environ)
    assert (stopped.returncode, stopped.stderr) == (0, "")
    there.has_none()
    again = there.run("stop", *far, **environ)
    assert again.returncode == 4
    assert again.stderr.startswith(f"error[engine.none]: {BOX}: no engine runs on {there.path}")
    assert not (tmp_path / "here").exists()


def test_without_a_terminal_the_overview_of_the_other_machine_is_written(box: Box, there: Home) -> None:
    done = there.run("--host", BOX, "--home", str(there.path), **box.environ(there))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"engine: pid {there.engine}, ")


@pytest.mark.parametrize(
    ("host", "more", "code"),
    [
        ("silent", {}, "host.unreachable"),
        (BOX, {"TASKDECK_REMOTE_COMMAND": "no-such-taskdeck"}, "host.taskdeck"),
        (BOX, {"TASKDECK_REMOTE_COMMAND": "echo hello; exit 2 #"}, "host.version"),
        (BOX, {"TASKDECK_REMOTE_COMMAND": "exit 9 #"}, "host.command"),
        (BOX, {"TASKDECK_SSH": "no-such-ssh"}, "host.ssh"),
    ],
    ids=["unreachable", "not installed", "too old", "strange", "no ssh"],
)
def test_what_is_wrong_on_the_way_is_told_apart(
    box: Box, there: Home, host: str, more: dict[str, str], code: str
) -> None:
    done = there.run("jobs", "--host", host, **{**box.environ(there), **more})
    assert done.returncode == 4
    assert done.stderr.startswith(f"error[{code}]: ")
    assert done.stderr.count("\n") == 2


def test_an_engine_that_cannot_start_there_is_told_before_the_screen(box: Box, there: Home) -> None:
    there.path.mkdir(mode=0o700)
    (there.path / "config.toml").write_text("slotz = 1\n")
    with screen(box, there) as terminal:
        assert terminal.ends() == 4
        shown = terminal.picture()
    assert "error[config.unknown]: box: " in shown
    assert "slotz" in shown
    assert b"\x1b[?1049h" not in bytes(terminal.written)


def test_the_wire_is_all_that_reaches_the_other_shell(box: Box, there: Home, tmp_path: Path) -> None:
    home = tmp_path / "a 'quoted' $HOME; touch owned"
    evil = Home(home)
    try:
        done = evil.run("queues", "--host", BOX, "--home", str(home), **box.environ(there))
        assert done.returncode == 0, done.stderr
        assert (home / "engine.lock").exists()
    finally:
        evil.end()
    assert not list(tmp_path.rglob("owned"))


def test_a_large_output_is_fetched_for_a_program_stopped_by_escape_and_never_left_behind(
    tmp_path: Path, box: Box, there: Home
) -> None:
    size = 24_000_000
    there.run("exec", "--detach", "--", "sh", "-c", f"yes 'a line of a large output' | head -c {size}")
    there.waits_for("SELECT status FROM task", ("succeeded",))
    copies, told = tmp_path / "copies", tmp_path / "told"
    copies.mkdir()
    pager = tmp_path / "pager"
    pager.write_text(
        f'#!/bin/sh\nwc -c < "$1" > {told}.new\nls {copies} >> {told}.new\nmv {told}.new {told}\n'
    )
    pager.chmod(0o755)
    argv = there.argv("--host", BOX, "--home", str(there.path))
    environ: dict[str, str | None] = {
        **box.environ(there),
        "PYTHONPATH": str(there.package),
        "TASKDECK_HOME": None,
        "PAGER": str(pager),
        "EDITOR": str(pager),
        "TMPDIR": str(copies),
    }
    with Terminal(argv, size=(80, 24), environ=environ) as terminal:
        terminal.sees("Pulse")
        terminal.press("3")
        terminal.sees("row 1/1", "succeeded")
        terminal.press("l")
        terminal.sees("a line of a large output")
        # It answers no more, so that the output is not fetched before the key comes.
        os.kill(there.engine, signal.SIGSTOP)
        try:
            terminal.press("|")
            terminal.sees("of 24.0 MB (Esc stops)", "STALE")
            terminal.press("escape")
            terminal.until(lambda: not list(copies.glob("taskdeck-*")), "what was fetched is removed")
        finally:
            os.kill(there.engine, signal.SIGCONT)
        assert not told.exists()
        for key in ("|", "E"):
            terminal.press(key)
            terminal.until(told.exists, "the program was shown")
            number, *folders = told.read_text().split()
            assert (int(number), len(folders)) == (size, 1)
            terminal.until(lambda: not list(copies.glob("taskdeck-*")), "the copy is removed")
            told.unlink()
        terminal.press("q")
        terminal.sees("row 1/1")
        terminal.press("q")
        assert terminal.ends() == 0


def test_health_there_is_told_with_the_exit_code_of_monitors(tmp_path: Path, box: Box, there: Home) -> None:
    far = ("--host", BOX, "--home", str(there.path))
    environ = {**box.environ(there), "TASKDECK_HOME": str(tmp_path / "here")}
    none = there.run("health", *far, **environ)
    assert (none.returncode, "engine.none" in none.stderr) == (4, True)
    there.run("run", gate(tmp_path), "--detach")
    said = there.run("health", *far, "--json", **environ)
    assert said.returncode in (0, 1), said.stderr
    told = json.loads(said.stdout)
    assert told["state"] in ("ok", "warning")
    assert {one["subject"] for one in told["subjects"]} >= {"engine", "store", "memory"}, told
    (tmp_path / "gate").touch()
    assert not (tmp_path / "here").exists()


def test_a_crontab_here_becomes_schedules_there(tmp_path: Path, box: Box, there: Home) -> None:
    far = ("--host", BOX, "--home", str(there.path))
    environ = {**box.environ(there), "TASKDECK_HOME": str(tmp_path / "here")}
    crontab = tmp_path / "crontab"
    crontab.write_text('MAILTO=""\n15 3 * * 1-5 echo nightly\n@reboot echo no\n')
    unsure = there.run("import", "crontab", str(crontab), *far, **environ)
    assert (unsure.returncode, "--zone" in unsure.stderr) == (2, True), unsure.stderr
    done = there.run("import", "crontab", str(crontab), *far, "--zone", "Europe/Berlin", **environ)
    assert "reboot" in done.stdout + done.stderr
    (row,) = there.rows("SELECT name, body FROM schedule")
    timing = json.loads(row[1])["timing"]
    assert (timing["cron"], timing["zone"]) == ("15 3 * * 1-5", "Europe/Berlin")
    listed = there.run("schedules", *far, "--json", **environ)
    assert row[0] in listed.stdout
    assert not (tmp_path / "here").exists()
