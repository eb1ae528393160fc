"""Judgements of blocked tasks whose needs are met.

Made by the engine's conditions; carried out by the store.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from core.model.awaits import AwaitedFile, AwaitedJob
from core.model.commands import Command, RowRef
from core.model.outcomes import TaskError
from core.model.terms import Terms
from core.model.values import JsonValue
from core.model.work_items import NewItem


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


class SkipIt(Struct, frozen=True, kw_only=True):
    """The `when` of a blocked task is false."""


class FailIt(Struct, frozen=True, kw_only=True):
    """The `when` of a blocked task cannot be judged, or its limits or cost not be worked out."""

    error: TaskError


Judgement: TypeAlias = Proceed | Await | Expand | SkipIt | FailIt


class Decide(Command[None], frozen=True, kw_only=True):
    """Carry out a judgement."""

    task_id: int
    verdict: Judgement

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.task_id),)
