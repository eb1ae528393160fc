"""Health of an engine: the backends that it looks at.

Owned by the engine.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.engine.backend_checks import BackendChecks, CheckPorts
from core.model.limits import Backend
from core.model.ports import Alarms, Clock
from core.store.batch import Report


class EngineHealth:
    """Begins and ends with the claims of its engine."""

    def __init__(self, checks: CheckPorts, *, clock: Clock, alarms: Alarms) -> None:
        self.checks = BackendChecks(checks, clock=clock, alarms=alarms)
        self._is_looking = False
        self.is_waited_for = False
        """Tasks wait for a backend that is down and may come back."""

    async def start(self, backends: Sequence[Backend]) -> None:
        """Look at backends from now on."""
        self._is_looking = True
        await self.checks.configure(backends)

    async def change(self, backends: Sequence[Backend]) -> None:
        """Look at these instead, if it looks at any."""
        if self._is_looking:
            await self.checks.configure(backends)

    def hear(self, report: Report) -> None:
        """Hear what a commit means."""
        self.is_waited_for = report.waits_for_checks

    def close(self) -> None:
        """Look at nothing any more."""
        self.checks.close()
