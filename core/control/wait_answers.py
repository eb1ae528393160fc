"""WaitAnswers: why tasks wait, from their rows and the engine.

Used by `ReadingControl`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from core.model.errors import TaskdeckError, Unavailable
from core.model.records import replace
from core.model.status import TASK_IDLE
from core.model.waits import EngineFacts, JobWaits, TaskFacts, TaskWaits
from core.rules.why import jobs, tasks
from core.rules.why.capacity import Capacity, judge
from core.rules.why.turns import place_of

if TYPE_CHECKING:
    from core.control.api import ControlAPI
    from core.model.views import EngineInfo, TaskView
    from core.store.reports.waits import WaitReports

EngineSight: TypeAlias = Callable[[], Awaitable[EngineFacts]]
"""Returns how the engine does now."""


async def no_engine() -> EngineFacts:
    """Return that no engine is running."""
    return EngineFacts()


class EngineState(Protocol):
    """What an engine of this process says of itself."""

    @property
    def aging_step(self) -> int:
        """How many ms of waiting weigh as much as one priority level."""

    def info(self) -> EngineInfo:
        """Return who this is and how busy."""


async def see_engine(engine: EngineState) -> EngineFacts:
    """Return how an engine of this process does."""
    return _facts_of(engine.info(), aging_step=engine.aging_step)


def _facts_of(info: EngineInfo, *, aging_step: int = 0) -> EngineFacts:
    return EngineFacts(
        state=info.state, slots=info.slots, running=info.running, closed=info.closed, aging_step=aging_step
    )


async def ask_engine(control: ControlAPI) -> EngineFacts:
    """Return how the engine behind a control does, whatever it answers."""
    try:
        return _facts_of(await control.status())
    except Unavailable as error:
        states = {"engine.none": "none", "engine.stopping": "stopping"}
        return EngineFacts(state=states.get(error.code, "silent"))
    except TaskdeckError:
        return EngineFacts(state="silent")


class WaitAnswers:
    """Read facts, ask the rule."""

    def __init__(self, reports: WaitReports, engine: EngineSight) -> None:
        self._reports = reports
        self._engine = engine

    async def told(self, views: Sequence[TaskView]) -> tuple[TaskView, ...]:
        """Return these tasks with what they wait for; what does not wait costs nothing."""
        waiting = [view.id for view in views if view.status in TASK_IDLE]
        if not waiting:
            return tuple(views)
        known = await self._reports.of_tasks(waiting)
        engine, capacity = await self._engine(), judge(known.capacity)
        return tuple(_told(view, known.tasks.get(view.id), engine, capacity) for view in views)

    async def task(self, task_id: int) -> TaskWaits:
        """Return every reason of one task; raise `NotFound`."""
        one = await self._reports.of_task(task_id)
        engine, capacity = await self._engine(), judge(one.capacity)
        facts = one.facts
        if one.line is not None:
            # Thousands of claims may be played: the engine goes on meanwhile.
            place = await asyncio.to_thread(place_of, facts, one.line, engine, capacity)
            facts = replace(facts, place=place)
        found = tasks.reasons(facts, engine, capacity)
        return TaskWaits(
            task_id=task_id,
            job_id=facts.job_id,
            key=one.key,
            status=facts.status,
            reasons=found,
            summary=tasks.summary(facts, found),
        )

    async def job(self, job_id: int) -> JobWaits:
        """Return the reasons of the waiting tasks of a job; raise `NotFound`."""
        job = await self._reports.of_job(job_id)
        engine, capacity = await self._engine(), judge(job.capacity)
        groups = jobs.grouped(
            jobs.TaskReasons(facts, tasks.reasons(facts, engine, capacity)) for facts in job.facts
        )
        waiting = sum(job.tasks.get(status, 0) for status in TASK_IDLE)
        return JobWaits(
            job_id=job_id,
            name=job.name,
            status=job.status,
            waiting=waiting,
            tasks=job.tasks,
            groups=groups,
            summary=jobs.job_summary(job.status, job.tasks, groups),
            searched=len(job.facts) if len(job.facts) < waiting else None,
        )


def _told(view: TaskView, facts: TaskFacts | None, engine: EngineFacts, capacity: Capacity) -> TaskView:
    # Facts are of a moment later: a task that has moved on is told when it is read again.
    if facts is None or facts.status != view.status:
        return view
    return replace(view, waits_for=tasks.short(tasks.reasons(facts, engine, capacity)))
