"""Measure how fast one-task jobs start once their budget is raised.

    python tests/bench/raise_budget.py [--jobs 10000] [--slots 250] [--rounds 3]

`raise`: so many jobs of one `delay: 0` that costs 0.02 wait for a budget of 0.02 a day, which the first of
them has spent; then its limit is raised to 1,000 while the engine runs. `plain`: as many tasks in one job and
a paused queue without limits, which is resumed. Each round has an engine and a store of its own for both, in
turn. Printed are medians: ms until the first and until the last task starts and until all jobs have ended,
counted from the call; us of CPU for each task in the loop, in the writer's thread and in the process. Of
`raise` also whether anything was written while the budget stayed spent, watched for `--quiet` seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core
from core.app.deck import Deck
from core.control.arguments import Target
from core.model.commands.capacity import SetLimit
from tests.bench.handwritten import folder

CONFIG = """
[budgets.team]
unit = "usd"
max = 0.02
per = "day"
"""
AT_ONCE = 200
"""Jobs that are submitted at the same time."""
PAUSE = 0.02
"""Seconds between two looks whether all jobs have ended."""
FIRST_ENDED = "SELECT 1 FROM job WHERE id = 2 AND finished_at IS NOT NULL"
ALL_ENDED = (
    "SELECT NOT EXISTS (SELECT 1 FROM job INDEXED BY job_live"
    " WHERE status IN ('ending', 'paused', 'pending', 'running') AND id > 1)"
)
IS_SPENT = "SELECT 1 FROM gauge WHERE waited_for LIMIT 1"
STARTS = "SELECT min(started_at), max(started_at) FROM attempt WHERE started_at >= ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One drain: moments in ms after its call, CPU in us a task."""

    first: float
    last: float
    ended: float
    loop: float
    writer: float
    process: float


class Cpu:
    """CPU seconds of the loop's thread, of the writer's, and of the process; of this thread and loop."""

    def __init__(self) -> None:
        (writer,) = (one for one in threading.enumerate() if one.name == "taskdeck-writer")
        assert writer.ident is not None
        self._clock = time.pthread_getcpuclockid(writer.ident)
        self._begun = self._now()

    def _now(self) -> tuple[float, float, float]:
        return time.thread_time(), time.clock_gettime(self._clock), time.process_time()

    def per_task(self, tasks: int) -> tuple[float, float, float]:
        """Return us of each for every task."""
        loop, writer, process = (
            1e6 * (now - begun) / tasks for now, begun in zip(self._now(), self._begun, strict=True)
        )
        return loop, writer, process


async def until(db: sqlite3.Connection, sql: str) -> None:
    """Return when a statement says so."""
    while db.execute(sql).fetchone() != (1,):  # noqa: ASYNC110 # The rows say when, and nothing tells of them.
        await asyncio.sleep(PAUSE)


async def drain(db: sqlite3.Connection, begin: Callable[[], Awaitable[object]], *, tasks: int) -> Measured:
    """Let what waits go, and measure until all jobs have ended."""
    cpu, wall, began = Cpu(), time.time(), time.perf_counter()
    await begin()
    await until(db, ALL_ENDED)
    ended = time.perf_counter() - began
    first, last = db.execute(STARTS, (int(1_000 * wall),)).fetchone()
    loop, writer, process = cpu.per_task(tasks)
    return Measured(
        first=max(0, first - 1_000 * wall),
        last=last - 1_000 * wall,
        ended=1_000 * ended,
        loop=loop,
        writer=writer,
        process=process,
    )


async def submit_single(deck: Deck, number: int) -> None:
    """Submit jobs of one task that costs."""
    task = {"key": "t", "uses": "delay", "with": {"seconds": 0}, "limits": ["team"], "cost": {"usd": 0.02}}
    for first in range(0, number, AT_ONCE):
        some = range(first, min(number, first + AT_ONCE))
        await asyncio.gather(*(deck.submit({"name": "single", "tasks": [task]}) for _ in some))


async def raise_budget(args: argparse.Namespace) -> tuple[Measured, int]:
    """Measure what a raise lets go; also return how many commits wrote while the budget was spent."""
    with folder() as home:
        (home / "config.toml").write_text(CONFIG)
        async with core.open_engine(home=home, slots=args.slots) as deck:
            with closing(sqlite3.connect(home / "taskdeck.db")) as db:
                await submit_single(deck, args.jobs)
                await until(db, FIRST_ENDED)
                await until(db, IS_SPENT)
                await asyncio.sleep(args.settle)
                before = written(db)
                await asyncio.sleep(args.quiet)
                wrote = written(db) - before
                change = SetLimit(name="team", to="1000")
                found = await drain(db, lambda: deck.control.limits.change(change), tasks=args.jobs - 1)
    return found, wrote


def written(db: sqlite3.Connection) -> int:
    """Return a number that rises with each commit of another connection that wrote."""
    (number,) = db.execute("PRAGMA data_version").fetchone()
    return int(number)


async def plain(args: argparse.Namespace) -> Measured:
    """Measure the drain of one job without limits."""
    tasks = [{"key": f"t{number}", "uses": "delay", "with": {"seconds": 0}} for number in range(args.jobs)]
    with folder() as home:
        async with core.open_engine(home=home, slots=args.slots) as deck:
            with closing(sqlite3.connect(home / "taskdeck.db")) as db:
                await deck.control.pause(Target(queue="default"))
                await deck.submit({"name": "plain", "tasks": tasks})
                await asyncio.sleep(args.settle)
                resume = Target(queue="default")
                return await drain(db, lambda: deck.control.resume(resume), tasks=args.jobs)


def main() -> None:
    """Measure and print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--slots", type=int, default=250)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--settle", type=float, default=1.0, help="seconds before anything is measured")
    parser.add_argument("--quiet", type=float, default=2.0)
    args = parser.parse_args()
    found: dict[str, list[Measured]] = {"raise": [], "plain": []}
    wrote = 0
    for _ in range(args.rounds):
        raised, commits = asyncio.run(raise_budget(args))
        found["raise"].append(raised)
        wrote += commits
        found["plain"].append(asyncio.run(plain(args)))
    for name, figures in found.items():
        middle = [statistics.median(one) for one in zip(*map(astuple, figures), strict=True)]
        print(
            "{:6} first start {:6.0f} ms, last {:6.0f} ms, all ended {:6.0f} ms;"
            " us of CPU a task: loop {:6.1f}, writer {:6.1f}, process {:6.1f}".format(name, *middle)
        )
    print(f"spent  {wrote} commits that wrote in {args.rounds * args.quiet:g} s")


if __name__ == "__main__":
    main()
