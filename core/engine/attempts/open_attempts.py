"""The open attempts of this engine, and waits for changes among them.

Used by the runner and the termination.
"""

from __future__ import annotations

import asyncio

from core.engine.attempts.attempt import Running
from core.engine.background import Signal
from core.executors.output_use import OutputUse
from core.model.ports import AttemptRef


class OpenAttempts:
    """Attempts by reference, from their claim until their outcome is in the store."""

    def __init__(self, use: OutputUse) -> None:
        self._use = use
        self._running: dict[AttemptRef, Running] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._changed = Signal()

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, ref: AttemptRef) -> bool:
        return ref in self._running

    def get(self, ref: AttemptRef) -> Running | None:
        """Return an open attempt, or None."""
        return self._running.get(ref)

    def all(self) -> tuple[Running, ...]:
        """Return all that are open now."""
        return tuple(self._running.values())

    def inline(self) -> tuple[Running, ...]:
        """Return those whose call runs in the loop."""
        return tuple(running for running in self._running.values() if running.inline)

    def children(self) -> tuple[Running, ...]:
        """Return those whose call is a process."""
        return tuple(running for running in self._running.values() if not running.inline)

    def add(self, running: Running) -> None:
        """Take in an attempt that was claimed or adopted."""
        self._running[running.ref] = running
        self._use.begun(running.ref)
        self._idle.clear()

    def remove(self, ref: AttemptRef) -> None:
        """Drop an attempt that is closed, or that no loop follows any more."""
        if self._running.pop(ref, None) is not None:
            self._use.ended(ref)
        if not self._running:
            self._idle.set()
        self._changed.notify()

    def became_process(self, running: Running) -> None:
        """Note that a call is a process, which a wait for the calls in the loop need not wait for."""
        running.inline = False
        self._changed.notify()

    async def changed(self) -> None:
        """Return when one is closed or became a process."""
        await self._changed.wait()

    async def idle(self) -> None:
        """Return when none is open."""
        await self._idle.wait()
