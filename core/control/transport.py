"""UnixTransport: HTTP/1.1 for httpx over a unix socket, with connections that are kept."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from core.control.sockets import address_of, check_peer
from core.model.errors import Forbidden

if TYPE_CHECKING:
    from pathlib import Path

IDLE_SECONDS = 30.0
"""A connection idle for longer is not used again; the server keeps it longer than that."""
_RETRY_SECONDS = 0.02
_IDLE_MAX = 8


@dataclass(slots=True, kw_only=True)
class _Connection:
    """One connection and when it was last used (monotonic seconds)."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used: float = 0.0

    def usable(self, now: float) -> bool:
        closed = self.reader.at_eof() or self.writer.is_closing()
        return not closed and now - self.used < IDLE_SECONDS

    def drop(self) -> None:
        self.writer.transport.abort()


class UnixTransport(httpx.AsyncBaseTransport):
    """Carry requests to the engine's socket; one connection per request under way.

    `patience` = seconds for which connecting is tried again while nobody listens. Raises
    `httpx.ConnectError`, `httpx.ReadError`, and `Forbidden` if another user listens there.
    """

    def __init__(self, path: Path, *, patience: float = 0.0) -> None:
        self._path = path
        self._patience = patience
        self._idle: list[_Connection] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and read its whole answer; cancelling drops the connection."""
        body = await request.aread()
        connection = self._reuse() or await self._connect()
        try:
            response, is_kept = await _exchange(connection, request, body)
        except (OSError, EOFError, ValueError, LookupError, asyncio.LimitOverrunError) as error:
            connection.drop()
            raise httpx.ReadError(str(error) or "the connection broke", request=request) from error
        except BaseException:
            # Cancelled: the server must see that nobody waits any more.
            connection.drop()
            raise
        self._keep(connection, is_kept=is_kept)
        return response

    async def aclose(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().drop()

    def _reuse(self) -> _Connection | None:
        now = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable(now):
                return connection
            connection.drop()
        return None

    def _keep(self, connection: _Connection, *, is_kept: bool) -> None:
        if not is_kept or len(self._idle) >= _IDLE_MAX:
            connection.drop()
            return
        connection.used = time.monotonic()
        self._idle.append(connection)

    async def _connect(self) -> _Connection:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                return await self._open()
            except OSError as error:
                if time.monotonic() >= deadline:
                    raise httpx.ConnectError(error.strerror or str(error)) from error
            # The winner of the lock is still opening its socket: nothing tells us when.
            await asyncio.sleep(_RETRY_SECONDS)

    async def _open(self) -> _Connection:
        with address_of(self._path) as address:
            reader, writer = await asyncio.open_unix_connection(address)
        try:
            check_peer(writer.get_extra_info("socket"))
        except Forbidden:
            writer.transport.abort()
            raise
        return _Connection(reader=reader, writer=writer)


async def _exchange(
    connection: _Connection, request: httpx.Request, body: bytes
) -> tuple[httpx.Response, bool]:
    head = b"%s %s HTTP/1.1\r\nhost: engine\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    connection.writer.write(head % (request.method.encode(), request.url.raw_path, len(body)) + body)
    await connection.writer.drain()
    first, *lines = (await connection.reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    found = {name: value.strip() for name, _, value in (line.partition(b":") for line in lines)}
    # The server always names the length: its answers are made whole before they are sent.
    content = await connection.reader.readexactly(int(found[b"content-length"]))
    is_kept = found.get(b"connection") != b"close"
    # Its headers end here: nobody reads them, and httpx takes its time over each.
    return httpx.Response(int(first.split()[1]), content=content, request=request), is_kept
