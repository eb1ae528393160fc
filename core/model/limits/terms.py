"""Terms: the limits and costs of a task, with expressions worked out.

Worked out by the engine beside `when`; kept by the store with the task.
"""

from __future__ import annotations

from msgspec import Struct

from core.model.limits.estimates import Estimate
from core.model.limits.limits import LimitRef


class Terms(Struct, frozen=True, kw_only=True):
    """The limits that a task names and its cost, without expressions."""

    limits: tuple[LimitRef, ...] = ()
    cost: Estimate | None = None
