"""An engine in this process: started, listening, stopped in order.

Called by the hosts of this room.
"""

from __future__ import annotations

import asyncio
import random
import threading
from asyncio import shield
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from core import logs
from core.app.hosting.reachability import kept_reachable
from core.app.lock import EngineLock
from core.app.options import Options
from core.app.signals import give_children_default_signals
from core.app.store_upgrade import bring_up
from core.config.checks import check
from core.connectors.registry import build
from core.control.api import ControlAPI
from core.control.local import LocalControl
from core.control.server import ControlServer
from core.engine.clock import SystemClock
from core.engine.engine_ports import Ports
from core.engine.monitoring.loop_watch import LoopWatch
from core.engine.scheduling.alarms import SchedulerAlarms
from core.engine.service import Engine
from core.host import effective_user
from core.model.actors import signed
from core.model.addresses import parse_host_port
from core.model.errors import TaskdeckError
from core.model.paths import Paths, ensure_home
from core.model.ports import Connector
from core.model.shortages import shortage
from core.store.damage import READING_ERRORS, damage_behind
from core.store.version import is_older

LEFT = "what it was started for is done"
"""Why an engine of a program, or of one command, ends."""

_log = logs.get_logger(__name__)


async def start_engine(options: Options, connectors: Sequence[Connector], *, dispatch: bool) -> Engine:
    """Return an engine of these options that has started; without `dispatch` it claims nothing.

    An older store is upgraded first. Raises `Unavailable`: `store.row` where a damaged row
    prevents it, `short.*` where the machine has too little of something.
    """
    started_by = signed(options.actor, effective_user())
    paths = ensure_home(options.paths.home)
    give_children_default_signals()
    # A file with faults is refused before the engine, whichever part of it they are in.
    configuration = check(paths.home, slots=options.slots)
    settings = configuration.settings
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
        capacity=configuration.capacity,
        configured=configuration,
        slots=options.slots,
        health_lines=configuration.health,
        watch=LoopWatch(),
    )
    try:
        return await _start(Engine(paths, settings, ports, started_by=started_by), dispatch=dispatch)
    except (TaskdeckError, *READING_ERRORS) as error:
        refusal = await asyncio.to_thread(damage_behind, paths.db, error)
        if refusal is None:
            raise
        raise refusal from error
    except (MemoryError, OSError, RuntimeError) as error:
        short = shortage(error)
        if short is None:
            raise
        raise short from error


async def _start(engine: Engine, *, dispatch: bool) -> Engine:
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

    def say(line: str) -> None:
        _log.info("upgrade of the store", step=line)
        tell(line)

    stop = threading.Event()
    work = asyncio.ensure_future(asyncio.to_thread(bring_up, paths.db, say, stop))
    try:
        await shield(work)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([work])
        raise


@asynccontextmanager
async def listening(engine: Engine, control: ControlAPI, lock: EngineLock) -> AsyncIterator[ControlServer]:
    """Serve a control on the socket around the body, then stop the engine."""
    server = ControlServer()
    try:
        async with running(engine):
            await server.start(control, engine.paths.socket)
            async with kept_reachable(engine, server, lock):
                yield server
    finally:
        await server.stop()


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[None]:
    """Stop the engine after the body; raise what made it fail."""
    try:
        async with _metrics_of(engine):
            yield
    finally:
        # Unless it was asked to before.
        engine.stop(reason=LEFT)
        await shield(engine.ended())
    if engine.failure is not None:
        raise engine.failure


@asynccontextmanager
async def _metrics_of(engine: Engine) -> AsyncIterator[None]:
    """Serve the metrics of an engine around the body, where its settings name an address."""
    if engine.settings.metrics is None:
        yield
        return
    # Its library is loaded by those who want it: most engines serve none.
    from core.app.metrics.endpoint import MetricsEndpoint

    endpoint = MetricsEndpoint(LocalControl(engine))
    try:
        await endpoint.start(parse_host_port(engine.settings.metrics))
    except OSError as error:
        # Work is not to wait for who watches it.
        engine.health.metrics_fault = f"{engine.settings.metrics}: {error.strerror or error}"
        _log.warning("metrics are not served", reason=engine.health.metrics_fault)
    try:
        yield
    finally:
        await endpoint.stop()
