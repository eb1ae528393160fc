"""Long work in Textual workers, beside the screens.

Used by the screens, the dialogs and the exports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

from textual.dom import DOMNode
from textual.worker import Worker

from core.model.errors import TaskdeckError
from core.model.text import SafeText, safe_line

T = TypeVar("T")


def start(
    node: DOMNode, job: Callable[[], Coroutine[None, None, None]], *, group: str, exclusive: bool = False
) -> Worker[None]:
    """Run a worker; `exclusive` cancels the others of its group. A failure comes as `Worker.StateChanged`."""
    worker: Worker[None] = node.run_worker(job, group=group, exclusive=exclusive, exit_on_error=False)
    return worker


async def finish_in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a thread; a cancelled caller still waits for its end."""
    future = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.gather(future, return_exceptions=True)
        raise


def sentence_of(error: BaseException | None) -> SafeText:
    """Return one sentence for a failure."""
    if isinstance(error, TaskdeckError):
        return safe_line((error.message.splitlines() or [error.code])[0])
    return safe_line(f"{type(error).__name__}: {error}")
