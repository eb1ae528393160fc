"""Calls: requests to an engine and its answers, after a handshake."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

import httpx

from core.control import wire
from core.control.greeting import Hello, Welcome, other_protocol
from core.control.requests import NAMES, VERBS, Request
from core.control.transport import DialedTransport, Dialer
from core.model.errors import Unavailable

if TYPE_CHECKING:
    from core.model.commands import StopMode

T = TypeVar("T")

GREETING_SECONDS = 30.0
"""For an engine to answer the handshake; a process that was stopped, or a wrong command, never does."""

# Made once: reading a URL costs more than the whole request on the wire.
_URLS = {
    path: httpx.URL(f"http://engine{path}")
    for path in (wire.HELLO, wire.STOP, *(wire.PATH + name for name in VERBS))
}


class Calls:
    """Ask an engine; the first request is preceded by the handshake.

    Raises `Unavailable`: without an engine `engine.none`; if it goes while it is asked `engine.lost`,
    then it may have done what was asked or not. Raises `Conflict` (`engine.protocol`).
    """

    def __init__(self, dialer: Dialer) -> None:
        self._transport = DialedTransport(dialer)
        self._greeting = asyncio.Lock()
        self._greeted = False

    async def ask(self, request: Request, kind: type[T]) -> T:
        """Return the answer to a request as that type; raise what the engine refuses with."""
        if not self._greeted:
            await self._greet()
        answer = await self._send(wire.PATH + NAMES[type(request)], wire.encode(request))
        return wire.decode_answer(answer, kind)

    async def stop(self, how: StopMode) -> None:
        """Ask the engine to end, whatever protocol it speaks."""
        await self._send(wire.STOP, wire.encode({"how": how.value}))

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _greet(self) -> None:
        async with self._greeting:
            if self._greeted:
                return
            try:
                async with asyncio.timeout(GREETING_SECONDS):
                    answer = await self._send(wire.HELLO, wire.encode_answer(Hello()))
            except TimeoutError as error:
                raise _silent() from error
            except Unavailable as error:
                # Nothing was asked yet: whatever broke, there is no engine to be had this way.
                if error.code != "engine.lost":
                    raise
                raise no_engine(f"no engine answers: {error.facts['reason']}") from error
            found = wire.decode_answer(answer, Welcome)
            if found.protocol != wire.PROTOCOL:
                raise other_protocol(found.protocol, found.version)
            self._greeted = True

    async def _send(self, path: str, content: bytes) -> bytes:
        wire.check_size(len(content), wire.BODY_BYTES)
        try:
            # As streams: httpx would look long for headers that nobody reads.
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
        f"an engine was called and said nothing for {GREETING_SECONDS:g} s",
        hint="look at its log, or end its process",
    )


def no_engine(detail: str) -> Unavailable:
    """Say that no engine answers, and how to get one."""
    return Unavailable("engine.none", detail, hint="start one with 'taskdeck serve', then try again")


def engine_lost(reason: str) -> Unavailable:
    """Say that the engine went while it was asked."""
    return Unavailable(
        "engine.lost",
        f"the engine went away before it answered ({reason})",
        hint="it may have done what was asked or not: look with 'taskdeck jobs' before asking again",
        facts={"reason": reason},
    )
