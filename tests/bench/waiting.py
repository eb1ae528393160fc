"""Measure claims and the overview beside what waits in a large store.

    python tests/bench/waiting.py [--jobs 50000] [--each 20] [--shut 299900] [--paused 50000] [--rounds 21]

Three stores hold so many jobs with so many queued tasks `each`, of which `shut` stand behind 20 full gauges.
Beside these, `queue` has so many jobs of one task in a paused queue, `jobs` as many paused jobs, and `held`
as many whose task is held: no lane waits there. Printed are the times of one claim of 1, 16 and 100 slots
with its commit (ms, and ms of CPU; medians, the stores in turn) and how fast it is beside `held`. `pulse`:
the overview of a store in which 100 lanes wait for a limit, 1,000 tasks in each, and of one without a limit.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.model.commands.limits import Configure
from core.model.commands.work import Enqueue, FollowUp, Hold, Pause, Submit
from core.model.limits.limits import Limit, LimitKind, LimitRef
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.store.readers import Readers
from core.store.reports import Reports
from core.store.writer import Writer
from tests.bench.handwritten import folder
from tests.bench.journal import ends, make, send
from tests.bench.lanes import groups

GAUGES = 20
STORES = ("held", "queue", "jobs")
SLOTS = (1, 16, 100)
GROUP = 500
LATER = TaskPlan(key="later", uses="mark", queue="later")


def submit(number: int, *, each: int, shut: int) -> Submit:
    """Return a job whose tasks are behind a full gauge if its number says so."""
    limits = (LimitRef(name=f"full{number % GAUGES}"),) if number * each < shut else ()
    tasks = tuple(TaskPlan(key=f"t{n}", uses="mark", limits=limits) for n in range(each))
    return Submit(plan=JobPlan(name="some", stages=(StagePlan(name="only", tasks=tasks),)))


def fill(writer: Writer, args: argparse.Namespace) -> None:
    """Store the jobs that all stores have, and fill the gauges."""
    limits = tuple(Limit(name=f"full{n}", kind=LimitKind.CONCURRENCY, max=1) for n in range(GAUGES))
    send(writer, Configure(limits=limits))
    send(writer, FollowUp())
    for numbers in groups(range(args.jobs), GROUP // args.each or 1):
        send(writer, *[submit(number, each=args.each, shut=args.shut) for number in numbers])


def add_waiting(writer: Writer, case: str, number: int) -> None:
    """Add jobs of one task in which nothing may be claimed."""
    if case == "queue":
        send(writer, Enqueue(tasks=(LATER,)))
        send(writer, Pause(queue="later"))
    plan = JobPlan(name="later", stages=(StagePlan(name="only", tasks=(LATER,)),))
    ((first_job, first_task),) = writer.connection.execute(
        "SELECT (SELECT max(id) FROM job) + 1, (SELECT max(id) FROM task) + 1"
    )
    for numbers in groups(range(number), GROUP):
        send(writer, *[Submit(plan=plan)] * len(numbers))
        if case == "jobs":
            send(writer, *[Pause(job_id=first_job + one) for one in numbers])
        if case == "held":
            send(writer, Hold(task_ids=tuple(first_task + one for one in numbers)))


def stores(home: Path, args: argparse.Namespace) -> dict[str, Writer]:
    """Return the stores, filled; what they share is written once."""
    first = home / STORES[0]
    first.mkdir()
    writer = make(first)
    fill(writer, args)
    writer.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.connection.close()
    found = {}
    for case in STORES:
        if case != STORES[0]:
            shutil.copytree(first, home / case)
    for case in STORES:
        found[case] = make(home / case)
        add_waiting(found[case], case, args.paused)
        # What is met the first time is shut by that claim.
        taken = send(found[case], slots=GAUGES + 100)
        send(found[case], *ends(taken)[GAUGES:])
    return found


def claim(writer: Writer, slots: int, running: int) -> tuple[float, float]:
    """Claim so many beside what runs and complete them; return the seconds of the claim, and of its CPU."""
    begun, cpu = time.perf_counter(), time.process_time()
    report = send(writer, slots=running + slots)
    took = time.perf_counter() - begun, time.process_time() - cpu
    assert len(report.claimed) == slots, (len(report.claimed), slots)
    send(writer, *ends(report))
    return took


def measure_claims(args: argparse.Namespace) -> None:
    """Print what claims take in each of the stores."""
    with folder() as home:
        found = stores(home, args)
        running = {case: _running(writer) for case, writer in found.items()}
        figures: dict[tuple[str, int], list[tuple[float, float]]] = {}
        for _ in range(args.rounds):
            for slots in SLOTS:
                for case, writer in found.items():
                    figures.setdefault((case, slots), []).append(claim(writer, slots, running[case]))
        print(f"{args.jobs * args.each} tasks of {args.jobs} jobs, {args.shut} behind full gauges")
        middle = {
            key: [1e3 * statistics.median(one) for one in zip(*f, strict=True)] for key, f in figures.items()
        }
        for (case, slots), (wall, cpu) in middle.items():
            beside = middle[STORES[0], slots][1] / cpu
            print(f"{case:6} claim of {slots:4}  {wall:8.2f} ms, {cpu:.2f} ms of CPU, {beside:.2f} x held")
        for writer in found.values():
            writer.connection.close()


def _running(writer: Writer) -> int:
    ((number,),) = writer.connection.execute("SELECT count(*) FROM attempt WHERE status = 'running'")
    return int(number)


async def _ask(home: Path) -> float:
    readers = Readers(home / "deck.db")
    pulse = Reports(readers).pulse
    await pulse.last()
    times = []
    for _ in range(50):
        begun = time.perf_counter()
        await pulse.last()
        times.append(time.perf_counter() - begun)
    await readers.close()
    return 1e3 * statistics.median(times)


def measure_pulse(lanes: int = 100, each: int = 1_000) -> None:
    """Print what the overview takes with limited lanes, and without a limit."""
    for limited in (False, True):
        with folder() as home:
            writer = make(home)
            limit = Limit(name="host", kind=LimitKind.CONCURRENCY, max=1)
            send(writer, Configure(limits=(limit,) if limited else ()))
            send(writer, FollowUp())
            refs = [(LimitRef(name="host", key=f"db{n}"),) if limited else () for n in range(lanes)]
            for _ in range(each):
                send(writer, Enqueue(tasks=tuple(TaskPlan(key="t", uses="mark", limits=one) for one in refs)))
            send(writer, slots=lanes)
            send(writer, slots=2 * lanes if limited else lanes)
            print(f"pulse, {lanes if limited else 0:3} limited lanes {asyncio.run(_ask(home)):8.2f} ms")
            writer.connection.close()


def main() -> None:
    """Measure and print all cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=50_000)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--shut", type=int, default=299_900)
    parser.add_argument("--paused", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=21)
    args = parser.parse_args()
    measure_pulse()
    measure_claims(args)


if __name__ == "__main__":
    main()
