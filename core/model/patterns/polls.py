"""Polls: what is asked again until an answer says so.

Said by connectors; carried out by the engine.
"""

from __future__ import annotations

from msgspec import Struct

TOLERATED = 5
"""Looks in a row that may fail, where a task does not say how many."""
EVERY_MS = 30_000
"""How long from one look to the next, where a task does not say."""
LEAST_MS = 1_000


class PollPlan(Struct, frozen=True, kw_only=True):
    """How a call is repeated: until an expression over its answer is true."""

    until: str
    """The source of a condition over `status`, `headers`, `json`, `text` of an answer."""
    url: str | None = None
    """Where the looks ask, with expressions over the first answer; None = what the call asked."""
    every_ms: int = EVERY_MS
    max_ms: int | None = None
    """None = as long as it takes."""
    tolerate: int = TOLERATED
