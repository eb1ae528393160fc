"""Measure the steps of a backup of the store beside its engine.

    python tests/bench/backup.py [--tasks 50000] [--copies 5] [--pages 32 16 8]

A store of so many ended loose tasks with a text of 2 kB each is copied as `taskdeck backup` does, by the
writer's connection between its commits: on an engine with nothing to do, and beside no-op tasks of another
process. Printed are, for each number of pages of a step, p50, p99 and the most of the time of a step in all
copies: by the clock, on the processor, ready to run while the processor had others, and asleep, which is the
wait for the interpreter's lock or the disk. Then how long a third process waits for the answer to one
enqueued task: while nothing is copied and during the copies, in turns.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core
from core.app.hosting.hosts import _collect_less
from core.engine.store_copies import StoreCopies
from core.store.backups import copying
from core.store.store_copy import fill_copy
from tests.bench.beside import NOTHING, Watch, load
from tests.bench.handwritten import folder
from tests.bench.retention import engine_of, fill

TEXT_BYTES = 2_000
IN_FLIGHT = 250
COMMAND_EVERY = 0.005
"""Seconds between an answer and the next command."""
_LIBC = ctypes.PyDLL(None)
"""The C library, called with the interpreter's lock: `os.pread` would give it away and wait for it."""


class ReadyTime:
    """How long the thread that made it was ready to run, while the processor had others; Linux tells it."""

    def __init__(self) -> None:
        self._file = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
        self._text = ctypes.create_string_buffer(64)

    def read(self) -> float:
        """Return seconds since the thread began."""
        length = _LIBC.pread(self._file, self._text, 64, 0)
        return int(self._text.raw[:length].split()[1]) / 1e9

    def close(self) -> None:
        """Close the file it is read from."""
        os.close(self._file)


@dataclass(slots=True)
class Steps:
    """What steps took, in seconds."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)
    asleep: list[float] = field(default_factory=list)

    def note(self, wall: float, cpu: float, ready: float) -> None:
        """Note a step by its three clocks."""
        self.wall.append(wall)
        self.cpu.append(cpu)
        self.ready.append(ready)
        self.asleep.append(max(0.0, wall - cpu - ready))

    def copy(
        self, db: sqlite3.Connection, file: Path, *, pages: int, between: Callable[[int, int], None]
    ) -> None:
        """Copy as `fill_copy` does, and note what each step takes."""
        clock = ReadyTime()
        ready, wall, cpu = clock.read(), time.perf_counter(), time.thread_time()

        def took() -> tuple[float, float, float]:
            return time.perf_counter() - wall, time.thread_time() - cpu, clock.read() - ready

        def noted(done: int, total: int) -> None:
            nonlocal ready, wall, cpu
            self.note(*took())
            between(done, total)
            ready, wall, cpu = clock.read(), time.perf_counter(), time.thread_time()

        fill_copy(db, file, pages=pages, between=noted)
        # After the last pages the copy is closed, which no step tells.
        self.note(*took())
        clock.close()


def commands(home: Path, pipe: Connection, stop: Event) -> None:
    """Enqueue one task after the other from another process; note how long each answer takes."""
    asyncio.run(_commands(home, pipe, stop))


async def _commands(home: Path, pipe: Connection, stop: Event) -> None:
    found: dict[str, list[float]] = {}
    phase = ""
    async with core.connect(home=home) as deck:
        pipe.send("ready")
        while not stop.is_set():
            phase = pipe.recv() if pipe.poll() else phase
            begun = time.perf_counter()
            await deck.enqueue_many([core.TaskSpec(uses="delay", with_=NOTHING)])
            found.setdefault(phase, []).append(time.perf_counter() - begun)
            await asyncio.sleep(COMMAND_EVERY)
    pipe.send(found)


def line(took: list[float]) -> str:
    """Return p50, p99 and the most, in ms."""
    took = sorted(took)
    p50, p99 = (1e3 * took[min(len(took) - 1, int(share * len(took)))] for share in (0.5, 0.99))
    return f"p50 {p50:.2f}, p99 {p99:.2f}, max {1e3 * took[-1]:.2f} ms"


async def copied(copies: StoreCopies, file: Path) -> float:
    """Copy the store, throw the copy away, return how long it took."""
    file.touch(mode=0o600)
    begun = time.perf_counter()
    await copies.copy(file)
    took = time.perf_counter() - begun
    file.unlink()
    return took


async def measure(home: Path, args: argparse.Namespace) -> None:
    """Print the steps of copies by pages of a step, and what commands wait beside them."""
    async with core.open_engine(home=home, slots=250) as deck:
        _collect_less()
        engine = engine_of(deck)
        copies = StoreCopies(engine.journal)
        await fill(deck, args.tasks, TEXT_BYTES)
        print(f"a store of {engine.paths.db.stat().st_size / 2**20:.0f} MiB", flush=True)
        for name in ("idle", "beside work"):
            with load(home, in_flight=IN_FLIGHT) if name != "idle" else nullcontext():
                watch = await asyncio.to_thread(Watch, commands, home)
                if name != "idle":
                    await asyncio.sleep(2)
                steps, seconds = {pages: Steps() for pages in args.pages}, 0.5
                for number in range(args.copies * len(args.pages)):
                    pages = args.pages[number % len(args.pages)]
                    watch.phase("alone")
                    await asyncio.sleep(seconds)
                    copying.PAGES, copying.fill_copy = pages, steps[pages].copy  # type: ignore[attr-defined,misc]
                    watch.phase(f"{pages} pages")
                    seconds = await copied(copies, home / "copy.db")
                waits = (await asyncio.to_thread(watch.end)).phases
            for pages in args.pages:
                _print_steps(f"{name}, {pages} pages", steps[pages])
            for phase in ("alone", *(f"{pages} pages" for pages in args.pages)):
                found = waits[phase]
                print(f"{name}, {phase}: a command waits {line(found)} of {len(found)}", flush=True)


def _print_steps(name: str, steps: Steps) -> None:
    print(
        f"{name}, {len(steps.wall)} steps, {sum(steps.wall):.1f} s: by the clock {line(steps.wall)};"
        f" processor {line(steps.cpu)}; ready {line(steps.ready)}; asleep {line(steps.asleep)}",
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
