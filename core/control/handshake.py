"""The handshake: versions of both ends; its shape never changes.

Sent by `calls`, answered by `routes`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from core.control.wire import PROTOCOL
from core.model.errors import Conflict, Unavailable
from core.model.version import VERSION

if TYPE_CHECKING:
    from core.control.api import ControlAPI

_STOPPING = "stopping"


class Hello(Struct, frozen=True, kw_only=True):
    """The client's first request."""

    protocol: int = PROTOCOL
    version: str = VERSION


class Welcome(Struct, frozen=True, kw_only=True):
    """The engine's answer; fields of newer engines are passed over."""

    protocol: int
    version: str
    pid: int
    epoch: int
    """0 while it is stopping."""
    state: str
    """`serving`, `draining`, or `stopping`: then the next engine is the one to ask."""


async def welcome(control: ControlAPI, pid: int) -> Welcome:
    """Return what the engine behind a control answers; `pid` = the process that does."""
    try:
        info = await control.status()
        epoch, state = info.epoch, info.state
    except Unavailable:
        epoch, state = 0, _STOPPING
    return Welcome(protocol=PROTOCOL, version=VERSION, pid=pid, epoch=epoch, state=state)


def other_protocol(protocol: int, version: str) -> Conflict:
    """Return the refusal of another protocol, with what to do."""
    ours = f"this one is {VERSION} with protocol {PROTOCOL}"
    return Conflict(
        "engine.protocol",
        f"the other end is taskdeck {version} with protocol {protocol}, {ours}",
        hint="end the engine with 'taskdeck stop', then start it again with this taskdeck",
        facts={"protocol": protocol, "version": version},
    )
