"""Watch: waits by pidfd for own and adopted processes to end.

Used by `ChildExecutor`.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from core import host

if TYPE_CHECKING:
    from collections.abc import Iterable


class Watch:
    """Some processes, and the moment when the last of them has ended; used on one loop."""

    def __init__(self) -> None:
        self._descriptors: set[int] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()

    def add(self, processes: Iterable[host.Process]) -> tuple[int, ...]:
        """Watch these as well; return the sorted pids of those that had not ended yet.

        Raises `OSError` when the machine is short of descriptors.
        """
        living = []
        for process in processes:
            descriptor = host.open_pidfd(process)
            if descriptor is None:
                continue
            self._descriptors.add(descriptor)
            self._none_left.clear()
            asyncio.get_running_loop().add_reader(descriptor, self._ended, descriptor)
            living.append(process.pid)
        return tuple(sorted(living))

    async def wait(self) -> None:
        """Return when none of them lives; a cancelled wait changes nothing."""
        await self._none_left.wait()

    def close(self) -> None:
        """Stop watching; the processes are left alone, and waiters never hear of them."""
        for descriptor in list(self._descriptors):
            self._drop(descriptor)

    def _ended(self, descriptor: int) -> None:
        self._drop(descriptor)
        if not self._descriptors:
            self._none_left.set()

    def _drop(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        self._descriptors.discard(descriptor)
        os.close(descriptor)
