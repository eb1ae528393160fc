"""Wait for a condition with a deadline, and tell the story when it never came."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable


async def until(
    condition: Callable[[], object], story: str | Callable[[], object], *, within: float = 10
) -> None:
    """Return as soon as the condition holds; fail with the story after `within` seconds."""
    deadline = time.monotonic() + within
    turn = asyncio.Event()
    loop = asyncio.get_running_loop()
    while not condition():
        if time.monotonic() > deadline:
            told = story() if callable(story) else story
            raise AssertionError(f"not within {within} s: {told}")
        turn.clear()
        loop.call_later(0.005, turn.set)
        await turn.wait()
