"""Join: use the engine that runs on a home, or host one; only who hosts pays for a store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from core.app.attaching import answering, dial, lent
from core.app.hosted import Hosted
from core.app.options import Options
from core.app.signals import giving_up
from core.app.spawning import LOG, spawn_engine
from core.control.api import ControlAPI
from core.model.errors import Unavailable
from core.model.paths import Paths, ensure_home

if TYPE_CHECKING:
    from core.model.ports import Connector


@asynccontextmanager
async def hosting(
    options: Options, connectors: Sequence[Connector] = (), *, serve: bool = True
) -> AsyncIterator[Hosted]:
    """Attach to the engine that runs, or host one that others may attach to.

    An engine of our own goes on at the end until those who are attached have what they wait for.
    Raises `Interrupted` when this process is asked to end before the engine is ready.
    """
    with giving_up():
        remote = await answering(options.paths)
    if remote is not None:
        async with lent(remote):
            yield Hosted(control=remote, attached=True)
        return
    # SQL and the engine take longer to import than all else together.
    from core.app.engines import host

    async with host(options, connectors, serve=serve) as hosted:
        yield hosted


@asynccontextmanager
async def changing(options: Options) -> AsyncIterator[ControlAPI]:
    """Attach to the engine that runs, or own the store and apply commands without claiming."""
    remote = await answering(options.paths)
    if remote is not None:
        async with lent(remote):
            yield remote
        return
    # As above.
    from core.app.engines import change

    async with change(options) as control:
        yield control


async def detach(options: Options) -> None:
    """Start `serve --until-idle` as a process of its own session, unless an engine runs; wait for it."""
    paths = ensure_home(options.paths.home)
    # One that comes second would wait for the lock, and own the home if the first died meanwhile.
    remote = await answering(paths)
    if remote is None:
        await _spawn(paths, options)
    else:
        await remote.close()


async def _spawn(paths: Paths, options: Options) -> None:
    words = ["--slots", str(options.slots)] if options.slots is not None else []
    for reference in options.connectors:
        words += ["--connector", reference]
    process = spawn_engine(paths.home, words)
    async with lent(dial(paths, patience=options.settings().lock_wait + 10)) as remote:
        try:
            await remote.status()
        except Unavailable as error:
            code = process.poll()
            raise Unavailable(
                "engine.start",
                f"the engine did not start (exit {code})" if code is not None else error.message,
                hint=f"look into {paths.logs / LOG}",
            ) from error
