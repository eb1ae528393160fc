"""Purging: takes ended work out of store and disk, in bites.

Asked by the control and by retention; continues what a former engine began.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.executors.output_removal import remove_outputs, sizes_of
from core.executors.outputs import Outputs
from core.model.commands.purges import (
    FilesRemoved,
    Purge,
    PurgeCause,
    Purged,
    RemoveOutputs,
    SizedOutputs,
    SweepPurged,
)
from core.model.crash_points import crash_point
from core.model.ports import AttemptRef
from core.model.purges import (
    JobFacts,
    LooseFacts,
    OutputFacts,
    PurgeView,
    why_job_stays,
    why_loose_stays,
    why_outputs_stay,
)
from core.model.refusals import unknown_job, unknown_task
from core.store.journal import Journal

TASKS_PER_BATCH = 250
"""Tasks whose outputs one command removes."""
_REMOVALS = 2 * TASKS_PER_BATCH


class PurgeFacts(Protocol):
    """What the store says: its reports."""

    async def jobs(self, job_ids: Sequence[int]) -> list[JobFacts]:
        """Return the facts of jobs, by id."""

    async def loose(self, task_ids: Sequence[int]) -> list[LooseFacts]:
        """Return the facts of tasks that may be purged by themselves."""

    async def outputs(self, task_ids: Sequence[int]) -> list[OutputFacts]:
        """Return the facts of tasks whose outputs may go."""

    async def instances(self, job_ids: Sequence[int]) -> list[int]:
        """Return the instances of jobs that were begun."""

    async def going(self, *, limit: int = 100) -> list[int]:
        """Return jobs whose purge has begun."""

    async def removals(self, *, limit: int = 200) -> list[AttemptRef]:
        """Return which directories are to be removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeOrder:
    """Who wants something to go, and why."""

    actor: str
    reason: str = ""
    cause: PurgeCause = PurgeCause.OPERATOR


class Purging:
    """Carry out purges of jobs, loose tasks and outputs, and say what they would take."""

    def __init__(self, journal: Journal, facts: PurgeFacts, outputs: Outputs) -> None:
        self._journal = journal
        self._facts = facts
        self._outputs = outputs
        self._removing = asyncio.Lock()
        self.freed = 0
        """Bytes of outputs that this engine removed."""

    @staticmethod
    def order(*, actor: str, reason: str) -> PurgeOrder:
        """Return the order of an operator."""
        return PurgeOrder(actor=actor, reason=reason)

    async def resume(self) -> None:
        """Go on with what a former engine began and did not end."""
        await self._remove_files()
        while job_ids := await self._facts.going():
            await self.purge_jobs(job_ids, PurgeOrder(actor=""))

    async def plan_jobs(self, job_ids: Sequence[int]) -> PurgeView:
        """Return what a purge of jobs would take."""
        jobs = await self._facts.jobs(job_ids)
        stays = {job.id: refusal for job in jobs if (refusal := why_job_stays(job)) is not None}
        going = [job for job in jobs if job.id not in stays]
        spans = [range(job.first_task, (job.last_task or 0) + 1) for job in going if job.first_task]
        instances = await self._facts.instances([job.id for job in going])
        tasks = [*(one for span in spans for one in span), *instances]
        sizes = await asyncio.to_thread(sizes_of, self._outputs, tasks)
        return PurgeView(
            jobs=len(going),
            tasks=sum(job.tasks for job in going),
            bytes=sum(sizes.values()),
            refused=(*map(unknown_job, sorted({*job_ids} - {job.id for job in jobs})), *stays.values()),
        )

    async def plan_loose(self, task_ids: Sequence[int]) -> PurgeView:
        """Return what a purge of loose tasks would take."""
        tasks = await self._facts.loose(task_ids)
        stays = {task.id: refusal for task in tasks if (refusal := why_loose_stays(task)) is not None}
        going = [task.id for task in tasks if task.id not in stays]
        sizes = await asyncio.to_thread(sizes_of, self._outputs, going)
        missing = sorted({*task_ids} - {task.id for task in tasks})
        refused = (*map(unknown_task, missing), *stays.values())
        return PurgeView(tasks=len(going), bytes=sum(sizes.values()), refused=refused)

    async def plan_outputs(self, task_ids: Sequence[int]) -> PurgeView:
        """Return what a removal of outputs would take; tasks that have none are not counted."""
        return await self.plan_sized(await asyncio.to_thread(sizes_of, self._outputs, task_ids))

    async def plan_sized(self, sizes: Mapping[int, int]) -> PurgeView:
        """Return the same of outputs whose sizes are known."""
        tasks = await self._facts.outputs([*sizes])
        stays = {task.id: refusal for task in tasks if (refusal := why_outputs_stay(task)) is not None}
        going = [sizes[task.id] for task in tasks if task.id not in stays]
        return PurgeView(tasks=len(going), bytes=sum(going), refused=tuple(stays.values()))

    async def purge_jobs(self, job_ids: Sequence[int], order: PurgeOrder) -> Purged:
        """Purge as much of jobs as one commit takes; `left` of the answer is to be asked for again."""
        return await self._carry_out(_command(order, job_ids=tuple(job_ids)))

    async def purge_loose(self, task_ids: Sequence[int], order: PurgeOrder) -> Purged:
        """Purge as many loose tasks as one commit takes; `left` of the answer is to be asked for again."""
        return await self._carry_out(_command(order, task_ids=tuple(task_ids)))

    async def remove_outputs(self, task_ids: Sequence[int], order: PurgeOrder) -> PurgeView:
        """Remove the outputs of tasks, as far as they have some."""
        return await self.remove_sized(await asyncio.to_thread(sizes_of, self._outputs, task_ids), order)

    async def remove_sized(self, sizes: Mapping[int, int], order: PurgeOrder) -> PurgeView:
        """Remove outputs whose sizes are known, by rising ids."""
        found, taken = sorted(sizes), PurgeView()
        for start in range(0, len(found), TASKS_PER_BATCH):
            some = found[start : start + TASKS_PER_BATCH]
            command = RemoveOutputs(
                outputs=tuple(SizedOutputs(task_id=one, size=sizes[one]) for one in some),
                cause=order.cause,
                reason=order.reason,
                actor=order.actor,
            )
            answer = await self._journal.submit(command)
            crash_point("purge.decided")
            await self._remove_files()
            taken = PurgeView(
                tasks=taken.tasks + answer.tasks,
                bytes=taken.bytes + sum(sizes[one] for one in answer.files),
                refused=(*taken.refused, *answer.refused),
            )
        return taken

    async def known_sizes(self, task_ids: Sequence[int]) -> dict[int, int]:
        """Return what outputs take as it was counted last; as it stands before all were counted."""
        known = self._outputs.use.known(task_ids)
        return await asyncio.to_thread(sizes_of, self._outputs, task_ids) if known is None else known

    async def _carry_out(self, command: Purge) -> Purged:
        answer = await self._journal.submit(command)
        crash_point("purge.decided")
        if answer.files:
            await self._remove_files()
        while await self._journal.submit(SweepPurged()):
            crash_point("purge.swept")
        return answer

    async def _remove_files(self) -> None:
        """Remove the directories that are decided on."""
        async with self._removing:
            while refs := await self._facts.removals(limit=_REMOVALS):
                self.freed += await asyncio.to_thread(remove_outputs, self._outputs, refs)
                crash_point("purge.removed")
                await self._journal.submit(FilesRemoved(task_ids=tuple(ref.task_id for ref in refs)))
                if len(refs) < _REMOVALS:
                    return


def _command(order: PurgeOrder, *, job_ids: tuple[int, ...] = (), task_ids: tuple[int, ...] = ()) -> Purge:
    return Purge(
        job_ids=job_ids, task_ids=task_ids, cause=order.cause, reason=order.reason, actor=order.actor
    )
