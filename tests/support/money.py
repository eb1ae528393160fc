"""What is asked of money under contention and over kills.

Used by `tests/scenarios/test_scenario_money.py` and `tests/bench/money.py`.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Thread

from tests.support.commands import start_program
from tests.support.waiting import DEADLINE, until_now

Rows = Callable[[str], list[tuple[object, ...]]]
_LOOK = 0.005
"""Seconds between two looks."""
_OVER = (
    "SELECT g.name, used, reserved, unknown FROM gauge g JOIN limit_rule l ON l.name = g.name"
    " WHERE used + reserved + unknown > l.body->>'max' AND g.id > (SELECT max(id) - 30 FROM gauge)"
)
"""Those of the newest gauges that are over their limits."""


class Watch:
    """Reads the newest gauges again and again, and keeps every moment in which one was over its limit.

    It looks while an engine lives, and lets go of the store before that is killed: the next one has to find
    it as the killed one left it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.over: list[object] = []
        self.looks = 0
        self.begin()

    def begin(self) -> None:
        self._done = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._path.exists():
            if self._done.wait(_LOOK):
                return
        seen = 0
        # One connection: most of what a look takes is to read the schema.
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as db:
            while not self._done.wait(_LOOK):
                with suppress(sqlite3.OperationalError):
                    ((version,),) = db.execute("PRAGMA data_version")
                    if version != seen:
                        self.over += db.execute(_OVER)
                        seen = version
                    self.looks += 1

    def end(self) -> None:
        self._done.set()
        self._thread.join()


def reader(path: Path) -> Rows:
    """Return what reads a store; nothing where there is none yet."""

    def rows(sql: str) -> list[tuple[object, ...]]:
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
                return db.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []

    return rows


def rounds_over_kills(path: Path, *, rounds: int, kills: int, patience: float = DEADLINE) -> None:
    """Let rounds of coroutines run in a process that is killed so often and started again.

    `patience` is how many seconds the rounds between two kills may take.
    """
    rows = reader(path)
    watch = Watch(path)
    for number in range(1, kills + 2):
        with start_program("tests.support.money_rounds", str(path), str(rounds)) as process:
            if number > kills:
                assert process.wait() == 0
                break
            most = 3 * rounds * number // (kills + 1)
            _until(process, rows, most, patience)
            watch.end()
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
            watch.begin()
    watch.end()
    assert watch.over == []
    assert watch.looks > kills


def _until(process: subprocess.Popen[bytes], rows: Rows, most: int, patience: float) -> None:
    """Return when so many gauges were made, or the process has ended."""
    sql = f"SELECT 1 FROM gauge WHERE id > {most}"
    until_now(lambda: process.poll() is not None or rows(sql), f"{most} gauges were made", seconds=patience)


def accounts(db: sqlite3.Connection, rounds: int) -> list[tuple[object, ...]]:
    """Return the gauges that do not hold exactly what the ledger says, and rounds without their three."""
    return [
        *db.execute(
            "SELECT g.name, g.key, used, reserved, unknown, sum(e.amount) FROM gauge g"
            " LEFT JOIN (SELECT t.key, e.unit, e.amount FROM entry e JOIN task t ON t.id = e.task_id) e"
            " ON e.key = 'round' || g.key AND e.unit = (SELECT l.body->>'unit' FROM limit_rule l WHERE"
            " l.name = g.name) GROUP BY g.id HAVING used + unknown IS NOT coalesce(sum(e.amount), 0)"
            " OR reserved != 0"
        ),
        *db.execute(
            "SELECT number, count(*) FROM (SELECT CAST(key AS INTEGER) AS number FROM gauge) GROUP BY 1"
            " HAVING count(*) != 3"
        ),
        *db.execute(
            "SELECT 'rounds', count(DISTINCT key) FROM gauge HAVING count(DISTINCT key) != ?", (rounds,)
        ),
    ]
