"""Pins, purges and retention of the control in memory."""

from __future__ import annotations

from core.control.nouns import upkeep
from core.model.commands import Operated
from core.model.purges import PurgeView
from tests.console.support_fake_health import FakeHealth


class FakeUpkeep(FakeHealth):
    """Answers what changes upkeep; `upkeep_changes` = what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.upkeep_changes: list[object] = []

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
