"""Answers of sizes and of retention.

Used by `ReadingControl`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from core import host
from core.config import load_capacity
from core.executors.output_files import bytes_of
from core.model.disk import DiskView, OutputShare, ShareOf
from core.model.paths import Paths
from core.model.present import present_ms
from core.model.retention import DAY_MS, RetentionView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from core.store.reports import Reports

SECONDS = 1.5
"""How long outputs are looked at."""
SHOWN = 10
"""Shares of a kind."""
_AGES = ((1, "under a day"), (7, "a day to a week"), (30, "a week to 30 days"), (90, "30 to 90 days"))
_ASKED = 2_000


async def retention_of(reports: Reports, home: Path) -> RetentionView:
    """Return what is configured for a data directory, and where retention stands; raise as `load` does."""
    policy = (await asyncio.to_thread(load_capacity, home)).retention
    return RetentionView(state=await reports.retention.state(), policy=policy)


class DiskAnswers:
    """Sizes of files, and to whom outputs belong."""

    def __init__(self, reports: Reports, home: Path) -> None:
        self._reports = reports
        self._paths = Paths(home=home)

    async def disk(self) -> DiskView:
        """Return the whole picture."""
        paths = self._paths
        looked = await asyncio.to_thread(_look, paths.output)
        shares, room = await self._shares(looked.sizes), await self._reports.upkeep.room()
        return DiskView(
            store=_size(paths.db),
            wal=_size(paths.db.with_name(f"{paths.db.name}-wal")),
            free_pages=room.unused * room.page_size,
            unused_pages=room.unused,
            is_shrinking=room.is_shrinking,
            logs=await asyncio.to_thread(_bytes_of, paths.logs),
            copies=sum(map(_size, paths.home.glob(f"{paths.db.name}.version-*"))),
            outputs=sum(looked.sizes.values()),
            folders=len(looked.sizes),
            is_partial=looked.is_partial,
            shares=tuple(shares),
            disk_free=host.free_bytes(paths.home),
            files_free=host.free_files(paths.home),
        )

    async def _shares(self, sizes: dict[int, int]) -> list[OutputShare]:
        totals: dict[ShareOf, Counter[str]] = {of: Counter() for of in ShareOf}
        tasks: dict[ShareOf, Counter[str]] = {of: Counter() for of in ShareOf}
        now, numbers = present_ms(), sorted(sizes)
        for start in range(0, len(numbers), _ASKED):
            for task in await self._reports.upkeep.owners(numbers[start : start + _ASKED]):
                age = "not ended" if task.finished_at is None else _age(now - task.finished_at)
                named = {
                    ShareOf.WORKFLOW: task.workflow,
                    ShareOf.JOB: str(task.job_id),
                    ShareOf.AGE: age,
                }
                for of, name in named.items():
                    totals[of][name] += sizes[task.id]
                    tasks[of][name] += 1
        return [
            OutputShare(of=of, name=name, tasks=tasks[of][name], bytes=size)
            for of in ShareOf
            for name, size in totals[of].most_common(SHOWN)
        ]


class _Looked:
    """Sizes by task, as far as they were looked at."""

    def __init__(self) -> None:
        self.sizes: dict[int, int] = {}
        self.is_partial = False


def _look(root: Path) -> _Looked:
    looked, end = _Looked(), time.monotonic() + SECONDS
    for name in _names(root):
        if time.monotonic() > end:
            looked.is_partial = True
            break
        looked.sizes[int(name)] = _bytes_of(root / name)
    return looked


def _bytes_of(folder: Path) -> int:
    return bytes_of(str(folder)) or 0


def _names(root: Path) -> Iterator[str]:
    with suppress(OSError), os.scandir(root) as entries:
        yield from (entry.name for entry in entries if entry.name.isdecimal())


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _age(ms: int) -> str:
    return next((name for days, name in _AGES if ms < days * DAY_MS), "over 90 days")
