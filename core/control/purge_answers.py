"""Answers to purges, a part at a time.

Used by `LocalControl`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from core.control.nouns.upkeep import Purge
from core.filters.terms import Filter, In
from core.model.actors import signed
from core.model.commands.work import Effect
from core.model.errors import Invalid
from core.model.purges import PurgeView, PurgeWhat
from core.model.records import replace
from core.model.refusals import Refusal
from core.model.values import INBOX

if TYPE_CHECKING:
    from core.engine.housekeeping.purging import Purging
    from core.engine.housekeeping.retention import Retention
    from core.store.reports import Reports

PART = {PurgeWhat.OUTPUTS: 500, PurgeWhat.JOBS: 100, PurgeWhat.TASKS: 500}
"""Ids of one part at the most."""
TASKS_MOST = 2_000
"""Tasks of the jobs of one part, and those of one job more."""
SECONDS = 0.5
"""After so long a part is answered as far as it came."""


class UpkeepPort(Protocol):
    """What keeps the store of an engine small."""

    @property
    def purging(self) -> Purging:
        """What takes ended work out of store and disk."""

    @property
    def retention(self) -> Retention:
        """What does so by itself."""


class PurgeAnswers:
    """Answers the requests of one control; what changes is signed with the user."""

    def __init__(self, purging: Purging, reports: Reports, user: str) -> None:
        self._purging = purging
        self._reports = reports
        self._user = user

    async def part(self, request: Purge) -> PurgeView:
        """Carry out a part, or say what it would take."""
        if bool(request.ids) == (request.where is not None):
            raise Invalid("target.one", "a purge acts on ids or on a filter", hint="name exactly one of them")
        numbers = await self._ids(request)
        if not numbers:
            return PurgeView()
        if request.what is PurgeWhat.JOBS:
            numbers = await self._as_many(numbers)
        if request.effect is Effect.NONE:
            return replace(await self._plan(request, numbers), next=numbers[-1])
        return await self._carry_out(request, numbers)

    async def _ids(self, request: Purge) -> list[int]:
        limit = PART[request.what]
        if request.where is None:
            return [one for one in sorted(set(request.ids)) if one > request.after][:limit]
        if request.what is PurgeWhat.JOBS:
            return await self._reports.upkeep.job_ids(request.where, after=request.after, limit=limit)
        where = request.where if request.what is PurgeWhat.OUTPUTS else _loose(request.where)
        return await self._reports.targets.task_ids(where, after=request.after, limit=limit)

    async def _as_many(self, job_ids: Sequence[int]) -> list[int]:
        """Return the first of these jobs that together have no more than `TASKS_MOST` tasks."""
        known = {job.id: job.tasks for job in await self._reports.upkeep.jobs(job_ids)}
        tasks, chosen = 0, list[int]()
        for job_id in job_ids:
            tasks += known.get(job_id, 0) if job_id != INBOX else 0
            if chosen and tasks > TASKS_MOST:
                break
            chosen.append(job_id)
        return chosen

    async def _plan(self, request: Purge, numbers: Sequence[int]) -> PurgeView:
        plan: dict[PurgeWhat, Callable[[Sequence[int]], Awaitable[PurgeView]]] = {
            PurgeWhat.OUTPUTS: self._purging.plan_outputs,
            PurgeWhat.JOBS: self._purging.plan_jobs,
            PurgeWhat.TASKS: self._purging.plan_loose,
        }
        return await plan[request.what](numbers)

    async def _carry_out(self, request: Purge, numbers: Sequence[int]) -> PurgeView:
        order = self._purging.order(actor=signed(request.actor, self._user), reason=request.reason)
        if request.what is PurgeWhat.OUTPUTS:
            return replace(await self._purging.remove_outputs(numbers, order), next=numbers[-1])
        purge = self._purging.purge_jobs if request.what is PurgeWhat.JOBS else self._purging.purge_loose
        begun, freed = time.monotonic(), self._purging.freed
        left, jobs, tasks = [*numbers], 0, 0
        refused: list[Refusal] = []
        while left and time.monotonic() - begun < SECONDS:
            taken = await purge(left, order)
            jobs, tasks, left = jobs + taken.jobs, tasks + taken.tasks, [*taken.left]
            refused += taken.refused
        return PurgeView(
            jobs=jobs,
            tasks=tasks,
            bytes=self._purging.freed - freed,
            refused=tuple(refused),
            next=left[0] - 1 if left else numbers[-1],
        )


def _loose(where: Filter) -> Filter:
    return replace(where, terms=(*where.terms, In(field="job", values=(INBOX,))))
