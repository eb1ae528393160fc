"""Background tasks of a loop, and a signal for many waiting callers.

Used by the dispatcher, the open attempts and the termination.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine


class BackgroundTasks:
    """Tasks that nothing awaits; a loop alone would not keep them alive."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(
        self,
        work: Coroutine[None, None, None],
        on_end: Callable[[asyncio.Task[None]], None] | None = None,
    ) -> asyncio.Task[None]:
        """Run this on the running loop and return it; `on_end` is called once it has left the tasks."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if on_end is not None:
            task.add_done_callback(on_end)
        return task

    def cancel(self) -> tuple[asyncio.Task[None], ...]:
        """Cancel those that run, and return them."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks

    async def end(self) -> None:
        """Cancel those that run, and return when they have ended: none reads or writes any more."""
        await asyncio.gather(*self.cancel(), return_exceptions=True)


class Signal:
    """Wake all that wait, each time it is given; used on one loop."""

    def __init__(self) -> None:
        self._waiters: list[asyncio.Future[None]] = []

    def notify(self) -> None:
        """Wake all that wait at this moment."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait(self) -> None:
        """Return after the next `notify`."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter
