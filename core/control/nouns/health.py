"""Health: its requests, and the verbs that ask them.

The part `health` of the ControlAPI.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR
from core.control.requests import Kind, Request, Verbs, verb
from core.model import bounds
from core.model.backend_checks import LastLook
from core.model.health import HealthView


@verb("health", Kind.READ)
class ReadHealth(Request[HealthView], frozen=True, kw_only=True):
    pass


@verb("look_at_backend", Kind.CHANGE)
class LookAtBackend(Request[LastLook], frozen=True, kw_only=True):
    name: str
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)


class HealthReading(Verbs):
    """How the engine, its machine and its backends do."""

    async def now(self) -> HealthView:
        """Return what the store tells, and what the engine knows if it is the one that answers."""
        return await self._control.ask(ReadHealth())


class Health(HealthReading):
    """How the engine, its machine and its backends do, and a look at a backend now."""

    async def look(self, name: str, *, actor: str = OPERATOR) -> LastLook:
        """Look at a backend now, or wait for the look that is under way.

        It counts as every other look does. Raises `NotFound` (`check.unknown`).
        """
        return await self._control.ask(LookAtBackend(name=name, actor=actor))
