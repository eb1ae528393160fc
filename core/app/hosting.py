"""Start and run an engine in this process.

Called by the command `serve`, by `attach`, by `open_engine` and by the embedded engine's thread.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
from asyncio import shield
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from core import logs
from core.app.attach import closing
from core.app.deck import Deck
from core.app.lifetime import ClientControl, serve_until_idle, stop_on_signals
from core.app.lock import EngineLock
from core.app.options import Options
from core.app.ownership import MARGIN_SECONDS, own, own_or_attach, take_over
from core.app.reachability import kept_reachable
from core.app.signals import cancelling_on_signal, deferring_signals, give_children_default_signals
from core.connectors.registry import build
from core.control.api import ControlAPI
from core.control.local import LocalControl
from core.control.remote import RemoteControl
from core.control.server import ControlServer
from core.engine.alarms import SchedulerAlarms
from core.engine.clock import SystemClock
from core.engine.service import Engine, Ports
from core.host import effective_user
from core.model.actors import signed
from core.model.paths import Paths, ensure_home
from core.model.ports import Connector
from core.rules.families import family_of
from core.store.version import is_older

LEFT = "what it was started for is done"
"""Why an engine of a program, or of one command, ends."""

_log = logs.get_logger(__name__)


@asynccontextmanager
async def own_and_apply(options: Options) -> AsyncIterator[ControlAPI]:
    """Take the lock and apply commands without running tasks, or attach to the owner.

    Raises `Interrupted` when a signal comes before the lock is taken.
    """
    with cancelling_on_signal():
        owned = await own_or_attach(options)
    if isinstance(owned, RemoteControl):
        async with closing(owned):
            yield owned
        return
    with owned:
        engine = await _start(options, (), dispatch=False)
        async with _running(engine):
            yield LocalControl(engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class UntilIdle:
    """When a headless engine ends by itself."""

    linger: float
    """Seconds without work and clients."""
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
        engine = await _start(options, (), dispatch=True)
        async with _listening(engine, ClientControl(engine), lock):
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
        engine = await _start(options, connectors, dispatch=dispatch)
        control = LocalControl(engine)
        async with _listening(engine, control, lock) if dispatch else _running(engine):
            yield Deck(control)


async def _serve(
    options: Options, lock: Awaitable[EngineLock], *, ready: Callable[[str], None], until: UntilIdle | None
) -> None:
    with deferring_signals():
        with cancelling_on_signal():
            owned = await lock
        with owned:
            with cancelling_on_signal():
                engine = await _start(options, (), dispatch=True)
            _collect_less()
            clients = ClientControl(engine)
            async with _listening(engine, clients, owned) as server:
                with stop_on_signals(engine):
                    ready(_ready_line(engine))
                    if until is None:
                        await engine.stopped()
                    else:
                        expects = until.expects
                        await serve_until_idle(
                            engine,
                            clients,
                            linger=until.linger,
                            attached=lambda: server.is_connected or expects(),
                        )


def _ready_line(engine: Engine) -> str:
    return f"serving {engine.paths.home} with {engine.settings.slots} slots, pid {os.getpid()}"


def _collect_less() -> None:
    # In a process of our own: looking for cycles after every 700 objects costs a fifth of the throughput.
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


async def _start(options: Options, connectors: Sequence[Connector], *, dispatch: bool) -> Engine:
    started_by = signed(options.actor, effective_user())
    paths = ensure_home(options.paths.home)
    give_children_default_signals()
    settings = options.settings()
    # A file with faults is refused before the engine, whichever part of it they are in.
    capacity = options.capacity()
    registry = build(settings, connectors=connectors, references=options.connectors)
    logs.configure(
        paths.logs, level=settings.log_level, max_bytes=settings.log_bytes, files=settings.log_files
    )
    await _bring_up(paths, options.tell)
    clock = SystemClock()
    ports = Ports(
        clock=clock,
        alarms=SchedulerAlarms(clock),
        draw=random.SystemRandom().random,
        registry=registry,
        capacity=capacity,
    )
    engine = Engine(paths, settings, ports, started_by=started_by)
    try:
        await (engine.start() if dispatch else engine.start_without_claims())
    except BaseException:
        engine.stop()
        with suppress(Exception):
            await engine.stopped()
        raise
    return engine


async def _bring_up(paths: Paths, tell: Callable[[str], None]) -> None:
    """Upgrade an older store; a caller that is cancelled meanwhile leaves it as it was."""
    if not is_older(paths.db):
        return
    # Alembic takes a quarter of a second to import, and is needed once for each release.
    from core.store.upgrade import Progress, upgrade_store

    def say(line: str) -> None:
        _log.info("upgrade of the store", step=line)
        tell(line)

    progress = Progress(tell=say, stop=threading.Event())
    work = asyncio.ensure_future(asyncio.to_thread(upgrade_store, paths.db, progress, family_of=family_of))
    try:
        await shield(work)
    except asyncio.CancelledError:
        progress.stop.set()
        await asyncio.wait([work])
        raise


@asynccontextmanager
async def _listening(engine: Engine, control: ControlAPI, lock: EngineLock) -> AsyncIterator[ControlServer]:
    """Serve a control on the socket around the body, then stop the engine."""
    server = ControlServer()
    try:
        async with _running(engine):
            await server.start(control, engine.paths.socket)
            async with kept_reachable(engine, server, lock):
                yield server
    finally:
        await server.stop()


@asynccontextmanager
async def _running(engine: Engine) -> AsyncIterator[None]:
    """Stop the engine after the body; raise what made it fail."""
    try:
        yield
    finally:
        # Unless it was asked to before.
        engine.stop(reason=LEFT)
        await shield(engine.ended())
    if engine.failure is not None:
        raise engine.failure
