"""The event loop of an engine with a thread of its own.

Used by `taskdeck serve` and by the console that hosts an engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import uvloop

T = TypeVar("T")


def run_on_engine_loop(main: Coroutine[object, object, T]) -> T:
    """Run a coroutine as `asyncio.run` does, on a loop that needs less of the processor for each turn."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
