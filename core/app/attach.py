"""Attach to the engine of a home, or host one.

Called by the console's sessions, by `Deck` and by the commands.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from core.app.options import Options
from core.app.signals import cancelling_on_signal
from core.app.spawn import LOG, spawn_engine
from core.control.api import ControlAPI
from core.control.remote import RemoteControl
from core.control.transport import SocketDialer
from core.files.kinds import exists
from core.model.commands import StopMode
from core.model.errors import Unavailable
from core.model.paths import Paths, ensure_home
from core.model.text import safe_line
from core.store.version import is_older

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import Popen

    from core.engine.service import Engine

START_SECONDS = 10.0
"""How long a spawned engine may take to answer, beyond the wait for its lock and an upgrade of its store."""
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAccess:
    """The control of an engine, and the engine itself where this process hosts it."""

    control: ControlAPI
    engine: Engine | None = None

    @property
    def is_attached(self) -> bool:
        """Whether the engine is another process's."""
        return self.engine is None

    async def stop(self, mode: StopMode) -> None:
        """End an engine of our own now, whatever its clients wait for; attached: do nothing."""
        if self.engine is not None:
            self.engine.stop(mode)
            await self.engine.stopped()


@asynccontextmanager
async def attach(options: Options) -> AsyncIterator[ControlAPI]:
    """Lend the control of the engine that runs; it connects, or raises `Unavailable`, when first asked."""
    async with closing(dial(options.paths)) as remote:
        yield remote


class Purpose(Enum):
    """What a command needs an engine for."""

    RUN_TASKS = "run tasks"
    """A hosted engine runs tasks, others may attach to it, and it goes on until they have their results."""
    CHANGE = "change"
    """A hosted engine applies commands, claims nothing, and ends with the command."""


@asynccontextmanager
async def attach_or_host(options: Options, purpose: Purpose) -> AsyncIterator[EngineAccess]:
    """Attach to the engine that runs, or host one.

    Raises `Interrupted` when this process is asked to end before the engine is ready.
    """
    with cancelling_on_signal():
        remote = await find_engine(options.paths)
    if remote is not None:
        async with closing(remote):
            yield EngineAccess(control=remote)
        return
    # SQL and the engine take longer to import than all else together.
    from core.app.hosting import host

    async with host(options, purpose) as access:
        yield access


async def ensure_engine(options: Options) -> None:
    """Start an engine as a process of its own session, unless one runs; return when it answers."""
    paths = ensure_home(options.paths.home)
    # A second process would wait for the lock, and own the home if the first died meanwhile.
    remote = await find_engine(paths)
    if remote is None:
        await _spawn(paths, options)
    else:
        await remote.close()


@asynccontextmanager
async def closing(remote: RemoteControl) -> AsyncIterator[RemoteControl]:
    """Lend a control and close it."""
    try:
        yield remote
    finally:
        await remote.close()


async def find_engine(paths: Paths) -> RemoteControl | None:
    """Return the control of the engine that runs, once it has answered; the caller closes it.

    None: none answers, or it takes no new clients. Raises `Unavailable` (`engine.silent`: it accepted
    the call and does not answer) and `Conflict` (`engine.protocol`).
    """
    remote = dial(paths)
    try:
        await remote.status()
    except BaseException as error:
        await remote.close()
        if isinstance(error, Unavailable) and error.code != "engine.silent":
            return None
        raise
    return remote


def dial(paths: Paths, *, patience: float = 0.0) -> RemoteControl:
    """Return a control that connects when it is asked, for up to `patience` s; the caller closes it."""
    return RemoteControl(SocketDialer(paths.socket, patience=patience))


async def _spawn(paths: Paths, options: Options) -> None:
    log = paths.logs / LOG
    written = log.stat().st_size if exists(log) else 0
    process = spawn_engine(paths.home, options.engine_flags)
    if is_older(paths.db):
        await _until_upgraded(paths, process, tell=_tail(log, written, options.tell))
    patience = options.settings().lock_wait + START_SECONDS
    async with closing(dial(paths, patience=patience)) as remote:
        try:
            await remote.status()
        except Unavailable as error:
            code = process.poll()
            raise Unavailable(
                "engine.start",
                f"the engine did not start (exit {code})" if code is not None else error.message,
                hint=f"see {log}",
            ) from error


async def _until_upgraded(paths: Paths, process: Popen[bytes], *, tell: Callable[[], None]) -> None:
    """Return when the store has this version or the engine has ended; `tell` passes on what it writes."""
    while process.poll() is None and is_older(paths.db):
        await asyncio.sleep(_POLL_SECONDS)
        tell()


def _tail(log: Path, written: int, tell: Callable[[str], None]) -> Callable[[], None]:
    """Return what passes the whole lines on that came into a log since it was called last."""

    def pass_on() -> None:
        nonlocal written
        with log.open("rb") as file:
            file.seek(written)
            lines, _, _ = file.read().rpartition(b"\n")
        for line in lines.splitlines():
            tell(safe_line(line.decode(errors="replace")))
        written += len(lines) + bool(lines)

    return pass_on
