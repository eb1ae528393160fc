"""What operators change of pools and limits, and the command for it.

Sent by operators' verbs; applied by the store.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from core.model import bounds
from core.model.commands.work import ENGINE, Operation, RowRef
from core.model.errors import Invalid

SLOTS_MAX = 10_000
"""Slots of one pool."""
OLDEST_MS = 100 * 366 * 24 * 3_600_000
"""How old unknown amounts may be asked to be."""
TEXT_MAX = 60
"""Characters of an amount or a rate."""


class ResizePool(Struct, frozen=True, kw_only=True, tag="resize_pool"):
    """Give a pool another number of slots, until it is reset; what runs in it runs on."""

    name: str
    slots: int
    is_added: bool = False
    """`slots` are added to those that it has; negative = taken away."""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("name", self.name)
        bounds.check_whole("slots", self.slots, least=-SLOTS_MAX if self.is_added else 0, most=SLOTS_MAX)


class PausePool(Struct, frozen=True, kw_only=True, tag="pause_pool"):
    """Claim no more for a pool; what runs in it runs on."""

    name: str


class ResumePool(Struct, frozen=True, kw_only=True, tag="resume_pool"):
    """Claim for a pool again."""

    name: str


class ResetPool(Struct, frozen=True, kw_only=True, tag="reset_pool"):
    """Give a pool the slots that are configured; a pause stays."""

    name: str


class Span(StrEnum):
    """How long a changed maximum holds."""

    FOR_GOOD = "for_good"
    """Until it is changed again or reset."""
    WINDOW = "window"
    """Until the window turns in which it was changed."""


class SetLimit(Struct, frozen=True, kw_only=True, tag="set_limit"):
    """Give a limit or budget another maximum; nothing that runs ends.

    `to` is as the configuration has it (`20`, `0.5`, of a rate `60/min`); with a sign it is added: `+5`.
    """

    name: str
    to: str
    span: Span = Span.FOR_GOOD

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("name", self.name)
        bounds.check_text("to", self.to, most=TEXT_MAX)


class ResetLimit(Struct, frozen=True, kw_only=True, tag="reset_limit"):
    """Give a limit or budget the maximum that is configured."""

    name: str


class CorrectGauge(Struct, frozen=True, kw_only=True, tag="correct_gauge"):
    """Add an amount with its sign to what a budget has used in this window: `-1.5`; it needs a reason."""

    name: str
    amount: str
    key: str = ""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("name", self.name)
        bounds.check_text("amount", self.amount, most=TEXT_MAX)


class Freeze(Struct, frozen=True, kw_only=True, tag="freeze"):
    """Start nothing that a budget, or a quota of a unit, is for; what runs runs on."""


class Unfreeze(Struct, frozen=True, kw_only=True, tag="unfreeze"):
    """Let such tasks start again."""


class Reconcile(Struct, frozen=True, kw_only=True, tag="reconcile"):
    """Say what became of unknown amounts: of a task, or of all that are so old; one of both is given.

    At most a batch full; answered with how many were reconciled.
    """

    task_id: int | None = None
    older_ms: int | None = None
    unit: str = ""
    """Only amounts of this unit; empty = of all."""
    amount: str = ""
    """What was spent of it by each attempt; empty = what was estimated."""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`), and what names not one of task and age."""
        if (self.task_id is None) == (self.older_ms is None):
            raise Invalid(
                "target.none",
                "name a task, or how old the amounts are: one of both",
                hint="all that are a day old: older_ms=86_400_000",
            )
        if self.task_id is not None:
            bounds.check_whole("task_id", self.task_id, least=1, most=2**63 - 1)
        if self.older_ms is not None:
            bounds.check_whole("older_ms", self.older_ms, least=0, most=OLDEST_MS)
        if self.amount:
            bounds.check_text("amount", self.amount, most=TEXT_MAX)
        if self.unit:
            bounds.check_text("unit", self.unit, most=bounds.UNIT_MAX)


class OpenBackend(Struct, frozen=True, kw_only=True, tag="open_backend"):
    """Open the breaker of a backend: nothing of it starts, for so long, or until it is closed or reset.

    After that time single probes go, as after every opening. A host without a configuration has no breaker:
    it is shut, and all goes on then.
    """

    name: str
    """A configured backend, or a host that refused once."""
    for_ms: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("name", self.name)
        if self.for_ms is not None:
            bounds.check_whole("for_ms", self.for_ms, least=1, most=OLDEST_MS)


class CloseBackend(Struct, frozen=True, kw_only=True, tag="close_backend"):
    """Let everything through to a backend again, whatever shut it."""

    name: str


class ResetBackend(Struct, frozen=True, kw_only=True, tag="reset_backend"):
    """Let a breaker go by itself again: nothing is counted, and one task tries out what was shut."""

    name: str


OnPool: TypeAlias = ResizePool | PausePool | ResumePool | ResetPool
OnLimit: TypeAlias = SetLimit | ResetLimit | CorrectGauge
OnBackend: TypeAlias = OpenBackend | CloseBackend | ResetBackend
CapacityChange: TypeAlias = OnPool | OnLimit | OnBackend | Freeze | Unfreeze | Reconcile


class ChangeCapacity(Operation, frozen=True, kw_only=True):
    """Change pools, limits or the ledger; answered with how many of them changed."""

    change: CapacityChange
    reason: str = ""
    actor: str = ENGINE

    def rows(self) -> tuple[RowRef, ...]:
        match self.change:
            case ResizePool() | PausePool() | ResumePool() | ResetPool():
                return (RowRef("pool", self.change.name),)
            case SetLimit() | ResetLimit() | CorrectGauge():
                return (RowRef("limit", self.change.name),)
            case OpenBackend() | CloseBackend() | ResetBackend():
                return (RowRef("backend", self.change.name),)
            case _:
                return ()
