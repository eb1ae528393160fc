"""Upgrade copies of a store, each killed at one point.

`python kill_upgrades.py STORE FOLDER POINT...`: a POINT is `name:N`, the N-th passage of a crash point, or
`sql:N`, the N-th statement. Each leaves `FOLDER/POINT/taskdeck.db`; prints `POINT killed` or `POINT ended`.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import sys
from pathlib import Path
from threading import Event
from typing import Any

from core.model import crash_points
from core.rules.families import family_of
from core.store import store_copy
from core.store.upgrade import Progress, upgrade_store


def killing_at(number: int) -> type[sqlite3.Connection]:
    """Return a kind of connection that kills the process before its n-th statement."""
    count = 0

    class Killing(sqlite3.Connection):
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self.set_trace_callback(self.count)

        def count(self, _: str) -> None:
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

    return Killing


def die_in_upgrade(path: Path, point: str) -> None:
    name, _, number = point.rpartition(":")
    if name == "sql":
        kind, connect = killing_at(int(number)), sqlite3.connect
        sqlite3.connect = lambda *a, **m: connect(*a, factory=kind, **m)  # type: ignore[assignment,misc]
    else:
        crash_points._name, crash_points._left = name, int(number)
    # So that a small store is copied in many steps.
    store_copy._PAGES = 5
    upgrade_store(path, Progress(tell=lambda _: None, stop=Event()), family_of=family_of)


def main(store: str, folder: str, *points: str) -> None:
    for point in points:
        path = Path(folder) / point / "taskdeck.db"
        path.parent.mkdir()
        shutil.copy(store, path)
        if (child := os.fork()) == 0:
            die_in_upgrade(path, point)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(point, "killed" if os.WIFSIGNALED(status) else "ended", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
