"""When the operator last looked, before now.

Made by the app; used through the desk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from console.memory import Memory
from core.model.failures import FamilyView
from core.render.times import clock_text

PAUSE_MS = 30 * 60_000
"""After so long without a key the operator was away."""
_KEEP_MS = 60_000
_NAME = "looked_at"


def _now_ms() -> int:
    return int(time.time() * 1_000)


class LastLook:
    """Keeps when a key was last pressed; `since` = when the operator left, before this look (ms UTC).

    None = it is not known: nothing is news then. The time is that of this machine.
    """

    def __init__(self, memory: Memory, *, now: Callable[[], int] = _now_ms) -> None:
        self._memory = memory
        self._now = now
        kept, started = memory.get(_NAME), now()
        is_known = isinstance(kept, int) and not isinstance(kept, bool) and 0 < kept <= started
        self.since = kept if is_known and isinstance(kept, int) else None
        self._seen = self._kept_at = started
        memory.keep(_NAME, started)

    def note(self) -> None:
        """Note that a key was pressed."""
        now = self._now()
        if now - self._seen >= PAUSE_MS:
            self.since = self._seen
        self._seen = now
        if now - self._kept_at >= _KEEP_MS:
            self.keep()

    def keep(self) -> None:
        """Keep when the operator looked last, for the next console."""
        self._kept_at = self._seen
        self._memory.keep(_NAME, self._seen)

    def is_news(self, at: int) -> bool:
        """Tell whether something of this moment (ms UTC) was not seen yet."""
        return self.since is not None and at > self.since

    def news_text(self, families: Sequence[FamilyView]) -> str:
        """Say what failed since the operator last looked; '' = nothing, or that time is not known."""
        if self.since is None:
            return ""
        new = sum(self.is_news(family.first_at) for family in families)
        again = sum(self.is_news(family.last_at) for family in families) - new
        told = [f"{new} new"] * bool(new) + [f"{again} failed again"] * bool(again)
        return f"since {clock_text(self.since, now=self._now())}: {', '.join(told)}" if told else ""
