"""LastingControl: an engine's control whose reading goes on without it.

Used by the commands that submit work and then tell how it ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, TypeVar, cast

from core.control import api
from core.control.api import ControlAPI, Kind, Request, kind_of
from core.model.errors import Unavailable
from core.model.status import JOB_FINAL, TASK_FINAL

if TYPE_CHECKING:
    from core.app.options import Options
    from core.app.reading import StoreReading

R = TypeVar("R")
GONE = ("engine.lost", "engine.none", "engine.stopping")
"""Codes of an engine that ended, or is about to."""


class LastingControl(ControlAPI):
    """Ask an engine; when it has gone, answer from its store what was written by then.

    An idle engine does not wait for who reads an output slowly. That is all verbs that read, and
    waiting for what has ended; anything else raises what the engine's control raises.
    """

    def __init__(self, engine: ControlAPI, options: Options) -> None:
        self._engine = engine
        self._options = options
        self._opened = AsyncExitStack()
        self._store: StoreReading | None = None

    async def ask(self, request: Request[R]) -> R:
        """Ask the engine first: another one may run by now."""
        try:
            return await self._engine.ask(request)
        except Unavailable as error:
            if error.code not in GONE:
                raise
            return await self._without_engine(request, error)

    async def close(self) -> None:
        """Close the store; who lent the control of the engine closes that."""
        self._store = None
        await self._opened.aclose()

    async def _without_engine(self, request: Request[R], error: Unavailable) -> R:
        if kind_of(request) is Kind.READ:
            return await (await self._reading()).control.ask(request)
        if isinstance(request, api.WaitTasks):
            outcomes = (await self._reading()).reports.outcomes
            return cast("R", _ended(await outcomes.task_statuses(request.task_ids), error))
        if isinstance(request, api.WaitJob):
            result = await (await self._reading()).reports.outcomes.results(request.job_id)
            if result.status in JOB_FINAL:
                return cast("R", result)
        raise error

    async def _reading(self) -> StoreReading:
        if self._store is None:
            # SQL takes longer to import than most commands take; hardly any come here.
            from core.app.reading import open_store

            self._store = await self._opened.enter_async_context(open_store(self._options))
        return self._store


def _ended(statuses: Mapping[int, str], error: Unavailable) -> dict[str, int]:
    if any(status not in TASK_FINAL for status in statuses.values()):
        raise error
    return dict(Counter(statuses.values()))
