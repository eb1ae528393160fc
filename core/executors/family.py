"""Family: all processes that an attempt's wrapper and command started.

Used by `ChildExecutor` to signal and to find them.
"""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import host
from core.executors.observations import Survivor

if TYPE_CHECKING:
    from pathlib import Path

    from core.model.ports import AttemptRef

MARK = "TASKDECK_ATTEMPT"
"""Variable that every process of an attempt carries: `<store>:<task>:<epoch>`."""


def mark_value(store: str, ref: AttemptRef) -> str:
    """Return what `TASKDECK_ATTEMPT` is set to for an attempt of a store."""
    return f"{store}:{ref.task_id}:{ref.epoch}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """The session of a wrapper (`leader`), and every process that carries the mark of the attempt."""

    leader: host.Process | None
    """The wrapper, alive or not; None = not known."""
    mark: str
    """`NAME=value` of the variable."""

    async def members(self) -> frozenset[host.Process]:
        """Return the processes that live, members that left the session included."""
        return await asyncio.to_thread(host.family, self.leader, self.mark)

    async def terminate(self) -> None:
        """Ask every member to end (SIGTERM)."""
        for process in await self.members():
            host.signal_process(process, signal.SIGTERM)

    async def kill(self) -> None:
        """End every member (SIGKILL), also those born meanwhile."""
        await asyncio.to_thread(self.kill_blocking)

    def kill_blocking(self) -> None:
        """Do the same in this thread, for some ms."""
        host.kill_family(self.leader, self.mark)

    async def survivors(self) -> tuple[Survivor, ...]:
        """Return the living members with their command lines, by pid."""
        return await asyncio.to_thread(self._described)

    def _described(self) -> tuple[Survivor, ...]:
        members = sorted(host.family(self.leader, self.mark), key=lambda process: process.pid)
        return tuple(
            Survivor(pid=process.pid, command=command)
            for process in members
            if (command := host.command_line(process)) is not None
        )


def wrapper_among(members: frozenset[host.Process], directory: Path) -> host.Process | None:
    """Return the wrapper of an attempt among its members: its argv names the directory, wherever it was."""
    name = _own_parts(os.fsencode(directory))
    leaders = sorted((one for one in members if one.session == one.pid), key=lambda one: one.start)
    return next((one for one in leaders if _named(one) == name), None)


def _named(process: host.Process) -> list[bytes]:
    return [part for word in host.arguments(process)[3:4] for part in _own_parts(word)]


def _own_parts(directory: bytes) -> list[bytes]:
    """Return task and epoch: the home may have been moved since."""
    return directory.split(b"/")[-2:]
