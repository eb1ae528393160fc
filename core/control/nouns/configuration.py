"""The configuration: its requests, and the verbs that ask them.

The part `configuration` of the ControlAPI.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR
from core.control.requests import Kind, Request, Verbs, verb
from core.model import bounds
from core.model.commands.work import Effect
from core.model.config_changes import Reloaded


@verb("reload_config", Kind.CHANGE)
class ReloadConfig(Request[Reloaded], frozen=True, kw_only=True):
    effect: Effect = Effect.CHANGE
    actor: str = OPERATOR

    def __post_init__(self) -> None:
        """Refuse what is out of bounds (`task.FIELD`)."""
        bounds.check_text("actor", self.actor)


class ConfigurationVerbs(Verbs):
    """What the engine runs with."""

    async def reload(self, *, effect: Effect = Effect.CHANGE, actor: str = OPERATOR) -> Reloaded:
        """Let the engine read config.toml again, and take all of it or nothing.

        Raises `Invalid` (`config.*`) for faults, `Conflict` (`config.restart`) where a setting differs that
        is read only when an engine starts.
        """
        return await self._control.ask(ReloadConfig(effect=effect, actor=actor))
