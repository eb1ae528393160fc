"""Write backups and restore them, each killed at one point.

`python kill_backups.py HOME BACKUP FOLDER POINT...`: a POINT is `name:N`, the N-th passage of a crash point.
Each writes `FOLDER/POINT`: a backup of HOME, or BACKUP restored. Prints `POINT killed` or `POINT ended`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from core.app.backups.restoring import Wish, restore_backup
from core.app.backups.writing import Wanted, write_backup
from core.model import crash_points
from core.model.paths import Paths
from core.store.backups import copying


def die(home: Path, backup: Path, target: Path, point: str) -> None:
    name, _, number = point.rpartition(":")
    crash_points._name, crash_points._left = name, int(number)
    # So that a small store is copied in many steps.
    copying.PAGES = 1
    if name.startswith("backup."):
        asyncio.run(write_backup(Paths(home=home), target, Wanted(outputs=True)))
    else:
        asyncio.run(restore_backup(Wish(folder=backup, home=target, actor="cli")))


def main(home: str, backup: str, folder: str, *points: str) -> None:
    for point in points:
        if (child := os.fork()) == 0:
            die(Path(home), Path(backup), Path(folder) / point, point)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(point, "killed" if os.WIFSIGNALED(status) else "ended", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
