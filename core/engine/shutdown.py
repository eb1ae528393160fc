"""Shutdown: stop claiming, then wait for, leave or kill open attempts.

Called by the engine when it stops or drains.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from core.engine.completion import Completion
from core.engine.dispatcher import Dispatcher
from core.engine.runner import Runner
from core.engine.shortage import Closed
from core.model.commands import FollowUp, StopMode
from core.model.crash_points import crash_point
from core.model.errors import TaskdeckError
from core.store.journal import Journal

_HARDNESS = (StopMode.DRAIN, StopMode.STOP, StopMode.KILL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loops:
    """The loops of an engine, which shutdown brings to rest."""

    journal: Journal
    dispatcher: Dispatcher
    runner: Runner
    completion: Completion


class Shutdown:
    """The end of an engine in one of its modes; a harder mode overtakes a softer one."""

    def __init__(self, loops: Loops, *, grace: float) -> None:
        self._loops = loops
        self._grace = grace
        self._harder = asyncio.Event()
        self.how: StopMode | None = None
        """The hardest mode that was asked for; None = it serves."""

    @property
    def state(self) -> str:
        """Return `serving`, `draining` or `stopping`."""
        if self.how is None:
            return "serving"
        return "draining" if self.how is StopMode.DRAIN else "stopping"

    def ask(self, how: StopMode) -> bool:
        """Ask for a mode; False = it, or a harder one, was asked for already."""
        if self.how is not None and _HARDNESS.index(how) <= _HARDNESS.index(self.how):
            return False
        self.how = how
        if how is not StopMode.DRAIN:
            self._harder.set()
        return True

    def at_once(self) -> None:
        """Give calls in the loop no grace: the engine has failed."""
        self._grace = 0

    async def rest(self) -> None:
        """Claim nothing more; drain if asked to; let inline calls end; leave or kill the children."""
        crash_point("stop.begun")
        loops = self._loops
        loops.dispatcher.close(Closed.STOPPING)
        # A group that claims may be under way; this one is behind it, so that what it claims is known.
        with suppress(TaskdeckError):
            await loops.journal.submit(FollowUp())
        await self._drained()
        await loops.runner.finish_inline(self._grace)
        loops.completion.repeats = False
        await loops.runner.kill_stopped()
        if self.how is StopMode.KILL:
            await loops.runner.kill_children()
            await loops.runner.leftovers.kill_all()
        await loops.runner.leftovers.finish()
        await loops.runner.leave_children()

    async def _drained(self) -> None:
        """Return when nothing runs, or something harder than a drain is asked for."""
        idle = asyncio.ensure_future(self._loops.runner.idle())
        harder = asyncio.ensure_future(self._harder.wait())
        await asyncio.wait([idle, harder], return_when=asyncio.FIRST_COMPLETED)
        idle.cancel()
        harder.cancel()
