"""EngineConfiguration: what an engine runs with, read again on request.

Made by the engine, whose parts take what changes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from core.config.differences import differences, need_restart
from core.logs import get_logger
from core.model.commands.engine_notes import EngineEvent, NoteEngine
from core.model.commands.limits import Configure
from core.model.commands.work import Effect
from core.model.config_changes import Reloaded
from core.model.errors import Conflict, TaskdeckError
from core.model.limits.limits import DEFAULT_POOL, Pool
from core.model.records import replace
from core.model.text import safe_line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from core.config.checks import Configuration
    from core.model.commands.schedules import DeclaredSchedule
    from core.model.values import JsonObject
    from core.store.journal import Journal

_log = get_logger(__name__)


class EngineConfiguration:
    """Put a configuration into the store and the parts of an engine, at the start and at each reload."""

    def __init__(
        self,
        configuration: Configuration,
        journal: Journal,
        *,
        read: Callable[[], Configuration],
        take: Callable[[Configuration], Awaitable[None]],
        declare: Callable[[Configuration], tuple[DeclaredSchedule, ...]],
    ) -> None:
        self.now = configuration
        """What holds."""
        self._journal = journal
        self._read = read
        self._take = take
        self._declare = declare
        self._reloading = asyncio.Lock()

    async def bring_up(self) -> None:
        """Bring the store to what is configured; its report says where the history stands."""
        await self._journal.submit(self._command(self.now))
        await self._journal.settle()

    async def reload(self, *, effect: Effect, actor: str) -> Reloaded:
        """Read the configuration again and take all of it, or nothing; reloads go one after the other.

        What differs is in the history when this returns. Raises `Conflict` (`config.restart`) where a
        setting differs that is read at the start alone, and what `check` raises.
        """
        async with self._reloading:
            fresh = await asyncio.to_thread(self._read)
            changes, command = differences(self.now, fresh), self._command(fresh)
            if late := need_restart(changes):
                raise _needs_restart(late)
            if effect is Effect.CHANGE and changes:
                await self._journal.submit(replace(command, changes=changes, actor=actor))
                # The store has it, and what follows cannot be refused.
                self.now = fresh
                await self._take(fresh)
            return Reloaded(changes=changes)

    def declared(self) -> tuple[DeclaredSchedule, ...]:
        """Return the schedules of what holds now, with their next times."""
        return tuple(self._declare(self.now))

    def _command(self, configuration: Configuration) -> Configure:
        """Return what brings the store to a configuration; raise `Invalid` for a schedule without times."""
        capacity = configuration.capacity
        return Configure(
            pools=capacity.pools or (Pool(name=DEFAULT_POOL, slots=configuration.settings.slots),),
            limits=capacity.limits,
            backends=capacity.backends,
            declared=self._declare(configuration),
        )

    async def reload_or_note(self, *, actor: str) -> None:
        """Do the same where no caller hears why it is refused: the log and the history tell it."""
        try:
            await self.reload(effect=Effect.CHANGE, actor=actor)
        except TaskdeckError as error:
            _log.warning("the configuration was not read again", code=error.code, reason=error.message)
            told: JsonObject = {"code": error.code, "message": error.message}
            # A store that takes no more is told of by itself.
            with suppress(TaskdeckError):
                await self._journal.submit(
                    NoteEngine(kind=EngineEvent.CONFIG_REFUSED, actor=actor, data=told)
                )


def _needs_restart(settings: list[str]) -> Conflict:
    named = ", ".join(f"`{safe_line(name)}`" for name in settings)
    verb = "is" if len(settings) == 1 else "are"
    return Conflict(
        "config.restart",
        f"{named} {verb} read when an engine starts; nothing was changed",
        hint="stop the engine, the next one reads the file; or take these changes back and reload",
        facts={"settings": [*settings]},
    )
