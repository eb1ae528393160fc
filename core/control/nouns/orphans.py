"""Orphans: their requests, and the verbs that ask them.

The part `orphans` of the ControlAPI.
"""

from __future__ import annotations

from core.control.arguments import OPERATOR, Target
from core.control.operator_requests import Operate
from core.control.requests import Kind, Request, Verbs, verb
from core.model.commands.work import Operated
from core.model.orphans import OrphanView


@verb("orphans", Kind.ENGINE)
class ListOrphans(Request[tuple[OrphanView, ...]], frozen=True, kw_only=True):
    pass


@verb("keep_orphans", Kind.CHANGE)
class KeepOrphans(Operate, frozen=True, kw_only=True):
    pass


@verb("kill_orphans", Kind.CHANGE)
class KillOrphans(Operate, frozen=True, kw_only=True):
    reason: str = ""


class Orphans(Verbs):
    """What lost its owner."""

    async def all(self) -> tuple[OrphanView, ...]:
        """Return what lost its owner, in order of task id: living sessions, and tasks held after a loss."""
        return await self._control.ask(ListOrphans())

    async def keep(self, target: Target, *, actor: str = OPERATOR) -> Operated:
        """Note that living orphans (ids) are to be watched on; the engine forgets it when it ends."""
        return await self._control.ask(KeepOrphans(target=target, actor=actor))

    async def kill(self, target: Target, *, reason: str = "", actor: str = OPERATOR) -> Operated:
        """End the processes of living orphans (ids); their attempts close as lost.

        Tasks without living processes are listed as refused.
        """
        return await self._control.ask(KillOrphans(target=target, reason=reason, actor=actor))
