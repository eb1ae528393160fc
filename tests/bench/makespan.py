"""Compare makespans of recorded workflows with a greedy schedule that costs nothing.

    python tests/bench/makespan.py DIRECTORY [--rounds 3] [--slots 4] [--file NAME]

Every WfFormat record of DIRECTORY is run with a time scale that makes its median task 50 ms. Makespan =
first claim to end of the job, by events. The schedule takes the same run times, and whenever a slot is
free the task that is ready for longest, ties in the order of the claims. Wanted: makespan <= 1.05 x
schedule + 20 ms, for every file whose schedule lasts 1 s or more. At last the largest record made here
(2,122 tasks, 6,114 edges) is imported (process time) and submitted (to its id).
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import json
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import core
from core.control.api import EventQuery
from core.workflows.importers.wfformat import import_file, to_workflow
from core.workflows.loader import read

if TYPE_CHECKING:
    from core.app.deck import Deck
    from core.model.events import EventView
    from core.model.values import JsonObject

MEDIAN_SECONDS = 0.05
FACTOR, ALLOWANCE_SECONDS = 1.05, 0.02
LARGEST = (2_122, 6_114)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A record as a workflow: seconds and needs of each task, by key."""

    name: str
    workflow: JsonObject
    seconds: dict[str, float]
    needs: dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: first claim to end of the job, and the schedule it is held to, in seconds."""

    makespan: float
    schedule: float

    @property
    def ratio(self) -> float:
        """Makespan by schedule, after the allowance of 20 ms."""
        return (self.makespan - ALLOWANCE_SECONDS) / self.schedule


def main() -> None:
    arguments = _arguments()
    failed = 0
    for path in sorted(Path(arguments.directory).glob("*.json")):
        if arguments.file in path.name:
            failed += _judge(recorded(path), arguments)
    failed += _judge_largest()
    raise SystemExit(1 if failed else 0)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--file", default="", help="only records whose name contains this")
    return parser.parse_args()


def recorded(path: Path) -> Recorded:
    """Import a record at the time scale that makes its median task 50 ms."""
    workflow = to_workflow(read(path))
    seconds = {task["key"]: task["with"]["seconds"] for task in workflow["tasks"]}
    scale = MEDIAN_SECONDS / statistics.median(seconds.values())
    for task in workflow["tasks"]:
        task["with"]["seconds"] *= scale
    return Recorded(
        name=path.stem,
        workflow=workflow,
        seconds={key: value * scale for key, value in seconds.items()},
        needs={task["key"]: task.get("needs", []) for task in workflow["tasks"]},
    )


def schedule(record: Recorded, claims: list[str], slots: int) -> float:
    """Return how long the greedy schedule lasts; `claims` = the keys in the order of their claims."""
    rank = {key: number for number, key in enumerate(claims)}
    left = {key: len(needs) for key, needs in record.needs.items()}
    followers: dict[str, list[str]] = {key: [] for key in left}
    for key, needs in record.needs.items():
        for need in needs:
            followers[need].append(key)
    ready = [(0.0, rank[key], key) for key, number in left.items() if number == 0]
    heapq.heapify(ready)
    running: list[tuple[float, str]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < slots:
            key = heapq.heappop(ready)[2]
            heapq.heappush(running, (now + record.seconds[key], key))
        now = running[0][0]
        while running and running[0][0] == now:
            for follower in followers[heapq.heappop(running)[1]]:
                left[follower] -= 1
                if left[follower] == 0:
                    heapq.heappush(ready, (now, rank[follower], follower))
    return now


def _judge(record: Recorded, arguments: argparse.Namespace) -> bool:
    """Run a record several times, print the median; return whether it took too long."""
    runs = [asyncio.run(_run(record, arguments.slots)) for _ in range(arguments.rounds)]
    middle = sorted(runs, key=lambda run: run.ratio)[len(runs) // 2]
    counts = middle.schedule >= 1
    verdict = "short" if not counts else "ok" if middle.ratio <= FACTOR else "TOO LONG"
    ratios = " ".join(f"{run.ratio:.3f}" for run in runs)
    times = f"schedule {middle.schedule:7.3f} s  makespan {middle.makespan:7.3f} s"
    print(f"{record.name:48} {len(record.seconds):5} tasks  {times}  ratios {ratios}  {verdict}", flush=True)
    return verdict == "TOO LONG"


async def _run(record: Recorded, slots: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as home:
        async with core.open_engine(home=home, slots=slots) as deck:
            job = await deck.submit(record.workflow)
            await deck.wait_job(job.id)
            events = await _events(deck, job.id)
    claims = [event for event in events if event.kind == "task.claimed"]
    (end,) = [event for event in events if event.kind == "job.succeeded"]
    keys = [str(event.key) for event in claims]
    return Run(makespan=(end.at - claims[0].at) / 1_000, schedule=schedule(record, keys, slots))


async def _events(deck: Deck, job_id: int) -> list[EventView]:
    found: list[EventView] = []
    while True:
        after = found[-1].id if found else 0
        page = await deck.control.events(EventQuery(job_id=job_id), after_id=after, limit=1_000)
        found += page.rows
        if not page.rows:
            return found


def _judge_largest() -> bool:
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as folder:
        path = Path(folder) / "largest.json"
        path.write_text(json.dumps(largest(*LARGEST)))
        begun = time.process_time()
        workflow = import_file(path, time_scale=0.001)
        imported = time.process_time() - begun
        submitted = statistics.median(asyncio.run(_submit(workflow)) for _ in range(3))
    print(f"largest record: import {imported:.2f} s of processor time, submit to id {submitted:.2f} s")
    return imported > 2 or submitted > 1


async def _submit(workflow: JsonObject) -> float:
    with tempfile.TemporaryDirectory(prefix="taskdeck-bench-") as home:
        async with core.open_engine(home=home, slots=4) as deck:
            begun = time.perf_counter()
            await deck.submit(workflow)
            return time.perf_counter() - begun


def largest(tasks: int, edges: int) -> JsonObject:
    """Return a WfFormat record of layers with so many tasks and edges, the same each time."""
    draw = random.Random(2)
    parents: list[set[int]] = [set() for _ in range(tasks)]
    for number in range(1, tasks):
        parents[number].add(draw.randrange(max(0, number - 400), number))
    for _ in range(edges - (tasks - 1)):
        while True:
            child = draw.randrange(2, tasks)
            parent = draw.randrange(max(0, child - 400), child)
            if parent not in parents[child]:
                parents[child].add(parent)
                break
    return _record(parents, draw)


def _record(parents: list[set[int]], draw: random.Random) -> JsonObject:
    children: list[list[str]] = [[] for _ in parents]
    for number, needed in enumerate(parents):
        for parent in needed:
            children[parent].append(f"task_{number:08}")
    ids = [f"task_{number:08}" for number in range(len(parents))]
    specified = [
        {
            "name": f"mProject_{name}",
            "id": name,
            "parents": [ids[parent] for parent in sorted(parents[number])],
            "children": children[number],
            "inputFiles": [f"{ids[parent]}_out.fits" for parent in sorted(parents[number])],
            "outputFiles": [f"{name}_out.fits"],
        }
        for number, name in enumerate(ids)
    ]
    files = [{"id": f"{name}_out.fits", "sizeInBytes": draw.randrange(1, 10**7)} for name in ids]
    executed = [
        {
            "id": name,
            "runtimeInSeconds": round(draw.uniform(0.5, 30), 3),
            "command": {"program": "mProject", "arguments": ["-X", f"{name}.fits"]},
            "coreCount": 1,
        }
        for name in ids
    ]
    return {
        "name": "largest",
        "schemaVersion": "1.5",
        "workflow": {
            "specification": {"tasks": specified, "files": files},
            "execution": {"makespanInSeconds": 1000, "executedAt": "2026-01-01T00:00:00Z", "tasks": executed},
        },
    }


if __name__ == "__main__":
    main()
