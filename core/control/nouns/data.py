"""Data of jobs: its requests, and verbs that ask them.

The part `data` of the ControlAPI.
"""

from __future__ import annotations

from core.control.arguments import PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.model.patterns.artifacts import KeptArtifact
from core.model.views import JobOutputs, Page, TaskView, VariableView

ARTIFACTS_PAGE = 1_000
"""Files of one answer."""


@verb("variables", Kind.READ)
class Variables(Request[tuple[VariableView, ...]], frozen=True, kw_only=True):
    job_id: int


@verb("outputs", Kind.READ)
class Outputs(Request[JobOutputs], frozen=True, kw_only=True):
    job_id: int


@verb("artifacts", Kind.READ)
class Artifacts(Request[tuple[KeptArtifact, ...]], frozen=True, kw_only=True):
    job_id: int
    task_id: int | None = None
    after: KeptArtifact | None = None
    limit: int = ARTIFACTS_PAGE


@verb("instances", Kind.READ)
class Instances(Request[Page[TaskView]], frozen=True, kw_only=True):
    group_id: int
    after: str | None = None
    limit: int = PAGE


class Data(Verbs):
    """What tasks of a job pass on, and the instances of its groups."""

    async def instances(
        self, group_id: int, *, after: str | None = None, limit: int = PAGE
    ) -> Page[TaskView]:
        """Return a page of the present instances of a group, in order of their index.

        Empty for what is not a group, and while its items are unknown. Raises `Invalid` (`page.cursor`).
        """
        return await self._control.ask(Instances(group_id=group_id, after=after, limit=limit))

    async def variables(self, job_id: int) -> tuple[VariableView, ...]:
        """Return the variables of a job in the order of its document; raise `NotFound` (`job.unknown`)."""
        return await self._control.ask(Variables(job_id=job_id))

    async def outputs(self, job_id: int) -> JobOutputs:
        """Return what a job gives out once it has succeeded; raise `NotFound` (`job.unknown`)."""
        return await self._control.ask(Outputs(job_id=job_id))

    async def artifacts(
        self,
        job_id: int,
        *,
        task_id: int | None = None,
        after: KeptArtifact | None = None,
        limit: int = ARTIFACTS_PAGE,
    ) -> tuple[KeptArtifact, ...]:
        """Return files that the last attempts of the tasks of a job left, in order of task, name and path.

        With `task_id` those of this task of the job; of a group those of its present instances, in order of
        index. At most `limit` of them behind `after`. Raises `NotFound` (`job.unknown`).
        """
        return await self._control.ask(Artifacts(job_id=job_id, task_id=task_id, after=after, limit=limit))
