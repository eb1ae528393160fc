"""Writer: the connection, the epoch and the rules of the writing side.

Made by the engine; used by the journal and its transactions.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field

from core.model.decisions import WriterRules
from core.store.capacity import Capacity
from core.store.rows import LeftOver


@dataclass(slots=True, kw_only=True)
class Writer:
    """The one connection that writes, for one start of the engine."""

    connection: sqlite3.Connection
    epoch: int
    aging_step: int
    """ms of waiting that weigh as much as one level of priority."""
    rules: WriterRules
    manual_retries: int = 5
    """How often a task may be retried by hand without force."""
    capacity: Capacity = field(default_factory=Capacity)
    """Pools and limits as last read."""
    reached: LeftOver | None = None
    """What was left over and taken up last; the next batch begins behind it, so that each has its turn."""
