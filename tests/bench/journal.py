"""Measure the journal against the same rows written by hand.

    python tests/bench/journal.py [--tasks 5000] [--group 100] [--rounds 3]

`journal`: preloaded loose tasks are drained through a real journal, completions and claims in one commit.
`transactions`: the same groups without the thread hop. `mixed`: submits of jobs with a fan-out and fan-in,
claims, completions that unblock, holds and pauses, in every batch. Cases run by turns; medians are printed.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.model.commands.work import Command, Complete, Enqueue, Hold, Pause, Resume, Submit, Unhold
from core.model.outcomes import Succeeded
from core.model.plans import JobPlan, NeedPlan, StagePlan, TaskPlan
from core.rules.writer import WRITER_RULES
from core.store.batch_report import Report
from core.store.database import open_writer
from core.store.epochs import begin_epoch
from core.store.journal import Journal
from core.store.transaction import Group, carry_out
from core.store.writer import Writer
from tests.bench.handwritten import Speed, arguments, bare, drain, folder, medians, table, timed
from tests.support.manual_time import ManualClock, saved

LOOSE = TaskPlan(key="task", uses="mark", with_={"seconds": 0})
FAN = 8


def now() -> int:
    """Return the moment in ms UTC."""
    return time.time_ns() // 1_000_000


def make(home: Path) -> Writer:
    """Open a new store for a writer."""
    connection = open_writer(home / "deck.db", synchronous="FULL", now=now())
    owner = begin_epoch(connection, time=saved(now()), before=None, pid=1)
    return Writer(connection=connection, epoch=owner.epoch, aging_step=60_000, rules=WRITER_RULES)


def preload(writer: Writer, tasks: int) -> None:
    """Store loose tasks, a thousand at a time."""
    for first in range(0, tasks, 1_000):
        count = min(1_000, tasks - first)
        send(writer, Enqueue(tasks=(LOOSE,) * count))


def send(writer: Writer, *commands: Command, slots: int = 0) -> Report:
    """Carry out one group and return its report; any refusal ends the bench."""
    answers, report = carry_out(writer, Group(commands=commands, slots=slots, now=now()))
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return report


def ends(report: Report) -> list[Command]:
    """Return the completions of what was claimed."""
    return [
        Complete(task_id=claimed.task_id, epoch=claimed.epoch, outcome=Succeeded())
        for claimed in report.claimed
    ]


def transactions(tasks: int, group: int) -> Speed:
    """Drain by groups in this thread."""
    speeds: list[Speed] = []
    with folder() as home:
        writer = make(home)
        preload(writer, tasks)
        with timed(writer.connection, tasks, speeds):
            report = send(writer, slots=group)
            while report.claimed:
                report = send(writer, *ends(report), slots=group)
        writer.connection.close()
    return speeds[0]


def journal(tasks: int, group: int) -> Speed:
    """Drain through a journal: the listener completes what was claimed."""
    return asyncio.run(_journal(tasks, group))


async def _journal(tasks: int, group: int) -> Speed:
    speeds: list[Speed] = []
    left, drained = tasks, asyncio.Event()

    def listen(report: Report) -> None:
        nonlocal left
        for command in ends(report):
            line.submit(command)
        left -= len(report.final_tasks)
        if left == 0:
            drained.set()

    with folder() as home:
        writer = make(home)
        preload(writer, tasks)
        line = Journal(writer, clock=ManualClock(now()), listener=listen)
        with timed(writer.connection, tasks, speeds):
            line.slots = group
            line.wake()
            await drained.wait()
        await line.close()
    return speeds[0]


def fan(number: int) -> JobPlan:
    """Return a job of one task, then eight that need it, then one that needs them all."""
    middle = [TaskPlan(key=f"m{n}", uses="mark", needs=(NeedPlan(key="a"),)) for n in range(FAN)]
    last = TaskPlan(key="z", uses="mark", needs=tuple(NeedPlan(key=plan.key) for plan in middle))
    tasks = (TaskPlan(key="a", uses="mark"), *middle, last)
    return JobPlan(name=f"fan{number}", stages=(StagePlan(name="only", tasks=tasks),))


def mixed(tasks: int, group: int) -> Speed:
    """Run jobs to their end, with every kind of command in every batch."""
    speeds: list[Speed] = []
    jobs = tasks // (FAN + 2)
    with folder() as home:
        writer = make(home)
        held = send(writer, Enqueue(tasks=(LOOSE,) * 2))
        switches = itertools.cycle(
            (
                (Hold(task_ids=(1, 2)), Pause(queue="default")),
                (Unhold(task_ids=(1, 2)), Resume(queue="default")),
            )
        )
        with timed(writer.connection, tasks, speeds):
            plans = iter([fan(number) for number in range(jobs)])
            report, done = held, 0
            while done < jobs:
                new = [Submit(plan=plan) for plan in itertools.islice(plans, group // 10)]
                report = send(writer, *next(switches), *new, *ends(report), slots=group)
                done += len(report.ended_jobs)
        writer.connection.close()
    return speeds[0]


def main() -> None:
    """Run all cases by turns."""
    args = arguments()
    kinds = {
        "bare": bare,
        "handwritten": drain,
        "transactions": transactions,
        "journal": journal,
        "mixed": mixed,
    }
    cases: dict[str, Callable[[], Speed]] = {
        name: lambda case=case: case(args.tasks, args.group)  # type: ignore[misc]
        for name, case in kinds.items()
    }
    speeds = medians(cases, args.rounds)
    table(speeds, "handwritten")
    print(f"handwritten / bare, per row written: {speeds['handwritten'].rows / speeds['bare'].rows:.2f}")
    print(f"journal / handwritten, tasks: {speeds['journal'].tasks / speeds['handwritten'].tasks:.2f}")


if __name__ == "__main__":
    main()
