"""Operator verbs: a target as commands of at most 1,000 tasks each.

Used by `LocalControl`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from core.control.arguments import Target, unfit
from core.control.nouns.orphans import KeepOrphans, KillOrphans
from core.control.nouns.upkeep import Pin, Unpin
from core.control.operator_requests import Cancel, Kill, Operate, Pause, Prioritise, Resume, Retry
from core.filters.fields import Noun
from core.model.commands import work as commands
from core.model.commands.work import Effect, Forecast, Operated, Operation, Rehearse
from core.model.errors import Invalid
from core.model.predictions import PlannedJob, PlannedTask, UnitCost
from core.model.records import replace
from core.model.refusals import Refusal
from core.rules.budget_fits import costs_of_job

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Sequence

    from core.model.orphans import OrphanView
    from core.store.reports import Reports
    from core.store.reports.targets import InstancePlace

MAX_PER_BATCH = 1_000
"""Tasks of one command; a longer list is carried out in several commits."""


class OrphansPort(Protocol):
    """What is asked of the engine about processes whose attempts are over."""

    async def all(self) -> Sequence[OrphanView]:
        """Return the living orphans."""

    async def keep(self, task_ids: Sequence[int], *, actor: str) -> Operated:
        """Note that living orphans are to be watched on."""

    async def kill(self, task_ids: Sequence[int], *, reason: str, actor: str) -> Operated:
        """End the processes of living orphans."""


class OperatorPort(Protocol):
    """What operator verbs ask of the engine; everything is acknowledged after its commit."""

    @property
    def client_reports(self) -> Reports:
        """The read models of the engine's store, on connections that clients share."""

    async def operate(self, command: Operation) -> Operated:
        """Carry out one command."""

    @property
    def orphan_verbs(self) -> OrphansPort:
        """What lists, keeps and ends processes whose attempts are over."""


class OperatorVerbs:
    """Carry out the verbs that act on a target."""

    def __init__(self, engine: OperatorPort) -> None:
        self._engine = engine

    async def carry_out(self, verb: Operate) -> Operated:
        """Return what changed and who refused; raise `Invalid` (`target.unfit`) for another target.

        A rehearsal also tells what the tasks that would start are expected to spend.
        """
        operated = await self._carry_out(verb)
        return replace(operated, costs=await self._costs(operated.starts)) if operated.starts else operated

    async def _costs(self, task_ids: Sequence[int]) -> tuple[UnitCost, ...]:
        tasks: list[PlannedTask] = []
        for start in range(0, len(task_ids), MAX_PER_BATCH):
            tasks += await self._engine.client_reports.planned_tasks.of(
                task_ids[start : start + MAX_PER_BATCH]
            )
        return tuple(costs_of_job(PlannedJob(name="", tasks=tuple(tasks))))

    async def _carry_out(self, verb: Operate) -> Operated:
        target, actor = verb.target, verb.actor
        match verb:
            case KeepOrphans() | KillOrphans() if verb.effect is Effect.NONE:
                raise Invalid(
                    "effect.unfit",
                    "what would be done with orphans is not rehearsed",
                    hint="see them with 'taskdeck orphans --plan'",
                )
            case Pause() | Resume():
                return await self._operate(verb, _command_on_switch(verb))
            case Cancel() | Retry() | Pin() | Unpin() if target.job_id is not None:
                return await self._operate(verb, _command_on_job(verb, target.job_id))
            case KeepOrphans():
                return await self._engine.orphan_verbs.keep(_task_ids(target), actor=actor)
            case KillOrphans():
                return await self._engine.orphan_verbs.kill(
                    _task_ids(target), reason=verb.reason, actor=actor
                )
            case _:
                return await self._carry_out_on_tasks(verb)

    async def _operate(self, verb: Operate, command: Operation) -> Operated:
        rehearsed = verb.effect is Effect.NONE
        return await self._engine.operate(Rehearse(operation=command) if rehearsed else command)

    async def _carry_out_on_tasks(self, verb: Operate) -> Operated:
        changed = 0
        starts: list[int] = []
        refused: list[Refusal] = []
        # Tasks of one job may be in several batches: the last knows most.
        forecasts: dict[int, Forecast] = {}
        async for task_ids in self._with_instances(verb):
            operated = await self._operate(verb, verb.on_tasks(task_ids))
            changed += operated.changed
            refused += operated.refused
            starts += operated.starts
            forecasts |= {forecast.job_id: forecast for forecast in operated.forecasts}
        return Operated(
            changed=changed,
            refused=tuple(refused),
            forecasts=tuple(forecasts.values()),
            starts=tuple(dict.fromkeys(starts)),
        )

    async def _with_instances(self, verb: Operate) -> AsyncIterator[tuple[int, ...]]:
        """Yield the tasks of a target; where a verb that reaches instances names a group, these follow.

        A filter says by itself which rows it means, instances among them.
        """
        reaches = isinstance(verb, Prioritise | Kill) and verb.target.task_ids is not None
        kills, targets = isinstance(verb, Kill), self._engine.client_reports.targets
        async for task_ids in self._batches(verb.target):
            groups = await targets.groups(task_ids, only_active=kills) if reaches else {}
            # Nothing of a group itself runs; one without an instance that runs is refused as any other row.
            rows = tuple(one for one in task_ids if not kills or one not in groups)
            # All first: what starts in the places of those that are killed is not meant.
            ends = [one async for one in self._instances(verb, groups.values())] if kills and groups else ()
            if rows:
                yield rows
            for instances in ends:
                yield instances
            if groups and not kills:
                async for instances in self._instances(verb, groups.values()):
                    yield instances

    async def _instances(self, verb: Operate, set_ids: Collection[int]) -> AsyncIterator[tuple[int, ...]]:
        targets, named = self._engine.client_reports.targets, set(verb.target.task_ids or ())
        last: InstancePlace | None = None
        while found := await targets.instances(
            set_ids, after=last, limit=MAX_PER_BATCH, only_active=isinstance(verb, Kill)
        ):
            last = found[-1]
            instances = tuple(one.task_id for one in found if one.task_id not in named)
            if instances:
                yield instances

    async def _batches(self, target: Target) -> AsyncIterator[tuple[int, ...]]:
        if target.task_ids is not None:
            task_ids = _task_ids(target)
            for start in range(0, len(task_ids), MAX_PER_BATCH):
                yield task_ids[start : start + MAX_PER_BATCH]
            return
        if target.filter is None or target.filter.noun is not Noun.TASKS:
            raise _tasks_only(target)
        # By rising id: a verb moves tasks out of the filter (or into it) while it goes on.
        last = 0
        while batch := await self._matching(target, after=last):
            yield tuple(batch)
            last = batch[-1]

    async def _matching(self, target: Target, *, after: int) -> list[int]:
        return await self._engine.client_reports.targets.task_ids(
            target.filter, after=after, limit=MAX_PER_BATCH, as_of=target.as_of, excluding=target.excluding
        )


def _tasks_only(target: Target) -> Invalid:
    if target.job_id is None:
        return unfit("tasks, by id or by a filter on tasks")
    return Invalid(
        "target.unfit",
        f"this verb acts on tasks, and {target.job_id} is a job",
        hint=f"name tasks: {target.job_id}/KEY, or --where 'job:{target.job_id}' for all of them",
        facts={"job": target.job_id},
    )


def _command_on_job(verb: Cancel | Retry | Pin | Unpin, job_id: int) -> Operation:
    if not isinstance(verb, Cancel):
        return verb.on_job(job_id)
    return commands.Cancel(job_id=job_id, reason=verb.reason, force=verb.force, actor=verb.actor)


def _command_on_switch(verb: Pause | Resume) -> Operation:
    job_id, queue = verb.target.job_id, verb.target.queue
    if job_id is None and queue is None:
        raise unfit("a job or a queue")
    if isinstance(verb, Pause):
        return commands.Pause(job_id=job_id, queue=queue, reason=verb.reason, actor=verb.actor)
    return commands.Resume(job_id=job_id, queue=queue, reason=verb.reason, actor=verb.actor)


def _task_ids(target: Target) -> tuple[int, ...]:
    if target.task_ids is None:
        raise unfit("tasks, by id")
    return tuple(dict.fromkeys(target.task_ids))
