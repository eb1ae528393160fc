"""WriterRules: the pure decisions that the store's writer calls.

`core.store` must not import `core.rules`: it knows these signatures only. `core.rules.writer` implements
them, and the engine passes them to the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

from core.model.failures import Family
from core.model.lanes import Further, Head, Picks
from core.model.plans import OnTaskFailure
from core.model.status import JobStatus, StageStatus, TaskStatus
from core.model.values import JsonObject

TaskCounts: TypeAlias = Mapping[TaskStatus, int]
"""How many tasks stand where; a status that does not occur has no key."""


class ClosedStages(Struct, frozen=True, kw_only=True):
    """The names of the first stages of a job that closed badly; None = none did."""

    failed: str | None
    cancelled: str | None


class Verdict(Struct, frozen=True, kw_only=True):
    """How a job is going to end, FAILED or CANCELLED, and why."""

    status: JobStatus
    reason: str
    task_id: int | None = None
    """The task whose end brought it."""


class Choose(Protocol):
    """Choose at most `slots` tasks from the heads of the open lanes.

    `further` returns the task behind a chosen one in its lane; None = the heads are all there is.
    """

    def __call__(
        self, heads: Sequence[Head], slots: int, *, now: int, aging_step: int, further: Further | None = None
    ) -> Picks: ...


class SortKey(Protocol):
    """Return where a task stands in its lane; lower is earlier."""

    def __call__(self, eligible_at: int, priority: int, *, aging_step: int) -> int: ...


FamilyOf: TypeAlias = Callable[[JsonObject], Family]
"""Return the family of an error as it is stored."""


class WriterRules(Struct, frozen=True, kw_only=True):
    """The decisions that the writer carries out."""

    choose: Choose
    sort_key: SortKey
    status_of_stage: Callable[[TaskCounts], StageStatus]
    verdict_of_task: Callable[[OnTaskFailure, str], Verdict | None]
    needs_verdict: Callable[[StageStatus, StageStatus | None], bool]
    verdict_of_stages: Callable[[OnTaskFailure, ClosedStages], Verdict | None]
    verdict_of_tasks: Callable[[TaskCounts], Verdict | None]
    forecast: Callable[[OnTaskFailure, Sequence[tuple[str, TaskCounts]]], Verdict | None]
    """By the names and tasks of the stages, in order; None = the job will succeed."""
    family_of: FamilyOf
