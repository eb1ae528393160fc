"""Measure claims beside many lanes, paused ones among them.

    python tests/bench/lanes.py [--tasks 5000] [--lanes 50000] [--group 100] [--rounds 3]

`loose`: loose tasks are drained by groups, completions and claims in one transaction. `behind_queue`: the
same beside so many jobs of one task in a paused queue, `behind_jobs`: beside as many paused jobs.
`submit`: those jobs are submitted, in groups, while the queue is paused and slots are free. `jobs`: so many
jobs of one task are drained. Cases run by turns; printed are us of CPU a task, medians, and their ratio to
`loose`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.model.commands import Enqueue, Pause, Submit
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.store.writer import Writer
from tests.bench.handwritten import folder
from tests.bench.journal import LOOSE, ends, make, preload, send

LATER = TaskPlan(key="task", uses="mark", queue="later")


def batched(numbers: range, size: int) -> Iterator[range]:
    """Cut a range into groups."""
    for first in range(0, len(numbers), size):
        yield numbers[first : first + size]


def one_task(plan: TaskPlan) -> Submit:
    """Return the submission of a job of one task."""
    return Submit(plan=JobPlan(name="one", stages=(StagePlan(name="only", tasks=(plan,)),)))


def submit(writer: Writer, plan: TaskPlan, number: int, *, group: int, slots: int = 0) -> float:
    """Submit jobs of one task in groups; return the CPU seconds."""
    begun = time.process_time()
    for numbers in batched(range(number), group):
        send(writer, *[one_task(plan)] * len(numbers), slots=slots)
    return time.process_time() - begun


def pause_queue(writer: Writer) -> None:
    """Make the queue of the lanes and pause it."""
    send(writer, Enqueue(tasks=(LATER,)))
    send(writer, Pause(queue="later"))


def pause_jobs(writer: Writer, number: int, *, group: int) -> None:
    """Pause the jobs that were submitted."""
    for numbers in batched(range(2, number + 2), group):
        send(writer, *[Pause(job_id=job) for job in numbers])


def drain(writer: Writer, group: int) -> float:
    """Run all that can run by groups; return the CPU seconds."""
    begun = time.process_time()
    report = send(writer, slots=group)
    while report.claimed:
        report = send(writer, *ends(report), slots=group)
    return time.process_time() - begun


class Cases:
    """What is measured, each in a store of its own; us of CPU a task."""

    def __init__(self, *, tasks: int, lanes: int, group: int) -> None:
        self._tasks, self._lanes, self._group = tasks, lanes, group

    def loose(self) -> dict[str, float]:
        return {"loose": self._in_a_store(self._drain_loose)}

    def jobs(self) -> dict[str, float]:
        def run(writer: Writer) -> float:
            submit(writer, LOOSE, self._lanes, group=self._group)
            return drain(writer, self._group) / self._lanes

        return {"jobs": self._in_a_store(run)}

    def behind_queue(self) -> dict[str, float]:
        submitted = 0.0

        def run(writer: Writer) -> float:
            nonlocal submitted
            pause_queue(writer)
            submitted = submit(writer, LATER, self._lanes, group=self._group, slots=self._group) / self._lanes
            return self._drain_loose(writer)

        return {"behind_queue": self._in_a_store(run), "submit": 1e6 * submitted}

    def behind_jobs(self) -> dict[str, float]:
        def run(writer: Writer) -> float:
            submit(writer, LATER, self._lanes, group=self._group)
            pause_jobs(writer, self._lanes, group=self._group)
            return self._drain_loose(writer)

        return {"behind_jobs": self._in_a_store(run)}

    def _drain_loose(self, writer: Writer) -> float:
        preload(writer, self._tasks)
        return drain(writer, self._group) / self._tasks

    @staticmethod
    def _in_a_store(run: Callable[[Writer], float]) -> float:
        with folder() as home:
            writer = make(home)
            seconds = run(writer)
            writer.connection.close()
        return 1e6 * seconds


def main() -> None:
    """Run all cases by turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=5_000)
    parser.add_argument("--lanes", type=int, default=50_000)
    parser.add_argument("--group", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cases = Cases(tasks=args.tasks, lanes=args.lanes, group=args.group)
    found: dict[str, list[float]] = {}
    for _ in range(args.rounds):
        for case in (cases.loose, cases.behind_queue, cases.behind_jobs, cases.jobs):
            for name, figure in case().items():
                found.setdefault(name, []).append(figure)
    loose = statistics.median(found["loose"])
    for name, figures in found.items():
        middle = statistics.median(figures)
        print(f"{name:14} {middle:8.1f} us {middle / loose:6.2f} x loose")


if __name__ == "__main__":
    main()
