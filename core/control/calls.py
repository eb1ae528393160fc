"""Calls: requests to an engine and its answers, after a handshake.

Used by `RemoteControl`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, cast

import httpx

from core.control import wire
from core.control.api import ROUTES
from core.control.handshake import Hello, Welcome, other_protocol
from core.control.requests import Request, verb_of
from core.control.transport import DialedTransport, Dialer
from core.model.errors import Unavailable

if TYPE_CHECKING:
    from core.model.commands import StopMode

R = TypeVar("R")

HANDSHAKE_SECONDS = 30.0
"""For an engine to answer the handshake; a process that was stopped, or a wrong command, never does."""

# Made once: reading a URL costs more than the whole request on the wire.
_URLS = {
    path: httpx.URL(f"http://engine{path}")
    for path in (wire.HELLO, wire.STOP, *(wire.PATH + name for name in ROUTES))
}


class Calls:
    """Ask an engine; the first request is preceded by the handshake.

    Raises `Unavailable`: without an engine `engine.none`; if it goes while it is asked `engine.lost`,
    then it may have done what was asked or not. Raises `Conflict` (`engine.protocol`).
    """

    def __init__(self, dialer: Dialer) -> None:
        self._transport = DialedTransport(dialer)
        self._handshake = asyncio.Lock()
        self._is_introduced = False

    async def ask(self, request: Request[R]) -> R:
        """Return the answer to a request; raise what the engine refuses with."""
        if not self._is_introduced:
            await self._shake_hands()
        verb = verb_of(request)
        answer = await self._send(wire.PATH + verb.name, wire.encode(request))
        return wire.decode_answer(answer, cast("type[R]", verb.answer))

    async def stop(self, how: StopMode) -> None:
        """Ask the engine to end, whatever protocol it speaks."""
        await self._send(wire.STOP, wire.encode({"how": how.value}))

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _shake_hands(self) -> None:
        async with self._handshake:
            if self._is_introduced:
                return
            try:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    answer = await self._send(wire.HELLO, wire.encode_answer(Hello()))
            except TimeoutError as error:
                raise _silent() from error
            except Unavailable as error:
                # Nothing was asked yet: whatever broke, no engine can be reached this way.
                if error.code != "engine.lost":
                    raise
                raise no_engine(f"no engine answers: {error.facts['reason']}") from error
            welcome = wire.decode_answer(answer, Welcome)
            if welcome.protocol != wire.PROTOCOL:
                raise other_protocol(welcome.protocol, welcome.version)
            self._is_introduced = True

    async def _send(self, path: str, content: bytes) -> bytes:
        wire.check_size(len(content), wire.BODY_BYTES)
        try:
            # As streams: httpx would search long for headers that are not read.
            request = httpx.Request("POST", _URLS[path], stream=httpx.ByteStream(content))
            response = await self._transport.handle_async_request(request)
            answer = await response.aread()
        except httpx.ConnectError as error:
            raise no_engine(f"no engine answers: {error}") from error
        except httpx.TransportError as error:
            raise engine_lost(str(error)) from error
        if response.status_code == httpx.codes.OK:
            return answer
        if response.status_code == httpx.codes.NOT_FOUND and path in (wire.HELLO, wire.STOP):
            # From before the handshake: it knows no such path.
            raise other_protocol(1, "0")
        raise wire.error_from_answer(answer, response.status_code)


def _silent() -> Unavailable:
    return Unavailable(
        "engine.silent",
        f"an engine was called and did not answer for {HANDSHAKE_SECONDS:g} s",
        hint="see its log, or end its process",
    )


def no_engine(detail: str) -> Unavailable:
    """Return the error for an engine that does not answer, with how to start one."""
    return Unavailable("engine.none", detail, hint="start one with 'taskdeck serve', then try again")


def engine_lost(reason: str) -> Unavailable:
    """Return the error for an engine that ended while it was asked."""
    return Unavailable(
        "engine.lost",
        f"the engine went away before it answered ({reason})",
        hint="it may have done what was asked or not: check with 'taskdeck jobs' before asking again",
        facts={"reason": reason},
    )
