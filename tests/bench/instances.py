"""Benchmark of groups: 100,000 instances, beside other work and beside loose tasks.

    python tests/bench/instances.py [--instances 100000] [--rounds 3] [--slots 250]

Each round drains a group, then as many loose tasks, in engines of their own; ratios are of one round,
medians of rounds are printed. While the group is made and drained, a loose task is enqueued every 50 ms:
how long it waits for its start tells what others feel. At the end an expression reads all outputs, and
pages of them are read one by one.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from pathlib import Path

import core
from core.store.readers import Readers
from core.store.reports import Reports

PROBE_SECONDS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--instances", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=250)
    arguments = parser.parse_args()
    ratios = []
    for number in range(arguments.rounds):
        group = asyncio.run(_group(arguments.instances, arguments.slots))
        loose = asyncio.run(_loose(arguments.instances, arguments.slots))
        ratios.append(group / loose)
        print(f"round {number + 1}: group {group:,.0f}/s, loose {loose:,.0f}/s, ratio {group / loose:.2f}")
    print(f"ratio {statistics.median(ratios):.2f} (median of {arguments.rounds})")


async def _group(instances: int, slots: int) -> float:
    """Drain a group; return instances a second, from submit to the end of the job."""
    document = {
        "name": "wide",
        "tasks": [
            {"key": "g", "uses": "delay", "for_each": instances, "with": {"seconds": 0}},
            {
                "key": "all",
                "uses": "delay",
                "needs": ["g"],
                "when": f"${{{{ size(tasks.g.outputs) == {instances} }}}}",
                "with": {"seconds": 0},
            },
        ],
    }
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as folder:
        async with core.open_engine(home=folder, slots=slots) as deck:
            waits: list[float] = []
            probe = asyncio.create_task(_probe(deck, waits))
            began = time.perf_counter()
            job = await deck.submit(document)
            done = await deck.wait_job(job.id)
            took = time.perf_counter() - began
            probe.cancel()
            assert done.status == "succeeded", done
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        waits.sort()
        print(f"  others start after {_ms(waits, 0.5)} (median), {_ms(waits, 0.99)} (p99); {rss:,.0f} MiB")
        await _pages(Path(folder) / "taskdeck.db", job.id)
    return instances / took


async def _probe(deck: core.Deck, waits: list[float]) -> None:
    while True:
        began = time.perf_counter()
        (task_id,) = await deck.enqueue_many([core.TaskSpec(uses="delay", with_={"seconds": 0}, priority=50)])
        await deck.wait_tasks([task_id])
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(PROBE_SECONDS)


async def _pages(path: Path, job_id: int) -> None:
    """Read all outputs page by page, and tell how long one page takes."""
    readers = Readers(path)
    reports, after, took = Reports(readers), -1, list[float]()
    while True:
        began = time.perf_counter()
        page = await reports.instances.instance_results(job_id, "g", after=after)
        took.append(time.perf_counter() - began)
        if not page:
            break
        after = page[-1].index
    await readers.close()
    took.sort()
    print(f"  {len(took)} pages of outputs: {_ms(took, 0.5)} each (median), {_ms(took, 0.99)} (p99)")


async def _loose(number: int, slots: int) -> float:
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as folder:
        async with core.open_engine(home=folder, slots=slots) as deck:
            spec = core.TaskSpec(uses="delay", with_={"seconds": 0})
            began = time.perf_counter()
            task_ids = await deck.enqueue_many([spec] * number)
            await deck.wait_tasks(task_ids)
            return number / (time.perf_counter() - began)


def _ms(ordered: list[float], share: float) -> str:
    return f"{1_000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]:.1f} ms" if ordered else "?"


if __name__ == "__main__":
    main()
