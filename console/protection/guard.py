"""Guarding: the control that the console works with, whose changes pass the gate or are refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

from console.feed import Feed
from console.protection.gate import Gate, refusal
from core.control.api import ControlAPI, ReadingAPI

HARMLESS = frozenset(
    {
        *(name for name in vars(ReadingAPI) if not name.startswith("_")),
        *("orphans", "describe", "changes", "wait_job", "wait_tasks", "status"),
    }
)
"""What the gate is not asked for. Whatever else a control can do is a change, also what it learns later."""


def guarded(control: ControlAPI, feed: Feed, gate: Gate) -> ControlAPI:
    """Return the same control, but for changes that are refused while the gate is shut.

    Those raise `Conflict` (`console.read_only`).
    """
    # By name, not method by method: one that is forgotten must be refused, not let through.
    return cast("ControlAPI", _Guarded(control, feed, gate))


class _Guarded:
    def __init__(self, control: ControlAPI, feed: Feed, gate: Gate) -> None:
        self._control = control
        self._feed = feed
        self._gate = gate

    def __getattr__(self, name: str) -> object:
        """Return a method of the control, behind the gate unless it is harmless."""
        asked: Callable[..., Awaitable[object]] = getattr(self._control, name)
        return asked if name in HARMLESS else partial(self._change, asked)

    async def _change(
        self, asked: Callable[..., Awaitable[object]], /, *given: object, **named: object
    ) -> object:
        # The screen may show an engine that is gone: who answers now is asked before it is changed.
        known = self._feed.protected
        is_protected = (await self._control.status()).protected if known is None else known
        shut = self._gate.shut_on(is_protected=is_protected)
        if shut:
            raise refusal(shut)
        return await asked(*given, **named)
