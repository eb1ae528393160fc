"""Take the engine lock of a home, also from its present owner.

Called by `hosting` and by the command `stop`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

from core.app.attach import dial
from core.app.lock import EngineLock, find_owner, silent_owner
from core.app.options import Options
from core.control.remote import RemoteControl
from core.host import Process, open_pidfd
from core.model.errors import Forbidden, Unavailable
from core.model.paths import ensure_home
from core.store.version import is_older

MARGIN_SECONDS = 10.0
"""How long, beyond its grace, an engine may take to close connectors and store."""
HANDOVER_SECONDS = 2.0
"""A child that was just being started may hold the lock a moment longer than its engine."""
_POLL_SECONDS = 0.02


async def own(options: Options, *, hint: str) -> EngineLock:
    """Return the lock, taken; raise `Unavailable` (`engine.running`) with this hint if an engine has it."""
    lock = EngineLock(ensure_home(options.paths.home).lock)
    deadline = _deadline(HANDOVER_SECONDS)
    while not lock.acquire():
        if lock.owner_lives() or _now() > deadline:
            raise Unavailable(
                "engine.running",
                f"an engine runs on {options.paths.home} already",
                hint=hint,
                facts={"home": str(options.paths.home)},
            )
        await asyncio.sleep(_POLL_SECONDS)
    return lock


async def own_or_attach(options: Options) -> EngineLock | RemoteControl:
    """Return the lock, taken, or the control of its owner once that has answered; the caller closes it.

    A lock that is held only briefly is waited for. Raises `Unavailable` (`engine.silent`).
    """
    paths, patience = ensure_home(options.paths.home), options.settings().lock_wait
    lock, remote = EngineLock(paths.lock), None
    deadline = _deadline(patience)
    while not lock.acquire():
        remote = remote or dial(paths)
        try:
            await remote.status()
        except Unavailable as error:
            # An owner that brings an older store up answers when it is done, however long that takes.
            if _now() > deadline and not is_older(paths.db):
                await remote.close()
                raise silent_owner(paths) from error
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return remote
    if remote is not None:
        await remote.close()
    return lock


async def take_over(path: Path, *, patience: float, tell: Callable[[str], None]) -> EngineLock:
    """End the owner of the lock and return it, taken.

    `patience` = seconds in which the owner has to end. Raises `Unavailable` (`engine.stays`; `engine.running`
    when another process was faster) and `Forbidden` (`engine.foreign`) for a process of another user.
    """
    lock = EngineLock(path)
    if lock.acquire():
        return lock
    await end_owner(path, patience=patience, tell=tell)
    await _lock_soon(lock, path)
    return lock


async def end_owner(path: Path, *, patience: float, tell: Callable[[str], None]) -> Process | None:
    """Have the owner of the lock stop in order, wait for it, and return it; None = the lock was free."""
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
        # Asked again with the descriptor open: from here on the pid cannot become another process's.
        if find_owner(path) != owner:
            return
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        await _ended(descriptor, owner, patience=patience)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise Forbidden(
            "engine.foreign",
            f"process {owner.pid} is another user's",
            hint="ask its owner to end it",
            facts={"pid": owner.pid},
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
            hint="see its log, or try 'taskdeck stop --kill'",
            facts={"pid": owner.pid},
        ) from error
    finally:
        loop.remove_reader(descriptor)


async def _lock_soon(lock: EngineLock, path: Path) -> None:
    deadline = _deadline(HANDOVER_SECONDS)
    while not lock.acquire():
        winner = find_owner(path)
        # A living owner is another contender that was faster: it is not asked to end in turn.
        if winner is not None or _now() > deadline:
            owner = "another process" if winner is None else f"process {winner.pid}"
            raise Unavailable(
                "engine.running",
                f"{owner} took the home over first",
                hint="use it, or say --take-over again",
                facts={"owner": str(owner)},
            )
        await asyncio.sleep(_POLL_SECONDS)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _deadline(seconds: float) -> float:
    return _now() + seconds
