"""What is asked of money under contention and over kills.

Used by `tests/scenarios/test_scenario_money.py` and `tests/bench/money.py`.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread

from tests.support.commands import start_program
from tests.support.waiting import DEADLINE, until_now

Rows = Callable[[str], list[tuple[object, ...]]]


class Watch:
    """Reads the newest gauges again and again, and keeps every moment in which one was over its limit."""

    def __init__(self, rows: Callable[[str], list[tuple[object, ...]]]) -> None:
        self._rows = rows
        self._done = Event()
        self.over: list[object] = []
        self.looks = 0
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.005):
            self.looks += 1
            self.over += self._rows(
                "SELECT g.name, used, reserved, unknown FROM gauge g JOIN limit_rule l ON l.name = g.name"
                " WHERE used + reserved + unknown > l.body->>'max'"
                " AND g.id > (SELECT max(id) - 30 FROM gauge)"
            )

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
    watch = Watch(rows)
    for number in range(1, kills + 2):
        with start_program("tests.support.money_rounds", str(path), str(rounds)) as process:
            if number > kills:
                assert process.wait() == 0
                break
            most = 3 * rounds * number // (kills + 1)
            _until(process, rows, most, patience)
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL
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
