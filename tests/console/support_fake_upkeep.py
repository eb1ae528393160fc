"""Pins, purges and retention of the control in memory."""

from __future__ import annotations

from core.control.nouns import upkeep
from core.control.nouns.notices import ListNotices
from core.model.commands.work import Effect, Operated
from core.model.notices import NoticeView
from core.model.purges import PurgeView, PurgeWhat
from core.model.refusals import refuse_task
from core.model.views import Page
from tests.console.support_fake_health import FakeHealth

PURGED_AT_ONCE = 3
_ENDED = ("succeeded", "failed", "cancelled", "skipped")


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
        """Take what has ended of the named rows, `PURGED_AT_ONCE` for each part."""
        if r.effect is Effect.CHANGE:
            self.upkeep_changes.append(r)
        rows = self.found(r.where) if r.where else [self._row(r.what, one) for one in r.ids]
        named = sorted((row for row in rows if row.id > r.after), key=lambda row: row.id)
        part = named[:PURGED_AT_ONCE]
        fine = [row for row in part if row.status in _ENDED]
        return PurgeView(
            jobs=len(fine) if r.what is PurgeWhat.JOBS else 0,
            tasks=len(fine),
            bytes=1_000 * len(fine),
            refused=tuple(
                refuse_task(row.id, "task.status", f"it is {row.status}", hint="cancel it")
                for row in part
                if row not in fine
            ),
            next=part[-1].id if len(named) > len(part) else None,
        )

    def _row(self, what: PurgeWhat, number: int):
        return self.job_view(number) if what is PurgeWhat.JOBS else self.task_rows[number]

    async def answer_apply_retention(self, r: upkeep.ApplyRetention) -> None:
        self.upkeep_changes.append(r)

    def _noted(self, request: object) -> Operated:
        self.upkeep_changes.append(request)
        return Operated(changed=1)
