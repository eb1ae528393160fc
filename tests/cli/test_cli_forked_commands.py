"""Command lines that the tests fork end as executed ones do."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import commands
from tests.support.homes import Home
from tests.support.leftovers import MARK
from tests.support.surroundings import LOADED
from tests.support.waiting import DEADLINE, until_now


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "home")
    yield home
    home.end()


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (["jobs"], {}),
        (["jobs", "--nothing"], {}),
        (["tasks", "--help"], {"COLUMNS": "60"}),
        (["config", "check"], {"TASKDECK_SLOTS": "none"}),
        (["check", "flow.json"], {}),
        (["check", "-"], {}),
        (["stop"], {"TASKDECK_HOME": "elsewhere"}),
    ],
    ids=lambda value: " ".join(value),
)
def test_a_forked_command_ends_as_an_executed_one(
    place: Home, words: list[str], environ: dict[str, str]
) -> None:
    (place.path.parent / "flow.json").write_text('{"name": "ü", "tasks": 1}')
    forked = place.start(*words, **environ)
    assert isinstance(forked, commands.Forked)
    executed = subprocess.run(
        place.argv(*words),
        env={**place.environ, **environ},
        cwd=place.path.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    out, err = forked.communicate(timeout=DEADLINE)
    assert (forked.returncode, out, err) == (executed.returncode, executed.stdout, executed.stderr)
    assert out or err


def test_a_forked_command_reads_its_input_and_dies_of_a_signal_with_its_own_number(place: Home) -> None:
    read = place.start("check", "-", stdin=subprocess.PIPE)
    out, _ = read.communicate(
        b"{'name': 'x', 'tasks': [{'key': 'a', 'uses': 'delay', 'with': {'seconds': 0}}]}"
    )
    assert (read.returncode, out) == (0, b"standard input: no faults; 1 stage, 1 task\n")
    waits = place.start("check", "-", stdin=subprocess.PIPE)
    assert waits.pid != os.getpid()
    assert waits.poll() is None
    waits.send_signal(signal.SIGKILL)
    assert waits.wait() == -signal.SIGKILL


def test_a_forked_engine_leads_its_session_serves_and_ends_when_it_is_asked_to(place: Home) -> None:
    engine = place.start("serve")
    assert isinstance(engine, commands.Forked)
    assert place.has_engine() == engine.pid
    engine.send_signal(signal.SIGTERM)
    assert engine.wait(DEADLINE) == 0
    assert place.run("exec", "--detach", "--", "true").returncode == 0
    started = place.has_engine()
    assert os.getsid(started) == started
    assert b"command_server" in Path(f"/proc/{started}/cmdline").read_bytes()


def test_a_forked_engine_dies_where_its_environment_says(place: Home) -> None:
    engine = place.start("serve", TASKDECK_CRASH="journal.begun:1")
    assert isinstance(engine, commands.Forked)
    assert engine.wait(DEADLINE) == -signal.SIGKILL


def test_a_home_of_executed_engines_has_no_other(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", executed=True)
    try:
        assert home.run("exec", "--detach", "--", "true").returncode == 0
        assert b"serve" in Path(f"/proc/{home.has_engine()}/cmdline").read_bytes().split(b"\0")
    finally:
        home.end()


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        (["--plain"], {}),
        (["dial-stdio"], {}),
        (["serve", "--unit"], {"SUITE_EXECUTES": "1"}),
        (["jobs"], {"PYTHONUTF8": "0"}),
        (["jobs"], {"LANG": "C"}),
    ],
    ids=str,
)
def test_a_console_or_what_is_settled_at_the_start_is_executed(
    place: Home, words: list[str], environ: dict[str, str]
) -> None:
    assert not isinstance(place.start(*words, **environ), commands.Forked)


class Loader(commands.Loader):
    """One that loads nothing: its servers are only looked at."""

    program = ("-c", "from tests.support import command_server as server; server._load = int; server.main()")


def test_servers_of_several_workers_are_forked_from_one_and_each_is_known_as_its_workers() -> None:
    loader, servers = Loader(), [commands.CommandServer() for _ in range(2)]
    loader.start()
    try:
        for server in servers:
            server.environ = {LOADED: os.environ[LOADED]}
            server._start()
        pid = loader._process.pid
        mark = f"{MARK}={os.getpid():010}.commands".encode()

        def known() -> list[Path]:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            processes = [Path(f"/proc/{child}") for child in children]
            return [one for one in processes if mark in (one / "environ").read_bytes().split(b"\0")]

        forked = until_now(lambda: len(found := known()) == 2 and found, "two servers are forked")
    finally:
        for server in servers:
            server.close()
        loader.close()
    assert not any(one.exists() for one in forked)
