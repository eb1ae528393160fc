"""Routes: HTTP requests to the ControlAPI, and its answers back.

Served by `server`.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias, cast

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

from core.control import api, wire
from core.control.api import ROUTES, Kind, Request, kind_of
from core.control.arguments import OPERATOR
from core.control.error_forms import error_to_json
from core.control.handshake import other_protocol, welcome
from core.control.nested_waits import NestedWaits
from core.host import own_surroundings, surroundings_of
from core.model.commands import StopMode
from core.model.errors import NotFound, TaskdeckError, Unavailable
from core.model.records import replace

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.types import ExceptionHandler

    from core.control.api import ControlAPI
    from core.model.surroundings import Surroundings

Answer: TypeAlias = Callable[["HttpRequest"], Awaitable[bytes]]


class Endpoints:
    """Answer HTTP requests for a control, within bounds."""

    def __init__(self, control: ControlAPI, *, closing: asyncio.Event, body_bytes: int, waiting: int) -> None:
        self._control = control
        self._closing = closing
        self._body_bytes = body_bytes
        self._waiting_most = waiting
        self._waiting: Counter[object] = Counter()
        self._nested = NestedWaits(control)

    async def verb(self, http: HttpRequest) -> bytes:
        """Answer a verb of this protocol; raise what the control refuses."""
        name = str(http.path_params["verb"])
        if http.path_params["protocol"] != wire.PROTOCOL:
            raise other_protocol(http.path_params["protocol"], "of another version")
        kind = ROUTES.get(name)
        if kind is None:
            raise NotFound(
                "verb.unknown",
                f"there is no verb '{name[:64]}'",
                hint="compare the versions",
                facts={"verb": name[:64]},
            )
        request: Request[object] = wire.decode_request(await self._body(http), kind)
        if isinstance(request, api.Submit | api.Enqueue) and request.surroundings is None:
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
        """Return the body, refused as soon as it is known to be too long; the rest is not kept."""
        for name, value in http.scope["headers"]:
            if name == b"content-length" and value.isdigit():
                wire.check_size(int(value), self._body_bytes)
        body = bytearray()
        is_more = True
        while is_more:
            # Not `http.stream()`: it takes as long as the rest of a small request.
            message = await http.receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            piece = message.get("body", b"")
            wire.check_size(len(body) + len(piece), self._body_bytes)
            body += piece
            is_more = message.get("more_body", False)
        return body

    async def _wait(self, http: HttpRequest, request: Request[object]) -> object:
        """Wait for a result while the client listens and the server is open."""
        _, pid = http.scope.get("client") or ("", 0)
        with self._place(http.scope.get("client")):
            async with self._nested.noted(request, int(pid)):
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


def make_app(endpoints: Endpoints) -> Starlette:
    """Return the application that answers at these endpoints."""
    return Starlette(
        routes=[
            Route("/v{protocol:int}/{verb}", _answered(endpoints.verb), methods=["POST"]),
            Route(wire.HELLO, _answered(endpoints.hello), methods=["POST"]),
            Route(wire.STOP, _answered(endpoints.stop), methods=["POST"]),
        ],
        exception_handlers=_refusals(),
    )


def _answered(answer: Answer) -> Callable[[HttpRequest], Coroutine[None, None, Response]]:
    async def respond(http: HttpRequest) -> Response:
        try:
            return _respond(await answer(http), 200)
        except TaskdeckError as error:
            return _refuse(error)

    return respond


def _refusals() -> dict[int | type[Exception], ExceptionHandler]:
    async def no_path(_http: HttpRequest, _error: Exception) -> Response:
        return _refuse(NotFound("path.unknown", "nothing is answered there", hint="compare the versions"))

    async def crashed(_http: HttpRequest, _error: Exception) -> Response:
        answer = _refuse(wire.crashed())
        # The server hangs up after a crash: no client may send the next request on this connection.
        answer.headers["connection"] = "close"
        return answer

    async def gone(_http: HttpRequest, _error: Exception) -> Response:
        # The client is gone: not a crash of ours, and the log must not show it as one.
        return Response(status_code=400)

    return {404: no_path, 405: no_path, 500: crashed, ClientDisconnect: gone}


def _surroundings_of(http: HttpRequest) -> Surroundings:
    """Return the surroundings of the process at the other end, of this one where they cannot be read."""
    _, pid = http.scope.get("client") or ("", 0)
    return (surroundings_of(int(pid)) if pid else None) or own_surroundings()


async def _while_heard(http: HttpRequest, result: Awaitable[object], closing: asyncio.Event) -> object:
    waiting = asyncio.ensure_future(result)
    gone = asyncio.ensure_future(_gone(http))
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


async def _gone(http: HttpRequest) -> None:
    while (await http.receive())["type"] != "http.disconnect":
        continue


def _refuse(error: TaskdeckError) -> Response:
    return _respond(wire.encode(error_to_json(error)), error.status)


def _respond(content: bytes, status: int) -> Response:
    return Response(content, status_code=status, media_type="application/json")
