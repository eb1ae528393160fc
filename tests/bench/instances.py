"""Benchmark of groups: 100,000 instances, beside other jobs and beside loose tasks.

    python tests/bench/instances.py [--instances 100000] [--rounds 3] [--slots 250] [--probes 200]

One engine makes a group, drains it and reads all its outputs in an expression, while small jobs are
submitted one after another: how long each waits for its start is told for the idle engine, the expansion,
the drain and the reading. The instances have a queue and a pool of their own and the small jobs another, as
an operator would have it, so that none waits for a slot; while the group is made its queue is paused, so
that expansion and drain are told apart. The memory of the process, with all of that in it, is told beside
what it was after the idle time.

Then each round drains a group, and as many loose tasks, in processes of their own without other work.
Ratios are of one round, of time and of CPU time (which a busy machine changes less); medians are printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import core
from core.connectors.base import Input, Plain, parse_input
from core.control.arguments import Target
from core.model.ports import InlineCall
from core.store.readers import Readers
from core.store.reports import Reports

if TYPE_CHECKING:
    from core.model.ports import CallContext
    from core.model.values import JsonObject, JsonValue

PAUSE = 0.02
"""Seconds between two probes."""
POOLS = '[pools.wide]\nslots = {}\nqueues = ["wide"]\n[pools.others]\nslots = 4\nqueues = ["default"]\n'
PARTS = ("beside", "group", "loose")


class ProbeInput(Input):
    """What `with:` of a probe holds."""

    number: int


class Probe(Plain):
    """Note when it starts, by its number."""

    name = "probe"
    schema = ProbeInput

    def __init__(self) -> None:
        self.started: dict[int, float] = {}

    def call(self, with_: JsonObject, context: CallContext) -> InlineCall:
        """Make the call."""
        return InlineCall(run=partial(self._start, parse_input(ProbeInput, with_).number))

    async def _start(self, number: int) -> JsonValue:
        self.started[number] = time.perf_counter()
        return {"text": "x" * 80, "number": number}


class Others:
    """Small jobs, one after another, and how long each waited for its start in the phase that was on."""

    def __init__(self, deck: core.Deck, probe: Probe) -> None:
        self.phase = "idle"
        self.waits: dict[str, list[float]] = {}
        self.most: dict[str, float] = {}
        self._deck = deck
        self._probe = probe

    async def run(self) -> None:
        """Submit until it is cancelled."""
        number = 0
        while True:
            phase, number = self.phase, number + 1
            task = {"key": "t", "uses": "probe", "with": {"number": number}}
            began = time.perf_counter()
            job = await self._deck.submit({"name": "small", "tasks": [task]})
            await self._deck.wait_job(job.id)
            if phase == self.phase:
                self.waits.setdefault(phase, []).append(self._probe.started.pop(number) - began)
            self.most[self.phase] = max(self.most.get(self.phase, 0), _rss())
            await asyncio.sleep(PAUSE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=250)
    parser.add_argument("--probes", type=int, default=200, help="small jobs on the idle engine")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part is not None:
        part: dict[str, Callable[[argparse.Namespace], object]] = {
            "beside": lambda found: asyncio.run(_beside(found)),
            "group": lambda found: asyncio.run(_group(found)),
            "loose": lambda found: asyncio.run(_loose(found)),
        }
        print(json.dumps(part[arguments.part](arguments)))
        return
    _tell_beside(_apart("beside", arguments), arguments.instances)
    ratios = []
    for number in range(arguments.rounds):
        group, loose = _apart("group", arguments), _apart("loose", arguments)
        ratios.append((loose["seconds"] / group["seconds"], loose["cpu"] / group["cpu"]))
        rates = (f"{arguments.instances / one['seconds']:,.0f}/s" for one in (group, loose))
        print(
            "round {}: group {}, loose {}, ratio {:.2f}, of CPU time {:.2f}".format(
                number + 1, *rates, *ratios[-1]
            ),
            flush=True,
        )
    if ratios:
        middle = [statistics.median(some) for some in zip(*ratios, strict=True)]
        print("drain beside loose tasks {:.2f}, of CPU time {:.2f} (medians, wanted 0.8)".format(*middle))


def _apart(part: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Run one part in a process of its own, so that its memory is its own."""
    said = (f"--{name}={getattr(arguments, name)}" for name in ("instances", "slots", "probes"))
    command = [sys.executable, __file__, f"--part={part}", *said]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


async def _beside(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the figures of other jobs beside one group, from its expansion to the reading of its outputs."""
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as folder:
        (Path(folder) / "config.toml").write_text(POOLS.format(arguments.slots))
        probe = Probe()
        async with core.open_engine(home=folder, connectors=[probe]) as deck:
            others = Others(deck, probe)
            running = asyncio.create_task(others.run())
            await _until(lambda: len(others.waits.get("idle", ())) >= arguments.probes)
            seconds = await _phases(deck, others, Path(folder) / "taskdeck.db", arguments.instances)
            running.cancel()
        pages = await _pages(Path(folder) / "taskdeck.db")
    return {"waits": others.waits, "rss": others.most, "seconds": seconds, "pages": pages}


async def _phases(deck: core.Deck, others: Others, path: Path, instances: int) -> dict[str, float]:
    """Take a group through its phases; return how long each took."""
    seconds = {}
    queue = Target(queue="wide")
    with _store(path) as db:
        # A queue is there from its first task on.
        spec = core.TaskSpec(uses="delay", with_={"seconds": 0}, queue="wide")
        await deck.wait_tasks([await deck.enqueue(spec)])
        await deck.control.pause(queue)
        with _phase(others, "expansion", seconds):
            job = await deck.submit(_document(instances, queue="wide", uses="probe"))
            await _until(lambda: _one(db, "SELECT max(made) FROM instance_set") == instances)
        await deck.control.resume(queue)
        with _phase(others, "drain", seconds):
            await _until(lambda: _one(db, "SELECT status FROM task WHERE key = 'g'") == "succeeded")
        with _phase(others, "reading", seconds):
            done = await deck.wait_job(job.id)
        assert done.status == "succeeded", done
    return seconds


@contextlib.contextmanager
def _phase(others: Others, name: str, seconds: dict[str, float]) -> Iterator[None]:
    others.phase, began = name, time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - began


@contextlib.contextmanager
def _store(path: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        yield db
    finally:
        db.close()


def _one(db: sqlite3.Connection, sql: str) -> object:
    row = db.execute(sql).fetchone()
    return None if row is None else row[0]


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 # The rows say when, and nothing tells of them.
        await asyncio.sleep(PAUSE)


async def _pages(path: Path) -> list[float]:
    """Read all outputs page by page; return how long each page took."""
    readers = Readers(path)
    with _store(path) as db:
        job_id = _one(db, "SELECT job_id FROM instance_set")
    assert isinstance(job_id, int)
    reports, after, took = Reports(readers), -1, list[float]()
    while True:
        began = time.perf_counter()
        page = await reports.instances.instance_results(job_id, "g", after=after)
        took.append(time.perf_counter() - began)
        if not page:
            break
        after = page[-1].index
    await readers.close()
    return took


def _tell_beside(found: dict, instances: int) -> None:  # type: ignore[type-arg]
    idle = found["waits"]["idle"]
    base = found["rss"]["idle"]
    print(f"idle: other jobs start after {_ms(idle, 0.5)} (p50), {_ms(idle, 0.95)} (p95); {base:,.0f} MiB")
    for name, seconds in found["seconds"].items():
        waits = found["waits"].get(name, [])
        times = _share(waits, 0.95) / _share(idle, 0.95) if waits else 0
        print(
            f"{name} of {instances:,}: {seconds:,.1f} s; other jobs start after {_ms(waits, 0.5)} (p50),"
            f" {_ms(waits, 0.95)} (p95, {times:.1f} x idle, {len(waits)} jobs);"
            f" {found['rss'].get(name, base) - base:+,.0f} MiB"
        )
    pages = found["pages"]
    print(
        f"{len(pages)} pages of outputs: {_ms(pages, 0.5)} each (p50), {_ms(pages, 0.95)} (p95)", flush=True
    )


def _document(instances: int, *, queue: str = "default", uses: str = "delay") -> dict[str, object]:
    """Return a group, and a task that asks for all its outputs."""
    with_ = {"number": 0} if uses == "probe" else {"seconds": 0}
    when = f"${{{{ size(tasks.g.outputs) == {instances} }}}}"
    group = {"key": "g", "uses": uses, "queue": queue, "for_each": instances, "with": with_}
    reader = {"key": "all", "uses": "delay", "needs": ["g"], "when": when, "with": {"seconds": 0}}
    return {"name": "wide", "tasks": [group, reader]}


async def _group(arguments: argparse.Namespace) -> dict[str, float]:
    """Drain a group; time from its submission to the end of its last instance."""
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as folder:
        async with core.open_engine(home=folder, slots=arguments.slots) as deck:
            document = _document(arguments.instances)
            document["tasks"] = document["tasks"][:1]  # type: ignore[index]
            began, cpu = time.perf_counter(), time.process_time()
            job = await deck.submit(document)
            done = await deck.wait_job(job.id)
            assert done.status == "succeeded", done
            return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


async def _loose(arguments: argparse.Namespace) -> dict[str, float]:
    """Drain as many loose tasks."""
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as folder:
        async with core.open_engine(home=folder, slots=arguments.slots) as deck:
            spec = core.TaskSpec(uses="delay", with_={"seconds": 0})
            began, cpu = time.perf_counter(), time.process_time()
            await deck.wait_tasks(await deck.enqueue_many([spec] * arguments.instances))
            return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


def _rss() -> float:
    """Return the memory of this process, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def _share(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _ms(values: list[float], share: float) -> str:
    return f"{1_000 * _share(values, share):.1f} ms" if values else "?"


if __name__ == "__main__":
    main()
