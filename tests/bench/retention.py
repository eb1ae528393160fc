"""Measure retention beside work, and what happens at the quota of outputs.

    python tests/bench/retention.py [--only rows] [--rows 50000] [--row-bytes 2000]
    python tests/bench/retention.py [--tasks 100000] [--quota-mb 200] [--run 10000] [--drain 5000]

`rows`: a store of so many ended loose tasks, each with a text of so many bytes; a million of them is over
2 GB. Retention takes all rows while an engine drains no-op tasks, then gives the room back; printed are the
speed of both, lists, the longest wait of a commit, and the size of the file before and after.

`policy`: a store of so many ended loose tasks, each with an output of 4 KiB that is allocated, together twice
the quota. An engine drains no-op tasks with the quota out of reach, then while it brings the outputs to it,
in turns; printed are both speeds, their ratio, and how long a list of tasks took meanwhile (as for a key).
`quota`: so many shell tasks write 8 KiB each under a quota of a quarter of that; printed is how often claims
were seen closed, and what is left. `full`: outputs of failed tasks alone, over the quota; printed is how long
it takes until the engine says that nothing is claimed.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core
from core.engine.housekeeping.retention import _Taking
from core.engine.service import Engine
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import FollowUp
from core.model.retention import Keep, KeepBoth, RetentionPolicy
from tests.bench.handwritten import folder

MIB = 2**20
OUTPUT = b"x" * 4_096
LISTS_EVERY = 0.02
"""Seconds between two lists that are asked for meanwhile."""
FAR = 2**50
NOTHING = {"seconds": 0}


def engine_of(deck: core.Deck) -> Engine:
    """Return the engine behind a deck of this process."""
    return deck.control._operator_verbs._engine  # type: ignore[attr-defined,no-any-return]


def write_outputs(root: Path, task_ids: range) -> None:
    """Give tasks an output each, allocated."""
    for task_id in task_ids:
        attempt = root / str(task_id) / "1"
        attempt.mkdir(parents=True)
        (attempt / "out").write_bytes(OUTPUT)


async def drain(deck: core.Deck, number: int) -> float:
    """Return how many no-op tasks a second end, from the first to the last."""
    begun = time.perf_counter()
    ids = await deck.enqueue_many([core.TaskSpec(uses="delay", with_=NOTHING) for _ in range(number)])
    await deck.wait_tasks(ids)
    return number / (time.perf_counter() - begun)


async def lists(deck: core.Deck, took: list[float]) -> None:
    """Ask for a list of tasks again and again; note how long each took."""
    where = parse("", Noun.TASKS)
    while True:
        begun = time.perf_counter()
        await deck.control.tasks(where, limit=50)
        took.append(time.perf_counter() - begun)
        await asyncio.sleep(LISTS_EVERY)


async def measured(deck: core.Deck, number: int) -> tuple[float, list[float]]:
    """Drain beside lists; return the speed and how long the lists took."""
    took: list[float] = []
    asking = asyncio.create_task(lists(deck, took))
    speed = await drain(deck, number)
    asking.cancel()
    return speed, took


def percentile(took: list[float], share: float) -> float:
    return 1e3 * sorted(took)[min(len(took) - 1, int(share * len(took)))]


async def measure_policy(home: Path, args: argparse.Namespace) -> None:
    """Print drain and lists without and beside the removal of outputs."""
    quota = args.quota_mb * MIB
    async with core.open_engine(home=home, slots=250) as deck:
        engine = engine_of(deck)
        janitor, use = engine.upkeep.janitor, engine.children.outputs.use
        janitor.quota = FAR
        first = (await drained_ids(deck, args.tasks))[0]
        write_outputs(engine.output_dir, range(first, first + args.tasks))
        janitor._walk_at = 0
        took = await until(lambda: (use.total or 0) >= args.tasks * len(OUTPUT))
        print(f"{args.tasks} outputs of {(use.total or 0) / MIB:.0f} MiB counted in {took:.1f} s")
        await drain(deck, args.drain)
        figures: dict[str, list[tuple[float, list[float]]]] = {"alone": [], "beside": []}
        freed, busy = 0, 0.0
        for _ in range(args.rounds):
            janitor.quota = FAR
            figures["alone"].append(await measured(deck, args.drain))
            janitor.quota, before, begun = quota, use.total or 0, time.perf_counter()
            figures["beside"].append(await measured(deck, args.drain))
            freed, busy = freed + before - (use.total or 0), busy + time.perf_counter() - begun
        ratios = [b[0] / a[0] for a, b in zip(figures["alone"], figures["beside"], strict=True)]
        for name, rounds in figures.items():
            took = [one for _, some in rounds for one in some]
            speed = statistics.median(speed for speed, _ in rounds)
            print(
                f"{name:7} {speed:8.0f} tasks/s; lists p50 {percentile(took, 0.5):.1f},"
                f" p95 {percentile(took, 0.95):.1f}, p99 {percentile(took, 0.99):.1f} ms of {len(took)}"
            )
        print(
            f"ratio {statistics.median(ratios):.2f} ({', '.join(f'{one:.2f}' for one in ratios)});"
            f" {freed / MIB:.0f} MiB removed meanwhile in {busy:.1f} s"
        )
        janitor.quota, before = quota, use.total or 0
        took = await until(lambda: (use.total or 0) < quota or bool(engine.info().closed))
        left, claims = (use.total or 0) / MIB, "closed" if engine.info().closed else "open"
        print(f"rest: {before / MIB - left:.0f} MiB in {took:.1f} s; {left:.0f} MiB left, claims {claims}")


async def fill(deck: core.Deck, number: int, size: int) -> None:
    """End so many tasks with an input of this size."""
    for start in range(0, number, 5_000):
        some = min(5_000, number - start)
        plan = core.TaskSpec(uses="delay", with_=NOTHING, metadata={"note": "x" * size})
        await deck.wait_tasks(await deck.enqueue_many([plan] * some))


async def measure_rows(home: Path, args: argparse.Namespace) -> None:
    """Print how fast rows go beside work, and what the file of the store comes to."""
    async with core.open_engine(home=home, slots=250) as deck:
        engine = engine_of(deck)
        retention = engine.upkeep.retention
        begun = time.perf_counter()
        await fill(deck, args.rows, args.row_bytes)
        took, size = time.perf_counter() - begun, engine.paths.db.stat().st_size / MIB
        print(f"{args.rows} tasks, {size:.0f} MiB, made in {took:.0f} s")
        alone = await measured(deck, args.drain)
        keep = Keep(outputs_ms=0, rows_ms=0)
        retention.policy = RetentionPolicy(usual=KeepBoth(succeeded=keep, failed=keep), history_ms=0)
        taking = _Taking(retention._ports, "", clock=retention._clock)
        begun = time.perf_counter()
        going = asyncio.create_task(retention._pass(taking, retention._clock.offset))
        beside = await measured(deck, args.drain)
        taken = await going
        took = time.perf_counter() - begun
        for name, (speed, lists_took) in {"alone": alone, "beside": beside}.items():
            print(
                f"{name:7} {speed:8.0f} tasks/s; lists p50 {percentile(lists_took, 0.5):.1f},"
                f" p95 {percentile(lists_took, 0.95):.1f}, p99 {percentile(lists_took, 0.99):.1f} ms"
            )
        print(f"rows: {taken.facts} in {took:.1f} s, {taken.loose / took:.0f} tasks/s")
        room = await engine.reports.upkeep.room()
        before, begun = room.pages * room.page_size, time.perf_counter()
        waits = list[float]()
        shrinking = asyncio.create_task(retention._ports.shrinking.run())
        while not shrinking.done():
            asked = time.perf_counter()
            await engine.journal.submit(FollowUp())
            waits.append(time.perf_counter() - asked)
            await asyncio.sleep(0.005)
        room = await engine.reports.upkeep.room()
        print(
            f"shrunk {before / MIB:.0f} to {room.pages * room.page_size / MIB:.0f} MiB in"
            f" {time.perf_counter() - begun:.1f} s; a commit beside it p50 {percentile(waits, 0.5):.1f},"
            f" p99 {percentile(waits, 0.99):.1f} ms"
        )


async def until(condition: Callable[[], bool], *, every: float = 0.1) -> float:
    """Return after how many seconds something holds."""
    begun = time.perf_counter()
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(every)
    return time.perf_counter() - begun


async def drained_ids(deck: core.Deck, number: int) -> tuple[int, ...]:
    """Enqueue and end so many no-op tasks; return their ids."""
    found: tuple[int, ...] = ()
    for start in range(0, number, 5_000):
        ids = await deck.enqueue_many(
            [core.TaskSpec(uses="delay", with_=NOTHING) for _ in range(min(5_000, number - start))]
        )
        await deck.wait_tasks(ids)
        found += ids
    return found


async def measure_quota(home: Path, args: argparse.Namespace) -> None:
    """Print whether claims were ever closed while a run filled its quota."""
    script = {"script": "head -c 8192 /dev/zero"}
    async with core.open_engine(home=home, slots=8) as deck:
        engine = engine_of(deck)
        engine.upkeep.janitor.quota = quota = args.run * 8_192 // 4
        begun, closed, looks = time.perf_counter(), 0, 0
        ids = await deck.enqueue_many([core.TaskSpec(uses="shell", with_=script) for _ in range(args.run)])
        waiting = asyncio.ensure_future(deck.wait_tasks(ids))
        while not waiting.done():
            closed, looks = closed + bool(engine.info().closed), looks + 1
            await asyncio.wait([waiting], timeout=0.05)
        took = time.perf_counter() - begun
        total = (engine.children.outputs.use.total or 0) / MIB
        print(
            f"{args.run} tasks in {took:.0f} s under {quota / MIB:.0f} MiB: claims closed at {closed} of"
            f" {looks} looks; {total:.0f} MiB and {len([*engine.output_dir.iterdir()])} folders left"
        )


async def measure_full(home: Path) -> None:
    """Print how long it takes until a full store without anything to remove says so."""
    script = {"script": "head -c 2000000 /dev/zero; exit 1"}
    async with core.open_engine(home=home, slots=1) as deck:
        engine = engine_of(deck)
        await deck.wait_tasks(await deck.enqueue_many([core.TaskSpec(uses="shell", with_=script)]))
        engine.upkeep.janitor.quota = MIB
        took = await until(lambda: bool(engine.info().closed), every=0.01)
        print(f"closed, and told, after {took:.2f} s: {engine.info().trouble}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--quota-mb", type=int, default=200)
    parser.add_argument("--run", type=int, default=10_000)
    parser.add_argument("--drain", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--row-bytes", type=int, default=2_000)
    parser.add_argument("--only", choices=("rows", "policy", "quota", "full"))
    args = parser.parse_args()
    parts = {
        "rows": lambda home: measure_rows(home, args),
        "policy": lambda home: measure_policy(home, args),
        "quota": lambda home: measure_quota(home, args),
        "full": measure_full,
    }
    for name, measure in parts.items():
        if args.only in (None, name):
            with folder() as home:
                asyncio.run(measure(home / "home"))


if __name__ == "__main__":
    main()
