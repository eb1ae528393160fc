"""Commands that change pools and limits.

Sent by the engine and by operators' verbs; applied by the store.
"""

from __future__ import annotations

from msgspec import Struct

from core.model.backend_checks import CheckStatus, Target
from core.model.commands.schedules import DeclaredSchedule
from core.model.commands.work import ENGINE, Command, RowRef
from core.model.config_changes import ConfigChange
from core.model.limits.limits import Backend, Limit, Pool, Spent


class Configure(Command[int], frozen=True, kw_only=True):
    """Bring pools and limits to what is configured; answered with how many of them changed.

    What was changed at run time stays, until it is reset.
    """

    pools: tuple[Pool, ...] = ()
    limits: tuple[Limit, ...] = ()
    backends: tuple[Backend, ...] = ()
    declared: tuple[DeclaredSchedule, ...] | None = None
    """The schedules that are configured; None = nothing is said of schedules."""
    changes: tuple[ConfigChange, ...] = ()
    """What differs from what was read before; each is an event of its own."""
    actor: str = ENGINE


class NoteCheck(Command[bool], frozen=True, kw_only=True):
    """Write that a check says something else of its backend from now on; answered with whether it does.

    One of a backend whose target is another by now changes nothing.
    """

    backend: str
    target: Target
    status: CheckStatus
    reason: str = ""
    took_ms: int | None = None


class BudgetLeft(Struct, frozen=True, kw_only=True):
    """What a task may still spend of a limit that counts a unit, in millionths."""

    name: str
    key: str
    unit: str
    max: int
    left: int
    """With what its attempt holds; below 0 = over."""

    @property
    def is_spent(self) -> bool:
        """Return whether nothing is left."""
        return self.left <= 0


class Charged(Struct, frozen=True, kw_only=True):
    """What became of a charge."""

    landed: bool
    """False = it was booked already."""
    late: bool
    """Its attempt had ended, or another one had taken its place; it is booked all the same."""
    spent: tuple[Spent, ...]
    budgets: tuple[BudgetLeft, ...]
    """Of the limits with a unit that the attempt is under, by name and key."""


class Charge(Command[Charged], frozen=True, kw_only=True):
    """Book what an attempt spent while it runs, once for each `id` of the task."""

    task_id: int
    epoch: int
    id: str
    spent: tuple[Spent, ...]

    def rows(self) -> tuple[RowRef, ...]:
        return (RowRef("task", self.task_id),)
