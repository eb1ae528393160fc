"""ControlServer: serves the engine's socket for processes of the same user.

Started by `core.app.hosting`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from core.control import wire
from core.control.error_forms import error_to_json
from core.control.routes import Endpoints
from core.control.sockets import bind_private, check_peer, remove_socket
from core.files.identity import FileIdentity, file_identity
from core.host import open_files_limit
from core.model.errors import Bug, Invalid, TaskdeckError, Unavailable

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from core.control.api import ControlAPI

_KEEP_ALIVE_SECONDS = 75
"""Longer than clients reuse an idle connection, so that none is closed under a request."""
_DRAIN_SECONDS = 5
_HEADERS = 100
_CONNECTIONS = 512
_REFUSED_SECONDS = 1.0
"""For a client to read why it is refused."""


def _room() -> int:
    """Return how many connections may be open: a third of the files, and as many may be turned away."""
    # Where no descriptor is left to accept with, asyncio fills the log and does nothing else.
    files = open_files_limit()
    return _CONNECTIONS if files < 0 else min(_CONNECTIONS, max(1, files // 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client, or many, may take of the server."""

    body_bytes: int = wire.BODY_BYTES
    connections: int = field(default_factory=_room)
    """Open at the same time, waiting ones included."""
    waiting: int = 256
    """Requests of one process that may wait at the same time."""
    head_bytes: int = 65_536
    """Of a request's first line and headers."""
    answer_seconds: float = 30.0
    """For a client to take at least a byte of what waits for it."""
    request_seconds: float = 30.0
    """For a request to arrive whole, from the connection on."""


class ControlServer:
    """Serve a control on a unix socket; the caller owns the engine lock, or the socket is another's."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._closing = asyncio.Event()
        self._server: uvicorn.Server | None = None
        self._listener: socket.socket | None = None
        self._path: Path | None = None
        self._identity: FileIdentity | None = None
        """Of the socket as it was bound; None = it was removed at once."""

    @property
    def is_connected(self) -> bool:
        """Whether a client has a connection open; one that was silent for 75 s has none any more."""
        return self._server is not None and bool(self._server.server_state.connections)

    async def start(self, control: ControlAPI, socket_path: Path) -> None:
        """Bind the socket and answer from now on; installs no signal handler, touches no logging.

        Raises `Unavailable` (`socket.taken`, `socket.failed`).
        """
        if self._server is not None:
            raise Bug("server.started", "a server starts once", hint="make another one")
        listener = bind_private(socket_path)
        # Now: a moment later another program may have removed it, and the engine serves on.
        self._identity = file_identity(socket_path)
        self._closing = asyncio.Event()
        endpoints = Endpoints(
            control,
            closing=self._closing,
            body_bytes=self._limits.body_bytes,
            waiting=self._limits.waiting,
        )
        config = uvicorn.Config(
            endpoints,
            interface="asgi3",
            http=_protocol(self._limits),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_DRAIN_SECONDS,
        )
        config.load()
        server = uvicorn.Server(config)
        # Not `serve`: it takes over SIGINT and SIGTERM and wakes ten times a second for nothing.
        server.lifespan = config.lifespan_class(config)
        await server.startup(sockets=[listener])
        self._server, self._listener, self._path = server, listener, socket_path

    async def stop(self) -> None:
        """End all waiting (`engine.lost`), let answers go out, close and remove the socket.

        May be called twice, or before `start`.
        """
        if self._server is None or self._listener is None:
            return
        server, listener, self._server = self._server, self._listener, None
        self._remove()
        self._closing.set()
        await server.shutdown(sockets=[listener])

    async def renew(self) -> bool:
        """Listen at the path again if its file is gone or another's; return whether it was.

        Connections that are open stay. Raises `Unavailable` (`socket.taken`, `socket.failed`).
        """
        if self._server is None or self._path is None or self._is_in_place(self._path):
            return False
        listener = bind_private(self._path)
        self._identity = file_identity(self._path)
        server, config = self._server, self._server.config
        make = partial(
            cast("type[_Guarded]", config.http_protocol_class),
            config=config,
            server_state=server.server_state,
            app_state=server.lifespan.state,
        )
        former, self._listener = server.servers, listener
        loop = asyncio.get_running_loop()
        server.servers = [await loop.create_server(make, sock=listener, backlog=config.backlog)]
        for one in former:
            one.close()
        return True

    def _is_in_place(self, path: Path) -> bool:
        return self._identity is not None and self._identity == file_identity(path)

    def _remove(self) -> None:
        # Not the socket of a successor that came by while we were leaving.
        try:
            if self._path is not None and self._is_in_place(self._path):
                remove_socket(self._path)
        except Unavailable:
            return


class _Guarded(HttpToolsProtocol):
    """A connection refused to strangers, and cut when its other end floods, stalls or does not read."""

    limits: ClassVar[Limits]
    turned_away: ClassVar[set[_Guarded]]
    _deadline: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _is_in_head = True
    _is_turned_away = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        try:
            peer = check_peer(transport.get_extra_info("socket"))
            self._check_room()
        except TaskdeckError as error:
            self.transport = transport
            self._turn_away(error)
            return
        super().connection_made(transport)
        self.client = ("process", peer)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self._forget_unread()
        self.turned_away.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_turned_away:
            return
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # Looked at afterwards: a body may have come with its head.
        if self._is_in_head and self._head_bytes > self.limits.head_bytes and not self.transport.is_closing():
            self._refuse(_flood(self.limits))

    def on_message_begin(self) -> None:
        self._is_in_head, self._head_bytes = True, 0
        self._arm()
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= _HEADERS:
            # The parser turns it into a refusal.
            raise _flood(self.limits)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._disarm()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(Invalid("request.garbled", msg, hint="speak HTTP/1.1, with few headers"))

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_unread()

    def resume_writing(self) -> None:
        self._forget_unread()
        super().resume_writing()

    def _check_room(self) -> None:
        if len(self.connections) >= self.limits.connections:
            raise Unavailable(
                "engine.busy",
                f"the engine has {len(self.connections)} connections open",
                hint="close some clients, then try again",
                facts={"connections": len(self.connections)},
            )

    def _refuse(self, error: TaskdeckError) -> None:
        self.transport.write(_refusal(error))
        self.transport.close()

    def _turn_away(self, error: TaskdeckError) -> None:
        """Refuse a connection at its beginning, and let its other end read why."""
        self._is_turned_away = True
        if len(self.turned_away) >= self.limits.connections:
            self.transport.abort()
            return
        self.turned_away.add(self)
        self.transport.write(_refusal(error))
        # Closed at once, what it still sends would have the kernel throw the answer away unread.
        self.transport.write_eof()
        self.loop.call_later(_REFUSED_SECONDS, self.transport.abort)

    def _arm(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.limits.request_seconds, self._time_out)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _time_out(self) -> None:
        self._deadline = None
        self.transport.abort()

    def _watch_unread(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(self.limits.answer_seconds, self._cut_if_unread, left)

    def _cut_if_unread(self, before: int) -> None:
        # A slow client that reads something may go on; one that reads nothing keeps an answer in memory.
        if self.transport.get_write_buffer_size() >= before:
            self.transport.abort()
            return
        self._watch_unread()

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


def _protocol(limits: Limits) -> type[_Guarded]:
    return type("Guarded", (_Guarded,), {"limits": limits, "turned_away": set()})


def _flood(limits: Limits) -> Invalid:
    return Invalid(
        "request.too_large",
        f"a request has at most {_HEADERS} headers in {limits.head_bytes} bytes",
        hint="send what is asked as its body",
        facts={"limit": limits.head_bytes},
    )


def _refusal(error: TaskdeckError) -> bytes:
    body = wire.encode(error_to_json(error))
    return b"HTTP/1.1 %d Refused\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (
        error.status,
        len(body),
        body,
    )
