"""Measure the upgrade of a store of schema version 1.

    python tests/bench/upgrade.py [--tasks 1000000] [--folder DIR]

The store of the tests gets so many finished copies of a loose task, each with an attempt and three events.
Printed are the size of the store and the seconds of the upgrade, the copy apart.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from threading import Event

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.rules.families import family_of
from core.store.upgrade import Progress, upgrade_store
from tests.support.old_stores import write_old_store

CHUNK = 50_000
_EVENTS = (
    (
        "task.created",
        '\'{"status":"queued","stage":1,"key":"copy","uses":"shell","queue":"default"}\'',
        "NULL",
    ),
    ("task.claimed", "NULL", "1"),
    ("task.succeeded", '\'{"output":{"exit":0}}\'', "1"),
)


def fill(path: Path, tasks: int) -> None:
    """Add finished tasks to a store of version 1."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    columns = [row[1] for row in db.execute("PRAGMA table_info(task)")]
    (model,) = db.execute("SELECT min(id) FROM task WHERE status = 'succeeded' AND job_id = 1").fetchone()
    (first,) = db.execute("SELECT max(id) + 1 FROM task").fetchone()
    copied = ", ".join("n.value" if name == "id" else f"t.{name}" for name in columns)
    for start in range(first, first + tasks, CHUNK):
        last = min(start + CHUNK, first + tasks) - 1
        numbers = (
            f"(WITH RECURSIVE n(value) AS (SELECT {start} UNION ALL SELECT value + 1 FROM n"
            f" WHERE value < {last}) SELECT value FROM n)"
        )
        db.execute("BEGIN")
        db.execute(
            f"INSERT INTO task ({', '.join(columns)})"
            f" SELECT {copied} FROM {numbers} n, task t WHERE t.id = {model}"
        )
        db.execute(
            f"INSERT INTO attempt SELECT value, 1, 'succeeded', 1, 1000044, 1000428, NULL FROM {numbers}"
        )
        for kind, data, attempt in _EVENTS:
            db.execute(
                "INSERT INTO event (at, kind, job_id, task_id, attempt, actor, data)"
                f" SELECT 1000044, '{kind}', 1, value, {attempt}, NULL, {data} FROM {numbers}"
            )
        db.execute("COMMIT")
    db.close()


def main() -> None:
    """Fill a store, bring it up, print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="where the store is made; default: a temporary one")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=chosen.folder, prefix="taskdeck-upgrade-"))
    try:
        path = write_old_store(folder / "taskdeck.db", "1")
        fill(path, chosen.tasks)
        size = path.stat().st_size
        began, cpu = time.monotonic(), time.process_time()
        marks: list[float] = []
        progress = Progress(tell=lambda _: marks.append(time.monotonic()), stop=Event())
        upgrade_store(path, progress, family_of=family_of)
        ended, copied = time.monotonic(), marks[-2]
        print(f"{chosen.tasks} tasks, {size / 1e6:.0f} MB")
        print(
            f"copy {copied - began:.1f} s, the rest {ended - copied:.1f} s,"
            f" cpu {time.process_time() - cpu:.1f} s"
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
