"""Host an engine, or attach to who was faster."""

from __future__ import annotations

import asyncio
import gc
import os
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from core import logs
from core.app.attaching import dial, lent
from core.app.deck import Deck
from core.app.hosted import Hosted
from core.app.lifetime import LINGER_SECONDS, Guests, serve_guests, serve_watchers, stop_on_signals
from core.app.lock import EngineLock
from core.app.options import Options
from core.app.signals import giving_up, keeping
from core.app.takeover import MARGIN_SECONDS, take_over
from core.connectors.registry import build
from core.control.api import ControlAPI
from core.control.local import LocalControl
from core.control.remote import RemoteControl
from core.control.server import ControlServer
from core.engine.alarms import SchedulerAlarms
from core.engine.clock import SystemClock
from core.engine.service import Engine, Ports
from core.model.errors import Unavailable
from core.model.paths import Paths, ensure_home
from core.model.ports import Connector

POLL_SECONDS = 0.02
"""Between two looks at a lock whose owner does not answer yet."""
DEAD_OWNER_SECONDS = 2.0
"""A child that was being started when its engine was killed holds the lock until it begins its command."""


@asynccontextmanager
async def host(
    options: Options, connectors: Sequence[Connector] = (), *, serve: bool = True
) -> AsyncIterator[Hosted]:
    """Take the lock and host an engine that others may attach to, or attach to the owner's.

    An engine of our own goes on at the end until those who are attached have what they wait for.
    Raises `Interrupted` when this process is asked to end before the engine is ready; what asks for the
    end while the body minds no signals is kept for it, or else for the guests' time.
    """
    with giving_up():
        lock, remote = await _lock_or_attach(options)
    if remote is not None:
        async with lent(remote):
            yield Hosted(control=remote, attached=True)
        return
    try:
        with keeping():
            with giving_up():
                engine = await _start(options, connectors, dispatch=True)
            _collect_less()
            guests = Guests(engine)
            async with _listening(engine, guests if serve else None):
                yield Hosted(control=LocalControl(engine), attached=False, engine=engine)
                # The command minded signals while its own work went on; now they end the guests' time too.
                with stop_on_signals(engine):
                    await serve_guests(engine, guests, idle=False)
    finally:
        lock.release()


@asynccontextmanager
async def change(options: Options) -> AsyncIterator[ControlAPI]:
    """Attach to the running engine, or take the lock, apply commands without claiming, and leave."""
    lock, remote = await _lock_or_attach(options)
    if remote is not None:
        async with lent(remote):
            yield remote
        return
    try:
        engine = await _start(options, (), dispatch=False)
        async with _listening(engine, None):
            yield LocalControl(engine)
    finally:
        lock.release()


async def serve(
    options: Options,
    *,
    ready: Callable[[str], None],
    until_idle: bool = False,
    linger: float = LINGER_SECONDS,
    taking_over: Callable[[str], None] | None = None,
) -> None:
    """Host an engine headless until a signal or `stop`; raises `Unavailable` (`engine.running`).

    Raises `Interrupted` when a signal comes before it serves. `linger` = seconds that an idle engine
    with `until_idle` waits for somebody to come back. With `taking_over`, which hears how it goes, an
    engine that runs is ended first.
    """
    with keeping():
        with giving_up():
            lock = await _owned(options, taking_over)
        try:
            with giving_up():
                engine = await _start(options, (), dispatch=True)
            _collect_less()
            guests = Guests(engine)
            async with _listening(engine, guests):
                with stop_on_signals(engine):
                    ready(_served(engine))
                    if until_idle:
                        await serve_watchers(engine, guests, linger=linger)
                    else:
                        await engine.stopped()
        finally:
            lock.release()


def _served(engine: Engine) -> str:
    return f"serving {engine.paths.home} with {engine.settings.slots} slots, pid {os.getpid()}"


async def _owned(options: Options, taking_over: Callable[[str], None] | None) -> EngineLock:
    if taking_over is None:
        return await _own(options, hint="use it, end it with 'taskdeck stop', or say --take-over")
    patience = options.settings().stop_grace + MARGIN_SECONDS
    return await take_over(ensure_home(options.paths.home).lock, patience=patience, tell=taking_over)


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
    options = Options(home=None if home is None else Path(home), slots=slots)
    lock = await _own(options, hint="use core.connect")
    try:
        engine = await _start(options, connectors, dispatch=dispatch)
        async with _listening(engine, LocalControl(engine) if dispatch else None):
            yield Deck(LocalControl(engine))
    finally:
        lock.release()


async def serve_quietly(options: Options, *, ready: Callable[[Engine], None]) -> None:
    """Host an engine in a thread until it is stopped; `ready` gets it as soon as it answers.

    Signals stay the process's own. Raises `Unavailable` (`engine.running`).
    """
    lock = await _own(options, hint="open the console on it: 'taskdeck' without --embedded")
    try:
        engine = await _start(options, (), dispatch=True)
        async with _listening(engine, Guests(engine)):
            ready(engine)
            await engine.stopped()
    finally:
        lock.release()


def _collect_less() -> None:
    # In a process of our own: looking for cycles after every 700 objects costs a fifth of the throughput.
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


async def _start(options: Options, connectors: Sequence[Connector], *, dispatch: bool) -> Engine:
    paths = ensure_home(options.paths.home)
    settings = options.settings()
    registry = build(settings, connectors=connectors, references=options.connectors)
    logs.configure(
        paths.logs, level=settings.log_level, max_bytes=settings.log_bytes, files=settings.log_files
    )
    ports = Ports(
        clock=SystemClock(), alarms=SchedulerAlarms(), draw=random.SystemRandom().random, registry=registry
    )
    engine = Engine(paths, settings, ports)
    try:
        await engine.start(dispatch=dispatch)
    except BaseException:
        engine.stop()
        with suppress(Exception):
            await engine.stopped()
        raise
    return engine


@asynccontextmanager
async def _listening(engine: Engine, control: LocalControl | None) -> AsyncIterator[None]:
    """Serve a control on the socket around the body, then stop the engine."""
    server = ControlServer()
    try:
        if control is not None:
            await server.start(control, engine.paths.socket)
        yield
    finally:
        engine.stop()
        await asyncio.shield(engine.ended())
        await server.stop()
    if engine.failure is not None:
        raise engine.failure


async def _lock_or_attach(options: Options) -> tuple[EngineLock, RemoteControl | None]:
    """Take the lock, or connect to who has it; whoever has it briefly is waited for."""
    paths, settings = ensure_home(options.paths.home), options.settings()
    lock, remote = _lock(paths), None
    deadline = asyncio.get_running_loop().time() + settings.lock_wait
    while not lock.acquire():
        remote = remote or dial(paths)
        try:
            await remote.status()
        except Unavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                await remote.close()
                raise Unavailable(
                    "engine.silent",
                    f"the engine on {paths.home} holds its lock but does not answer",
                    hint="look at its log, or end its process",
                ) from error
            await asyncio.sleep(POLL_SECONDS)
        else:
            return lock, remote
    if remote is not None:
        await remote.close()
    return lock, None


async def _own(options: Options, *, hint: str) -> EngineLock:
    """Take the lock, or refuse; what a dead owner's last child still holds is waited for."""
    lock = _lock(ensure_home(options.paths.home))
    deadline = asyncio.get_running_loop().time() + DEAD_OWNER_SECONDS
    while not lock.acquire():
        if lock.owner_lives() or asyncio.get_running_loop().time() > deadline:
            raise Unavailable("engine.running", f"an engine runs on {options.paths.home} already", hint=hint)
        await asyncio.sleep(POLL_SECONDS)
    return lock


def _lock(paths: Paths) -> EngineLock:
    return EngineLock(paths.lock)
