"""The garbage collector, off while the screens start.

Used by `choice` and `screen`. What a start makes is there to stay: looking through it again and again takes a
fifth of the time until the first row.
"""

from __future__ import annotations

import gc
from asyncio import AbstractEventLoop

RESUME_SECONDS = 3.0
"""After the screens begin; by then the first rows are drawn."""


def pause() -> None:
    """Collect nothing until `resume`."""
    gc.disable()


def resume_later(loop: AbstractEventLoop) -> None:
    """Let the collector run again in a while."""
    loop.call_later(RESUME_SECONDS, resume)


def resume() -> None:
    """Let the collector run again, and pass over all that is there by now."""
    gc.freeze()
    gc.enable()
