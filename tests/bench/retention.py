"""Measure retention beside work, and what happens at the quota of outputs.

    python tests/bench/retention.py [--only rows] [--rows 50000] [--row-bytes 2000]
    python tests/bench/retention.py [--tasks 100000] [--quota-mb 200] [--run 10000] [--seconds 10]

`rows`: a store of so many ended loose tasks, each with a text of so many bytes; a million of them is over
2 GB. Retention takes all rows while an engine drains no-op tasks, then gives the room back; printed are the
speed of both, lists, the longest wait of a commit, and the size of the file before and after.

`policy`: a store of so many ended loose tasks, each with an output that is allocated, together twice the
quota. Printed is how long all outputs take to be walked and to be counted for a notice. Then another
process keeps no-op tasks in flight, with the quota out of reach and while outputs are brought to it, in turns
of so many seconds: speeds, their ratio, the time of the processor for a task. Then the same beside a steady
load, in which a third process asks for lists as a console does, and a console on a pseudo terminal gets keys.
The rest is removed beside nothing. Exits 1 unless outputs are at their policy at the end.
`quota`: so many shell tasks write 8 KiB each, without a quota and under one of a quarter of that; printed is
how often claims were seen closed, what is left, and the ratio of both speeds. Exits 1 if more is left than
the quota and what is made in two seconds, or claims were closed. `full`: outputs of failed tasks alone, over
the quota; printed is how long it takes until the engine says that nothing is claimed.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core
from core.app.hosting.hosts import _collect_less
from core.engine.housekeeping.output_quota import Made
from core.engine.housekeeping.retention import _Counting, _Taking
from core.engine.service import Engine
from core.filters.fields import Noun
from core.filters.parser import parse
from core.model.commands.work import FollowUp
from core.model.retention import Keep, KeepBoth, RetentionPolicy
from tests.bench.beside import LISTS_EVERY, NOTHING, Watch, keys, load
from tests.bench.beside import lists as lists_of_another
from tests.bench.handwritten import folder

MIB = 2**20
OUTPUT = b"x" * 4_096
FAR = 2**50
IN_FLIGHT = 500
STEADY, PAUSE = 50, 0.1
"""Tasks in flight of the steady load, and how long each of its clients pauses: some 400 tasks a second."""
WRITERS = 4
MADE_SECONDS = 2.0
"""At the quota no more is left than it, and what is made in so long."""


def engine_of(deck: core.Deck) -> Engine:
    """Return the engine behind a deck of this process."""
    return deck.control._operator_verbs._engine  # type: ignore[attr-defined,no-any-return]


def write_outputs(root: str, task_ids: range) -> None:
    """Give tasks an output each, allocated; tell how many have one."""
    for task_id in task_ids:
        os.makedirs(f"{root}/{task_id}/1")  # noqa: PTH103
        file = os.open(f"{root}/{task_id}/1/out", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(file, OUTPUT)
        os.close(file)


@contextmanager
def writing(root: Path, task_ids: range) -> Iterator[None]:
    """Write outputs in several processes; they are there at the end."""
    root.mkdir(exist_ok=True)
    spawn = multiprocessing.get_context("spawn")
    writers = [
        spawn.Process(target=write_outputs, args=(str(root), task_ids[at::WRITERS])) for at in range(WRITERS)
    ]
    for one in writers:
        one.start()
    yield
    for one in writers:
        one.join()
        assert one.exitcode == 0


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


class PolicyBench:
    """A store whose outputs are twice their quota, and how it is brought to that."""

    def __init__(self, deck: core.Deck, args: argparse.Namespace) -> None:
        self.engine = engine_of(deck)
        self.home = self.engine.paths.home
        self.deck, self.args = deck, args
        self.quota = args.quota_mb * MIB
        self.janitor, self.use = self.engine.upkeep.janitor, self.engine.children.outputs.use
        self.removed, self.busy = 0, 0.0

    @property
    def total(self) -> int:
        return self.use.total or 0

    @property
    def is_done(self) -> bool:
        return self.total < self.quota and self.janitor._made is not Made.MORE

    async def fill(self) -> None:
        """End the tasks, write their outputs, count them."""
        self.janitor.quota, begun, number = FAR, time.perf_counter(), self.args.tasks
        first = (await drained_ids(self.deck, 1))[0]
        with writing(self.engine.output_dir, range(first, first + number)):
            await drained_ids(self.deck, number - 1)
        # What this bench holds of the tasks is not the engine's.
        _collect_less()
        print(f"{number} tasks with outputs made in {time.perf_counter() - begun:.0f} s", flush=True)
        self.janitor._walk_at = 0
        took = await until(lambda: self.total >= number * len(OUTPUT))
        print(f"outputs of {self.total / MIB:.0f} MiB walked in {took:.1f} s", flush=True)

    async def count(self) -> None:
        """Print how long the counting of a first notice takes."""
        retention = self.engine.upkeep.retention
        kept, keep = retention.policy, Keep(outputs_ms=0)
        retention.policy = RetentionPolicy(usual=KeepBoth(succeeded=keep, failed=keep))
        begun = time.perf_counter()
        found = await retention._pass(_Counting(retention._ports), retention._clock.offset)
        took = time.perf_counter() - begun
        retention.policy = kept
        print(
            f"{found.output_tasks} outputs of {found.output_bytes / MIB:.0f} MiB counted in {took:.1f} s",
            flush=True,
        )

    async def turn(self, *, is_beside: bool) -> float:
        """Let a turn pass, removal beside it or not; return its seconds."""
        before, begun = self.total, time.perf_counter()
        self.janitor.quota = self.quota if is_beside else FAR
        while time.perf_counter() - begun < self.args.seconds and not (is_beside and self.is_done):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        took = time.perf_counter() - begun
        if is_beside:
            self.removed, self.busy = self.removed + before - self.total, self.busy + took
        return took

    async def drains(self) -> None:
        """Print speeds of a load of another process in turns, alone and beside removal."""
        speeds: dict[bool, list[float]] = {False: [], True: []}
        costs: dict[bool, list[float]] = {False: [], True: []}
        with load(self.home, in_flight=IN_FLIGHT) as ended:
            await until(lambda: ended.value > 2 * IN_FLIGHT)
            for is_beside in [False, True] * self.args.rounds:
                if self.is_done and is_beside:
                    break
                before, cpu = ended.value, time.process_time()
                took = await self.turn(is_beside=is_beside)
                number = max(1, ended.value - before)
                speeds[is_beside].append(number / took)
                costs[is_beside].append(1e6 * (time.process_time() - cpu) / number)
        self.janitor.quota = FAR
        for name, is_beside in (("alone", False), ("beside", True)):
            speed, cost = statistics.median(speeds[is_beside]), statistics.median(costs[is_beside])
            print(f"drain {name:7} {speed:6.0f} tasks/s, {cost:.0f} us of the engine's processor a task")
        ratios = [b / a for a, b in zip(speeds[False], speeds[True], strict=False)]
        print(
            f"ratio {statistics.median(ratios):.2f} ({', '.join(f'{one:.2f}' for one in ratios)});"
            f" {self.removed / len(OUTPUT) / self.busy:.0f} outputs/s removed meanwhile",
            flush=True,
        )

    async def feels(self) -> None:
        """Print lists and keys of other processes beside a steady load, alone and beside removal."""
        with load(self.home, in_flight=STEADY, pause=PAUSE) as ended:
            for name, target in (("lists", lists_of_another), ("keys", keys)):
                watch = await asyncio.to_thread(Watch, target, self.home)
                number, begun = ended.value, time.perf_counter()
                for is_beside in [False, True] * self.args.rounds:
                    if self.is_done and is_beside:
                        break
                    watch.phase("beside" if is_beside else "alone")
                    await self.turn(is_beside=is_beside)
                watch.phase("")
                speed = (ended.value - number) / (time.perf_counter() - begun)
                times = await asyncio.to_thread(watch.end)
                for phase in ("alone", "beside"):
                    print(f"{name:5} {phase:7} {times.line(phase)}, at {speed:.0f} tasks/s", flush=True)
                self.janitor.quota = FAR

    async def rest(self) -> bool:
        """Remove the rest beside nothing; return whether outputs are at their policy."""
        self.janitor.quota, before = self.quota, self.total
        cpu, children = time.process_time(), self._child_seconds()
        took = await until(lambda: self.is_done or bool(self.engine.info().closed))
        number = max(1.0, (before - self.total) / len(OUTPUT))
        own, other = time.process_time() - cpu, self._child_seconds() - children
        print(
            f"rest: {number:.0f} outputs in {took:.1f} s, {number / took:.0f}/s, of the processor"
            f" {1e6 * own / number:.0f} us in the engine and {1e6 * other / number:.0f} us beside it for each"
        )
        claims = "closed" if self.engine.info().closed else "open"
        there = await asyncio.to_thread(lambda: len([*self.engine.output_dir.iterdir()]))
        is_met = self.total < self.quota and there * len(OUTPUT) < self.quota and claims == "open"
        print(
            f"{'policy met' if is_met else 'POLICY NOT MET'}: {self.total / MIB:.0f} MiB counted,"
            f" {there} folders, under {self.quota / MIB:.0f} MiB; claims {claims}"
        )
        return is_met

    def _child_seconds(self) -> float:
        process = self.engine.children.outputs.process._process
        return sum(psutil.Process(process.pid).cpu_times()[:2]) if process is not None else 0.0


async def measure_policy(home: Path, args: argparse.Namespace) -> bool:
    """Print all figures of a store that is brought to its quota; return whether it was."""
    async with core.open_engine(home=home, slots=250) as deck:
        _collect_less()
        bench = PolicyBench(deck, args)
        await bench.fill()
        await bench.count()
        await bench.drains()
        await bench.feels()
        return await bench.rest()


async def fill(deck: core.Deck, number: int, size: int) -> None:
    """End so many tasks with an input of this size."""
    for start in range(0, number, 5_000):
        some = min(5_000, number - start)
        plan = core.TaskSpec(uses="delay", with_=NOTHING, metadata={"note": "x" * size})
        await deck.wait_tasks(await deck.enqueue_many([plan] * some))


async def measure_rows(home: Path, args: argparse.Namespace) -> bool:
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
    return True


async def until(condition: Callable[[], bool], *, every: float = 0.1, most: float = 1_800.0) -> float:
    """Return after how many seconds something holds, or that it does not after the most."""
    begun = time.perf_counter()
    while not condition() and time.perf_counter() - begun < most:  # noqa: ASYNC110
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


async def measure_quota(home: Path, args: argparse.Namespace) -> bool:
    """Print whether claims were ever closed while a run filled its quota; return whether all is as wanted."""
    free = await run_shells(home / "free", args.run, quota=FAR)
    print(
        f"{args.run} tasks without a quota in {free.took:.0f} s, {free.total / MIB:.0f} MiB left", flush=True
    )
    quota = args.run * 8_192 // 4
    kept = await run_shells(home / "kept", args.run, quota=quota)
    most = quota + MADE_SECONDS * free.total / min(free.took, kept.took)
    print(
        f"{args.run} tasks under {quota / MIB:.0f} MiB in {kept.took:.0f} s,"
        f" {free.took / kept.took:.2f} of the speed:"
        f" claims closed at {kept.closed} of {kept.looks} looks;"
        f" {kept.total / MIB:.1f} MiB left at the end, {most / MIB:.1f} wanted;"
        f" the most {kept.most / MIB:.1f}"
    )
    return kept.total <= most and not kept.closed


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellRun:
    """How a run of shell tasks went."""

    took: float
    total: int
    """Bytes of outputs at the end."""
    most: int
    closed: int
    looks: int


async def run_shells(home: Path, number: int, *, quota: int) -> ShellRun:
    """Run so many shell tasks of 8 KiB each under a quota."""
    script = {"script": "head -c 8192 /dev/zero"}
    home.parent.mkdir(exist_ok=True)
    async with core.open_engine(home=home, slots=8) as deck:
        engine = engine_of(deck)
        use = engine.children.outputs.use
        engine.upkeep.janitor.quota = quota
        begun, closed, looks, most = time.perf_counter(), 0, 0, 0
        ids = await deck.enqueue_many([core.TaskSpec(uses="shell", with_=script)] * number)
        waiting = asyncio.ensure_future(deck.wait_tasks(ids))
        while not waiting.done():
            closed, looks = closed + bool(engine.info().closed), looks + 1
            most = max(most, use.total or 0)
            await asyncio.wait([waiting], timeout=0.05)
        took = time.perf_counter() - begun
        use.measure(())
        return ShellRun(took=took, total=use.total or 0, most=most, closed=closed, looks=looks)


async def measure_full(home: Path) -> bool:
    """Print how long it takes until a full store without anything to remove says so."""
    script = {"script": "head -c 2000000 /dev/zero; exit 1"}
    async with core.open_engine(home=home, slots=1) as deck:
        engine = engine_of(deck)
        await deck.wait_tasks(await deck.enqueue_many([core.TaskSpec(uses="shell", with_=script)]))
        engine.upkeep.janitor.quota = MIB
        took = await until(lambda: bool(engine.info().closed), every=0.01)
        print(f"closed, and told, after {took:.2f} s: {engine.info().trouble}")
    return took <= MADE_SECONDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--quota-mb", type=int, default=200)
    parser.add_argument("--run", type=int, default=10_000)
    parser.add_argument("--drain", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of each turn alone and beside removal")
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
    missed = []
    for name, measure in parts.items():
        if args.only in (None, name):
            with folder() as home:
                if not asyncio.run(measure(home / "home")):
                    missed.append(name)
    if missed:
        sys.exit(f"not as wanted: {', '.join(missed)}")


if __name__ == "__main__":
    main()
