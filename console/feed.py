"""The feed: what every screen shows of the whole, asked for once a tick."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.control.api import ControlAPI
from core.model.errors import TaskdeckError, Unavailable
from core.model.text import SafeText, safe_line
from core.model.views import EngineInfo

SECONDS = 0.5
"""Between two ticks."""
SECONDS_SSH = 1.0
"""Between two ticks over SSH."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """The whole at one moment: tasks by status, queues that are paused, the engine (None = none answers)."""

    tasks: Mapping[str, int] = field(default_factory=dict)
    paused: int = 0
    engine: EngineInfo | None = None
    link_ms: int = 0
    """How long the engine took to answer."""
    trouble: SafeText = SafeText("")
    """Why the store could not be read."""

    @property
    def busy(self) -> bool:
        """Tell whether work goes on, or will by itself."""
        return any(self.tasks.get(status) for status in ("running", "queued", "retrying", "waiting"))


class Feed:
    """Asks the control; keeps the counts of the last time that they could be read."""

    def __init__(self, control: ControlAPI) -> None:
        self._control = control
        self.pulse = Pulse()

    async def beat(self) -> Pulse:
        """Ask once for counts and engine."""
        begun = time.monotonic()
        engine = await self._engine()
        link_ms = round((time.monotonic() - begun) * 1000)
        tasks, paused, trouble = self.pulse.tasks, self.pulse.paused, SafeText("")
        try:
            queues = await self._control.queues()
        except TaskdeckError as error:
            trouble = safe_line(error.message)
        else:
            total: Counter[str] = Counter()
            for queue in queues:
                total.update(queue.tasks)
            tasks, paused = total, sum(queue.paused_at is not None for queue in queues)
        self.pulse = Pulse(tasks=tasks, paused=paused, engine=engine, link_ms=link_ms, trouble=trouble)
        return self.pulse

    async def _engine(self) -> EngineInfo | None:
        try:
            return await self._control.status()
        except Unavailable:
            return None
