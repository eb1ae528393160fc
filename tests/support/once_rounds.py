"""Rounds of coroutines that contend for one key of `once`.

Started by `tests/scenarios/test_scenario_once.py`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from core.model.commands.work import Complete, Enqueue, Enqueued, Submit
from core.model.limits.once import Once
from core.model.outcomes import Lost, Succeeded
from core.model.plans import JobPlan, StagePlan, TaskPlan
from core.store.batch_report import Report
from core.store.journal import Journal
from tests.support.deck import Deck
from tests.support.manual_time import ManualClock

CONTENDERS = 20
_OPEN = "SELECT task_id, epoch FROM attempt WHERE status = 'running'"
_LAST = "SELECT coalesce(max(CAST(spec->>'$.once.key' AS INTEGER)), -1) FROM task"


def task(number: int) -> TaskPlan:
    """Return a task of a round; every second key is taken for good, the others until their task has ended."""
    once = Once(key=str(number), for_="unfinished" if number % 2 else "ever")
    return TaskPlan(key=f"round{number}", uses="mark", once=once)


class Rounds:
    """The rounds of one life of the process, one after another, until it is killed or all are done."""

    def __init__(self, path: Path, rounds: int) -> None:
        self._rounds = rounds
        clock = ManualClock()
        self._deck = Deck(path, now=clock.now())
        self._journal = Journal(self._deck.writer, clock=clock, listener=self._hear)
        self._claimed: list[tuple[int, int]] = []

    def _hear(self, report: Report) -> None:
        assert report.failure is None, report.failure
        self._claimed += [(one.task_id, one.epoch) for one in report.claimed]

    async def run(self) -> None:
        """Take over what a killed life left, then go on with its last round."""
        for task_id, epoch in self._deck.rows(_OPEN):
            await self._journal.submit(Complete(task_id=task_id, epoch=epoch, outcome=Lost(reason="?")))
        ((last,),) = self._deck.rows(_LAST)
        for number in range(max(last, 0), self._rounds):
            await self._round(number)

    async def _round(self, number: int) -> None:
        answers = await asyncio.gather(*(self._ask(number) for _ in range(CONTENDERS)), self._job(number))
        assert len({one.task_ids for one in answers if one is not None}) == 1, (number, answers)
        self._journal.slots = 1
        await self._journal.settle()
        self._journal.slots = 0
        claimed, self._claimed = self._claimed, []
        for task_id, epoch in claimed:
            await self._journal.submit(Complete(task_id=task_id, epoch=epoch, outcome=Succeeded()))

    async def _ask(self, number: int) -> Enqueued:
        return await self._journal.submit(Enqueue(tasks=(task(number),)))

    async def _job(self, number: int) -> None:
        """Contend by a job as well."""
        plan = JobPlan(name="contender", stages=(StagePlan(name="main", tasks=(task(number),)),))
        await self._journal.submit(Submit(plan=plan))


async def play(path: str, rounds: str) -> None:
    await Rounds(Path(path), int(rounds)).run()


def main() -> int:
    asyncio.run(play(*sys.argv[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
