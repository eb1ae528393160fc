"""Read the store of a home, with its engine or without.

Used by the commands that only read, by `LastingControl` and by the console's session of lines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from core.app.attach import closing, dial
from core.app.lock import is_held
from core.app.options import Options
from core.control.api import ControlAPI, Kind, Request, kind_of
from core.control.health_answers import HealthSight
from core.control.prediction_answers import Planning
from core.control.reading import ReadingControl
from core.control.sights import Sights
from core.control.wait_answers import EngineSight, ask_engine
from core.model.paths import Paths
from core.model.waits import EngineFacts
from core.store.readers import Readers
from core.store.reports import Reports

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreReading:
    """The reading half of the control, and the read models that it answers from."""

    control: ReadingControl
    reports: Reports


@asynccontextmanager
async def read_store(options: Options, *, engine: EngineSight | None = None) -> AsyncIterator[ReadingControl]:
    """Lend the reading half of the control; raise `Unavailable` (`store.missing`) when asked.

    `engine` says how the engine does; without it, an engine that holds its lock does not answer.
    """
    async with open_store(options, engine=engine) as store:
        yield store.control


@asynccontextmanager
async def open_store(options: Options, *, engine: EngineSight | None = None) -> AsyncIterator[StoreReading]:
    """Lend it with its read models; raise as `read_store` does."""
    paths = options.paths
    readers = Readers(paths.db)
    reports = Reports(readers)
    sight = engine or partial(_unheard, paths)
    control = ReadingControl(
        reports,
        paths.output,
        sights=Sights(
            engine=sight,
            planning=partial(_planning, options),
            health=HealthSight(lines=options.health_lines),
        ),
        readers=readers,
    )
    try:
        yield StoreReading(control=control, reports=reports)
    finally:
        await control.close()


def _planning(options: Options) -> Planning:
    """Return how an engine that began now would read documents and claim; raise `Invalid` (`config.*`)."""
    # Connectors bring an http client along, and hardly any command predicts.
    from core.connectors.registry import build

    settings = options.settings()
    checks = build(settings, references=options.connectors)
    return Planning(
        checks=checks, slots=settings.slots, aging_step=settings.aging_step, capacity=options.capacity
    )


async def _unheard(paths: Paths) -> EngineFacts:
    """Return whether an engine owns the store: who reads the store has no answer of one."""
    return EngineFacts(state="silent" if is_held(paths.lock) else "none")


class StoreFirstControl(ControlAPI):
    """Two controls as one: what can be read is read from the store, whether the engine is there or not."""

    def __init__(self, *, reading: ReadingControl, engine: ControlAPI) -> None:
        self.reading = reading
        self._engine = engine

    async def ask(self, request: Request[R]) -> R:
        """Ask the one that can answer."""
        if kind_of(request) is Kind.READ:
            return await self.reading.ask_checked(request)
        return await self._engine.ask(request)

    async def close(self) -> None:
        """Close both."""
        await self.reading.close()
        await self._engine.close()


@asynccontextmanager
async def read_store_first(options: Options) -> AsyncIterator[StoreFirstControl]:
    """Lend a control that reads the store and asks the engine, if one runs, for all else.

    Raises `Unavailable` (`store.missing` and its like) where nothing can be read.
    """
    async with (
        closing(dial(options.paths)) as engine,
        read_store(options, engine=partial(ask_engine, engine)) as reading,
    ):
        control = StoreFirstControl(reading=reading, engine=engine)
        await control.queues()
        yield control
