"""When a running engine stops: when idle, by signals.

Called by `hosting` and by the command `serve`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from core.app.signals import handling_signals, has_terminal
from core.control import api
from core.control.api import ControlAPI, Request
from core.control.local import LocalControl
from core.engine.service import Engine
from core.model.errors import Unavailable

R = TypeVar("R")
IDLE = "no work was left and no client watched"
"""Why an engine ends that was not asked to."""
WATCH_SECONDS = 1.0
"""How often an idle engine checks whether a client still watches it."""


class ClientControl(ControlAPI):
    """The control of attached clients; remembers whether one asked for its status or brought work."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._control = LocalControl(engine)
        self.was_used = False

    async def ask(self, request: Request[R]) -> R:
        """Answer like the engine's own control; one that stops refuses, so that clients ask the next one."""
        if isinstance(request, api.Status | api.Submit | api.Enqueue | api.EnqueueOnce):
            self.was_used = True
        if isinstance(request, api.Status) and self._engine.stopping:
            info = self._engine.info()
            raise Unavailable(
                "engine.stopping",
                "the engine is stopping",
                hint="try again in a moment",
                facts={"pid": info.pid, "epoch": info.epoch},
            )
        return await self._control.ask(request)

    async def close(self) -> None:
        """Close the engine's own control."""
        await self._control.close()


async def serve_until_idle(
    engine: Engine, clients: ClientControl, *, linger: Callable[[], float], attached: Callable[[], bool]
) -> None:
    """Go on until all work is finished and no client waits, watches or is `attached`; then stop.

    An idle engine waits `linger()` seconds for a client that may come, or come back.
    """
    await _finish_all(engine, clients, linger=linger)
    while (engine.watched or attached()) and not engine.stopping:
        await _finish_all(engine, clients, linger=lambda: max(linger(), WATCH_SECONDS))
    # In the same step: who comes after this look is told, and brings its work to the next engine.
    engine.stop(reason=IDLE)


@contextmanager
def acting_on_signals(engine: Engine) -> Iterator[None]:
    """Stop the engine when this process is asked to end, or its terminal goes away.

    Any other hang-up asks it to read its configuration again.
    """
    had_terminal, reloads = has_terminal(), set[asyncio.Task[None]]()

    def act(number: signal.Signals) -> None:
        actor = f"signal {number.value} ({number.name})"
        if number is not signal.SIGHUP or (had_terminal and not has_terminal()):
            engine.stop(actor=actor)
            return
        reload = asyncio.ensure_future(engine.configuration.reload_or_note(actor=actor))
        reloads.add(reload)
        reload.add_done_callback(reloads.discard)

    with handling_signals(act):
        yield


async def _finish_all(engine: Engine, clients: ClientControl, *, linger: Callable[[], float]) -> None:
    await engine.waiters.until_none()
    if not engine.stopping:
        await _finish(engine, clients, linger=linger())
    await _finish_while_used(engine, clients, linger=linger)


async def _finish_while_used(engine: Engine, clients: ClientControl, *, linger: Callable[[], float]) -> None:
    while clients.was_used and not engine.stopping:
        await _finish(engine, clients, linger=linger())


async def _finish(engine: Engine, clients: ClientControl, *, linger: float) -> None:
    clients.was_used = False
    await _idle_or_stopped(engine)
    await engine.waiters.until_none()
    with suppress(TimeoutError):
        async with asyncio.timeout(linger):
            await engine.ended()


async def _idle_or_stopped(engine: Engine) -> None:
    idle = asyncio.ensure_future(engine.wait_idle())
    stopped = asyncio.ensure_future(engine.ended())
    await asyncio.wait([idle, stopped], return_when=asyncio.FIRST_COMPLETED)
    idle.cancel()
    stopped.cancel()
