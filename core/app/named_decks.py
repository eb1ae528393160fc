"""Decks by name: those known, how one is opened or does.

Called by the console's sessions and by the command `homes`.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import AsyncExitStack
from pathlib import Path

from core.app.attach import closing, dial, find_or_start
from core.app.options import Options
from core.app.remote.ssh_host import (
    NO_QUESTIONS,
    attach_or_start_remote,
    attach_remote,
    remote_host,
    try_connection,
)
from core.control.api import ControlAPI
from core.control.sockets import is_open
from core.files.kinds import is_dir
from core.files.known_decks import KnownDecks
from core.host import default_home
from core.model.decks import DeckName, DeckSight, DeckState, KnownDeck
from core.model.errors import Conflict, Forbidden, Invalid, NotFound, TaskdeckError, Unavailable
from core.model.paths import Paths, absolute, ensure_home, is_ours, named_home
from core.model.text import safe_line

OPEN_SECONDS = 30.0
"""For a deck to open, with its engine started."""
LOOK_SECONDS = 4.0
"""For a deck to say how it does."""
_WITHOUT_QUESTIONS = (*NO_QUESTIONS, "-o", "ConnectTimeout=10")
_QUICKLY = (*NO_QUESTIONS, "-o", "ConnectTimeout=3")
_REFUSED = (
    "config.home_foreign",
    "home.closed",
    "home.unknown",
    "engine.protocol",
    "host.version",
    "host.taskdeck",
)


def known_decks() -> KnownDecks:
    """Return what this operator had open; it is kept in the usual data directory, whichever is named."""
    try:
        return KnownDecks(default_home())
    except (RuntimeError, ValueError):
        return KnownDecks(None)


def name_of(options: Options) -> DeckName:
    """Return the name of the deck of these options."""
    if options.host:
        return DeckName(host=options.host, home="" if options.home is None else str(options.home))
    return DeckName(home=str(options.paths.home))


def note_used(name: DeckName, *, remote_command: str | None) -> None:
    """Remember that a deck was used now; blocks."""
    used_at = time.time_ns() // 1_000_000
    known_decks().note(KnownDeck(name=name, used_at=used_at, remote_command=remote_command or ""))


def named_deck(home: str, *, host: str = "") -> DeckName:
    """Return the deck of a home as it was typed; raise `Invalid` (`usage`, `cwd.gone`)."""
    if host:
        return DeckName(host=host, home=home)
    try:
        path = absolute(named_home(home, by="the name of the data directory").expanduser())
    except RuntimeError as error:
        raise Invalid(
            "usage", f"{safe_line(home)}: that user has no home directory", facts={"home": home}
        ) from error
    return DeckName(home=str(path))


async def open_deck(options: Options, *, opened: AsyncExitStack, starts: bool) -> ControlAPI:
    """Return the control of a deck whose engine has answered; `starts` = it is started if none runs.

    ssh asks nothing. Raises why it cannot be used, at the latest after `OPEN_SECONDS`; what was opened until
    then is for `opened` to close. Without an engine and without `starts` a local deck is returned as it is.
    """
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            if options.host:
                attach = attach_or_start_remote if starts else attach_remote
                control = await opened.enter_async_context(
                    attach(options, ssh_options=NO_QUESTIONS, first_options=_WITHOUT_QUESTIONS)
                )
                await control.status()
                return control
            return await _open_home(options, opened, starts=starts)
    except TimeoutError as error:
        name = name_of(options).text
        raise Unavailable(
            "deck.silent",
            f"{name} did not answer within {OPEN_SECONDS:g} s",
            hint="try it in a shell, with: taskdeck queues",
            facts={"deck": name},
        ) from error


async def look_at(options: Options) -> DeckSight:
    """Say how a deck does, at the latest after `LOOK_SECONDS`; it starts nothing and asks nothing."""
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await (_look_at_host(options) if options.host else _look_at_home(options.paths))
    except TimeoutError:
        return DeckSight(state=DeckState.UNREACHABLE, note=f"no answer within {LOOK_SECONDS:g} s")
    except TaskdeckError as error:
        if error.code == "engine.none":
            return DeckSight(state=DeckState.NO_ENGINE)
        is_refused = error.code in _REFUSED
        return DeckSight(
            state=DeckState.REFUSED if is_refused else DeckState.UNREACHABLE, note=safe_line(error.message)
        )


async def _open_home(options: Options, opened: AsyncExitStack, *, starts: bool) -> ControlAPI:
    paths = options.paths
    _check_home(paths)
    if starts:
        control = (await find_or_start(options)).control
        return await opened.enter_async_context(closing(control))
    control = await opened.enter_async_context(closing(dial(paths)))
    if is_open(paths.socket):
        await control.status()
    return control


async def _look_at_home(paths: Paths) -> DeckSight:
    _check_home(paths)
    if not is_open(paths.socket):
        return DeckSight(state=DeckState.NO_ENGINE)
    async with closing(dial(paths, patience=LOOK_SECONDS)) as control:
        engine = await control.status()
    return DeckSight(
        state=DeckState.ANSWERS, note=f"{engine.state}, {engine.running} of {engine.slots} slots"
    )


async def _look_at_host(options: Options) -> DeckSight:
    host = remote_host(options)
    await try_connection(host.attaching_argv(*_QUICKLY), host)
    return DeckSight(state=DeckState.ANSWERS)


def _check_home(paths: Paths) -> None:
    """Refuse what is not a data directory: none is made, for a name may be mistyped."""
    name = safe_line(str(paths.home))
    if not is_dir(paths.home):
        what = "is not a directory" if os.path.lexists(paths.home) else "does not exist"
        raise NotFound(
            "home.missing",
            f"{name} {what}",
            hint="'taskdeck --home DIR' makes a new data directory",
            facts={"home": str(paths.home)},
        )
    if not os.access(paths.home, os.R_OK | os.W_OK | os.X_OK):
        raise Forbidden(
            "home.closed",
            f"{name} is closed to this user",
            hint="ask its owner",
            facts={"home": str(paths.home)},
        )
    if not is_ours(paths.home):
        raise Conflict(
            "home.unknown",
            f"{name} holds no store of taskdeck",
            hint="'taskdeck --home DIR' makes one in an empty directory",
            facts={"home": str(paths.home)},
        )
    ensure_home(paths.home)


def path_of(name: DeckName) -> Path | None:
    """Return the home of a name as options take it; None = the usual one there."""
    return Path(name.home) if name.home else None
