"""Engines that are asked to end leave nothing half done."""

from __future__ import annotations

import fcntl
import os
import signal
import sqlite3
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.app.lock import is_held
from core.store.verify import verify_path
from tests.support.commands import CONSOLE, kind_of
from tests.support.waiting import DEADLINE, until_now

Start = Callable[..., subprocess.Popen[str]]
CHANGED = "SELECT data->>'key', data->>'new', actor FROM event WHERE kind = 'config.changed'"
FLOW = "name: q\ntasks: [{key: a, uses: %s, with: {%s}}]\n"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    begun: list[subprocess.Popen[str]] = []

    def begin(*words: str, terminal: int | None = None) -> subprocess.Popen[str]:
        argv, environ = [*CONSOLE, *words], {**os.environ, "TASKDECK_HOME": str(tmp_path / "home")}
        process = kind_of(argv, environ)(
            argv,
            env=environ,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=None if terminal is None else lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        if process.poll() is None:
            process.kill()
        process.communicate()
    assert verify_path(tmp_path / "home" / "taskdeck.db") == ()


def found(home: Path, sql: str) -> list[tuple]:
    try:
        with sqlite3.connect(f"file:{home}/taskdeck.db?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()
    except sqlite3.OperationalError:
        return []


def wait_for(home: Path, sql: str, *rows: tuple) -> None:
    until_now(lambda: found(home, sql) == list(rows), sql)


SLOW = """\
import asyncio
import pathlib


class Slow:
    name = "slow"

    def check(self, with_):
        return ()

    async def start(self):
        pathlib.Path("begun").touch()
        await asyncio.Event().wait()

    async def stop(self):
        return

    def call(self, with_, context):
        raise NotImplementedError

    def classify(self, error):
        raise NotImplementedError


connector = Slow()
"""
"""A connector whose start never ends, and the engine's with it."""


def test_an_engine_whose_terminal_goes_away_stops_in_order(tmp_path: Path, start: Start) -> None:
    home = tmp_path / "home"
    terminal, other_end = os.openpty()
    serve = start("serve", terminal=other_end)
    os.close(other_end)
    wait_for(home, "SELECT pid FROM engine", (serve.pid,))
    assert serve.stdout is not None
    assert "serving" in serve.stdout.readline()
    # Its terminal is still there: it reads its configuration again.
    (home / "config.toml").write_text("max_losses = 9\n")
    serve.send_signal(signal.SIGHUP)
    wait_for(home, CHANGED, ("max_losses", 9, "signal 1 (SIGHUP)"))
    os.close(terminal)
    assert serve.wait(DEADLINE) == 0
    assert found(home, "SELECT pid FROM engine") == [(None,)]
    assert not (home / "engine.sock").exists()


def test_an_engine_without_a_terminal_reads_its_configuration_again_at_a_hang_up(
    tmp_path: Path, start: Start
) -> None:
    home = tmp_path / "home"
    serve = start("serve")
    wait_for(home, "SELECT pid FROM engine", (serve.pid,))
    assert serve.stdout is not None
    assert "serving" in serve.stdout.readline()
    (home / "config.toml").write_text("max_losses = ")
    serve.send_signal(signal.SIGHUP)
    refused = "SELECT data->>'code', actor FROM event WHERE kind = 'config.refused'"
    wait_for(home, refused, ("config.syntax", "signal 1 (SIGHUP)"))
    (home / "config.toml").write_text("max_losses = 9\n")
    serve.send_signal(signal.SIGHUP)
    wait_for(home, CHANGED, ("max_losses", 9, "signal 1 (SIGHUP)"))
    serve.send_signal(signal.SIGTERM)
    assert serve.wait(DEADLINE) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda one: one.name)
@pytest.mark.parametrize("words", [("serve",), ("run", "sample")], ids=["serve", "run"])
def test_an_engine_that_is_asked_to_end_while_it_starts_ends_in_order(
    tmp_path: Path, start: Start, words: tuple[str, ...], number: signal.Signals
) -> None:
    home = tmp_path / "home"
    (tmp_path / "slow.py").write_text(SLOW)
    process = start(*words, "--connector", "slow:connector")
    until_now((tmp_path / "begun").exists, "the engine starts")
    process.send_signal(number)
    out, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    first, told = out.split("\n", 1) if "sample" in words else ("", out)
    assert not first or first.startswith("a new data directory: wrote ")
    assert told.startswith(f"interrupted ({number.name}) before the engine was ready\nhint: ")
    assert told.count("\n") == 2
    assert found(home, "SELECT kind FROM event WHERE kind LIKE 'engine.%' ORDER BY id") == [
        ("engine.started",),
        ("engine.stopped",),
    ]
    assert not (home / "engine.sock").exists()
    assert not is_held(home / "engine.lock")


def test_a_start_that_is_given_up_leaves_the_children_of_the_former_engine_alone(
    tmp_path: Path, start: Start
) -> None:
    home, gate = tmp_path / "home", tmp_path / "gate"
    (tmp_path / "child.yaml").write_text(
        FLOW % ("shell", f"script: 'until test -e {gate}; do sleep 0.05; done'")
    )
    (tmp_path / "slow.py").write_text(SLOW)
    engine = start("serve")
    wait_for(home, "SELECT pid FROM engine", (engine.pid,))
    assert start("run", "child.yaml", "--detach").wait(DEADLINE) == 0
    until_now(lambda: list(home.glob("output/*/1/pid")), "the child runs")
    engine.kill()
    engine.wait(DEADLINE)
    second = start("serve", "--connector", "slow:connector")
    until_now((tmp_path / "begun").exists, "the next engine starts")
    second.send_signal(signal.SIGTERM)
    assert second.wait(DEADLINE) == 130
    assert found(home, "SELECT status FROM attempt") == [("running",)]
    gate.touch()
    assert start("serve", "--until-idle").wait(DEADLINE) == 0
    assert found(home, "SELECT epoch, status FROM attempt") == [(1, "succeeded")]
