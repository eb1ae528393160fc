"""Controls of a deck: in its loop, over its socket, by command."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import core
from core.control.api import ControlAPI, StopMode
from core.control.dialers import CommandDialer, Dialer, SocketDialer
from core.control.remote import RemoteControl
from core.model.errors import Unavailable
from tests.support.homes import Home
from tests.support.leftovers import MARK
from tests.support.waiting import DEADLINE

DOORS = ("local", "socket", "command")
SLOTS = 4


@dataclass(frozen=True, kw_only=True)
class Door:
    """A control of a running engine, and where that engine lives."""

    name: str
    control: ControlAPI
    home: Path


def dialer(name: str, home: Path) -> Dialer:
    """Return what dials the engine of a home, through its socket or through `dial-stdio`."""
    if name == "socket":
        return SocketDialer(home / "engine.sock")
    argv = [sys.executable, "-P", "-m", "console.launch", "dial-stdio", "--home", str(home)]
    # Its lines are kept from test to test: they belong to who opens the door, not to who speaks first.
    environ = [f"PYTHONPATH={Path(core.__file__).parents[1]}", f"{MARK}={os.environ[MARK]}"]
    return CommandDialer(["env", *environ, *argv])


@asynccontextmanager
async def local_door(home: Path) -> AsyncIterator[Door]:
    """Host an engine in this loop."""
    async with core.open_engine(home=home, slots=SLOTS) as deck:
        yield Door(name="local", control=deck.control, home=home)


@asynccontextmanager
async def served(home: Path) -> AsyncIterator[Home]:
    """Run `taskdeck serve` on a home, and end it with all its children."""
    place = Home(home)
    place.start("serve", "--slots", str(SLOTS), TASKDECK_STOP_GRACE="1")
    try:
        async with RemoteControl(SocketDialer(home / "engine.sock", patience=DEADLINE)) as control:
            await control.status()
        yield place
        # A test may have ended it already.
        async with RemoteControl(SocketDialer(home / "engine.sock")) as control:
            with suppress(Unavailable):
                await control.stop_engine(StopMode.KILL)
        await asyncio.to_thread(place.has_none)
    finally:
        place.end()


@asynccontextmanager
async def far_door(name: str, home: Path) -> AsyncIterator[Door]:
    """Attach to an engine of another process."""
    async with RemoteControl(dialer(name, home)) as control:
        yield Door(name=name, control=control, home=home)
