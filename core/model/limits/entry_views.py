"""Entries of the ledger, and what running attempts hold, for readers.

Made by the store's reports; shown by `budgets entries` and the console. Amounts are millionths of the unit.
"""

from __future__ import annotations

from msgspec import Struct

from core.model import bounds

RESERVED = "reserved"
"""In the place of the kind of an entry: an attempt that runs holds the amount."""
SCANNED = 100_000
"""Entries that one page looks at."""


class EntryQuery(Struct, frozen=True, kw_only=True):
    """Whose entries: those that count in one limit with a unit, under one key."""

    limit: str
    key: str = ""

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("limit", self.limit)


class EntryView(Struct, frozen=True, kw_only=True):
    """One entry, or what one attempt holds (id 0)."""

    id: int
    at: int
    """When it was written, or the attempt began (ms UTC)."""
    kind: str
    """`settled`, `estimated`, `charged`, `unknown`, `reconciled`, `correction`, or `reserved`."""
    unit: str
    amount: int
    counted_at: int
    """The window of this moment has it."""
    task_id: int | None = None
    """None = an operator corrected the gauge."""
    epoch: int | None = None
    job_id: int | None = None
    key: str | None = None
    """That of the task."""
    workflow: str | None = None
    pool: str | None = None
    model: str | None = None
    price: str | None = None
    released: int | None = None
    """What a reconciled one takes back of the unknown."""
    actor: str | None = None
    reason: str | None = None
    is_late: bool = False
    """Its attempt had ended before."""
    carried: int | None = None
    """It is the sum of so many older entries of a month."""
