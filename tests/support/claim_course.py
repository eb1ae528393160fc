"""Claims in virtual time: attempts that end when their time is over."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from core.model.commands.work import Command, Complete, FollowUp
from core.model.outcomes import Succeeded

if TYPE_CHECKING:
    import sqlite3

    from core.model.limits.limits import Pool
    from tests.store.deck import Deck


class Turn(NamedTuple):
    """A task, when it was queued, began and ended (ms)."""

    task_id: int
    job_id: int
    queue: str
    pool: str
    priority: int
    queued_at: int
    began_at: int
    ended_at: int


class ClaimCourse:
    """Drives a store: each attempt takes `took` ms, and each end claims."""

    def __init__(self, deck: Deck, *, slots: int, took: int) -> None:
        self.deck = deck
        self.slots = slots
        self.took = took
        self._ends: list[tuple[int, int, int]] = []

    def go_on(self, *commands: Command) -> None:
        """Carry out commands and claim, until nothing is left over."""
        self.deck.do(*commands, slots=self.slots)
        self._begin()
        while self.deck.report.left_over or self.deck.report.claims_left:
            self.deck.now -= 10
            self.deck.do(*([FollowUp()] if self.deck.report.left_over else []), slots=self.slots)
            self._begin()

    def run_until(self, moment: int | None = None) -> None:
        """Let attempts end until a moment, or until nothing runs."""
        while self._ends and (moment is None or self._ends[0][0] <= moment):
            at = self._ends[0][0]
            done: list[Complete] = []
            while self._ends and self._ends[0][0] <= at:
                _, task_id, epoch = heapq.heappop(self._ends)
                done.append(Complete(task_id=task_id, epoch=epoch, outcome=Succeeded()))
            self.deck.now = max(self.deck.now, at - 10)
            self.go_on(*done)
        if moment is not None:
            self.deck.now = max(self.deck.now, moment - 10)

    def _begin(self) -> None:
        for one in self.deck.report.claimed:
            heapq.heappush(self._ends, (self.deck.now + self.took, one.task_id, one.epoch))


def turns(db: sqlite3.Connection) -> list[Turn]:
    """Return the tasks that ended, as their events tell it, in the order of their starts."""
    rows = db.execute(
        "SELECT t.id, t.job_id, t.queue, coalesce(a.pool, 'default'), t.priority, min(q.at), c.at, e.at"
        " FROM task t JOIN attempt a ON a.task_id = t.id"
        " JOIN event q ON q.task_id = t.id AND (q.kind = 'task.queued' OR q.kind = 'task.created'"
        " AND q.data->>'status' = 'queued')"
        " JOIN event c ON c.task_id = t.id AND c.kind = 'task.claimed'"
        " JOIN event e ON e.task_id = t.id AND e.kind = 'task.succeeded' GROUP BY t.id ORDER BY c.id"
    )
    return [Turn(*row) for row in rows]


def idle(taken: Sequence[Turn], pools: Sequence[Pool], *, slots: int) -> list[tuple[int, str]]:
    """Return the moments at which a pool had a free slot while a task of its queues waited."""
    changes: list[tuple[int, int, Turn, int]] = []
    for turn in taken:
        changes += [(turn.queued_at, 0, turn, 0), (turn.began_at, 1, turn, 1), (turn.ended_at, 2, turn, -1)]
    changes.sort(key=lambda change: (change[0], change[2].task_id, change[1]))
    waiting, running, found = Counter[str](), Counter[str](), list[tuple[int, str]]()
    for number, (at, kind, turn, open_) in enumerate(changes):
        running[turn.pool] += open_
        waiting[turn.queue] += (1, -1, 0)[kind]
        if number + 1 < len(changes) and changes[number + 1][0] == at:
            # Of one transaction: only what it leaves counts.
            continue
        for pool in pools:
            is_wanted = any(
                waiting[queue] > 0 for queue in waiting if not pool.queues or queue in pool.queues
            )
            if is_wanted and running[pool.name] < pool.slots and running.total() < slots:
                found.append((at, pool.name))
    return found


def slowdowns(taken: Sequence[Turn], *, slots: int, took: int) -> dict[int, float]:
    """Return, by job, how much longer it took than it would have taken alone."""
    jobs: dict[int, list[Turn]] = {}
    for turn in taken:
        jobs.setdefault(turn.job_id, []).append(turn)
    return {
        job: (max(one.ended_at for one in mine) - min(one.queued_at for one in mine))
        / (-(-len(mine) // slots) * took)
        for job, mine in jobs.items()
    }


def jain(values: Sequence[float]) -> float:
    """Return how even values are: 1 = all are the same.

    Source: R. Jain, D. Chiu, W. Hawe, "A Quantitative Measure of Fairness", DEC TR-301, 1984.
    """
    return sum(values) ** 2 / (len(values) * sum(one * one for one in values))
