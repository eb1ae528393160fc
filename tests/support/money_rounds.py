"""Rounds of coroutines that contend for one slot of money.

Started by `tests/scenarios/test_scenario_money.py` and `tests/bench/money.py`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random

from core.model.commands.limits import Configure
from core.model.commands.work import Cancel, Command, Complete, Enqueue, FollowUp
from core.model.limits.estimates import Estimate
from core.model.limits.limits import MICRO, Limit, LimitKind, LimitRef, Spent
from core.model.outcomes import Bounced, Failed, Lost, Outcome, Requeue, Succeeded, TaskError
from core.model.plans import TaskPlan
from core.store.batch_report import Report
from core.store.journal import Journal
from tests.support.deck import Deck
from tests.support.manual_time import ManualClock

CONTENDERS = 100
UNITS = {"team": "usd", "words": "tokens", "asks": "questions"}
LIMITS = tuple(
    Limit(name=name, kind=LimitKind.BUDGET, unit=unit, max=10 * MICRO) for name, unit in UNITS.items()
)
"""Each round has gauges of its own, by key: one of the three has room for one task, the others for all."""
_OPEN = "SELECT task_id, epoch FROM attempt WHERE status = 'running'"
_QUEUED = "SELECT id FROM task INDEXED BY task_claim WHERE status = 'queued'"
_HELD = "SELECT name, used, reserved, unknown FROM gauge WHERE name IN ('asks', 'team', 'words') AND key = ?"


def task(number: int) -> TaskPlan:
    """Return a task of a round; the budget that is narrow changes from round to round."""
    narrow = tuple(UNITS)[number % len(UNITS)]
    cost = {unit: 10 * MICRO if name == narrow else MICRO // 20 for name, unit in UNITS.items()}
    refs = tuple(LimitRef(name=name, key=str(number)) for name in UNITS)
    return TaskPlan(key=f"round{number}", uses="mark", limits=refs, cost=Estimate(amounts=cost))


class Rounds:
    """The rounds of one life of the process, one after another, until it is killed or all are done."""

    def __init__(self, path: Path, rounds: int) -> None:
        self._rounds = rounds
        self._random = Random(os.getpid())
        self._clock = ManualClock()
        self._deck = Deck(path, now=self._clock.now())
        self._journal = Journal(self._deck.writer, clock=self._clock, listener=self._hear)
        self._claimed: list[tuple[int, int]] = []

    def _hear(self, report: Report) -> None:
        assert report.failure is None, report.failure
        self._claimed += [(one.task_id, one.epoch) for one in report.claimed]

    async def run(self) -> None:
        """Take over what a killed life left, then go on behind its last round."""
        await self._journal.submit(Configure(limits=LIMITS))
        lost = self._deck.rows(_OPEN)
        await self._all(Complete(task_id=ref[0], epoch=ref[1], outcome=Lost(reason="?")) for ref in lost)
        (last,) = self._deck.rows("SELECT coalesce(max(CAST(key AS INTEGER)), -1) FROM gauge")[0]
        await self._clear()
        for number in range(last + 1, self._rounds):
            self._journal.slots = CONTENDERS
            await self._round(number)

    async def _round(self, number: int) -> None:
        self._claimed.clear()
        contender = Enqueue(tasks=(task(number),))
        await self._all(contender for _ in range(CONTENDERS))
        while True:
            await self._journal.settle()
            (winner,) = self._claimed
            self._claimed.clear()
            self._look(number, open_attempts=1)
            outcome = self._outcome()
            if not isinstance(outcome, Bounced):
                break
            # Nothing was spent: the slot of money is the next one's.
            await self._end(winner, outcome)
        await self._end(winner, outcome)
        await self._journal.settle()
        assert self._claimed == [], "a second one was claimed from what the first had left"
        self._look(number, open_attempts=0)
        await self._clear()

    def _outcome(self) -> Outcome:
        error = TaskError(code="steer.failed", message="no")
        ends: tuple[Outcome, ...] = (Succeeded(), Failed(error=error), Lost(reason="?"), Bounced(reason="?"))
        return self._random.choice(ends)

    async def _end(self, ref: tuple[int, int], outcome: Outcome) -> None:
        spent = () if isinstance(outcome, Bounced) else self._spent()
        more = {"decision": Requeue()} if isinstance(outcome, Bounced) else {}
        await self._journal.submit(
            Complete(task_id=ref[0], epoch=ref[1], outcome=outcome, spent=spent, **more)  # type: ignore[arg-type]
        )

    def _spent(self) -> tuple[Spent, ...]:
        """Return odd amounts below what is held of every budget; of some units nothing is reported."""
        told = self._random.sample(sorted(UNITS.values()), self._random.randint(0, len(UNITS)))
        return tuple(Spent(unit=unit, amount=self._random.randint(1, MICRO // 20)) for unit in told)

    def _look(self, number: int, *, open_attempts: int) -> None:
        """Look that the winner alone holds anything, of all three budgets, and none is over its limit."""
        held = {name: amounts for name, *amounts in self._deck.rows(_HELD, str(number))}
        cost = task(number).cost
        assert cost is not None
        for name, (used, reserved, unknown) in held.items():
            assert used + reserved + unknown <= 10 * MICRO, (number, held)
            assert reserved == open_attempts * cost.amounts[UNITS[name]], (number, held)

    async def _clear(self) -> None:
        """Cancel the others of a round."""
        self._journal.slots = 0
        waiting = [row[0] for row in self._deck.rows(_QUEUED)]
        if waiting:
            await self._journal.submit(Cancel(task_ids=tuple(waiting)))
            await self._journal.submit(FollowUp())

    async def _all(self, commands: Iterable[Command[object]]) -> None:
        """Submit commands by a coroutine each, all at once."""
        await asyncio.gather(*map(self._ask, commands))

    async def _ask(self, command: Command[object]) -> None:
        await self._journal.submit(command)


async def play(path: str, rounds: str) -> None:
    await Rounds(Path(path), int(rounds)).run()


def main() -> int:
    asyncio.run(play(*sys.argv[1:]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
