"""Shutdown: stop claiming, then wait for, leave or kill open attempts.

Called by the engine when it stops or drains.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from core.engine.attempts.completion import Completion
from core.engine.attempts.runner import Runner
from core.engine.dispatcher import Dispatcher
from core.engine.shortage import Closed
from core.model.commands.work import ENGINE, FollowUp, StopMode
from core.model.crash_points import crash_point
from core.model.errors import Conflict, TaskdeckError, Unavailable
from core.model.values import JsonObject
from core.store.epochs import EngineCause
from core.store.journal import Journal

DRAINING = "it drains: new work waits for the next engine"
STOPPING = "it is stopping: new work waits for the next engine"
TAKE_BACK = "it ends when nothing runs; take the drain back: taskdeck resume --engine"
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
        self.grace = grace
        """Seconds that calls in the loop have."""
        self._changed = asyncio.Event()
        self._is_ending = False
        self.how: StopMode | None = None
        """The hardest mode that was asked for; None = it serves."""
        self.actor = ENGINE
        """Who asked for it."""
        self._reason = ""

    @property
    def state(self) -> str:
        """Return `serving`, `draining` or `stopping`; a drain that is over is `stopping`."""
        if self.how is None:
            return "serving"
        return "draining" if self.how is StopMode.DRAIN and not self._is_ending else "stopping"

    @property
    def cause(self) -> EngineCause:
        """Return who ends the engine, how and why."""
        facts: JsonObject = {} if self.how is None else {"how": self.how}
        return EngineCause(
            actor=self.actor, facts={**facts, "reason": self._reason} if self._reason else facts
        )

    def ask(self, how: StopMode, *, actor: str = ENGINE, reason: str = "") -> bool:
        """Ask for a mode; False = it, or a harder one, was asked for already."""
        if self.how is not None and _HARDNESS.index(how) <= _HARDNESS.index(self.how):
            return False
        self.how, self.actor, self._reason = how, actor, reason
        self._close()
        self._changed.set()
        return True

    def take_back(self) -> None:
        """Serve again instead of draining; raise `Conflict` (`engine.serving`, `engine.stopping`)."""
        if self.how is None:
            raise Conflict(
                "engine.serving", "the engine does not drain", hint="there is nothing to take back"
            )
        if self.how is not StopMode.DRAIN or self._is_ending:
            raise Conflict(
                "engine.stopping", "the engine is ending", hint="start the next one: taskdeck serve"
            )
        self.how = None
        self._changed.set()
        self._loops.dispatcher.reopen(Closed.STOPPING)

    def at_once(self) -> None:
        """Give calls in the loop no grace: the engine has failed."""
        self.grace = 0

    async def rest(self) -> bool:
        """Claim nothing more; drain if asked to; let inline calls end; leave or kill the children.

        False = a drain was taken back.
        """
        crash_point("stop.begun")
        loops = self._loops
        # A group that claims may be under way; this one is behind it, so that what it claims is known.
        with suppress(TaskdeckError):
            await loops.journal.submit(FollowUp())
        if not await self._drained():
            return False
        self._is_ending = True
        await loops.runner.finish_inline(self.grace)
        loops.completion.give_up()
        await loops.runner.kill_stopped()
        if self.how is StopMode.KILL:
            await loops.runner.kill_children()
            await loops.runner.leftovers.kill_all(actor=self.actor)
        await loops.runner.leftovers.finish()
        await loops.runner.leave_children()
        return True

    async def _drained(self) -> bool:
        """Return True when nothing runs or a harder mode is asked for, False when the drain is taken back."""
        while self.how is StopMode.DRAIN:
            self._changed.clear()
            idle = asyncio.ensure_future(self._loops.runner.idle())
            changed = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait([idle, changed], return_when=asyncio.FIRST_COMPLETED)
            is_idle = idle.done()
            idle.cancel()
            changed.cancel()
            if is_idle and self.how is StopMode.DRAIN:
                return True
        return self.how is not None

    def _close(self) -> None:
        # Told on every door: new work waits, and people wonder why.
        told = (
            Unavailable("engine.draining", DRAINING, hint=TAKE_BACK)
            if self.how is StopMode.DRAIN
            else Unavailable("engine.stopping", STOPPING, hint="start the next one: taskdeck serve")
        )
        self._loops.dispatcher.close(Closed.STOPPING, told)
