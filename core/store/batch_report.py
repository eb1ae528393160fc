"""The report of a batch: what it means for the engine.

Filled by `Batch`; sent to the engine after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from core.model.commands.work import Claimed, Force
from core.model.errors import TaskdeckError
from core.model.limits.limits import Pool
from core.store.rows import Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A claimed task was asked to stop."""

    task_id: int
    epoch: int
    force: Force


@dataclass(frozen=True, slots=True, kw_only=True)
class MayEnd:
    """An attempt that may end early, because a budget of its is spent."""

    task_id: int
    epoch: int
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A job, task or attempt that is set aside, and why."""

    subject: Subject
    message: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What a committed batch means for the loops; sent to the engine after the commit."""

    claimed: list[Claimed] = field(default_factory=list)
    stops: list[Stop] = field(default_factory=list)
    may_end: list[MayEnd] = field(default_factory=list)
    conditions: list[int] = field(default_factory=list)
    """Blocked tasks whose `when` must be judged."""
    lookouts: list[int] = field(default_factory=list)
    """Tasks for whose answer the engine looks from now on, or does not look any more."""
    final_tasks: list[int] = field(default_factory=list)
    reopened: bool = False
    ended_jobs: list[int] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    last_event: int = 0
    carried: int = 0
    """Consequences that it carried out."""
    left_over: bool = False
    """Consequences remain; a FollowUp carries them out."""
    claims_left: bool = False
    """There may be more to claim for the slots that are free; the next group looks on."""
    waits_for_checks: bool = False
    """Tasks wait for a backend that is down by its check."""
    next_due: int | None = None
    """When the earliest retrying task comes due (engine time)."""
    pools: Sequence[Pool] | None = None
    """Those that are configured now, if they may have changed; none = one of all slots."""
    faults: list[Fault] = field(default_factory=list)
    """What was set aside because the store could not go on with it."""
    failure: TaskdeckError | None = None
    """The whole batch failed with this, and nothing was written."""
