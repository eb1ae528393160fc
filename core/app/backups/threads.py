"""Work in a thread that ends when its caller is cancelled.

Used by this room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[Event], T]) -> T:
    """Do what takes long beside the loop; once cancelled, `stop` is set and its end is waited for."""
    stop = Event()
    task = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        stop.set()
        # Nothing may be written any more when the folder is removed.
        await asyncio.wait([task])
        raise
