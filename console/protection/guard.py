"""GuardedControl: a ControlAPI whose changes must pass the gate.

Made by the app around the real control.
"""

from __future__ import annotations

from typing import TypeVar

from console.feed import Feed
from console.protection.gate import Gate, change_refused
from core.control.api import ControlAPI, Kind, Request, kind_of

R = TypeVar("R")
HARMLESS = frozenset({Kind.READ, Kind.ENGINE, Kind.WAIT})
"""What the gate is not asked for. Every other kind of request is a change, also one that is added later."""


class GuardedControl(ControlAPI):
    """The same control, but for changes, which are refused while the gate is shut.

    Those raise `Conflict` (`console.read_only`).
    """

    def __init__(self, control: ControlAPI, feed: Feed, gate: Gate) -> None:
        self._control = control
        self._feed = feed
        self._gate = gate

    async def ask(self, request: Request[R]) -> R:
        """Ask the control, unless the request is a change and the gate is shut."""
        if kind_of(request) not in HARMLESS:
            await self._check_gate()
        return await self._control.ask(request)

    async def close(self) -> None:
        """Close the control."""
        await self._control.close()

    async def _check_gate(self) -> None:
        # The screen may show an engine that is gone: the one that answers now is asked before it is changed.
        known = self._feed.protected
        is_protected = (await self._control.status()).protected if known is None else known
        reason = self._gate.refusal_on(is_protected=is_protected)
        if reason:
            raise change_refused(reason)
