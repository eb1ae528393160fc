"""What was spent, from the ledger: by project, workflow, day and others.

Made by the store's reports; shown by the command `usage`. Amounts are millionths of their unit.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from core.model import bounds
from core.model.errors import Invalid
from core.model.limits.limits import GaugeKey
from core.model.values import ID_MAX

DAYS_MAX = 4_000
"""Days that one answer tells apart."""
GROUPS_MAX = 10_000
"""Groups that one answer has, those that spent most."""


class UsageBy(StrEnum):
    """What is put together."""

    PROJECT = "project"
    JOB = "job"
    WORKFLOW = "workflow"
    POOL = "pool"
    MODEL = "model"
    DAY = "day"
    QUEUE = "queue"
    KEY = "key"


class UsageQuery(Struct, frozen=True, kw_only=True):
    """Which entries, by the moment at which they count (ms UTC), and how they are put together."""

    by: UsageBy
    since: int
    until: int
    """Not included."""
    unit: str | None = None
    """None = each unit by itself."""
    job: int | None = None
    """None = of all jobs, and what operators corrected."""
    days: tuple[int, ...] = ()
    """For `day`: when each begins, rising; the first may begin before `since`."""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`usage.query`)."""
        for name, moment in (("since", self.since), ("until", self.until)):
            bounds.check_whole(name, moment, least=0, most=2**53)
        if self.job is not None:
            bounds.check_whole("job", self.job, least=0, most=ID_MAX)
        if self.unit is not None and not bounds.is_unit(self.unit):
            raise Invalid("usage.query", "this is not the name of a unit", hint="give usd, tokens or another")
        if (self.by is UsageBy.DAY) != bool(self.days) or not self._are_days_fit():
            raise Invalid(
                "usage.query",
                f"usage by day needs 1 to {DAYS_MAX:,} days, in order",
                hint="ask of a shorter time: --since 30d",
                facts={"days": len(self.days)},
            )

    def _are_days_fit(self) -> bool:
        """Return whether the days rise and hold the whole time: an entry outside would be in no group."""
        if not self.days:
            return True
        rising = all(early < late for early, late in zip(self.days, self.days[1:], strict=False))
        return len(self.days) <= DAYS_MAX and rising and self.days[0] <= self.since


class Spending(Struct, frozen=True, kw_only=True):
    """What entries of one unit come to."""

    unit: str
    reported: int = 0
    """Reported, measured, charged, or reconciled."""
    estimated: int = 0
    corrected: int = 0
    """By operators, of gauges."""
    unknown: int = 0
    """Of attempts whose end was not observed, until it is reconciled; not in the total."""
    entries: int = 0
    unpriced: int = 0
    """Entries whose model had no price: they are 0."""

    @property
    def total(self) -> int:
        """Return what is known to be spent."""
        return self.reported + self.estimated + self.corrected


class UsageGroup(Struct, frozen=True, kw_only=True):
    """What one group spent, by unit."""

    name: str | None
    """None = its entries have no such property; of a day the moment at which it begins (ms UTC)."""
    spent: tuple[Spending, ...]


class UsageView(Struct, frozen=True, kw_only=True):
    """What was spent: each group, and all together."""

    groups: tuple[UsageGroup, ...]
    """Most first, by the first unit that they are ordered by; days in order."""
    total: tuple[Spending, ...]
    """Of all entries, whichever groups are listed; by unit."""
    left_out: int = 0
    """Groups that are not listed."""
    unpriced: tuple[str, ...] = ()
    """Models whose tokens were booked as 0, by name."""
    counted_in: tuple[GaugeKey, ...] = ()
    """Of one job: the budgets and quotas in which its entries count, by name and key."""
