"""Measure claims under pools, limits and budgets.

    python tests/bench/limits.py [--tasks 2000] [--jobs 500] [--waiting 300000] [--group 100] [--rounds 7]
    python tests/bench/limits.py --engine [--tasks 2000] [--jobs 500] [--group 100] [--rounds 7]

Stores side by side get `jobs` jobs with `tasks` tasks together in each round and drain them by groups,
completions and claims in one transaction, in turn. `plain` has nothing configured; `pools` two;
`concurrency`, `rate`, `quota`, `budgets` (two) and `all` put that on every task, wide enough to hold
nothing back; `keys` is `all` with 10,000 keys of the concurrency limit. Printed are us of CPU a task, and
how fast that is beside `plain` of the same round, medians. `shut`: one claim of 1, 16 and 100 slots beside
so many tasks behind full gauges, with its commit and as CPU, and what the engine writes while a budget stays
spent.

`--engine`: as many tasks in as many jobs, each `delay: 0`, wait in a paused queue and are drained by a whole
engine, under `plain`, `all` and `keys` in turn. Printed are tasks a second and us of CPU a task, medians.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
import statistics
import sys
import time
from contextlib import closing
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import core
from core.control.arguments import Target
from core.model.commands.limits import Configure
from core.model.commands.work import Enqueue, FollowUp, Submit
from core.model.limits.estimates import Estimate
from core.model.limits.limits import Limit, LimitKind, LimitRef, Per, Pool, Window
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.model.values import JsonValue
from core.store.writer import Writer
from tests.bench.handwritten import folder
from tests.bench.journal import ends, make, send

WIDE = 10**17
BUDGETS = tuple(
    Limit(name=name, kind=LimitKind.BUDGET, unit=unit, max=WIDE, window=Window(per=Per.DAY))
    for name, unit in (("team", "usd"), ("words", "tokens"))
)
LIMITS = {
    "concurrency": (Limit(name="db", kind=LimitKind.CONCURRENCY, max=WIDE),),
    "rate": (Limit(name="api", kind=LimitKind.RATE, max=10**6, step_us=1),),
    "quota": (Limit(name="daily", kind=LimitKind.QUOTA, max=WIDE, window=Window(per=Per.DAY)),),
    "budgets": BUDGETS,
}
LIMITS["all"] = tuple(limit for limits in LIMITS.values() for limit in limits)
LIMITS["keys"] = LIMITS["all"]
POOLS = (Pool(name="few", slots=10, queues=("other",)), Pool(name="many", slots=10_000))
CASES = ("plain", "pools", *LIMITS)
OPEN_JOBS = "SELECT 1 FROM job WHERE id BETWEEN ? AND ? AND finished_at IS NULL LIMIT 1"
PAUSE = 0.01
"""Seconds between two looks whether all jobs have ended."""
ENGINE_CASES = ("plain", "all", "keys")
ENGINE_CONFIG = f"""
[limits.db]
kind = "concurrency"
max = {10**6}
[limits.api]
kind = "rate"
rate = "1000000/s"
burst = {10**6}
[limits.daily]
kind = "quota"
max = {10**9}
per = "day"
[budgets.team]
unit = "usd"
max = {10**6}
per = "day"
[budgets.words]
unit = "tokens"
max = {10**9}
per = "day"
"""
COST = Estimate(amounts={"usd": 20_000, "tokens": 3_000_000_000})
KEYS = 10_000


def task(case: str, number: int) -> TaskPlan:
    """Return a task that names every limit of its case."""
    refs = tuple(
        LimitRef(name=limit.name, key=str(number % KEYS) if case == "keys" and limit.name == "db" else "")
        for limit in LIMITS.get(case, ())
    )
    return TaskPlan(key="task", uses="mark", limits=refs, cost=COST if refs else None)


def configure(writer: Writer, case: str) -> None:
    """Configure what a case is about."""
    send(writer, Configure(pools=POOLS if case == "pools" else (), limits=LIMITS.get(case, ())))
    send(writer, FollowUp())


def fill(writer: Writer, case: str, *, jobs: int, tasks: int, numbers: count[int]) -> None:
    """Submit jobs that hold so many tasks together."""
    each = max(1, tasks // jobs)
    for _ in range(0, tasks, each):
        plans = tuple(
            TaskPlan(**{**_fields(task(case, next(numbers))), "key": f"t{number}"}) for number in range(each)
        )
        send(writer, Submit(plan=JobPlan(name="some", stages=(StagePlan(name="only", tasks=plans),))))


def _fields(plan: TaskPlan) -> dict[str, object]:
    return {name: getattr(plan, name) for name in ("uses", "limits", "cost")}


def drain(writer: Writer, group: int) -> tuple[float, int]:
    """Run all that can run by groups; return the CPU seconds a task, and how many there were."""
    done, begun = 0, time.process_time()
    report = send(writer, slots=group)
    while report.claimed or report.claims_left:
        done += len(report.claimed)
        report = send(writer, *ends(report), slots=group)
    return (time.process_time() - begun) / max(1, done), done


def measure_drain(args: argparse.Namespace) -> dict[str, list[float]]:
    """Return the CPU seconds a task of each case, one figure a round."""
    found: dict[str, list[float]] = {case: [] for case in CASES}
    numbers = count()
    with folder() as home:
        stores: dict[str, Writer] = {}
        for case in CASES:
            (home / case).mkdir()
            stores[case] = make(home / case)
            configure(stores[case], case)
        for _ in range(args.rounds):
            for case in CASES:
                fill(stores[case], case, jobs=args.jobs, tasks=args.tasks, numbers=numbers)
                seconds, done = drain(stores[case], args.group)
                assert done >= args.tasks, (case, done)
                found[case].append(seconds)
        for writer in stores.values():
            writer.connection.close()
    return found


async def drain_engine(case: str, args: argparse.Namespace) -> tuple[float, float]:
    """Drain stored jobs by an engine; return seconds and CPU seconds a task."""
    each = max(1, args.tasks // args.jobs)
    numbers = count()
    with folder() as home:
        (home / "config.toml").write_text("" if case == "plain" else ENGINE_CONFIG)
        async with core.open_engine(home=home, slots=args.group) as deck:
            await deck.control.pause(Target(queue="default"))
            tasks = [[engine_task(case, next(numbers)) for _ in range(each)] for _ in range(args.jobs)]
            jobs = [(await deck.submit({"name": "some", "tasks": some})).id for some in tasks]
            begun, cpu = time.perf_counter(), time.process_time()
            await deck.control.resume(Target(queue="default"))
            with closing(sqlite3.connect(home / "taskdeck.db")) as db:
                while db.execute(OPEN_JOBS, (jobs[0], jobs[-1])).fetchone():  # noqa: ASYNC110 # The rows say when, and nothing tells of them.
                    await asyncio.sleep(PAUSE)
            took, spent = time.perf_counter() - begun, time.process_time() - cpu
    return took / (each * args.jobs), spent / (each * args.jobs)


def engine_task(case: str, number: int) -> dict[str, JsonValue]:
    """Return a task of a document that is under every limit of its case."""
    plain: dict[str, JsonValue] = {"key": f"t{number}", "uses": "delay", "with": {"seconds": 0}}
    if case == "plain":
        return plain
    db: JsonValue = {"limit": "db", "key": str(number % KEYS)} if case == "keys" else "db"
    return {**plain, "limits": [db, "api", "daily"], "cost": {"usd": 0.02, "tokens": 3_000}}


def measure_engine(args: argparse.Namespace) -> None:
    """Print what a drain by an engine takes in each case."""
    found: dict[str, list[tuple[float, float]]] = {case: [] for case in ENGINE_CASES}
    for _ in range(args.rounds):
        for case in ENGINE_CASES:
            found[case].append(asyncio.run(drain_engine(case, args)))
    middle = {
        case: [statistics.median(one) for one in zip(*some, strict=True)] for case, some in found.items()
    }
    for case, (took, cpu) in middle.items():
        beside = (plain / one for plain, one in zip(middle["plain"], (took, cpu), strict=True))
        print(
            "{:14} {:8,.0f}/s {:8.1f} us of CPU {:6.2f} {:6.2f} x plain".format(
                case, 1 / took, 1e6 * cpu, *beside
            )
        )


def measure_shut(args: argparse.Namespace) -> None:
    """Print what a claim costs beside tasks behind full gauges, and that it writes nothing."""
    limits = tuple(Limit(name=f"full{n}", kind=LimitKind.CONCURRENCY, max=1) for n in range(20))
    spent = Limit(name="spent", kind=LimitKind.BUDGET, unit="usd", max=1, window=Window(per=Per.TOTAL))
    with folder() as home:
        writer = make(home)
        send(writer, Configure(limits=(*limits, spent)))
        send(writer, FollowUp())
        for first in range(0, args.waiting, 1_000):
            refs = (LimitRef(name=f"full{first // 1_000 % 20}"),)
            send(writer, Enqueue(tasks=(TaskPlan(key="task", uses="mark", limits=refs),) * 1_000))
        report = send(writer, slots=100)
        print(f"shut           {args.waiting} tasks wait behind 20 gauges, {len(report.claimed)} run")
        for slots in (1, 16, 100):
            figures: list[tuple[float, float]] = []
            for _ in range(20):
                send(writer, Enqueue(tasks=(TaskPlan(key="free", uses="mark"),) * slots))
                begun, spent_before = time.perf_counter(), time.process_time()
                free = send(writer, slots=20 + slots)
                figures.append((time.perf_counter() - begun, time.process_time() - spent_before))
                assert len(free.claimed) == slots, len(free.claimed)
                send(writer, *ends(free))
            wall, cpu = (1e3 * statistics.median(values) for values in zip(*figures, strict=True))
            print(f"claim of {slots:4}  {wall:8.2f} ms, {cpu:.2f} ms of CPU")
        costly = TaskPlan(key="t", uses="mark", limits=(LimitRef(name="spent"),), cost=COST)
        send(writer, Enqueue(tasks=(costly,) * 10_000))
        send(writer, slots=200)
        before = writer.connection.total_changes
        for _ in range(10):
            send(writer, slots=200)
        print(f"spent budget   {writer.connection.total_changes - before} rows written by 10 claims")
        writer.connection.close()


def main() -> None:
    """Measure and print all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--jobs", type=int, default=500)
    parser.add_argument("--waiting", type=int, default=300_000)
    parser.add_argument("--group", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--engine", action="store_true", help="drain by a whole engine instead")
    args = parser.parse_args()
    if args.engine:
        measure_engine(args)
        return
    found = measure_drain(args)
    for case, figures in found.items():
        middle = 1e6 * statistics.median(figures)
        # Of each round by itself: a machine that others use is not as fast in one as in the next.
        beside = statistics.median([plain / one for plain, one in zip(found["plain"], figures, strict=True)])
        print(f"{case:14} {middle:8.1f} us {beside:6.2f} x plain")
    measure_shut(args)


if __name__ == "__main__":
    main()
