"""Attach to the engine of a home, or start one.

Called by the console's sessions, by `Deck` and by the commands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from core.app.engine_process import StartingEngine, spawn_engine
from core.app.lock import is_held, silent_owner
from core.app.options import Options
from core.app.signals import cancelling_on_signal
from core.control.api import ControlAPI
from core.control.calls import HANDSHAKE_SECONDS
from core.control.dialers import SocketDialer
from core.control.remote import RemoteControl
from core.control.sockets import is_open
from core.model.commands.work import Effect
from core.model.errors import Unavailable
from core.model.paths import Paths, ensure_home

_POLL_SECONDS = 0.02
_NOTE_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineAccess:
    """The control of an engine, and whether this process started it."""

    control: ControlAPI
    is_ours: bool


@asynccontextmanager
async def attach(options: Options, *, patience: float = HANDSHAKE_SECONDS) -> AsyncIterator[ControlAPI]:
    """Lend the control of the engine that runs; it connects, or raises `Unavailable`, when first asked."""
    async with closing(dial(options.paths, patience=patience)) as remote:
        yield remote


@asynccontextmanager
async def attach_or_start(options: Options) -> AsyncIterator[EngineAccess]:
    """Attach to the engine that runs, or start one as a process of its own, which ends when it is idle.

    Raises why no engine serves, as the engine itself said it, and `Interrupted` when this process is
    asked to end before one does.
    """
    with cancelling_on_signal():
        remote, is_ours = await find_or_start(options)
    async with closing(remote):
        yield EngineAccess(control=remote, is_ours=is_ours)


@asynccontextmanager
async def attach_or_apply(options: Options, *, effect: Effect = Effect.CHANGE) -> AsyncIterator[ControlAPI]:
    """Attach to the engine that runs, or apply commands in this process, without running tasks.

    Raises `Interrupted` when this process is asked to end before it is ready, and `store.older` where
    nothing is to be changed: what only looks brings no store up.
    """
    with cancelling_on_signal():
        remote = await find_engine(options.paths)
    if remote is not None:
        async with closing(remote):
            yield remote
        return
    # SQL and the engine take longer to import than all else together.
    from core.app.hosting.hosts import own_and_apply

    async with own_and_apply(options, effect=effect) as control:
        yield control


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
    found = await _ask(paths)
    return None if isinstance(found, Unavailable) else found


def dial(paths: Paths, *, patience: float = HANDSHAKE_SECONDS) -> RemoteControl:
    """Return a control that connects when it is asked, and waits so long (s) for the first answer.

    The caller closes it.
    """
    return RemoteControl(SocketDialer(paths.socket), patience=patience)


async def _ask(paths: Paths) -> RemoteControl | Unavailable:
    """Do the same as `find_engine`; an error says why there is none: none runs, or it stops."""
    if not is_open(paths.socket):
        return Unavailable("engine.none", "no engine answers")
    remote = dial(paths)
    try:
        await remote.status()
    except BaseException as error:
        await remote.close()
        if isinstance(error, Unavailable) and error.code != "engine.silent":
            return error
        raise
    return remote


class Attached(NamedTuple):
    """The control of an engine, and whether it was started here."""

    control: RemoteControl
    is_started: bool


async def find_or_start(options: Options) -> Attached:
    """Return the control of an engine that has answered."""
    paths, is_ours = ensure_home(options.paths.home), False
    patience: _Patience | None = None
    with ExitStack() as started:
        while isinstance(found := await _ask(paths), Unavailable):
            if not is_held(paths.lock) and not is_ours:
                is_ours = await _start(paths, options, started)
                continue
            # Another engine is starting, or on its way out.
            patience = patience or _Patience(paths, options)
            patience.check(found)
            is_ours = False
            await asyncio.sleep(_POLL_SECONDS)
    return Attached(found, is_started=is_ours)


class _Patience:
    """How long the owner of the lock is waited for: as long as one that stops may take, or to answer."""

    def __init__(self, paths: Paths, options: Options) -> None:
        self._paths, self._settings, self._tell = paths, options.settings(), options.tell
        self._begun = time.monotonic()
        self._is_told = False

    def check(self, answer: Unavailable) -> None:
        """Raise `Unavailable` (`engine.silent`) when the time is over; say once what is waited for."""
        waited, is_stopping = time.monotonic() - self._begun, answer.code == "engine.stopping"
        limit = self._settings.lock_wait + (self._settings.stop_grace if is_stopping else 0)
        if waited > limit:
            raise silent_owner(self._paths)
        if waited > _NOTE_SECONDS and not self._is_told:
            self._is_told = True
            self._tell(
                "waiting for the engine that stops" if is_stopping else "waiting for the engine to answer"
            )


async def _start(paths: Paths, options: Options, started: ExitStack) -> bool:
    """Start an engine and return when it serves; False = another one was faster.

    It waits for this client until `started` is closed.
    """
    starting = spawn_engine(paths.home, options.spawn_flags)
    started.callback(starting.close)
    try:
        await _reported(starting, options)
        starting.check()
    except Unavailable as error:
        if error.code == "engine.running":
            return False
        raise
    except asyncio.CancelledError:
        # No other client knows of it yet.
        starting.call_off()
        starting.process.wait()
        raise
    return True


async def _reported(starting: StartingEngine, options: Options) -> None:
    loop, said = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        for step in starting.read():
            options.tell(step)
        if starting.is_over:
            loop.remove_reader(starting.fileno())
            said.set()

    loop.add_reader(starting.fileno(), read)
    slow = loop.call_later(
        _NOTE_SECONDS, options.tell, f"waiting for the engine to start (process {starting.process.pid})"
    )
    try:
        await said.wait()
    finally:
        loop.remove_reader(starting.fileno())
        slow.cancel()
