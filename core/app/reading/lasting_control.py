"""LastingControl: an engine's control whose reading goes on without it.

Used by the commands that read, by those that submit work and then tell how it ended, and by a read-only
console.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar, cast

from core.app.attach import attach, closing, dial
from core.control import api
from core.control.api import ControlAPI, Kind, Request, kind_of
from core.model.errors import Bug, Conflict, TaskdeckError, Unavailable
from core.model.status import JOB_FINAL, TASK_FINAL

if TYPE_CHECKING:
    from core.app.options import Options
    from core.app.reading.store import StoreReading

R = TypeVar("R")
GONE = ("engine.lost", "engine.none", "engine.stopping")
"""Codes of an engine that ended, or is about to."""
UNHEARD = ("engine.protocol", "engine.silent")
"""Codes of an engine that lives and tells this release nothing; what its store says is as good."""
GARBLED = "engine.garbled"
"""Code of an answer that is not understood: one damaged row may be the reason."""
PATIENCE = 2.0
"""Seconds for an engine to say that it is there, for who only reads."""


class LazyStore:
    """The store of a home, opened by the first request that no engine answers."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._opened = AsyncExitStack()
        self._store: StoreReading | None = None

    @property
    def left_out(self) -> tuple[str, ...]:
        """What names the damaged rows that answers were given without, a sentence for each."""
        return () if self._store is None else self._store.control.left_out

    async def ask(self, request: Request[R]) -> R:
        """Answer a request of `Kind.READ`; what the answer holds is not looked at."""
        return await (await self.open()).control.ask(request)

    async def open(self) -> StoreReading:
        """Return what reads the store until `close`."""
        if self._store is None:
            # SQL takes longer to import than most commands take; hardly any come here.
            from core.app.reading.store import open_store

            self._store = await self._opened.enter_async_context(open_store(self._options))
        return self._store

    async def close(self) -> None:
        self._store = None
        await self._opened.aclose()


class LazyCheckedStore(LazyStore):
    """One for screens, which cannot ask again for what they could not show."""

    async def ask(self, request: Request[R]) -> R:
        """Answer a request of `Kind.READ`, without damaged rows where one could not be shown."""
        return await (await self.open()).control.ask_checked(request)


class LastingControl(ControlAPI):
    """Ask an engine; when it has gone, answer from its store what was written by then.

    An idle engine does not wait for who reads an output slowly. That is all verbs that read, and
    waiting for what has ended; anything else raises what the engine's control raises.
    """

    def __init__(
        self, engine: ControlAPI, store: LazyStore, *, codes: Collection[str] = (*GONE, *UNHEARD)
    ) -> None:
        """Take what is asked first, and the codes of its errors after which the store is asked."""
        self._engine = engine
        self.store = store
        self._codes = codes

    async def ask(self, request: Request[R]) -> R:
        """Ask the engine first: another one may run by now."""
        try:
            return await self._engine.ask(request)
        except (Unavailable, Conflict, Bug) as error:
            if error.code not in self._codes:
                raise
            return await _without_engine(self.store, request, error)

    async def close(self) -> None:
        """Close the store; who lent the control of the engine closes that."""
        await self.store.close()


async def _without_engine(store: LazyStore, request: Request[R], error: TaskdeckError) -> R:
    if kind_of(request) is Kind.READ:
        return await store.ask(request)
    if error.code not in GONE:
        raise error
    if isinstance(request, api.WaitTasks):
        outcomes = (await store.open()).reports.outcomes
        return cast("R", _ended(await outcomes.task_statuses(request.task_ids), error))
    if isinstance(request, api.WaitJob):
        result = await (await store.open()).reports.outcomes.results(request.job_id)
        if result.status in JOB_FINAL:
            return cast("R", result)
    raise error


@asynccontextmanager
async def read_engine_first(options: Options) -> AsyncIterator[LastingControl]:
    """Lend what reads through the engine of a home, or from the store where none answers.

    An engine has loaded already what reading the store takes.
    """
    async with (
        closing(dial(options.paths, patience=PATIENCE)) as engine,
        LastingControl(engine, LazyStore(options)) as control,
    ):
        yield control


@asynccontextmanager
async def attach_lasting(options: Options) -> AsyncIterator[LastingControl]:
    """Lend for screens the control of the engine of a home, which connects when first asked; it lasts."""
    async with _for_screens(options, codes=(*GONE, *UNHEARD, GARBLED)) as control:
        yield control


@asynccontextmanager
async def attach_beside_damage(options: Options) -> AsyncIterator[LastingControl]:
    """Lend it for screens that show an engine alone, and the store where its answer is not understood."""
    async with _for_screens(options, codes=(GARBLED,)) as control:
        yield control


@asynccontextmanager
async def _for_screens(options: Options, *, codes: Collection[str]) -> AsyncIterator[LastingControl]:
    async with (
        attach(options) as engine,
        LastingControl(engine, LazyCheckedStore(options), codes=codes) as control,
    ):
        yield control


def _ended(statuses: Mapping[int, str], error: TaskdeckError) -> dict[str, int]:
    if any(status not in TASK_FINAL for status in statuses.values()):
        raise error
    return dict(Counter(statuses.values()))
