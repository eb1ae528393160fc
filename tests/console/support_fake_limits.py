"""What a fake control answers of pools and limits."""

from __future__ import annotations

from core.control.nouns import ledger, limits
from core.model.commands.work import Operated
from core.model.limits.entry_views import EntryView
from core.model.limits.limit_views import CapacityView
from core.model.views import Page
from tests.console.support_fake_logs import FakeLogs


class FakeLimits(FakeLogs):
    """Answers what reads pools and limits; `capacity_changes` = what was asked to be changed of them."""

    def __init__(self) -> None:
        super().__init__()
        self.capacity_view = CapacityView()
        self.entries: list[EntryView] = []
        """Newest first, what is held before them."""
        self.capacity_changes: list[limits.ChangeCapacity] = []

    async def answer_capacity(self, _: limits.Capacity) -> CapacityView:
        return self.capacity_view

    async def answer_gauges(self, r: limits.Gauges):
        found = [one for one in self.capacity_view.limits if one.name == r.name]
        return Page(rows=tuple(gauge for one in found for gauge in one.gauges)[: r.limit])

    async def answer_entries(self, r: ledger.Entries):
        before = None if r.after is None else int(r.after)
        held = [one for one in self.entries if not one.id and before is None]
        booked = [one for one in self.entries if one.id and (before is None or one.id < before)]
        page = booked[: r.limit]
        more = str(page[-1].id) if len(booked) > r.limit else None
        return Page(rows=(*held, *page), next=more)

    async def answer_change_capacity(self, r: limits.ChangeCapacity) -> Operated:
        self.capacity_changes.append(r)
        return Operated(changed=1)
