"""Benchmark of hand-written sqlite3: the upper bound of the journal.

Writes taskdeck's own rows and indexes.

    python tests/bench/handwritten.py [--tasks 5000] [--group 100] [--rounds 3]

Drains loose tasks: a transaction closes the attempts of one group (task, attempt, event), claims the
next (task, attempt, event), and keeps counters and lane. No guards, no answers, no decisions. Beside it
`bare`: three commits a group on two small tables, one insert, two updates and three events a task.
Prints tasks/s and rows/s (rows = what SQLite says was changed).
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.store.database import ddl

NOW = 1_700_000_000_000
SPEC = '{"with":{"seconds":0},"timeout":null,"on_loss":"retry"}'
BIRTH = json.dumps(
    {
        "status": "queued",
        "stage": 1,
        "key": "task",
        "uses": "mark",
        "queue": "default",
        "priority": 0,
        "max_attempts": 1,
    },
    separators=(",", ":"),
)
TASK = (
    "INSERT INTO task (id, job_id, stage_id, lane_id, key, uses, queue, priority, status, sort_key,"
    " needs_left, conditional, max_attempts, created_at, queued_at, spec)"
    f" VALUES (?, 1, 1, 1, 'task', 'mark', 'default', 0, 'queued', {NOW}, 0, 0, 1, {NOW}, {NOW}, '{SPEC}')"
)
BORN = f"INSERT INTO event (at, kind, job_id, task_id, data) VALUES ({NOW}, 'task.created', 1, ?, '{BIRTH}')"
TOLD = "INSERT INTO event (at, kind, job_id, task_id, attempt) VALUES (?, ?, 1, ?, 1)"
HEADS = (
    "SELECT id FROM task INDEXED BY task_claim WHERE lane_id = 1 AND status = 'queued'"
    " ORDER BY sort_key, id LIMIT ?"
)
RUN = "UPDATE task SET status = 'running', epoch = 1, started_at = ? WHERE id = ?"
OPEN = "INSERT INTO attempt (task_id, epoch, status, engine_epoch, started_at) VALUES (?, 1, 'running', 1, ?)"
DONE = "UPDATE task SET status = 'succeeded', finished_at = ?, output = NULL, error = NULL WHERE id = ?"
CLOSE = "UPDATE attempt SET status = 'succeeded', finished_at = ? WHERE task_id = ? AND epoch = 1"
COUNT = (
    "INSERT INTO counter (scope, ref, status, n) VALUES (?1, ?2, ?3, max(0, ?4))"
    " ON CONFLICT (scope, ref, status) DO UPDATE SET n = n + ?4"
)
SCOPES = (("queue", "default"), ("job", "1"))
HEAD = (
    "UPDATE lane SET head_key = (SELECT sort_key FROM task INDEXED BY task_claim"
    " WHERE lane_id = 1 AND status = 'queued' ORDER BY sort_key, id LIMIT 1) WHERE id = 1"
)
BARE = """
CREATE TABLE task(id TEXT PRIMARY KEY, name TEXT NOT NULL, queue TEXT NOT NULL, state TEXT NOT NULL,
  priority INTEGER NOT NULL, payload BLOB, result BLOB, created REAL, started REAL, finished REAL);
CREATE INDEX task_ready ON task(queue, priority, id) WHERE state='pending';
CREATE TABLE event(seq INTEGER PRIMARY KEY, task_id TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL,
  data BLOB);
CREATE INDEX event_task ON event(task_id, seq);
"""
BARE_INSERT = """
INSERT INTO task(id,name,queue,state,priority,payload,created) VALUES(?,'noop','default','pending',0,?,?)
"""
BARE_RUN = "UPDATE task SET state='running',started=? WHERE id=?"
BARE_DONE = "UPDATE task SET state='done',finished=?,result=? WHERE id=?"
BARE_EVENT = "INSERT INTO event(task_id,kind,at,data) VALUES(?,?,?,NULL)"
PAYLOAD = b'{"i": 12345, "note": "a small json payload of sixty bytes or so"}'


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What one run did: tasks and changed rows per second."""

    tasks: float
    rows: float


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty directory with nothing of former runs left to be written back."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        os.sync()
        yield Path(name)


@contextmanager
def timed(db: sqlite3.Connection, tasks: int, speeds: list[Speed]) -> Iterator[None]:
    """Add the speed of what happens inside to `speeds`."""
    changed, begun = db.total_changes, time.perf_counter()
    yield
    spent = time.perf_counter() - begun
    speeds.append(Speed(tasks=tasks / spent, rows=(db.total_changes - changed) / spent))


def connect(path: Path) -> sqlite3.Connection:
    """Open a file with the pragmas of taskdeck's writer."""
    db = sqlite3.connect(path, isolation_level=None, cached_statements=512)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -32768", "temp_store = MEMORY"):
        db.execute(f"PRAGMA {pragma}")
    return db


def empty_store(path: Path) -> sqlite3.Connection:
    """Make a store with the inbox, its queue and its lane."""
    db = connect(path)
    for statement in ddl():
        db.execute(statement)
    db.execute("INSERT INTO engine (id, store_id, epoch) VALUES (1, 'bench', 1)")
    db.execute("INSERT INTO queue (name) VALUES ('default')")
    db.execute(
        "INSERT INTO job (id, name, status, on_task_failure, created_at, started_at)"
        " VALUES (1, 'inbox', 'running', 'continue', 1, 1)"
    )
    db.execute("INSERT INTO stage VALUES (1, 1, 0, 'inbox', 'open', 0, 0, 0, 0)")
    db.execute("INSERT INTO aisle (id, queue) VALUES (1, 'default')")
    db.execute("INSERT INTO lane (id, aisle_id, job_id) VALUES (1, 1, 1)")
    return db


def drain(tasks: int, group: int) -> Speed:
    """Preload, then claim and complete in groups; return the speed of the drain."""
    speeds: list[Speed] = []
    with folder() as home:
        db = empty_store(home / "hand.db")
        preload(db, tasks, group)
        with timed(db, tasks, speeds):
            running: list[int] = []
            while True:
                db.execute("BEGIN IMMEDIATE")
                db.execute("SELECT epoch FROM engine WHERE id = 1").fetchone()
                finish(db, running)
                claimed = [row[0] for row in db.execute(HEADS, (group,))]
                start(db, claimed)
                count(db, succeeded=len(running), claimed=len(claimed))
                db.execute("COMMIT")
                running = claimed
                if not running:
                    break
        db.close()
    return speeds[0]


def preload(db: sqlite3.Connection, tasks: int, group: int) -> None:
    """Write queued tasks with their first events."""
    for first in range(1, tasks + 1, group):
        numbers = [(number,) for number in range(first, min(first + group, tasks + 1))]
        db.execute("BEGIN IMMEDIATE")
        db.executemany(TASK, numbers)
        db.executemany(BORN, numbers)
        for where in SCOPES:
            db.execute(COUNT, (*where, "queued", len(numbers)))
        db.execute(HEAD)
        db.execute("COMMIT")


def finish(db: sqlite3.Connection, running: list[int]) -> None:
    """Close the attempts of a group and tell of it."""
    moment = [(NOW, number) for number in running]
    db.executemany(DONE, moment)
    db.executemany(CLOSE, moment)
    db.executemany(TOLD, [(NOW, "task.succeeded", number) for number in running])


def start(db: sqlite3.Connection, claimed: list[int]) -> None:
    """Claim a group and tell of it."""
    db.executemany(RUN, [(NOW, number) for number in claimed])
    db.executemany(OPEN, [(number, NOW) for number in claimed])
    db.executemany(TOLD, [(NOW, "task.claimed", number) for number in claimed])


def count(db: sqlite3.Connection, *, succeeded: int, claimed: int) -> None:
    """Keep counters, virtual time and lane as the journal does."""
    deltas = {"queued": -claimed, "running": claimed - succeeded, "succeeded": succeeded}
    for where in SCOPES:
        db.executemany(COUNT, [(*where, status, number) for status, number in deltas.items() if number])
    db.execute("UPDATE job SET vtime = vtime + ? WHERE id = 1", (claimed,))
    db.execute(HEAD)


def bare(tasks: int, group: int) -> Speed:
    """Insert, start and end tasks on two small tables, one commit for each step of a group."""
    speeds: list[Speed] = []
    with folder() as home:
        db = sqlite3.connect(home / "bare.db", isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(BARE)
        db.execute("PRAGMA synchronous = FULL")
        names = [f"{number:020x}{os.urandom(6).hex()}" for number in range(tasks)]
        clock = time.time
        with timed(db, tasks, speeds):
            for first in range(0, tasks, group):
                chunk = names[first : first + group]
                steps: list[tuple[str, list[tuple[object, ...]]]] = [
                    (BARE_INSERT, [(name, PAYLOAD, clock()) for name in chunk]),
                    (BARE_RUN, [(clock(), name) for name in chunk]),
                    (BARE_DONE, [(clock(), b"null", name) for name in chunk]),
                ]
                for (sql, rows), kind in zip(steps, ("pending", "running", "done"), strict=True):
                    db.execute("BEGIN IMMEDIATE")
                    db.executemany(sql, rows)
                    db.executemany(BARE_EVENT, [(name, kind, clock()) for name in chunk])
                    db.execute("COMMIT")
        db.close()
    return speeds[0]


def medians(cases: dict[str, Callable[[], Speed]], rounds: int) -> dict[str, Speed]:
    """Run the cases by turns and return the median speed of each."""
    runs: dict[str, list[Speed]] = {name: [] for name in cases}
    for number in range(rounds):
        for name, case in cases.items():
            runs[name].append(case())
            print(f"round {number + 1} {name}: {runs[name][-1].tasks:.0f} tasks/s", file=sys.stderr)
    return {
        name: Speed(
            tasks=statistics.median(speed.tasks for speed in speeds),
            rows=statistics.median(speed.rows for speed in speeds),
        )
        for name, speeds in runs.items()
    }


def table(speeds: dict[str, Speed], base: str) -> None:
    """Print the speeds, and their ratios to one of them."""
    print(f"{'case':28s} {'tasks/s':>9s} {'rows/s':>9s} {'of tasks':>9s} {'of rows':>9s}   ({base} = 1)")
    for name, speed in speeds.items():
        ratios = speed.tasks / speeds[base].tasks, speed.rows / speeds[base].rows
        print(f"{name:28s} {speed.tasks:9.0f} {speed.rows:9.0f} {ratios[0]:9.2f} {ratios[1]:9.2f}")


def arguments() -> argparse.Namespace:
    """Read the sizes of a run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", type=int, default=5_000)
    parser.add_argument("--group", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def main() -> None:
    """Compare the drain by hand with the bare tables."""
    args = arguments()
    cases = {
        "bare": lambda: bare(args.tasks, args.group),
        "handwritten": lambda: drain(args.tasks, args.group),
    }
    table(medians(cases, args.rounds), "bare")


if __name__ == "__main__":
    main()
