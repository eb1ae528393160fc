"""The event loop of an engine that is a process of its own.

Used by `taskdeck serve`.
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
