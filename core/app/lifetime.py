"""How long an engine goes on: for its guests, until it is idle, until somebody ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from core.app.signals import heeding
from core.control.api import OPERATOR, Document, SubmitOptions
from core.control.local import LocalControl
from core.engine.service import Engine
from core.model.commands import Submitted
from core.model.errors import Unavailable
from core.model.plans import TaskSpec
from core.model.values import JsonValue
from core.model.views import EngineInfo

LINGER_SECONDS = 0.3
"""How long an idle engine waits for the work of somebody who has just looked in."""
LOOK_SECONDS = 1.0
"""Between two looks of an idle engine at whether somebody still watches it."""


class Guests(LocalControl):
    """The control of attached clients; remembers whether they looked in or brought work."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._host = engine
        self.came = False

    async def status(self) -> EngineInfo:
        """Return who answers; a stopping engine says so, for then the next one is the one to ask."""
        self.came = True
        if self._host.stopping:
            info = self._host.info()
            raise Unavailable(
                "engine.stopping",
                "the engine is stopping",
                hint="ask again in a moment",
                facts={"pid": info.pid, "epoch": info.epoch},
            )
        return await super().status()

    async def submit(
        self,
        document: Document,
        params: Mapping[str, JsonValue] | None = None,
        *,
        options: SubmitOptions | None = None,
    ) -> Submitted:
        """Admit a job."""
        self.came = True
        return await super().submit(document, params, options=options)

    async def enqueue(
        self, specs: Sequence[TaskSpec], *, group: str | None = None, actor: str = OPERATOR
    ) -> tuple[int, ...]:
        """Admit loose tasks."""
        self.came = True
        return await super().enqueue(specs, group=group, actor=actor)


async def serve_guests(
    engine: Engine, guests: Guests, *, idle: bool = True, linger: float = LINGER_SECONDS
) -> None:
    """Go on until nobody waits for anything and, where asked, until the engine is idle.

    Whoever looked in is given a moment to bring work; what clients brought is always finished.
    """
    await engine.broadcast.unattended()
    while (idle or guests.came) and not engine.stopping:
        guests.came = False
        await _idle_or_stopped(engine)
        await engine.broadcast.unattended()
        await _linger(engine, linger)
        idle = False


async def serve_watchers(engine: Engine, guests: Guests, *, linger: float) -> None:
    """Do the same until nobody watches either; somebody may come back within `linger` seconds."""
    await serve_guests(engine, guests, linger=linger)
    while engine.watched and not engine.stopping:
        await serve_guests(engine, guests, linger=max(linger, LOOK_SECONDS))


@contextmanager
def stop_on_signals(engine: Engine) -> Iterator[None]:
    """Stop the engine when this process is asked to end, or its terminal goes away."""
    with heeding(lambda _: engine.stop()):
        yield


async def _idle_or_stopped(engine: Engine) -> None:
    idle = asyncio.ensure_future(engine.wait_idle())
    stopped = asyncio.ensure_future(engine.ended())
    await asyncio.wait([idle, stopped], return_when=asyncio.FIRST_COMPLETED)
    idle.cancel()
    stopped.cancel()


async def _linger(engine: Engine, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await engine.ended()
