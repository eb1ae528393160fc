"""Routes: HTTP requests to the ControlAPI, and its answers back.

Served by `server`.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections import Counter
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from core.control import api, wire
from core.control.all_verbs import ROUTES
from core.control.api import Kind, Request, kind_of
from core.control.arguments import OPERATOR
from core.control.asgi import ClientGone, HttpRequest, Message, Receive, Send, answer
from core.control.error_forms import error_to_json
from core.control.handshake import other_protocol, welcome
from core.control.nested_waits import NestedWaits
from core.host import own_surroundings, surroundings_of
from core.model.commands.work import StopMode
from core.model.errors import NotFound, TaskdeckError, Unavailable
from core.model.records import replace
from core.model.shortages import shortage

if TYPE_CHECKING:
    from core.control.api import ControlAPI
    from core.model.surroundings import Surroundings

_VERB = re.compile(r"/v([0-9]{1,9})/([^/]+)")


class Endpoints:
    """Answer HTTP requests for a control, within bounds; an ASGI application."""

    def __init__(self, control: ControlAPI, *, closing: asyncio.Event, body_bytes: int, waiting: int) -> None:
        self._control = control
        self._closing = closing
        self._body_bytes = body_bytes
        self._waiting_most = waiting
        self._waiting: Counter[object] = Counter()
        self._nested = NestedWaits(control)

    async def verb(self, http: HttpRequest, *, protocol: int, name: str) -> bytes:
        """Answer a verb of this protocol; raise what the control refuses."""
        if protocol != wire.PROTOCOL:
            raise other_protocol(protocol, "of another version")
        kind = ROUTES.get(name)
        if kind is None:
            raise NotFound(
                "verb.unknown",
                f"'{name[:64]}' is not a verb",
                hint="compare the versions",
                facts={"verb": name[:64]},
            )
        request: Request[object] = wire.decode_request(await self._body(http), kind)
        if isinstance(request, api.Submit | api.Enqueue | api.EnqueueOnce) and request.surroundings is None:
            request = cast("Request[object]", replace(request, surroundings=_surroundings_of(http)))
        if kind_of(request) is Kind.WAIT:
            return wire.encode_answer(await self._wait(http, request))
        return wire.encode_answer(await self._control.ask(request))

    async def hello(self, http: HttpRequest) -> bytes:
        """Answer the handshake, for clients of every protocol."""
        await self._body(http)
        return wire.encode_answer(await welcome(self._control, os.getpid()))

    async def stop(self, http: HttpRequest) -> bytes:
        """End the engine, for clients of every protocol."""
        body = wire.decode_object(await self._body(http))
        try:
            how = StopMode(str(body.get("how", StopMode.STOP)))
        except ValueError as error:
            raise wire.unfit("how") from error
        # Clients of other protocols may not say it.
        actor = body.get("actor")
        await self._control.stop_engine(how, actor=actor if isinstance(actor, str) else OPERATOR)
        return b"{}"

    async def _body(self, http: HttpRequest) -> bytes | bytearray:
        return await http.body(self._body_bytes)

    async def _wait(self, http: HttpRequest, request: Request[object]) -> object:
        """Wait for a result while the client listens and the server is open."""
        _, pid = http.client
        with self._place(http.client):
            async with self._nested.noted(request, pid):
                return await _while_heard(http, self._control.ask(request), self._closing)

    @contextmanager
    def _place(self, peer: object) -> Iterator[None]:
        if self._waiting[peer] >= self._waiting_most:
            raise Unavailable(
                "engine.busy",
                f"one client waits for at most {self._waiting_most} things at once",
                hint="wait for several tasks by one request",
                facts={"limit": self._waiting_most},
            )
        self._waiting[peer] += 1
        try:
            yield
        finally:
            self._waiting[peer] -= 1
            if not self._waiting[peer]:
                del self._waiting[peer]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; after a crash the connection ends, and the error goes on to the log."""
        http = HttpRequest(scope, receive)
        try:
            content = await self._content(http)
        except TaskdeckError as error:
            await _refuse(send, error)
        except ClientGone:
            # Not a crash of ours, and the log must not show it as one.
            await answer(send, b"", 400)
        except (MemoryError, OSError, RuntimeError) as error:
            short = shortage(error)
            await _refuse(send, short or wire.crashed(), headers={b"connection": b"close"})
            if short is None:
                raise
        except Exception:
            # The server hangs up after a crash: no client may send the next request on this connection.
            await _refuse(send, wire.crashed(), headers={b"connection": b"close"})
            raise
        else:
            await answer(send, content, 200)

    async def _content(self, http: HttpRequest) -> bytes:
        path = http.path
        if path == wire.HELLO:
            return await self.hello(http)
        if path == wire.STOP:
            return await self.stop(http)
        if (named := _VERB.fullmatch(path)) is None:
            raise NotFound("path.unknown", "nothing is answered there", hint="compare the versions")
        return await self.verb(http, protocol=int(named[1]), name=named[2])


def _surroundings_of(http: HttpRequest) -> Surroundings:
    """Return the surroundings of the process at the other end, of this one where they cannot be read."""
    _, pid = http.client
    return (surroundings_of(pid) if pid else None) or own_surroundings()


async def _while_heard(http: HttpRequest, result: Awaitable[object], closing: asyncio.Event) -> object:
    waiting = asyncio.ensure_future(result)
    gone = asyncio.ensure_future(http.gone())
    closed = asyncio.ensure_future(closing.wait())
    try:
        await asyncio.wait((waiting, gone, closed), return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
    finally:
        for future in (waiting, gone, closed):
            future.cancel()
        await asyncio.gather(waiting, gone, closed, return_exceptions=True)
    raise Unavailable("engine.lost", "the engine stops", hint="start it again, then wait again")


async def _refuse(send: Send, error: TaskdeckError, *, headers: Mapping[bytes, bytes] | None = None) -> None:
    await answer(send, wire.encode(error_to_json(error)), error.status, headers=headers)
