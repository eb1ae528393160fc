"""A clock by hand and contexts for inline calls."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from core.model.ports import AttemptRef, CallContext

NOW = 1_700_000_000_000


@dataclass
class HandClock:
    """Time that stands still; sleeps wait until they are let go."""

    slept: list[float] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    offset: int = 0

    def now(self):
        return NOW

    def call_later(self, seconds, callback):
        raise AssertionError("a connector sets no timers")

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await self.gate.wait()


def make_context(directory: Path, clock: HandClock | None = None) -> CallContext:
    return CallContext(
        ref=AttemptRef(task_id=1, epoch=1),
        job_id=1,
        key="t",
        clock=clock or HandClock(),
        path=str(directory / "1" / "1"),
        idempotency_key="key-of-generation-1",
    )
