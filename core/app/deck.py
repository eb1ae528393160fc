"""Deck: the ControlAPI for programs that use taskdeck as a library.

Made by `core.connect` and `core.open_engine`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from core.app.attach import attach
from core.app.options import Options
from core.control.api import ControlAPI, Document, SubmitOptions
from core.model.task_specs import TaskSpec
from core.model.values import JsonValue
from core.model.views import JobResult


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRef:
    """A job that was admitted; `duplicate` = a job with its key existed already."""

    id: int
    duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRef:
    """A loose task; `duplicate` = it stood already under the key of `once`, and no second was created."""

    id: int
    duplicate: bool


class Deck:
    """Submit, enqueue and wait; everything else is on `control`."""

    def __init__(self, control: ControlAPI) -> None:
        self.control = control

    async def submit(
        self,
        document: Document,
        params: Mapping[str, JsonValue] | None = None,
        *,
        options: SubmitOptions | None = None,
    ) -> JobRef:
        """Admit a workflow: the path of its file, or the document as parsed."""
        submitted = await self.control.submit(document, params, options=options)
        return JobRef(id=submitted.job_id, duplicate=submitted.duplicate)

    async def enqueue(self, spec: TaskSpec) -> int:
        """Admit one loose task; return its id, or that of the task which has the key of its `once`."""
        return (await self.enqueue_once(spec)).id

    async def enqueue_once(self, spec: TaskSpec) -> TaskRef:
        """Admit one loose task as `enqueue` does, and tell whether it was created."""
        admitted = await self.control.enqueue_once([spec])
        return TaskRef(id=admitted.task_ids[0], duplicate=bool(admitted.duplicates))

    async def enqueue_many(self, specs: Sequence[TaskSpec], *, group: str | None = None) -> tuple[int, ...]:
        """Admit loose tasks in one commit; return their ids in order."""
        return await self.control.enqueue(specs, group=group)

    async def wait_job(self, job_id: int) -> JobResult:
        """Return when a job is final."""
        return await self.control.wait_job(job_id)

    async def wait_tasks(self, task_ids: Sequence[int]) -> Mapping[str, int]:
        """Return when all tasks are final: how many ended in each status."""
        return await self.control.wait_tasks(task_ids)


@asynccontextmanager
async def connect(*, home: Path | str | None = None) -> AsyncIterator[Deck]:
    """Attach to the engine that runs on a home; raise `Unavailable` (`engine.none`)."""
    async with attach(Options.of_program(home)) as control:
        yield Deck(control)
