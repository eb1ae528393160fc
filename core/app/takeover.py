"""Take a home over: end its engine by a descriptor of exactly that process, then lock."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

from core.app.lock import EngineLock, find_owner
from core.host import Process, open_pidfd
from core.model.errors import Forbidden, Unavailable

MARGIN_SECONDS = 10.0
"""Beyond its grace an engine may take so long to close connectors and store."""
HANDOVER_SECONDS = 2.0
"""A child that was just being started may hold the lock a moment longer than its engine."""
_LOOK_SECONDS = 0.02


async def take_over(path: Path, *, patience: float, tell: Callable[[str], None]) -> EngineLock:
    """End whoever owns the lock and return it locked.

    `patience` = seconds in which the owner has to end. Raises `Unavailable` (`engine.stays`; `engine.running`
    when somebody else was faster) and `Forbidden` (`engine.foreign`) for a process of another user.
    """
    lock = EngineLock(path)
    if lock.acquire():
        return lock
    await end_owner(path, patience=patience, tell=tell)
    await _lock_soon(lock, path)
    return lock


async def end_owner(path: Path, *, patience: float, tell: Callable[[str], None]) -> Process | None:
    """Have whoever owns the lock stop in order, wait for it, and return who it was; None = nobody."""
    owner = find_owner(path)
    if owner is not None:
        tell(f"asking the engine that runs (process {owner.pid}) to end")
        await _end(owner, path, patience=patience)
        tell(f"it has ended (process {owner.pid})")
    return owner


async def _end(owner: Process, path: Path, *, patience: float) -> None:
    descriptor = open_pidfd(owner)
    if descriptor is None:
        return
    try:
        # Asked once more with the descriptor in hand: from here on the pid cannot become somebody else's.
        if find_owner(path) != owner:
            return
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        await _ended(descriptor, owner, patience=patience)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise Forbidden(
            "engine.foreign", f"process {owner.pid} is another user's", hint="ask its owner to end it"
        ) from error
    finally:
        os.close(descriptor)


async def _ended(descriptor: int, owner: Process, *, patience: float) -> None:
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, gone.set)
    try:
        async with asyncio.timeout(patience):
            await gone.wait()
    except TimeoutError as error:
        raise Unavailable(
            "engine.stays",
            f"the engine (process {owner.pid}) did not end within {patience:g} s",
            hint="see what it does in its log, or try 'taskdeck stop --kill'",
            facts={"pid": owner.pid},
        ) from error
    finally:
        loop.remove_reader(descriptor)


async def _lock_soon(lock: EngineLock, path: Path) -> None:
    deadline = asyncio.get_running_loop().time() + HANDOVER_SECONDS
    while not lock.acquire():
        winner = find_owner(path)
        # A living owner is another contender that was faster: it is not asked to end in turn.
        if winner is not None or asyncio.get_running_loop().time() > deadline:
            who = "another process" if winner is None else f"process {winner.pid}"
            raise Unavailable(
                "engine.running", f"{who} took the home over first", hint="use it, or say --take-over again"
            )
        await asyncio.sleep(_LOOK_SECONDS)
