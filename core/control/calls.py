"""Calls: requests to an engine and its answers, after a handshake.

Used by `RemoteControl`, and by the attachment to an engine.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, cast

from core.control import wire
from core.control.dialers import Dialer
from core.control.handshake import Hello, Welcome, other_protocol
from core.control.requests import Request, verb_of
from core.control.transport import BrokenConnection, NoConnection, Transport
from core.model.errors import Unavailable

if TYPE_CHECKING:
    from core.model.commands.work import StopMode

R = TypeVar("R")

HANDSHAKE_SECONDS = 30.0
"""For an engine to answer the handshake; a process that was stopped, or a wrong command, never does."""
_OK, _NOT_FOUND = 200, 404


class Calls:
    """Ask an engine; the first request is preceded by the handshake.

    Raises `Unavailable`: without an engine `engine.none`; if it goes while it is asked `engine.lost`,
    then it may have done what was asked or not. Raises `Conflict` (`engine.protocol`).
    """

    def __init__(self, dialer: Dialer, *, patience: float = HANDSHAKE_SECONDS) -> None:
        self._transport = Transport(dialer)
        self._patience = patience
        self._handshake = asyncio.Lock()
        self._is_introduced = False

    async def ask(self, request: Request[R]) -> R:
        """Return the answer to a request; raise what the engine refuses with."""
        if not self._is_introduced:
            await self._shake_hands()
        verb = verb_of(request)
        answer = await self._send(wire.PATH + verb.name, wire.encode(request))
        return wire.decode_answer(answer, cast("type[R]", verb.answer))

    async def stop(self, how: StopMode, *, actor: str) -> None:
        """Ask the engine to end, whatever protocol it speaks."""
        await self._send(wire.STOP, wire.encode({"how": how.value, "actor": actor}))

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def _shake_hands(self) -> None:
        async with self._handshake:
            if self._is_introduced:
                return
            try:
                async with asyncio.timeout(self._patience):
                    answer = await self._send(wire.HELLO, wire.encode_answer(Hello()))
            except TimeoutError as error:
                raise _silent(self._patience) from error
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
            answer = await self._transport.post(path, content)
        except NoConnection as error:
            raise no_engine(f"no engine answers: {error}") from error
        except BrokenConnection as error:
            raise engine_lost(str(error)) from error
        if answer.status == _OK:
            return answer.body
        if answer.status == _NOT_FOUND and path in (wire.HELLO, wire.STOP):
            # From before the handshake: it knows no such path.
            raise other_protocol(1, "0")
        raise wire.error_from_answer(answer.body, answer.status)


def _silent(seconds: float) -> Unavailable:
    return Unavailable(
        "engine.silent",
        f"an engine was called and did not answer for {seconds:g} s",
        hint="see its log, or end its process",
        facts={"seconds": seconds},
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
