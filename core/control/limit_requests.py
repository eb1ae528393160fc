"""Requests on pools, limits and budgets.

Asked by the methods of the ControlAPI; `LocalControl` carries them out.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR, PAGE
from core.control.requests import Kind, Request, verb
from core.model import bounds
from core.model.capacity_commands import CapacityChange
from core.model.commands import Operated
from core.model.entry_views import EntryQuery, EntryView
from core.model.limit_views import CapacityView, GaugeView
from core.model.views import Page


@verb("capacity", Kind.READ)
class Capacity(Request[CapacityView], frozen=True, kw_only=True):
    pass


@verb("gauges", Kind.READ)
class Gauges(Request[Page[GaugeView]], frozen=True, kw_only=True):
    name: str
    after: str | None = None
    limit: int = PAGE


@verb("entries", Kind.READ)
class Entries(Request[Page[EntryView]], frozen=True, kw_only=True):
    query: EntryQuery
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
