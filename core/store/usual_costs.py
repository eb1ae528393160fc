"""What attempts of tasks of workflows spent, as the ledger has it.

Read by the reports, and by the writer for `cost: auto`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from core.model.values import INBOX

ENTRIES_MAX = 500
"""Entries of a task of a workflow that are read, the newest: an attempt has one or a few for each unit."""
ATTEMPTS_MAX = 100
"""Attempts of which it is told what is usual."""

# What was booked as estimated says what was expected; losses and corrections are of no attempt that ended.
COSTS = (
    "SELECT e.workflow, e.key, e.unit, e.task_id, e.epoch, sum(e.amount) AS amount"
    " FROM json_each({named}) x CROSS JOIN entry e ON e.id IN"
    " (SELECT id FROM entry INDEXED BY entry_of_task WHERE workflow = x.value->>0 AND key = x.value->>1"
    f" ORDER BY id DESC LIMIT {ENTRIES_MAX})"
    f" WHERE e.kind IN ('settled', 'charged', 'reconciled') AND e.job_id != {INBOX}"
    " GROUP BY e.workflow, e.key, e.unit, e.task_id, e.epoch ORDER BY max(e.id) DESC"
)
"""Amounts of attempts, the newest first; `named` binds a list of `[workflow, key]`."""


class UnitAmount(NamedTuple):
    """An amount of a unit."""

    unit: str
    amount: int


def by_unit(rows: Iterable[UnitAmount]) -> dict[str, list[int]]:
    """Put amounts together by unit, in order, at most those of `ATTEMPTS_MAX` attempts."""
    found: dict[str, list[int]] = {}
    for unit, amount in rows:
        amounts = found.setdefault(unit, [])
        if len(amounts) < ATTEMPTS_MAX:
            amounts.append(amount)
    return found
