"""One look at an outside system: its answer, or why none came.

Made by the engine.
"""

from __future__ import annotations

import asyncio
import time
from typing import assert_never

from core.model.addresses import parse_http
from core.model.backend_checks import Check, CommandTarget, HttpTarget, Look, Target, TcpTarget
from core.model.text import safe_line
from core.probes import commands, connections
from core.probes.names import Names
from core.probes.phases import NoAnswer, Phase, reason_of

AT_ONCE = 32
"""Looks that are under way at once; the others wait, and that time is not theirs."""
_TEXT_MAX = 300


class Prober:
    """Looks at backends; many at once, none longer than its time-out."""

    def __init__(self) -> None:
        self._names = Names()
        self._room = asyncio.Semaphore(AT_ONCE)

    async def look(self, check: Check) -> Look:
        """Return what one look finds; whatever is wrong with the backend is an answer, too."""
        async with self._room:
            return await self._look(check)

    async def _look(self, check: Check) -> Look:
        phase, began = Phase(), time.monotonic()
        try:
            async with asyncio.timeout(check.timeout_ms / 1_000):
                told = await self._ask(check.target, phase)
        except (OSError, NoAnswer) as error:
            text = reason_of(error, missing=phase.missing, timeout_ms=check.timeout_ms)
            return Look(answered=False, took_ms=_since(began), text=safe_line(text[:_TEXT_MAX]))
        return Look(answered=True, took_ms=_since(began), text=safe_line(told[:_TEXT_MAX]))

    async def _ask(self, target: Target, phase: Phase) -> str:
        match target:
            case HttpTarget():
                return await connections.get(parse_http(target.url), names=self._names, phase=phase)
            case TcpTarget():
                return await connections.connect(target.host, target.port, names=self._names, phase=phase)
            case CommandTarget():
                return await commands.run(target.argv, phase=phase)
            case _:
                assert_never(target)


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1_000)
