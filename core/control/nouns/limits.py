"""Pools, limits and budgets: their requests, and the verbs asking them.

The part `limits` of the ControlAPI.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR, PAGE
from core.control.requests import Kind, Request, Verbs, verb
from core.model import bounds
from core.model.commands.capacity import CapacityChange
from core.model.commands.work import Operated
from core.model.limits.limit_views import CapacityView, GaugeView
from core.model.views import Page


@verb("capacity", Kind.READ)
class Capacity(Request[CapacityView], frozen=True, kw_only=True):
    pass


@verb("gauges", Kind.READ)
class Gauges(Request[Page[GaugeView]], frozen=True, kw_only=True):
    name: str
    after: str | None = None
    limit: int = PAGE


@verb("change_capacity", Kind.CHANGE)
class ChangeCapacity(Request[Operated], frozen=True, kw_only=True):
    change: CapacityChange
    reason: str = ""
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)
        bounds.check_reason(self.reason)


class LimitsReading(Verbs):
    """What pools, limits and budgets have left."""

    async def capacity(self) -> CapacityView:
        """Return all pools, limits and budgets, with at most ten holders or gauges of each.

        Of the gauges those of which most is used; `gauges` has all.
        """
        return await self._control.ask(Capacity())

    async def gauges(self, name: str, *, after: str | None = None, limit: int = PAGE) -> Page[GaugeView]:
        """Return a page of the gauges of one limit, by key; raise `NotFound` (`limit.unknown`)."""
        return await self._control.ask(Gauges(name=name, after=after, limit=limit))


class Limits(LimitsReading):
    """Pools, limits, budgets and backends, read and changed."""

    async def change(self, change: CapacityChange, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """Change a pool, a limit, a backend, all spending or the ledger (`core.model.commands.capacity`).

        What waits and fits then starts at once; nothing that runs ends. What is so already changes nothing.
        Raises `NotFound` (`pool.unknown`, `limit.unknown`, `backend.unknown`, `gauge.unknown`,
        `task.unknown`), `Conflict` (`limit.derived`, `limit.unmetered`, `amount.known`), `Invalid`
        (`limit.max`, `limit.no_window`, `amount.invalid`, `unit.missing`, `reason.missing`).
        """
        return await self._control.ask(ChangeCapacity(change=change, reason=reason, actor=actor))
