"""Measure claims beside many lanes, paused ones among them.

    python tests/bench/lanes.py [--tasks 1000] [--lanes 50000] [--group 100] [--rounds 15]

`loose`: loose tasks are drained by groups, completions and claims in one transaction. `beside_held`: the same
in a store that is as large, beside so many jobs of one task that is held: no lane waits. `behind_queue`:
beside as many jobs in a paused queue, `behind_jobs`: beside as many paused jobs. The stores are open side by
side and drain so many tasks by turns. `submit`: the jobs in the paused queue are
submitted, in groups, while slots are free. `jobs`: the paused jobs are resumed and drained, their queue
beside them. Printed are us of CPU a task, medians, and their ratio to `beside_held`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.model.commands.work import Enqueue, Hold, Pause, Resume, Submit
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.store.writer import Writer
from tests.bench.handwritten import folder
from tests.bench.journal import ends, make, preload, send

LATER = TaskPlan(key="task", uses="mark", queue="later")
ONE = Submit(plan=JobPlan(name="one", stages=(StagePlan(name="only", tasks=(LATER,)),)))


def groups(numbers: range, size: int) -> Iterator[range]:
    """Cut a range into groups."""
    for first in range(0, len(numbers), size):
        yield numbers[first : first + size]


def submit(writer: Writer, number: int, *, group: int, slots: int) -> float:
    """Submit jobs of one task in groups; return the CPU seconds a job."""
    begun = time.process_time()
    for numbers in groups(range(number), group):
        send(writer, *[ONE] * len(numbers), slots=slots)
    return (time.process_time() - begun) / number


def drain(writer: Writer, group: int) -> float:
    """Run all that can run by groups; return the CPU seconds a task."""
    done, begun = 0, time.process_time()
    report = send(writer, slots=group)
    while report.claimed:
        done += len(report.claimed)
        report = send(writer, *ends(report), slots=group)
    return (time.process_time() - begun) / done


def fill(stores: dict[str, Writer], lanes: int, group: int) -> float:
    """Make the lanes and pause them; return the CPU seconds a job of the submission behind a queue."""
    queue = stores["behind_queue"]
    send(queue, Enqueue(tasks=(LATER,)))
    send(queue, Pause(queue="later"))
    seconds = submit(queue, lanes, group=group, slots=group)
    held = stores["beside_held"]
    submit(held, lanes, group=group, slots=0)
    for numbers in groups(range(1, lanes + 1), group):
        send(held, Hold(task_ids=tuple(numbers)))
    jobs = stores["behind_jobs"]
    submit(jobs, lanes, group=group, slots=0)
    for numbers in groups(range(2, lanes + 2), group):
        send(jobs, *[Pause(job_id=job) for job in numbers])
    return seconds


def measure(args: argparse.Namespace) -> dict[str, list[float]]:
    """Return the CPU seconds a task of each case, one figure a round."""
    names = ("loose", "beside_held", "behind_queue", "behind_jobs")
    found: dict[str, list[float]] = {name: [] for name in names}
    with folder() as home:
        stores: dict[str, Writer] = {}
        for name in names:
            (home / name).mkdir()
            stores[name] = make(home / name)
        found["submit"] = [fill(stores, args.lanes, args.group)]
        for _ in range(args.rounds):
            for name in names:
                preload(stores[name], args.tasks)
                found[name].append(drain(stores[name], args.group))
        for numbers in groups(range(2, args.lanes + 2), args.group):
            send(stores["behind_jobs"], *[Resume(job_id=job) for job in numbers])
        found["jobs"] = [drain(stores["behind_jobs"], args.group)]
        for writer in stores.values():
            writer.connection.close()
    return found


def main() -> None:
    """Measure and print all cases."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000)
    parser.add_argument("--lanes", type=int, default=50_000)
    parser.add_argument("--group", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=15)
    found = measure(parser.parse_args())
    beside = statistics.median(found["beside_held"])
    for name, figures in found.items():
        middle = statistics.median(figures)
        print(f"{name:14} {1e6 * middle:8.1f} us {middle / beside:6.2f} x beside_held")


if __name__ == "__main__":
    main()
