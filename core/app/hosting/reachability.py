"""Keep a living engine reachable when files of its home are removed.

Called by `hosting` for every engine that listens.
"""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from core.app.lock import EngineLock
from core.control.server import ControlServer
from core.engine.service import Engine
from core.files.identity import file_identity
from core.logs import get_logger
from core.model.errors import Unavailable

BEAT_SECONDS = 0.5
"""How often the files are looked at: a few system calls, too cheap to measure."""
_WRITABLE_BY_OTHERS = 0o022
_ENDS = ("store.replaced", "engine.fenced")
_log = get_logger(__name__)


@asynccontextmanager
async def kept_reachable(engine: Engine, server: ControlServer, lock: EngineLock) -> AsyncIterator[None]:
    """Look after socket, lock and directory during the body; end the engine whose store is gone."""
    work = asyncio.ensure_future(_Reachability(engine, server, lock).keep())
    try:
        yield
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


class _Reachability:
    def __init__(self, engine: Engine, server: ControlServer, lock: EngineLock) -> None:
        self._engine, self._server, self._lock = engine, server, lock
        self._store = file_identity(engine.paths.db)
        self._trouble = ""

    async def keep(self) -> None:
        while not self._engine.stopping:
            await asyncio.sleep(BEAT_SECONDS)
            try:
                await self._check()
                self._trouble = ""
            except Unavailable as error:
                if error.code in _ENDS:
                    self._engine.fail(error)
                    return
                self._warn(error.message)
            except OSError as error:
                self._warn(str(error))

    async def _check(self) -> None:
        paths = self._engine.paths
        if file_identity(paths.db) != self._store:
            # What it wrote from now on would be lost, and the next engine would not know of it.
            raise Unavailable(
                "store.replaced",
                f"{paths.db} was removed or replaced under its engine",
                hint="stop the engine before you move or restore its data directory",
                facts={"path": str(paths.db)},
            )
        if not self._lock.is_in_place():
            if not self._lock.retake():
                raise Unavailable(
                    "engine.fenced",
                    f"{paths.lock} was removed, and another engine took its place",
                    hint="leave engine.lock where it is",
                    facts={"path": str(paths.lock)},
                )
            _log.warning("the lock file was removed, and is there again", path=str(paths.lock))
        mode = stat.S_IMODE(paths.home.stat().st_mode)
        if mode & _WRITABLE_BY_OTHERS:
            # No start would have taken it so.
            paths.home.chmod(mode & ~_WRITABLE_BY_OTHERS)
            _log.warning("others could write in the data directory; no more", path=str(paths.home))
        if await self._server.renew():
            _log.warning("the socket was removed or replaced, and is there again", path=str(paths.socket))

    def _warn(self, reason: str) -> None:
        if reason != self._trouble:
            self._trouble = reason
            _log.warning("the engine cannot be reached", reason=reason)
