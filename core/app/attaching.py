"""Attach to the engine that runs on a home; costs neither settings nor SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from core.app.deck import Deck
from core.app.options import Options
from core.control.api import ControlAPI
from core.control.remote import RemoteControl
from core.control.transport import SocketDialer
from core.model.errors import Unavailable
from core.model.paths import Paths


@asynccontextmanager
async def connect(*, home: Path | str | None = None) -> AsyncIterator[Deck]:
    """Attach to the engine that runs on a home; raise `Unavailable` (`engine.none`)."""
    async with attached(Options(home=None if home is None else Path(home))) as control:
        yield Deck(control)


@asynccontextmanager
async def attached(options: Options) -> AsyncIterator[ControlAPI]:
    """Lend the control of the engine that runs on a home; raise `Unavailable` (`engine.none`) when asked."""
    async with lent(dial(options.paths)) as remote:
        yield remote


@asynccontextmanager
async def lent(remote: RemoteControl) -> AsyncIterator[RemoteControl]:
    """Lend a control and close it."""
    try:
        yield remote
    finally:
        await remote.close()


async def answering(paths: Paths) -> RemoteControl | None:
    """Return the control of the engine that runs, once it has answered; the caller closes it.

    None: nobody answers, or says that it is not there for anybody new. Raises `Unavailable`
    (`engine.silent`: one took the call and says nothing) and `Conflict` (`engine.protocol`).
    """
    remote = dial(paths)
    try:
        await remote.status()
    except BaseException as error:
        await remote.close()
        if isinstance(error, Unavailable) and error.code != "engine.silent":
            return None
        raise
    return remote


def dial(paths: Paths, *, patience: float = 0.0) -> RemoteControl:
    """Return the control of whatever engine listens on a home when it is asked; the caller closes it."""
    return RemoteControl(SocketDialer(paths.socket, patience=patience))
