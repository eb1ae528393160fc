"""WriterRules: the pure decisions that the store's writer calls.

`core.store` must not import `core.rules`: it knows these signatures only. `core.rules.writer` implements
them, and the engine passes them to the store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

from msgspec import Struct

from core.model.errors import Conflict
from core.model.failures import Family
from core.model.lanes import ANY_SLOT, Head, Picks, Room
from core.model.limits.gauges import Gauge
from core.model.limits.limits import GaugeKey, Limit, TaskFacts, WindowTime
from core.model.outcomes import Failed, Outcome
from core.model.patterns.instance_verdicts import GroupEnd, GroupTally
from core.model.patterns.work_items import ItemRole
from core.model.plans import OnTaskFailure
from core.model.status import JobStatus, StageStatus, TaskStatus
from core.model.timing.schedules import FireStatus, Overlap
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

    `room` = what is behind the heads, free slots by pool and what gauges have left.
    """

    def __call__(
        self,
        heads: Sequence[Head],
        slots: int,
        *,
        now: int,
        aging_step: int,
        room: Room = ANY_SLOT,
    ) -> Picks: ...


class StageTally(NamedTuple):
    """The name of a stage, and its tasks by status."""

    name: str
    tasks: TaskCounts


class GaugeRules(Protocol):
    """The arithmetic of gauges, which changes them in memory (`core.rules.gauges`)."""

    def begin(self, gauge: Gauge, *, wall: int) -> None:
        """Put a new gauge into the window of this moment (ms UTC)."""

    def window_of(self, limit: Limit, *, wall: int) -> WindowTime:
        """Return the window of this moment (ms UTC)."""

    def turn_if_due(self, gauge: Gauge, *, wall: int) -> bool:
        """Begin the window of this moment if the gauge stands in an earlier one; return whether it did."""

    def left(self, gauge: Gauge, *, now: int) -> int:
        """Return how much may be taken now (engine time, ms); not above 0 = shut."""

    def is_spent(self, gauge: Gauge, need: int) -> bool:
        """Return whether a budget has too little for a need, also if nothing is reserved any more."""

    def take(self, gauge: Gauge, amount: int, *, now: int) -> None:
        """Hold an amount for attempts that are claimed now."""

    def count_starts(self, gauge: Gauge, starts: int, retries: int, *, counted_at: int) -> None:
        """Count attempts of a backend that begin, and the retries among them."""

    def settle(self, gauge: Gauge, held: int, spent: int, *, counted_at: int) -> None:
        """Give back what an attempt held and count what it spent."""

    def charge(self, gauge: Gauge, amount: int, *, held: int, counted_at: int) -> int:
        """Count what an attempt spends while it runs; return what it holds from then on."""

    def available(self, gauge: Gauge, *, held: int) -> int:
        """Return what an attempt that holds so much may spend; not above 0 = none."""

    def lose(self, gauge: Gauge, held: int, unknown: int, *, counted_at: int) -> None:
        """Give back what an attempt held and count what it may have spent."""

    def give_back(self, gauge: Gauge, held: int, *, counted_at: int) -> None:
        """Undo what was taken for an attempt that never began."""

    def opens_at(self, gauge: Gauge, *, now: int, offset: int) -> int | None:
        """Return when a gauge has more by itself (engine time, ms); None = never."""

    def reconcile(self, gauge: Gauge, unknown: int, spent: int, *, counted_at: int) -> None:
        """Count what was spent in the place of an amount that was unknown."""

    def is_used_up(self, gauge: Gauge) -> bool:
        """Return whether a budget has reached its cap, whatever is reserved."""

    def is_past_soft(self, gauge: Gauge) -> bool:
        """Return whether operators are to be warned that a gauge is near its limit; once in a window."""

    def need_of(self, gauge: Gauge, cost: int | None) -> int:
        """Return what one attempt takes; `cost` is its estimate in the unit of the gauge."""


class SortKey(Protocol):
    """Return where a task stands in its lane; lower is earlier."""

    def __call__(self, eligible_at: int, priority: int, *, aging_step: int) -> int: ...


class FireDecision(Struct, frozen=True, kw_only=True):
    """What becomes of a fire beside those before it."""

    status: FireStatus
    reason: str = ""
    is_replacing: bool = False
    """Earlier jobs are cancelled for it, and earlier fires that wait are skipped."""


class DecideFire(Protocol):
    """Return what becomes of a fire while `open_jobs` have not ended and `waiting` fires wait."""

    def __call__(self, overlap: Overlap, *, open_jobs: int, waiting: int) -> FireDecision: ...


DecideGroup: TypeAlias = Callable[[GroupTally], GroupEnd | None]
"""Return how a group ends with its instances as they stand; None = that is open."""
FamilyOf: TypeAlias = Callable[[JsonObject], Family]
"""Return the family of an error as it is stored."""


class ItemRules(Protocol):
    """Who may do what with a work item; None = it may."""

    def refuse_claim(self, role: ItemRole, person: str) -> Conflict | None:
        """Return why a person may not claim an item."""

    def refuse_approval(self, role: ItemRole, person: str) -> Conflict | None:
        """Return why an approval does not count."""

    def refuse_denial(self, role: ItemRole, person: str) -> Conflict | None:
        """Return why a person may not deny an item."""

    def refuse_release(self, role: ItemRole, person: str) -> Conflict | None:
        """Return why a person has nothing to release."""

    def refuse_delegation(self, role: ItemRole, to: str) -> Conflict | None:
        """Return why an item is not given to a person."""


class WriterRules(Struct, frozen=True, kw_only=True):
    """The decisions that the writer carries out."""

    choose: Choose
    sort_key: SortKey
    status_of_stage: Callable[[TaskCounts], StageStatus]
    verdict_of_task: Callable[[OnTaskFailure, str], Verdict | None]
    needs_verdict: Callable[[StageStatus, StageStatus | None], bool]
    verdict_of_stages: Callable[[OnTaskFailure, ClosedStages], Verdict | None]
    verdict_of_finally: Callable[[StageStatus], Verdict | None]
    verdict_of_tasks: Callable[[TaskCounts], Verdict | None]
    forecast: Callable[[OnTaskFailure, Sequence[StageTally]], Verdict | None]
    """By the names and tasks of the stages, in order; None = the job will succeed."""
    decide_group: DecideGroup
    family_of: FamilyOf
    gauges: GaugeRules
    admit: Callable[[Head, Room], str | None]
    """Return the pool in which a head may start now; None = none."""
    gauge_keys: Callable[[TaskFacts, Sequence[Limit]], tuple[GaugeKey, ...]]
    """Return the gauges that a task passes beside those of its queue."""
    broad_keys: Callable[[str, Sequence[Limit]], Sequence[GaugeKey]]
    """Return the gauges that every task of a queue passes."""
    place_keys: Callable[[TaskFacts, Sequence[Limit]], Sequence[GaugeKey]]
    """Return the gauges that count the child of a task."""
    refused_for: Callable[[Failed], int | None]
    """Return for how long (ms) a failure shuts the backend; None = it is not a refusal."""
    fault_of: Callable[[Outcome], str | None]
    """Return the class of a failure that speaks against its backend; None = it does not."""
    decide_fire: DecideFire
    items: ItemRules
