"""Load, lists and keys of other processes, for benches.

Used by `retention.py`: the engine runs in the process of the bench and listens as each engine does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core
from core.filters.fields import Noun
from core.filters.parser import parse
from tests.bench.console import SIZE, WALK, _key, _settle
from tests.support.commands import CONSOLE
from tests.support.terminal import Terminal

TOGETHER = 25
"""Tasks that one client of the load enqueues together and waits for."""
LISTS_EVERY = 0.02
"""Seconds between two lists that are asked for."""
NOTHING = {"seconds": 0}
_SPAWN = multiprocessing.get_context("spawn")


@contextmanager
def load(home: Path, *, in_flight: int, pause: float = 0.0) -> Iterator[Synchronized[int]]:
    """Keep so many no-op tasks in flight from another process; yield how many have ended."""
    ended: Synchronized[int] = _SPAWN.Value("q", 0)
    process = _SPAWN.Process(target=_run_load, args=(home, in_flight, pause, ended), daemon=True)
    process.start()
    try:
        yield ended
    finally:
        process.terminate()
        process.join()


def _run_load(home: Path, in_flight: int, pause: float, ended: Synchronized[int]) -> None:
    asyncio.run(_load(home, in_flight, pause, ended))


async def _load(home: Path, in_flight: int, pause: float, ended: Synchronized[int]) -> None:
    async with core.connect(home=home) as deck:

        async def go() -> None:
            while True:
                specs = [core.TaskSpec(uses="delay", with_=NOTHING)] * TOGETHER
                await deck.wait_tasks(await deck.enqueue_many(specs))
                ended.value += TOGETHER
                await asyncio.sleep(pause)

        await asyncio.gather(*(go() for _ in range(max(1, in_flight // TOGETHER))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What another process measured, in seconds, by phase."""

    phases: dict[str, list[float]]

    def line(self, phase: str) -> str:
        """Return p50, p95 and the most of a phase."""
        took = sorted(self.phases.get(phase, ()))
        if not took:
            return "none"
        p50, p95 = (1e3 * took[min(len(took) - 1, int(share * len(took)))] for share in (0.5, 0.95))
        return f"p50 {p50:.1f}, p95 {p95:.1f}, max {1e3 * took[-1]:.1f} ms of {len(took)}"


class Watch:
    """A process that measures again and again; `phase` is what its next figures are for, empty = none."""

    def __init__(self, target: object, home: Path) -> None:
        self._ours, theirs = _SPAWN.Pipe()
        self._stop = _SPAWN.Event()
        self._process = _SPAWN.Process(target=target, args=(home, theirs, self._stop), daemon=True)  # type: ignore[arg-type]
        self._process.start()
        self._ours.recv()

    def phase(self, name: str) -> None:
        """Begin a phase."""
        self._ours.send(name)

    def end(self) -> Times:
        """End it; return what it measured."""
        self._stop.set()
        phases = self._ours.recv()
        self._process.join()
        return Times(phases=phases)


def lists(home: Path, pipe: Connection, stop: Event) -> None:
    """Ask for pages of the list of tasks, one after the other, as an attached console does."""
    asyncio.run(_lists(home, pipe, stop))


async def _lists(home: Path, pipe: Connection, stop: Event) -> None:
    found: dict[str, list[float]] = {}
    where, phase = parse("", Noun.TASKS), ""
    async with core.connect(home=home) as deck:
        pipe.send("ready")
        while not stop.is_set():
            phase = pipe.recv() if pipe.poll() else phase
            begun = time.perf_counter()
            page = await deck.control.tasks(where, limit=50)
            took = time.perf_counter() - begun
            assert page.rows
            found.setdefault(phase, []).append(took)
            await asyncio.sleep(LISTS_EVERY)
    pipe.send(found)


def keys(home: Path, pipe: Connection, stop: Event) -> None:
    """Press keys in the task list of a console on a pseudo terminal, from key to frame."""
    found: dict[str, list[float]] = {}
    with Terminal([*CONSOLE, "--home", str(home)], size=SIZE) as terminal:
        terminal.sees("Pulse", within=60)
        terminal.press("3")
        terminal.sees(" Tasks", "TASK")
        _settle(terminal)
        pipe.send("ready")
        phase, number = "", 0
        while not stop.is_set():
            phase = pipe.recv() if pipe.poll() else phase
            found.setdefault(phase, []).append(_key(terminal, WALK[number % len(WALK)], 0))
            number += 1
    pipe.send(found)
