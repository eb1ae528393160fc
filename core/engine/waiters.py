"""Waiters: callers that wait for the end of tasks or jobs.

Used by the engine for `wait` requests.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from core.model.errors import Conflict, TaskdeckError
from core.model.status import JOB_FINAL, TASK_FINAL
from core.model.values import INBOX
from core.model.views import JobResult
from core.store.batch_report import Report


class Results(Protocol):
    """What waiters read of the store."""

    async def results(self, job_id: int) -> JobResult:
        """Return how a job stands; raise `NotFound`."""

    async def task_statuses(self, task_ids: Sequence[int]) -> Mapping[int, str]:
        """Return the status of each task that exists."""


class _Waiter:
    """One caller that waits for a set of tasks, or one job."""

    def __init__(self, numbers: frozenset[int]) -> None:
        self.numbers = numbers
        self.left = set(numbers)
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def strike(self, number: int) -> None:
        self.left.discard(number)
        if not self.left and not self.done.done():
            self.done.set_result(None)


class Waiters:
    """Wake callers after the commit: none hears of what a rollback takes back."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._tasks: dict[int, list[_Waiter]] = defaultdict(list)
        self._jobs: dict[int, list[_Waiter]] = defaultdict(list)
        self._failure: TaskdeckError | None = None

    def hear(self, report: Report) -> None:
        """Wake the callers whose tasks or jobs ended in this batch."""
        if self._tasks:
            for task_id in report.final_tasks:
                for waiter in self._tasks.pop(task_id, ()):
                    waiter.strike(task_id)
        for job_id in report.ended_jobs:
            for waiter in self._jobs.pop(job_id, ()):
                waiter.strike(job_id)

    async def wait_job(self, job_id: int) -> JobResult:
        """Return when the job is final."""
        if job_id == INBOX:
            raise Conflict("job.inbox", "the inbox never ends", hint="wait for its tasks instead")
        # Listen first, then look: an end in between is not missed.
        waiter = self._listen(self._jobs, {job_id})
        try:
            result = await self._results.results(job_id)
            while result.status not in JOB_FINAL:
                await waiter.done
                waiter = self._listen(self._jobs, {job_id})
                result = await self._results.results(job_id)
            return result
        finally:
            self._forget(self._jobs, waiter)

    async def wait_tasks(self, task_ids: Sequence[int]) -> dict[str, int]:
        """Return when all tasks are final: how many ended in each status; unknown ids do not count."""
        while True:
            waiter = self._listen(self._tasks, set(task_ids))
            try:
                statuses = await self._results.task_statuses(task_ids)
                waiting = {task_id for task_id, status in statuses.items() if status not in TASK_FINAL}
                if not waiting:
                    return _count(statuses)
                for task_id in set(task_ids) - waiting:
                    waiter.strike(task_id)
                await waiter.done
            finally:
                self._forget(self._tasks, waiter)

    async def until_none(self) -> None:
        """Return when no caller waits for anything any more."""
        while self._tasks or self._jobs:
            waiters = [w for book in (self._tasks, self._jobs) for one in book.values() for w in one]
            await asyncio.wait([waiters[0].done], timeout=1.0)
            # A waiter that is done leaves in a later step of the loop.
            await asyncio.sleep(0)

    def fail(self, error: TaskdeckError) -> None:
        """Raise an error to every caller, now or later: the engine ends."""
        self._failure = error
        for book in (self._tasks, self._jobs):
            for waiter in {id(w): w for waiters in book.values() for w in waiters}.values():
                if not waiter.done.done():
                    waiter.done.set_exception(error)
            book.clear()

    def _listen(self, book: dict[int, list[_Waiter]], numbers: set[int]) -> _Waiter:
        if self._failure is not None:
            raise self._failure
        waiter = _Waiter(frozenset(numbers))
        for number in numbers:
            book[number].append(waiter)
        return waiter

    def _forget(self, book: dict[int, list[_Waiter]], waiter: _Waiter) -> None:
        # Also numbers that were final before: one that stays would keep a host from ending.
        for number in waiter.numbers:
            waiters = book.get(number, [])
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                book.pop(number, None)


def _count(statuses: Mapping[int, str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for status in statuses.values():
        counts[status] = counts.get(status, 0) + 1
    return counts
