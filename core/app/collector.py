"""The garbage collector, off while a program of ours starts.

`_taskdeck` turns it off. What a start makes is there to stay: looking through it again and again takes a
quarter of the time of a short command, and a fifth of that until the first row of the console.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

RESUME_SECONDS = 3.0
"""After the screens begin; by then the first rows are drawn."""


def resume_later(loop: AbstractEventLoop) -> None:
    """Let the collector run again in a while."""
    loop.call_later(RESUME_SECONDS, resume)


def resume() -> None:
    """Let the collector run again, if it is off, and pass over all that is there by now."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
