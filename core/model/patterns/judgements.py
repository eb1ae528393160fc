"""Judgements of blocked tasks whose needs are met.

Made by the engine's conditions; carried out by the store.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from core.model.commands.work import Command, RowRef
from core.model.limits.terms import Terms
from core.model.outcomes import TaskError
from core.model.patterns.awaits import AwaitedFile, AwaitedJob
from core.model.patterns.children import EndJob, OnChildFailure, Result
from core.model.patterns.work_items import NewItem
from core.model.plans import JobPlan
from core.model.values import JsonObject, JsonValue


class Proceed(Struct, frozen=True, kw_only=True):
    """The `when` of a blocked task is true, or it has none."""

    terms: Terms | None = None
    """Its limits and its cost, where outputs were needed for them."""


class Await(Struct, frozen=True, kw_only=True):
    """A blocked task does no work of its own: it waits for a moment, or for an answer.

    It succeeds after `for_ms` of engine time, at `until` (wall clock, ms UTC), by a signal, by people, when a
    file is there, or when a job has ended; it fails when `within_ms` of engine time went by before. None =
    never.
    """

    for_ms: int | None = None
    until: int | None = None
    within_ms: int | None = None
    signal: str | None = None
    key: str = ""
    item: NewItem | None = None
    """What people are asked."""
    file: AwaitedFile | None = None
    job: AwaitedJob | None = None


class Expand(Struct, frozen=True, kw_only=True):
    """A blocked group has these items; each gets an instance."""

    items: list[JsonValue]


class BeginChild(Struct, frozen=True, kw_only=True):
    """A blocked task waits for a job: one of this plan, or the one that it had before and that failed.

    The child is ended when `within_ms` of engine time went by.
    """

    plan: JobPlan
    on_child_failure: OnChildFailure = OnChildFailure.FAIL
    within_ms: int | None = None
    terms: Terms | None = None
    """The keys of its limits, where these were to be worked out."""


class BeginWorklet(Struct, frozen=True, kw_only=True):
    """A task that failed waits for the job that decides what follows."""

    plan: JobPlan
    within_ms: int | None = None


class TakeOutputs(Struct, frozen=True, kw_only=True):
    """The child of a waiting task succeeded, and gives this out."""

    outputs: JsonObject


class TakeResult(Struct, frozen=True, kw_only=True):
    """The worklet of a waiting task succeeded, and decides this.

    `next` names the dependants that go on, the others are skipped (None = as the end of the task has it);
    `variables` of the job get other values; `cancel` names tasks of the job that are cancelled; `end` ends
    the job.
    """

    result: Result
    output: JsonObject = {}
    message: str = ""
    next: tuple[str, ...] | None = None
    variables: JsonObject = {}
    cancel: tuple[str, ...] = ()
    end: EndJob | None = None


class GiveUp(Struct, frozen=True, kw_only=True):
    """A task that failed stays so: no worklet is wanted, or none can begin."""

    reason: str = ""


class SkipIt(Struct, frozen=True, kw_only=True):
    """The `when` of a blocked task is false."""


class FailIt(Struct, frozen=True, kw_only=True):
    """The `when` of a blocked task cannot be judged, or its limits or cost not be worked out."""

    error: TaskError


Judgement: TypeAlias = (
    Proceed | Await | Expand | BeginChild | BeginWorklet | TakeOutputs | TakeResult | GiveUp | SkipIt | FailIt
)


class Question(Struct, frozen=True, kw_only=True):
    """What a task asks of the engine, told from what it asked before and asks later."""

    asks: str | None = None
    """Of a waiting task: `outputs` of its child, whether its `worklet` begins; None = its condition."""
    generation: int
    epoch: int
    """Of its last attempt: between two worklets there is another."""


class Decide(Command[None], frozen=True, kw_only=True):
    """Carry out a judgement."""

    task_id: int
    verdict: Judgement
    question: Question | None = None
    """The one that it answers; None = whatever the task asks."""

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.task_id),)
