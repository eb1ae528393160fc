"""LocalControl: the ControlAPI beside the engine, in its loop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from core.control.api import OPERATOR, Document, StopMode, SubmitOptions, Target
from core.control.located import located
from core.control.reading import ReadingControl
from core.filters.fields import Noun
from core.model.commands import (
    Cancel,
    Enqueued,
    Fail,
    Force,
    Hold,
    Kill,
    Operated,
    Pause,
    Rerun,
    Resume,
    Submitted,
    Unhold,
)
from core.model.errors import Invalid
from core.model.views import Changes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from pathlib import Path

    from core.engine.editions import Edition
    from core.model.orphans import OrphanView
    from core.model.plans import TaskPlan, TaskSpec
    from core.model.values import JsonValue
    from core.model.views import EngineInfo, JobResult
    from core.model.workflow_views import WorkflowView
    from core.store.reports import Reports

BITE = 1_000
"""Tasks of one command at the most; a longer list is carried out in several commits."""
Operation: TypeAlias = Cancel | Kill | Pause | Resume | Hold | Unhold | Fail | Rerun


class EnginePort(Protocol):
    """What the control asks of the engine; everything is acknowledged after its commit."""

    @property
    def reports(self) -> Reports:
        """The read models of the engine's store."""

    @property
    def output_dir(self) -> Path:
        """The directory of the attempt directories."""

    async def submit(
        self, document: Document, params: Mapping[str, JsonValue], *, options: SubmitOptions
    ) -> Submitted:
        """Read, check and admit a document; a path is absolute."""

    async def enqueue(self, plans: Sequence[TaskPlan], *, group: str | None, actor: str) -> Enqueued:
        """Check and admit loose tasks in one commit."""

    async def operate(self, command: Operation) -> Operated:
        """Carry out an operator's verb."""

    async def orphans(self) -> Sequence[OrphanView]:
        """Return the living orphans."""

    async def keep_orphans(self, task_ids: Sequence[int], *, actor: str) -> Operated:
        """Note that living orphans are to be watched on."""

    async def kill_orphans(self, task_ids: Sequence[int], *, reason: str, actor: str) -> Operated:
        """End the processes of living orphans."""

    async def describe(self, document: Document) -> WorkflowView:
        """Check a document without admitting it."""

    async def changes(self, after: int | None) -> Edition:
        """Return what is new since an event as soon as something is."""

    async def wait_job(self, job_id: int) -> JobResult:
        """Return when the job is final."""

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Return counts by status when all tasks are final."""

    def stop(self, how: StopMode) -> None:
        """Begin to stop; returns at once."""

    def info(self) -> EngineInfo:
        """Say who this is and how busy."""


class LocalControl(ReadingControl):
    """Carry out the ControlAPI on an engine of this process; see there for what the methods promise."""

    def __init__(self, engine: EnginePort) -> None:
        super().__init__(engine.reports, engine.output_dir)
        self._engine = engine

    async def submit(
        self,
        document: Document,
        params: Mapping[str, JsonValue] | None = None,
        *,
        options: SubmitOptions | None = None,
    ) -> Submitted:
        """Admit a job."""
        chosen = options or SubmitOptions(actor=OPERATOR)
        return await self._engine.submit(located(document), params or {}, options=chosen)

    async def enqueue(
        self, specs: Sequence[TaskSpec], *, group: str | None = None, actor: str = OPERATOR
    ) -> tuple[int, ...]:
        """Admit loose tasks."""
        if not specs:
            return ()
        admitted = await self._engine.enqueue([spec.to_plan() for spec in specs], group=group, actor=actor)
        return admitted.task_ids

    async def cancel(
        self, target: Target, *, reason: str = "", force: Force = Force.ASK, actor: str = OPERATOR
    ) -> Operated:
        """Ask a job or tasks to end."""
        asked = Cancel(job_id=target.job_id, reason=reason, actor=actor, force=force)
        if target.job_id is not None:
            return await self._engine.operate(asked)
        return await self._in_bites(target, lambda ids: replace(asked, task_ids=ids))

    async def kill(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """End what runs of tasks at once."""
        return await self._in_bites(target, lambda ids: Kill(task_ids=ids, reason=reason, actor=actor))

    async def retry(self, target: Target, *, downstream: bool = False, actor: str = OPERATOR) -> Operated:
        """Run a job's or single tasks again."""
        if target.job_id is not None:
            return await self._engine.operate(Rerun(job_id=target.job_id, downstream=downstream, actor=actor))
        return await self._in_bites(
            target, lambda ids: Rerun(task_ids=ids, downstream=downstream, actor=actor)
        )

    async def pause(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Claim no more from a job or a queue."""
        _check_switch(target)
        command = Pause(job_id=target.job_id, queue=target.queue, reason=reason, actor=actor)
        return await self._engine.operate(command)

    async def resume(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Claim again from a job or a queue."""
        _check_switch(target)
        return await self._engine.operate(Resume(job_id=target.job_id, queue=target.queue, actor=actor))

    async def hold(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Keep tasks from being claimed."""
        return await self._in_bites(target, lambda ids: Hold(task_ids=ids, reason=reason, actor=actor))

    async def unhold(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Let held tasks go on."""
        return await self._in_bites(target, lambda ids: Unhold(task_ids=ids, actor=actor))

    async def fail(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Give held tasks up."""
        return await self._in_bites(target, lambda ids: Fail(task_ids=ids, reason=reason, actor=actor))

    async def orphans(self) -> tuple[OrphanView, ...]:
        """Return what lost its owner."""
        found = [*await self._engine.orphans(), *await self.reports.lost.orphans()]
        return tuple(sorted(found, key=lambda orphan: orphan.task_id))

    async def keep_orphans(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Note that living orphans are to be watched on."""
        return await self._engine.keep_orphans(_ids(target), actor=actor)

    async def kill_orphans(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """End the processes of living orphans."""
        return await self._engine.kill_orphans(_ids(target), reason=reason, actor=actor)

    async def describe(self, document: Document) -> WorkflowView:
        """Check a document without submitting it."""
        return await self._engine.describe(located(document))

    async def changes(self, after: int | None = None) -> Changes:
        """Return what changed since an event, as soon as something has."""
        edition = await self._engine.changes(after)
        # Read afterwards: counts may be ahead of the edition, never behind it.
        standing = await self.reports.totals.current()
        return Changes(
            last_event=edition.last_event,
            kinds=edition.kinds,
            tasks=standing.tasks,
            jobs=standing.jobs,
            paused_queues=standing.paused_queues,
            engine=self._engine.info(),
        )

    async def wait_job(self, job_id: int) -> JobResult:
        """Return when the job is final."""
        return await self._engine.wait_job(job_id)

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Return when all tasks are final."""
        return await self._engine.wait_tasks(task_ids)

    async def stop_engine(self, how: StopMode = StopMode.STOP) -> None:
        """Ask the engine to stop."""
        self._engine.stop(how)

    async def status(self) -> EngineInfo:
        """Return who answers."""
        return self._engine.info()

    async def _in_bites(self, target: Target, command: Callable[[tuple[int, ...]], Operation]) -> Operated:
        changed = 0
        refused: list[tuple[int, str]] = []
        async for task_ids in self._bites(target):
            done = await self._engine.operate(command(task_ids))
            changed += done.changed
            refused += done.refused
        return Operated(changed=changed, refused=tuple(refused))

    async def _bites(self, target: Target) -> AsyncIterator[tuple[int, ...]]:
        if target.task_ids is not None:
            ids = tuple(dict.fromkeys(target.task_ids))
            for start in range(0, len(ids), BITE):
                yield ids[start : start + BITE]
            return
        if target.filter is None or target.filter.noun is not Noun.TASKS:
            raise _unfit("tasks, by id or by a filter on tasks")
        # By rising id: a verb moves tasks out of the filter (or into it) while it goes on.
        last = 0
        while found := await self._found(target, after=last):
            yield tuple(found)
            last = found[-1]

    async def _found(self, target: Target, *, after: int) -> list[int]:
        return await self.reports.targets.task_ids(
            target.filter, after=after, limit=BITE, as_of=target.as_of, excluding=target.excluding
        )


def _check_switch(target: Target) -> None:
    if target.job_id is None and target.queue is None:
        raise _unfit("a job or a queue")


def _ids(target: Target) -> tuple[int, ...]:
    if target.task_ids is None:
        raise _unfit("tasks, by id")
    return tuple(dict.fromkeys(target.task_ids))


def _unfit(wanted: str) -> Invalid:
    return Invalid("target.unfit", f"this verb acts on {wanted}", hint=f"name {wanted}")
