"""StoreFirstControl: reads from the store file, asks an engine for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from core.control.api import ControlAPI, Kind, ReadingAPI, Request, kind_of

if TYPE_CHECKING:
    from core.control.reading import ReadingControl

R = TypeVar("R")


class StoreFirstControl(ControlAPI):
    """Two controls as one: what can be read is read from the store, whether the engine is there or not."""

    def __init__(self, *, reading: ReadingControl, engine: ControlAPI) -> None:
        self._reading = reading
        self._engine = engine

    async def ask(self, request: Request[R]) -> R:
        """Ask the one that can answer."""
        asked: ReadingAPI = self._reading if kind_of(request) is Kind.READ else self._engine
        return await asked.ask(request)

    async def close(self) -> None:
        """Close both."""
        await self._reading.close()
        await self._engine.close()
