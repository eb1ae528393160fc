"""Benchmark of commands that ask a running engine: CPU time and starts.

`python tests/bench/verbs.py [ROUNDS [STARTS]]`. In turns, user and system time of each process, medians over
ROUNDS (9); wanted is at most 1.3 times `python -c 'import httpx'`. Then STARTS (300) tasks are asked for one
by one by a client of its own, every other one after a pause of 5 to 30 ms as in `drain.py`, and the time
until each has begun is printed; wanted is a median of 2 ms.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core
from core.model.errors import Unavailable

BIN = Path(sys.executable).parent
PEERS = Path(__file__).resolve().parent / "peers"
SCRIPT = str(BIN / "taskdeck")
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import httpx'": [sys.executable, "-c", "import httpx"],
    "exec --detach -- true": [SCRIPT, "exec", "--detach", "--", "true"],
    "jobs": [SCRIPT, "jobs"],
    "tasks": [SCRIPT, "tasks"],
    "show 1": [SCRIPT, "show", "1"],
}
REFERENCE = "python -c 'import httpx'"
PAUSES = (0.005, 0.03)
"""Seconds between two calls, at least and at most."""


def cpu_seconds(argv: list[str]) -> float:
    """Run a process to its end and return its user and system time."""
    pid = os.posix_spawn(
        argv[0],
        argv,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )
    _, status, usage = os.wait4(pid, 0)
    assert status == 0, argv
    return usage.ru_utime + usage.ru_stime


def measure_commands(rounds: int) -> None:
    """Print the CPU time of each command, and its ratio."""
    spent: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, argv in COMMANDS.items():
            spent[name].append(cpu_seconds(argv))
    reference = statistics.median(spent[REFERENCE])
    for name, seconds in spent.items():
        median = statistics.median(seconds)
        print(f"{name:26s} {median * 1000:6.1f} ms  {median / reference:5.2f}")


async def measure_starts(home: Path, log: Path, number: int) -> None:
    """Print how long it takes from the call of a client to the begin of a task, without and after a pause."""
    called: list[int] = []
    async with core.connect(home=home) as deck:
        for index in range(number):
            if index % 2:
                await asyncio.sleep(random.uniform(*PAUSES))
            called.append(time.monotonic_ns())
            task = await deck.enqueue(core.TaskSpec(uses="mark", with_={"index": index}))
            await deck.wait_tasks([task])
    begun = struct.iter_unpack("qq", log.read_bytes())
    taken = [(index, (at - called[index]) / 1e6) for index, at in begun]
    for name, kind in (("at once", 0), ("after a pause", 1)):
        waits = sorted(wait for index, wait in taken if index % 2 == kind)
        figures = ((part, waits[len(waits) * part // 100]) for part in (10, 50, 99))
        text = "  ".join(f"p{part} {wait:.2f} ms" for part, wait in figures)
        print(f"start from another process, asked {name:13s}  {text}")


async def answers(home: Path) -> None:
    """Return when the engine of a home answers."""
    async with core.connect(home=home) as deck:
        while True:
            try:
                await deck.control.status()
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return


def main() -> None:
    """Serve a home of its own and measure on it."""
    rounds, starts = (*map(int, sys.argv[1:]), *(9, 300)[len(sys.argv) - 1 :])
    with tempfile.TemporaryDirectory(prefix="taskdeck-verbs-") as folder:
        home, log = Path(folder, "home"), Path(folder, "log")
        log.touch()
        os.environ |= {"TASKDECK_HOME": str(home), "BENCH_LOG": str(log)}
        serve = [SCRIPT, "serve", "--slots", "8", "--connector", "mark:Mark"]
        environ = {**os.environ, "PYTHONPATH": str(PEERS)}
        with subprocess.Popen(serve, env=environ, stdout=subprocess.DEVNULL) as engine:
            try:
                asyncio.run(answers(home))
                asyncio.run(measure_starts(home, log, starts))
                measure_commands(rounds)
            finally:
                engine.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main()
