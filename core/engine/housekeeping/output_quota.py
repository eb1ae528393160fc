"""OutputQuota: removes the oldest outputs when they reach their quota.

Asked by the janitor, through retention.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from enum import Enum

from core.engine.housekeeping.purging import TASKS_PER_BATCH, PurgeFacts, PurgeOrder, Purging
from core.executors.output_use import OutputUse
from core.model.commands.purges import PurgeCause
from core.model.commands.work import ENGINE
from core.model.purges import why_outputs_stay
from core.model.status import TaskStatus
from core.rules.retention import share_of_rest

SHARE = 0.9
"""To so much of its quota what outputs take is brought, once it is reached."""
REST = 2.0
"""How many times as long as a step took it rests after it at the quota, while tasks run; less above it."""
SECONDS = 1.0
"""After so long the janitor looks again at what outputs take."""
AGAIN, AGAIN_MOST = 10.0, 30.0
"""How many times as long as a look through all took in vain, and how many seconds at the most, only
newer tasks are looked at."""
READ = 2_000
"""Tasks that are read at once in search of what may go."""
_UNKNOWN = 2**63
_ORDER = PurgeOrder(actor=ENGINE, cause=PurgeCause.QUOTA, reason="output_quota is reached")


class Made(Enum):
    """What came of making room."""

    ENOUGH = "enough"
    """Outputs are at the goal."""
    MORE = "more"
    """Something was removed, or may still be found: make room again."""
    NOTHING = "nothing"
    """Nothing that could be removed is left."""


class OutputQuota:
    """Removes outputs of what succeeded, those of the lowest ids first, down to `SHARE` of the quota."""

    def __init__(
        self, purging: Purging, facts: PurgeFacts, use: OutputUse, *, is_busy: Callable[[], bool]
    ) -> None:
        self._purging = purging
        self._facts = facts
        self._use = use
        self._is_busy = is_busy
        self._after = 0
        """The last id of whose task outputs were looked at."""
        self._is_in_vain = False
        """All from the first id up to there was looked at, and nothing of it could go."""
        self._used = _UNKNOWN
        """What outputs took a moment ago, while room is being made."""
        self._began_at = self._again_at = 0.0
        """When this look began at the first id, and when the next one may."""

    async def make_room(self, quota: int) -> Made:
        """Remove for a moment, in steps; what a former moment did not get to comes first."""
        begun, read = time.monotonic(), TASKS_PER_BATCH
        before, self._used = self._used, self._use.total or 0
        share = REST * share_of_rest(self._used, quota=quota, before=before)
        while (enough := (self._use.total or 0) - int(SHARE * quota)) > 0:
            step = time.monotonic()
            if step - begun >= SECONDS:
                return Made.MORE
            task_ids = self._use.sizes.after(self._after, read)
            if not task_ids:
                if not self._begins_again(step):
                    return Made.NOTHING
                continue
            chosen = await self._choose(task_ids, enough)
            read = TASKS_PER_BATCH if chosen else READ
            if chosen:
                self._is_in_vain = False
                await self._purging.remove_sized(chosen, _ORDER)
                if self._is_busy():
                    await asyncio.sleep(share * (time.monotonic() - step))
        self._used = _UNKNOWN
        return Made.ENOUGH

    async def _choose(self, task_ids: list[int], enough: int) -> dict[int, int]:
        """Return what may go of these with its sizes: not more than one step removes, or than is enough."""
        chosen, total = dict[int, int](), 0
        for task in await self._facts.outputs(task_ids):
            if task.status != TaskStatus.SUCCEEDED or why_outputs_stay(task) is not None:
                continue
            if total >= enough or len(chosen) == TASKS_PER_BATCH:
                return chosen
            chosen[task.id] = self._use.sizes.get(task.id) or 0
            total += chosen[task.id]
            self._after = task.id
        self._after = task_ids[-1]
        return chosen

    def _begins_again(self, now: float) -> bool:
        """Go back to the first id: something there may have ended, or lost its pin, since."""
        if self._is_in_vain:
            self._is_in_vain = False
            self._again_at = now + min(AGAIN_MOST, AGAIN * (now - self._began_at))
        if now < self._again_at:
            return False
        self._after, self._is_in_vain, self._began_at = 0, True, now
        return True
