"""The past: its requests, and the verbs that ask them.

The part `past` of the ReadingAPI.
"""

from __future__ import annotations

from core.control.arguments import PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.filters.terms import Filter
from core.model.past import PastJob, PastTask, PastView
from core.model.views import Page


@verb("past", Kind.READ)
class PastCounts(Request[PastView], frozen=True, kw_only=True):
    at: int


@verb("past_jobs", Kind.READ)
class PastJobs(Request[Page[PastJob]], frozen=True, kw_only=True):
    event: int
    where: Filter | None = None
    after: str | None = None
    limit: int = PAGE


@verb("past_tasks", Kind.READ)
class PastTasks(Request[Page[PastTask]], frozen=True, kw_only=True):
    event: int
    where: Filter | None = None
    after: str | None = None
    limit: int = PAGE


class Past(Verbs):
    """How things stood at an earlier moment."""

    async def counts(self, at: int) -> PastView:
        """Return how many jobs and tasks stood where at an earlier moment (ms UTC), that ms included.

        Where the clock was set back, it is the last time that it showed the moment. At most 1,000,000
        events are undone. Raises `Invalid`: `history.future`, `history.too_early`, `history.too_long`.
        """
        return await self._control.ask(PastCounts(at=at))

    async def jobs(self, request: PastJobs) -> Page[PastJob]:
        """Return a page of the jobs that were there after an event, newest first.

        What was deleted since is missing. Filters know what never changes, and the status of then. Raises
        `Invalid`: `history.unknown`, `history.too_long`, `filter.past`, `filter.sort`, `page.cursor`.
        """
        return await self._control.ask(request)

    async def tasks(self, request: PastTasks) -> Page[PastTask]:
        """Return a page of the tasks that were there after an event; as `jobs`.

        Unless the filter names jobs a page ends early after 100,000 ids, and `searched` says so.
        """
        return await self._control.ask(request)
