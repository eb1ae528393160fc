"""Hosts of an engine: a command, a thread, a program, one verb.

Called by the command `serve`, by `attach`, by `core.open_engine` and by the engine's thread.
"""

from __future__ import annotations

import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from core.app.attach import closing
from core.app.deck import Deck
from core.app.hosting.engine_start import listening, running, start_engine
from core.app.hosting.lifetime import ClientControl, acting_on_signals, serve_until_idle
from core.app.lock import EngineLock
from core.app.options import Options
from core.app.ownership import MARGIN_SECONDS, own, own_or_attach, take_over
from core.app.signals import cancelling_on_signal, deferring_signals
from core.control.api import ControlAPI
from core.control.local import LocalControl
from core.control.remote import RemoteControl
from core.engine.service import Engine
from core.model.commands.work import Effect
from core.model.paths import ensure_home
from core.model.ports import Connector
from core.store.version import SCHEMA_VERSION, refuse_version, stored_version


@asynccontextmanager
async def own_and_apply(options: Options, *, effect: Effect = Effect.CHANGE) -> AsyncIterator[ControlAPI]:
    """Take the lock and apply commands without running tasks, or attach to the owner.

    Raises `Interrupted` when a signal comes before the lock is taken, and `store.older` where nothing is to
    be changed.
    """
    version = stored_version(options.paths.db)
    if effect is Effect.NONE and 0 < version < SCHEMA_VERSION:
        raise refuse_version(options.paths.db, version)
    with cancelling_on_signal():
        owned = await own_or_attach(options)
    if isinstance(owned, RemoteControl):
        async with closing(owned):
            yield owned
        return
    with owned:
        engine = await start_engine(options, (), dispatch=False)
        async with running(engine):
            yield LocalControl(engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilIdle:
    """When a headless engine ends by itself."""

    linger: float | None = None
    """Seconds without work and clients; None = as the setting is then."""
    expects: Callable[[], bool] = lambda: False
    """Whether a client is on its way, which started this engine."""


async def serve(options: Options, *, ready: Callable[[str], None], until: UntilIdle | None = None) -> None:
    """Host an engine headless until a signal or `stop`; raises `Unavailable` (`engine.running`).

    Raises `Interrupted` when a signal comes before it serves.
    """
    lock = own(options, hint="use it, end it with 'taskdeck stop', or say --take-over")
    await _serve(options, lock, ready=ready, until=until)


async def serve_after_take_over(
    options: Options,
    *,
    tell: Callable[[str], None],
    ready: Callable[[str], None],
    until: UntilIdle | None = None,
) -> None:
    """Do the same, but end an engine that runs first; `tell` gets a line for each step of that."""
    patience = options.settings().stop_grace + MARGIN_SECONDS
    lock = take_over(ensure_home(options.paths.home).lock, patience=patience, tell=tell)
    await _serve(options, lock, ready=ready, until=until)


async def serve_embedded(options: Options, *, ready: Callable[[Engine], None]) -> None:
    """Host an engine in a thread until it is stopped; `ready` gets it as soon as it answers.

    Signals are left to the process. Raises `Unavailable` (`engine.running`).
    """
    with await own(options, hint="open the console on it: 'taskdeck' without --embedded") as lock:
        engine = await start_engine(options, (), dispatch=True)
        engine.is_lasting = False
        async with listening(engine, ClientControl(engine), lock):
            ready(engine)
            await engine.stopped()


@asynccontextmanager
async def open_engine(
    *,
    home: Path | str | None = None,
    slots: int | None = None,
    connectors: Sequence[Connector] = (),
    dispatch: bool = True,
) -> AsyncIterator[Deck]:
    """Own the store of a home for the duration; raise `Unavailable` (`engine.running`) if another does.

    `connectors` are objects beside the builtin ones. Without `dispatch` commands are applied and
    nothing is claimed.
    """
    options = Options.of_program(home, slots=slots)
    with await own(options, hint="use core.connect") as lock:
        engine = await start_engine(options, connectors, dispatch=dispatch)
        control = LocalControl(engine)
        async with listening(engine, control, lock) if dispatch else running(engine):
            yield Deck(control)


async def _serve(
    options: Options, lock: Awaitable[EngineLock], *, ready: Callable[[str], None], until: UntilIdle | None
) -> None:
    with deferring_signals():
        with cancelling_on_signal():
            owned = await lock
        with owned:
            with cancelling_on_signal():
                engine = await start_engine(options, (), dispatch=True)
            engine.is_lasting = until is None
            _collect_less()
            clients = ClientControl(engine)
            async with listening(engine, clients, owned) as server:
                with acting_on_signals(engine):
                    ready(_ready_line(engine))
                    if until is None:
                        await engine.stopped()
                    else:
                        expects, wanted = until.expects, until.linger
                        await serve_until_idle(
                            engine,
                            clients,
                            linger=lambda: engine.settings.linger if wanted is None else wanted,
                            attached=lambda: server.is_connected or expects(),
                        )


def _ready_line(engine: Engine) -> str:
    return f"serving {engine.paths.home} with {engine.settings.slots} slots, pid {os.getpid()}"


def _collect_less() -> None:
    # In a process of our own: looking for cycles after every 700 objects costs a fifth of the throughput.
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
