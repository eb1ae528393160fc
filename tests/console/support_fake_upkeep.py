"""Pins, purges and retention of the control in memory."""

from __future__ import annotations

from core.control.nouns import upkeep
from core.control.nouns.notices import ListNotices
from core.model.commands import Operated
from core.model.notices import NoticeView
from core.model.purges import PurgeView
from core.model.views import Page
from tests.console.support_fake_health import FakeHealth


class FakeUpkeep(FakeHealth):
    """Answers what changes upkeep; `upkeep_changes` = what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.upkeep_changes: list[object] = []
        self.notice_views: list[NoticeView] = []

    async def answer_notices(self, r: ListNotices) -> Page[NoticeView]:
        rows = [
            one
            for one in sorted(self.notice_views, key=lambda one: -one.id)
            if (not r.before or one.id < r.before) and r.status in ("", one.status)
        ]
        more = len(rows) > r.limit
        return Page(rows=tuple(rows[: r.limit]), next=str(rows[r.limit - 1].id) if more else None)

    async def answer_pin(self, r: upkeep.Pin) -> Operated:
        return self._noted(r)

    async def answer_unpin(self, r: upkeep.Unpin) -> Operated:
        return self._noted(r)

    async def answer_purge(self, r: upkeep.Purge) -> PurgeView:
        self.upkeep_changes.append(r)
        return PurgeView(jobs=1)

    async def answer_apply_retention(self, r: upkeep.ApplyRetention) -> None:
        self.upkeep_changes.append(r)

    def _noted(self, request: object) -> Operated:
        self.upkeep_changes.append(request)
        return Operated(changed=1)
