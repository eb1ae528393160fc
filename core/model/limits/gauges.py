"""Gauge: used, held and left of one limit under one key.

Read and written by the store's claim and settlement; changed by `core.rules.gauges`.
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec import Struct

from core.model.limits.limits import Limit

ALWAYS = 2**53 - 1
"""In the place of the moment until which a gauge is shut: until an operator opens it."""
RECENT_MS = 10_000
"""Starts of a backend are counted in steps of so long, the last `RECENT_MOST` of them."""
RECENT_MOST = 30


class Recent(NamedTuple):
    """Starts of a backend in the step from `at` (ms UTC) on, and how many of them are retries."""

    at: int
    starts: int
    retries: int


# Not frozen: a batch reads it once, changes it for each attempt, writes it once.
class Gauge(Struct, kw_only=True):
    """Amounts in the unit of its limit; times in ms of the wall clock but `tat_us` and `opens_at`.

    A group of attempts changes it in memory; the store writes what differs from the row.
    """

    id: int
    limit: Limit
    """With what was changed at run time."""
    key: str = ""
    used: int = 0
    """Settled in this window; of a quota without a unit, starts; of retries, those of `recent`."""
    reserved: int = 0
    """Of open attempts; of a concurrency limit, their number."""
    unknown: int = 0
    """Of attempts whose end was not observed, until they are reconciled."""
    tat_us: int = 0
    """Of a rate: the theoretical arrival time of the next start (engine time, us).

    Of retries: when one may start whatever their share is."""
    recent: tuple[Recent, ...] = ()
    """Of retries: starts of their backend over the last five minutes, the oldest first."""
    began: int = 0
    """When its window began."""
    turns_at: int | None = None
    """When its window turns; None = never."""
    shut_until: int | None = None
    """A refusal of the backend, or an operator, shuts it until then (engine time, ms; `ALWAYS`)."""
    shut_at: int | None = None
    """When it was shut last (ms UTC), by whom and why; read for reports, not for claims."""
    shut_by: str | None = None
    shut_reason: str | None = None
    down_at: int | None = None
    """The check of its backend says since then that it is down (ms UTC): nothing goes until it is up."""
    down_reason: str | None = None
    """Why; read for reports, not for claims."""
    trial: int | None = None
    """Its breaker has opened, and single probes go: 0 = the next may start, else the task that is out."""
    soft_at: int | None = None
    """When operators were told in this window that its soft limit was passed."""
    is_frozen: bool = False
    """An operator stopped all spending."""
    is_waited_for: bool = False
    """Lanes or aisles may be shut by it, or children wait for a place under it."""
    opens_at: int | None = None
    """When a claim looks at what it shuts (engine time, ms): 0 = the next one, None = none has to."""

    @property
    def label(self) -> str:
        """Return the name of its limit, with its key: `db`, `host=db1`."""
        return f"{self.limit.name}={self.key}" if self.key else self.limit.name

    @property
    def starts(self) -> int:
        """Return how many attempts of a backend are among the recent ones, the retries too."""
        return sum(one.starts for one in self.recent)

    @property
    def cap(self) -> int:
        """Return the maximum in the window in which it stands."""
        limit = self.limit
        is_raised = limit.window_max is not None and limit.window_turns == self.turns_at
        return limit.window_max if is_raised and limit.window_max is not None else limit.max

    @property
    def most(self) -> int:
        """Return the larger of the maxima of this window and of those that follow."""
        return max(self.cap, self.limit.max)
