"""Benchmark of the console through a pseudo terminal, beside a bare app.

    python tests/bench/console.py [--tasks 100000] [--rounds 3] [--keys 150] [--store DIR]

One engine (`taskdeck serve`) on a store of `--tasks` tasks, most of them ended; with `--store` on a copy of
the one kept there, which is filled first if there is none. Each round: bare app and
console start (first row from exec), keys on the idle store, the idle minute, keys under 200 changes a
second of rows in view, keys while thousands of tasks drain, keys on a line of 32 KB/s. A key's time is
from its write to the last byte before a pause of 12 ms. Medians of rounds are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

import core  # noqa: E402
from core.control.api import Target  # noqa: E402
from tests.support.commands import CONSOLE  # noqa: E402
from tests.support.terminal import Terminal  # noqa: E402

SIZE = (120, 40)
PAUSE = 0.012
WANTED = {
    "first row s": 0.8,
    "idle p95 ms": 25,
    "idle cpu %": 0.3,
    "idle B/s": 0,
    "changes p95 ms": 25,
    "changes cpu %": 5,
    "changes KB/s": 8,
    "drain p95 ms": 50,
    "slow line p95 ms": 100,
    "rss MB": 80,
}
WALK = ("down", "j", "pagedown", "k", "down", "down", "3", "down", "pagedown", "2")


def main() -> None:
    arguments = _arguments()
    found: dict[str, dict[str, list[float]]] = {"bare": {}, "console": {}}
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as folder:
        home = Path(folder) / "home"
        kept = home if arguments.store is None else arguments.store
        if not kept.exists():
            asyncio.run(_seed(kept, arguments.tasks))
        if kept != home:
            shutil.copytree(kept, home)
        with _serving(home):
            for number in range(arguments.rounds):
                for name, figures in (("bare", _bare(arguments)), ("console", _console(home, arguments))):
                    print(f"round {number + 1} {name}", _short(figures), flush=True)
                    for figure, value in figures.items():
                        found[name].setdefault(figure, []).append(value)
    _report(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keys", type=int, default=150, help="keys of each measurement")
    parser.add_argument("--idle", type=float, default=60, help="seconds for which it is left alone")
    parser.add_argument("--store", type=Path, help="data directory whose copy is measured")
    return parser.parse_args()


async def _seed(home: Path, tasks: int) -> None:
    """Fill a store: nine tenths have ended, one tenth waits in a paused queue."""
    done = tasks * 9 // 10
    async with core.open_engine(home=home, slots=500) as deck:
        for start in range(0, done, 5_000):
            specs = [
                core.TaskSpec(uses="delay", with_={"seconds": 0}) for _ in range(min(5_000, done - start))
            ]
            await deck.wait_tasks(await deck.enqueue_many(specs))
        parked = core.TaskSpec(uses="delay", with_={"seconds": 0}, queue="parked")
        first = await deck.enqueue_many([parked])
        await deck.wait_tasks(first)
        await deck.control.pause(Target(queue="parked"))
        await deck.enqueue_many([parked] * (tasks - done - 1))


@contextlib.contextmanager
def _serving(home: Path) -> Iterator[None]:
    argv = [*CONSOLE, "serve", "--home", str(home), "--slots", "250"]
    engine = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert engine.stdout is not None
    engine.stdout.readline()
    try:
        yield
    finally:
        engine.terminate()
        engine.wait()


def _bare(arguments: argparse.Namespace) -> dict[str, float]:
    begun = time.perf_counter()
    with Terminal([sys.executable, str(HERE / "bare_console.py")], size=SIZE) as terminal:
        terminal.sees("row    30")
        figures = {"first row s": time.perf_counter() - begun}
        _settle(terminal)
        figures["idle p95 ms"] = _keys(terminal, ("down", "j", "pagedown", "k"), arguments.keys)
        figures |= _left_alone(terminal, arguments.idle, "idle")
        figures["rss MB"] = _rss(terminal)
        terminal.press("q")
        terminal.ends()
    return figures


def _console(home: Path, arguments: argparse.Namespace) -> dict[str, float]:
    begun = time.perf_counter()
    with Terminal([*CONSOLE, "--home", str(home)], size=SIZE) as terminal:
        figures: dict[str, float] = {}
        # A row of the first screen's tables: the queue that is paused.
        terminal.sees("parked", within=60)
        figures["first row s"] = time.perf_counter() - begun
        terminal.press("3")
        terminal.sees(" Tasks", "TASK")
        _settle(terminal)
        figures["idle p95 ms"] = _keys(terminal, WALK, arguments.keys)
        terminal.press("3")
        terminal.sees(" Tasks")
        _settle(terminal)
        figures |= _left_alone(terminal, arguments.idle, "idle")
        with _load(_flicker, home):
            _settle(terminal, seconds=1.5)
            figures |= _left_alone(terminal, min(arguments.idle, 10), "changes")
            figures["changes p95 ms"] = _keys(terminal, WALK, arguments.keys)
        with _load(_drain, home):
            _settle(terminal, seconds=1.5)
            figures["drain p95 ms"] = _keys(terminal, WALK, arguments.keys // 2)
        _settle(terminal, seconds=2)
        figures["slow line p95 ms"] = _keys(terminal, ("j", "j", "j", "k"), arguments.keys // 3, rate=32_000)
        figures["rss MB"] = _rss(terminal)
        # Elsewhere `q` leads back.
        terminal.press("1", "q")
        terminal.sees("d detaches")
        terminal.press("d")
        terminal.ends()
    return figures


def _keys(terminal: Terminal, walk: tuple[str, ...], number: int, *, rate: int = 0) -> float:
    """Press keys one after the other; return the 95th percentile of their times in ms."""
    times = sorted(_key(terminal, walk[index % len(walk)], rate) for index in range(number))
    return times[int(len(times) * 0.95)] * 1000


def _key(terminal: Terminal, key: str, rate: int) -> float:
    while terminal.read(0.03):
        continue
    begun = last = time.perf_counter()
    terminal.press(key)
    answered = False
    while time.perf_counter() - begun < 2:
        data = terminal.read(PAUSE if answered else 0.5)
        if not data:
            break
        answered, last = True, time.perf_counter()
        if rate:
            time.sleep(len(data) / rate)
            last = time.perf_counter()
    return last - begun


def _left_alone(terminal: Terminal, seconds: float, name: str) -> dict[str, float]:
    """Watch for a while; return CPU in per cent of a core and what was written.

    On an idle store that is the median second, and all of a minute: ages of rows turn once in it.
    """
    process = psutil.Process(terminal.process.pid)
    before, written, begun = sum(process.cpu_times()[:2]), [len(terminal.written)], time.perf_counter()
    while time.perf_counter() - begun < seconds:
        terminal.read(0.2)
        if time.perf_counter() - begun >= len(written):
            written.append(len(terminal.written))
    took = time.perf_counter() - begun
    cpu = {f"{name} cpu %": (sum(process.cpu_times()[:2]) - before) / took * 100}
    all_ = len(terminal.written) - written[0]
    if name == "changes":
        return cpu | {"changes KB/s": all_ / took / 1_000}
    each = statistics.median(after - before for before, after in itertools.pairwise(written))
    return cpu | {"idle B/s": each, "idle B a minute": all_ / took * 60}


def _settle(terminal: Terminal, *, seconds: float = 1.0) -> None:
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        terminal.read(0.05)


def _rss(terminal: Terminal) -> float:
    return psutil.Process(terminal.process.pid).memory_info().rss / 1e6


@contextlib.contextmanager
def _load(work: object, home: Path) -> Iterator[None]:
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(work, home), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _run(work: object, home: Path) -> None:
    assert callable(work)
    asyncio.run(work(home))


async def _flicker(home: Path) -> None:
    """Hold and let go ten of the newest tasks twenty times a second: 200 changes of rows in view."""
    async with core.connect(home=home) as deck:
        # New ones each time: the list begins with the newest.
        parked = core.TaskSpec(uses="delay", with_={"seconds": 0}, queue="parked")
        ids = await deck.enqueue_many([parked] * 35)
        held: set[int] = set()
        turn, begun = 0, time.perf_counter()
        while True:
            some = [ids[(turn * 10 + index) % len(ids)] for index in range(10)]
            free = tuple(number for number in some if number not in held)
            back = tuple(number for number in some if number in held)
            if free:
                await deck.control.hold(Target(task_ids=free))
            if back:
                await deck.control.unhold(Target(task_ids=back))
            held ^= set(some)
            turn += 1
            await asyncio.sleep(max(0.0, begun + turn * 0.05 - time.perf_counter()))


async def _drain(home: Path) -> None:
    """Keep thousands of tasks draining."""
    async with core.connect(home=home) as deck:
        while True:
            specs = [core.TaskSpec(uses="delay", with_={"seconds": 0}) for _ in range(5_000)]
            await deck.wait_tasks(await deck.enqueue_many(specs))


def _short(figures: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3g}" for name, value in figures.items())


def _report(found: dict[str, dict[str, list[float]]]) -> None:
    print(f"\n{'figure':18} {'wanted':>8} {'console':>9} {'bare app':>9}")
    for name, values in found["console"].items():
        console, wanted = statistics.median(values), WANTED.get(name, "")
        bare = found["bare"].get(name)
        beside = f"{statistics.median(bare):9.3g}" if bare else f"{'':>9}"
        print(f"{name:18} {wanted:>8} {console:9.3g} {beside}")


if __name__ == "__main__":
    main()
