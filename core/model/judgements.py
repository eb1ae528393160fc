"""Judgements of blocked tasks whose needs are met.

Made by the engine's conditions; carried out by the store.
"""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct

from core.model.commands import Command, RowRef
from core.model.outcomes import TaskError
from core.model.terms import Terms


class Proceed(Struct, frozen=True, kw_only=True):
    """The `when` of a blocked task is true, or it has none."""

    terms: Terms | None = None
    """Its limits and its cost, where outputs were needed for them."""


class SkipIt(Struct, frozen=True, kw_only=True):
    """The `when` of a blocked task is false."""


class FailIt(Struct, frozen=True, kw_only=True):
    """The `when` of a blocked task cannot be judged, or its limits or cost not be worked out."""

    error: TaskError


Judgement: TypeAlias = Proceed | SkipIt | FailIt


class Decide(Command[None], frozen=True, kw_only=True):
    """Carry out a judgement."""

    task_id: int
    verdict: Judgement

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.task_id),)
