"""TaskSurroundings: the environment and umask of a task, from its spec.

Used by the resolver of inputs and by the conditions.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Protocol

from core.model.stored_spec import StoredSpec
from core.model.surroundings import Surroundings

_REMEMBERED = 256


class Stored(Protocol):
    """Where surroundings are kept: the store's reports."""

    async def surroundings(self, key: str) -> Surroundings | None:
        """Return the surroundings of a key; None for one that is not known."""


class TaskSurroundings:
    """Find the surroundings of tasks; those asked for last are remembered."""

    def __init__(self, stored: Stored, *, own: Surroundings) -> None:
        self._stored = stored
        self.own = own
        """The engine's."""
        self._remembered: OrderedDict[str, Surroundings] = OrderedDict()
        self._readings: dict[str, asyncio.Future[Surroundings]] = {}

    async def of(self, spec: StoredSpec) -> Surroundings:
        """Return those captured when the task was asked for, with the variables that it names.

        A task for which none were captured, of an earlier release for one, has the engine's own.
        """
        remembered = self.remembered(spec)
        if remembered is not None:
            return remembered
        base = self.own if spec.surroundings is None else await self._find(spec.surroundings)
        return base.with_variables(spec.env)

    def remembered(self, spec: StoredSpec) -> Surroundings | None:
        """Return the same without reading the store; None where it must be read."""
        key = spec.surroundings
        base = self.own if key is None else self._remembered.get(key)
        if base is None:
            return None
        if key is not None:
            self._remembered.move_to_end(key)
        return base.with_variables(spec.env)

    async def _find(self, key: str) -> Surroundings:
        # All tasks of a submission ask at once, and go on at once when the answer is there.
        reading = self._readings.get(key)
        if reading is None:
            reading = self._readings[key] = asyncio.ensure_future(self._read(key))
        return await asyncio.shield(reading)

    async def _read(self, key: str) -> Surroundings:
        try:
            found = await self._stored.surroundings(key) or self.own
        finally:
            del self._readings[key]
        self._remembered[key] = found
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return found
