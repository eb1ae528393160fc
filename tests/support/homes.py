"""A data directory with processes of its own, ended with the test."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from core.app.lock import is_held
from core.control.sockets import is_open
from tests.support import command_server, commands, leftovers
from tests.support.recounts import findings_of
from tests.support.waiting import DEADLINE, until_now

ROOT = commands.ROOT
STAYS = "3600"
"""Seconds for which an engine that a command line starts waits for the next client: longer than any test."""
LEAVES = "2"
"""The same for tests of engines that end by themselves."""

_WAITING = re.compile(r"^waiting for the engine .*\n", re.MULTILINE)


def without_waiting(text: str) -> str:
    """Return what a command line wrote without that an engine took long, as it does on a busy machine."""
    return _WAITING.sub("", text)


class Home:
    """One data directory: start command lines on it, read it, end whatever lives on it."""

    def __init__(self, path: Path, *, package: Path = ROOT, executed: bool = False) -> None:
        self.path = path
        self.package = package
        self._executed = executed
        self._started: list[subprocess.Popen[bytes]] = []
        self._reading = threading.Lock()

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment of its command lines."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TASKDECK")}
        return {
            **kept,
            "TASKDECK_HOME": str(self.path),
            "TASKDECK_LINGER": STAYS,
            "PYTHONPATH": str(self.package),
            **({command_server.EXECUTES: "1"} if self._executed else {}),
        }

    def argv(self, *words: str) -> list[str]:
        """Return a command line."""
        return [*commands.COMMAND, *words]

    def start(self, *words: str, stdin: int = subprocess.DEVNULL, **environ: str) -> subprocess.Popen[bytes]:
        """Start a command line in a process of its own."""
        process = commands.start(
            self.argv(*words), environ={**self.environ, **environ}, cwd=self.path.parent, stdin=stdin
        )
        self._started.append(process)
        return process

    def run(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Carry a command line out to its end."""
        out, err = (process := self.start(*words, stdin=subprocess.DEVNULL, **environ)).communicate(
            timeout=DEADLINE
        )
        return subprocess.CompletedProcess(
            words, process.returncode, out.decode(), without_waiting(err.decode())
        )

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Read the store; nothing where there is none yet."""
        uri = f"file:{self.path}/taskdeck.db?mode=ro"
        try:
            # One at a time: beside an open one SQLite keeps the descriptors of those that were closed.
            with self._reading, closing(sqlite3.connect(uri, uri=True)) as db:
                return db.execute(sql, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def waits_for(self, sql: str, *rows: tuple[object, ...]) -> None:
        """Return when the store answers so."""
        until_now(lambda: self.rows(sql) == list(rows), f"{sql}: {rows}")

    @property
    def owned(self) -> bool:
        """Return whether an engine holds the lock."""
        return is_held(self.path / "engine.lock")

    @property
    def engine(self) -> int:
        """Return the process of the engine that runs; 0 = it has only just taken the lock."""
        return int((self.path / "engine.lock").read_text() or 0)

    def has_engine(self) -> int:
        """Return the process of an engine as soon as one answers there."""
        # The socket is there before anybody may call, and one that was left behind longer.
        until_now(lambda: self.owned and is_open(self.path / "engine.sock") and self.engine, "an engine runs")
        return self.engine

    def has_none(self) -> None:
        """Return when no engine holds the lock any more."""
        until_now(lambda: not self.owned, "no engine runs")

    def end(self) -> None:
        """End every process that lives here, and hold the store to its rules."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
        # Engines that others started, the children of an engine that was killed.
        until_now(self._is_deserted, f"every process on {self.path} ends")
        for process in self._started:
            process.communicate()
        if (self.path / "taskdeck.db").exists():
            assert findings_of(self.path / "taskdeck.db") == ()

    def _is_deserted(self) -> bool:
        living = leftovers.living_on(self.path)
        leftovers.kill(living)
        return not living


def lines(process: subprocess.Popen[bytes]) -> Sequence[str]:
    """Return what a process that ended has written on standard error, line by line."""
    return process.communicate()[1].decode().splitlines()
