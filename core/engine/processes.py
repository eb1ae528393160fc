"""Processes: attempts that run as children, from a start or an adoption to an outcome."""

from __future__ import annotations

from typing import TypeGuard

from core.engine.attempts import Running, Tools
from core.engine.briefing import Briefing
from core.engine.orphans import Orphans
from core.executors.observations import (
    Finished,
    Living,
    NotStarted,
    Orphaned,
    Overflowed,
    ProcessEnd,
    Vanished,
)
from core.model.crash_points import crash_point
from core.model.errors import NotFound, Unavailable
from core.model.outcomes import Bounced, Failed, Lost, Outcome, Succeeded, TaskError
from core.model.ports import CallContext, Connector, ProcessCall, ProcessConnector, ProcessExit
from core.model.values import JsonObject


class Processes:
    """Follow children, own and adopted ones alike, and judge how they ended."""

    def __init__(self, tools: Tools, briefing: Briefing, orphans: Orphans) -> None:
        self._tools = tools
        self._briefing = briefing
        self._orphans = orphans

    def made_by(self, uses: str) -> bool:
        """Return whether a connector's calls are processes; False for one that is not known."""
        try:
            return _concludes(self._tools.connectors.get(uses))
        except NotFound:
            return False

    async def run(self, running: Running, call: ProcessCall, made: tuple[Connector, JsonObject]) -> Outcome:
        """Start a call that a connector made of an input, and see it through."""
        try:
            self._tools.children.start(running.ref, call)
        except Unavailable as error:
            return Bounced(reason=error.message)
        crash_point("child.spawned")
        return self._judge(running, await self._end_of(running), made)

    async def take_up(self, running: Running, found: Finished | Living | Orphaned) -> Outcome:
        """Go on with a child of a former engine as the executor found it."""
        connector = self._tools.connectors.get(running.claimed.uses)
        end: ProcessEnd
        match found:
            case Finished(end=known):
                end = known
            case Living():
                end = await self._end_of(running)
            case Orphaned(reason=reason, pids=pids):
                end = await self._orphans.outlive(running, Vanished(reason=reason, pids=pids))
        # Only now: an input that cannot be resolved any more must not leave a child unwatched.
        return self._judge(running, end, (connector, await self._briefing.input(running, again=False)))

    async def _end_of(self, running: Running) -> ProcessEnd:
        end = await self._tools.children.wait(running.ref)
        if isinstance(end, Vanished) and end.pids:
            end = await self._orphans.outlive(running, end)
        return end

    def _judge(self, running: Running, end: ProcessEnd, made: tuple[Connector, JsonObject]) -> Outcome:
        match end:
            case ProcessExit():
                outcome = conclude(made[0], made[1], self._briefing.context(running), end)
            case Overflowed():
                message = f"the output of {end.size} bytes exceeds its cap of {end.cap}"
                outcome = Failed(error=TaskError(code="output.cap", message=message), permanent=True)
            case NotStarted():
                outcome = Bounced(reason=end.reason)
            case Vanished():
                outcome = Lost(reason=end.reason)
        if running.cause is not None and not isinstance(outcome, Succeeded):
            return running.cause
        return outcome


def conclude(connector: Connector, with_: JsonObject, context: CallContext, end: ProcessExit) -> Outcome:
    """Judge how a process of this connector ended."""
    if not _concludes(connector):
        message = f"connector {connector.name!r} has no `conclude` for its processes"
        return Failed(error=TaskError(code="connector.invalid", message=message), permanent=True)
    return connector.conclude(with_, context, end)


def _concludes(connector: Connector) -> TypeGuard[ProcessConnector]:
    return hasattr(connector, "conclude")
