"""The history of jobs: its requests, and the verbs that ask them.

The part `history` of the ReadingAPI.
"""

from __future__ import annotations

from core.control.arguments import PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.model.comparisons import JobComparison
from core.model.replay import JobAt
from core.model.views import Page, TaskDetail


@verb("job_at", Kind.READ)
class GetJobAt(Request[JobAt], frozen=True, kw_only=True):
    job_id: int
    event: int | None = None
    at: int | None = None


@verb("tasks_at", Kind.READ)
class TasksAt(Request[Page[TaskDetail]], frozen=True, kw_only=True):
    job_id: int
    event: int
    after: int = 0
    limit: int = PAGE


@verb("compare_jobs", Kind.READ)
class CompareJobs(Request[JobComparison], frozen=True, kw_only=True):
    after: int
    before: int | None = None


class JobHistory(Verbs):
    """What the events of a job tell."""

    async def job_at(self, job_id: int, *, event: int | None = None, at: int | None = None) -> JobAt:
        """Return a job as it stood after an event, or as of a moment (ms UTC); else after its newest event.

        An event of something else stands for the last one of the job before it. At most 1,000,000 events
        are folded. Raises `NotFound` (`job.unknown`), and `Invalid`: `history.inbox`, `history.too_early`,
        `history.too_long`.
        """
        return await self._control.ask(GetJobAt(job_id=job_id, event=event, at=at))

    async def tasks_at(
        self, job_id: int, event: int, *, after: int = 0, limit: int = PAGE
    ) -> Page[TaskDetail]:
        """Return the tasks that a job had after an event, by id, those behind `after`; raises as `job_at`.

        Statuses, times, attempts, errors and outputs are those of then. A task of which nothing tells how
        it stood has the status `unknown`.
        """
        return await self._control.ask(TasksAt(job_id=job_id, event=event, after=after, limit=limit))

    async def compare(self, after: int, before: int | None = None) -> JobComparison:
        """Return what differs between two jobs; without the other one, from the last of its name before it.

        Tasks are compared by key, at most 10,000 of each job; at most 500 that differ are told, of 50 where
        their outputs differ. Raises `NotFound`: `job.unknown`, `job.first`.
        """
        return await self._control.ask(CompareJobs(after=after, before=before))
