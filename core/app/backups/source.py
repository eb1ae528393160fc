"""Copy the store of a home, with its engine or without.

Used by `writing`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from core.app.attach import find_engine
from core.app.lock import EngineLock, silent_owner
from core.control.remote import RemoteControl
from core.model.backups import StoreCopied
from core.model.paths import Paths
from core.store.backups.copying import copy_foreign, copy_locked
from core.store.version import is_older

_PATIENCE_SECONDS = 30.0
"""How long an engine that starts or ends is waited for."""
_POLL_SECONDS = 0.05
_TELL_SECONDS = 0.25


async def copy_store(paths: Paths, file: Path, tell: Callable[[int, int], None]) -> StoreCopied:
    """Copy the store of a home into an empty file: through its engine, or under the lock where none runs.

    In a home where nothing can be written the file is read as it is. `tell` gets bytes copied and all
    bytes, about. Raises what those raise, and `Unavailable` (`engine.silent`).
    """
    if not os.access(paths.home, os.W_OK):
        return await asyncio.to_thread(copy_foreign, paths.db, file)
    found = await _engine_or_lock(paths)
    if isinstance(found, EngineLock):
        with found:
            return await _copy_locked(paths, file, tell)
    try:
        return await _told(found, paths, file, tell)
    finally:
        await found.close()


async def _copy_locked(paths: Paths, file: Path, tell: Callable[[int, int], None]) -> StoreCopied:
    work = asyncio.ensure_future(asyncio.to_thread(copy_locked, paths.db, file, tell))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        # The lock is released behind this: nothing may read the store any more.
        await asyncio.wait([work])
        raise


async def _told(
    engine: RemoteControl, paths: Paths, file: Path, tell: Callable[[int, int], None]
) -> StoreCopied:
    copying = asyncio.ensure_future(engine.backups.copy_store(str(file)))
    try:
        while not copying.done():
            await asyncio.wait([copying], timeout=_TELL_SECONDS)
            tell(file.stat().st_size, paths.db.stat().st_size)
    finally:
        copying.cancel()
    return copying.result()


async def _engine_or_lock(paths: Paths) -> EngineLock | RemoteControl:
    lock, loop = EngineLock(paths.lock), asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_SECONDS
    while True:
        engine = await find_engine(paths)
        if engine is not None:
            return engine
        if lock.acquire():
            return lock
        # One that brings an older store up answers when it is done, however long that takes.
        if loop.time() > deadline and not is_older(paths.db):
            raise silent_owner(paths)
        await asyncio.sleep(_POLL_SECONDS)
