"""Measure the steps of a backup of the store beside its engine.

    python tests/bench/backup.py [--tasks 50000] [--copies 5] [--pages 32 16 8]

A store of so many ended loose tasks with a text of 2 kB each is copied as `taskdeck backup` does, by the
writer's connection between its commits: on an engine with nothing to do, and beside no-op tasks of another
process. Printed are, for each number of pages of a step, p50, p99 and the most of the time of a step and of
its time of the processor, in all copies, and how long a copy took. The clock also counts what others take of
a shared machine; the time of the processor does not.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core
from core.app.hosting.hosts import _collect_less
from core.engine.store_copies import StoreCopies
from core.store.backups import copying
from core.store.store_copy import fill_copy
from tests.bench.beside import load
from tests.bench.handwritten import folder
from tests.bench.retention import engine_of, fill

TEXT_BYTES = 2_000
IN_FLIGHT = 250


@dataclass(slots=True)
class Steps:
    """What steps took, in seconds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def copy(
        self, db: sqlite3.Connection, file: Path, *, pages: int, between: Callable[[int, int], None]
    ) -> None:
        """Copy as `fill_copy` does, and note what each step takes."""
        wall, cpu = time.perf_counter(), time.thread_time()

        def noted(done: int, total: int) -> None:
            nonlocal wall, cpu
            self.wall.append(time.perf_counter() - wall)
            self.cpu.append(time.thread_time() - cpu)
            between(done, total)
            wall, cpu = time.perf_counter(), time.thread_time()

        fill_copy(db, file, pages=pages, between=noted)
        # After the last pages the copy is closed, which no step tells.
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.thread_time() - cpu)


def line(took: list[float]) -> str:
    """Return p50, p99 and the most, in ms."""
    took = sorted(took)
    p50, p99 = (1e3 * took[min(len(took) - 1, int(share * len(took)))] for share in (0.5, 0.99))
    return f"p50 {p50:.2f}, p99 {p99:.2f}, max {1e3 * took[-1]:.2f} ms"


async def measure(home: Path, args: argparse.Namespace) -> None:
    """Print the steps of copies, by pages of a step."""
    async with core.open_engine(home=home, slots=250) as deck:
        _collect_less()
        engine = engine_of(deck)
        copies = StoreCopies(engine.journal)
        await fill(deck, args.tasks, TEXT_BYTES)
        print(f"a store of {engine.paths.db.stat().st_size / 2**20:.0f} MiB", flush=True)
        for name in ("idle", "beside work"):
            with load(home, in_flight=IN_FLIGHT) if name != "idle" else nullcontext():
                if name != "idle":
                    await asyncio.sleep(2)
                for pages in args.pages:
                    steps, begun = Steps(), time.perf_counter()
                    copying.PAGES, copying.fill_copy = pages, steps.copy  # type: ignore[attr-defined,misc]
                    for _ in range(args.copies):
                        file = home / "copy.db"
                        file.touch(mode=0o600)
                        await copies.copy(file)
                        file.unlink()
                    took = (time.perf_counter() - begun) / args.copies
                    print(
                        f"{name}, {pages} pages: a step {line(steps.wall)};"
                        f" of the processor {line(steps.cpu)}; {len(steps.wall)} steps, {took:.1f} s a copy",
                        flush=True,
                    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=50_000)
    parser.add_argument("--copies", type=int, default=5)
    parser.add_argument("--pages", type=int, nargs="+", default=[copying.PAGES])
    args = parser.parse_args()
    with folder() as home:
        asyncio.run(measure(home / "home", args))


if __name__ == "__main__":
    main()
