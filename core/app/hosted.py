"""Hosted: what a command that needs an engine works with, whoever hosts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.control.api import ControlAPI
from core.model.commands import StopMode

if TYPE_CHECKING:
    from core.engine.service import Engine


@dataclass(slots=True, kw_only=True)
class Hosted:
    """A control, and whether the engine behind it is another process's."""

    control: ControlAPI
    attached: bool
    engine: Engine | None = None

    async def stop(self, *, kill: bool) -> None:
        """End an engine of our own now instead of after everybody's work; attached: do nothing."""
        if self.engine is not None:
            self.engine.stop(StopMode.KILL if kill else StopMode.STOP)
            await self.engine.stopped()
