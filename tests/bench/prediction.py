"""Predict a job behind a long queue: how long the answer takes.

    python tests/bench/prediction.py [--queued 60000] [--jobs 4] [--tasks 40000] [--slots 4] [--limits]

The rule alone, without reading a document and a store. `--limits` puts the job under a limit that never keeps
anything back, so that each claim asks it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.model.lanes import Head
from core.model.limits.capacity_facts import CapacityFacts, LineFacts
from core.model.limits.gauges import Gauge
from core.model.limits.limits import Limit, LimitKind
from core.model.predictions import PlannedJob, PlannedTask
from core.model.run_times import Usual, UsualCost, UsualTime
from core.model.waits import EngineFacts
from core.rules.prediction import Arriving, predict
from core.rules.why.capacity import judge
from core.store.reports.limits.arrivals import QUEUED_MAX

WIDTH = 50
"""Tasks of the job that may run at once: each needs the one so many before it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--queued", type=int, default=60_000)
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--tasks", type=int, default=40_000)
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--limits", action="store_true")
    asked = parser.parse_args()
    job = planned(asked.tasks, is_limited=asked.limits)
    around = arriving(asked.queued, asked.jobs, asked.slots)
    began, used = time.perf_counter(), time.process_time()
    view = predict(job, around)
    took, cpu = time.perf_counter() - began, time.process_time() - used
    print(f"{asked.queued:,} queued of {asked.jobs} jobs, {asked.tasks:,} tasks, {asked.slots} slots")
    print(f"answered in {took:.2f} s, {cpu:.2f} s of a processor; {view.extent}")


def planned(tasks: int, *, is_limited: bool) -> PlannedJob:
    """Return a job of tasks whose past is known."""
    gauge = Gauge(id=-1, limit=Limit(name="wide", kind=LimitKind.CONCURRENCY, max=10**6))
    return PlannedJob(
        name="bench",
        tasks=tuple(
            PlannedTask(
                key=f"t{number}",
                queue="default",
                needs=(number - WIDTH,) if number >= WIDTH else (),
                usual=Usual(
                    time=UsualTime(median_ms=1_000 + number % 7, p90_ms=2_000, p95_ms=2_500, attempts=100),
                    costs={"usd": UsualCost(median=10, p90=11, p95=12, attempts=100)},
                ),
            )
            for number in range(tasks)
        ),
        queue_gauges={"default": (-1,)} if is_limited else {},
        gauges={-1: gauge} if is_limited else {},
    )


def arriving(queued: int, jobs: int, slots: int) -> Arriving:
    """Return a queue as the store reads it: the first tasks of each job."""
    each = min(queued, QUEUED_MAX) // jobs
    lanes = tuple(
        tuple(
            Head(lane_id=lane, task_id=lane * each + n, job_id=lane, queue="default", sort_key=0, vtime=0)
            for n in range(each)
        )
        for lane in range(1, jobs + 1)
    )
    return Arriving(
        line=LineFacts(lanes=lanes, usual_ms={head.task_id: 1_000 for lane in lanes for head in lane}),
        lane_counts=dict.fromkeys(range(1, jobs + 1), queued // jobs),
        queued=queued,
        engine=EngineFacts(state="serving", slots=slots, aging_step=60_000),
        capacity=judge(CapacityFacts()),
    )


if __name__ == "__main__":
    main()
