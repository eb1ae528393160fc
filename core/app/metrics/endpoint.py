"""An endpoint that answers `GET /metrics`.

Opened by `core.app.hosting` where one is configured.
"""

from __future__ import annotations

import asyncio
import time

from core.app.metrics.exposition import CONTENT_TYPE, exposition
from core.app.metrics.reading import read_facts
from core.control.api import ReadingAPI
from core.logs import get_logger
from core.model.addresses import HostPort
from core.model.errors import TaskdeckError

KEPT_SECONDS = 1.0
"""An answer is given again for so long: many who ask at once read the store once."""
HEAD_SECONDS = 10.0
HEAD_BYTES = 8_192
CONNECTIONS = 16
"""Connections that are served at once; others are closed."""

_log = get_logger(__name__)


class MetricsEndpoint:
    """Serves one control at an address, without a password."""

    def __init__(self, deck: ReadingAPI) -> None:
        self._deck = deck
        self._server: asyncio.Server | None = None
        self._reading = asyncio.Lock()
        self._answer = b""
        self._answered_at = -KEPT_SECONDS
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self, at: HostPort) -> int:
        """Listen, and return the port; raise `OSError`."""
        self._server = await asyncio.start_server(self._serve, at.host, at.port, limit=HEAD_BYTES)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the address and what is connected."""
        if self._server is None:
            return
        self._server.close()
        for one in self._open:
            one.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS:
            writer.transport.abort()
            return
        self._open.add(writer)
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(await self._reply(head.split(b"\r\n", 1)[0]))
                await writer.drain()
        except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            self._open.discard(writer)
            writer.close()

    async def _reply(self, line: bytes) -> bytes:
        method, _, rest = line.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", b"only GET\n")
        if path != b"/metrics":
            return _response("404 Not Found", b"see /metrics\n")
        try:
            body = await self._metrics()
        except TaskdeckError as error:
            _log.warning("metrics cannot be read", code=error.code, reason=error.message)
            return _response("503 Service Unavailable", f"{error.code}\n".encode())
        return _response("200 OK", b"" if method == b"HEAD" else body, kind=CONTENT_TYPE)

    async def _metrics(self) -> bytes:
        async with self._reading:
            if time.monotonic() - self._answered_at >= KEPT_SECONDS:
                self._answer = exposition(await read_facts(self._deck))
                self._answered_at = time.monotonic()
            return self._answer


def _response(status: str, body: bytes, *, kind: str = "text/plain; charset=utf-8") -> bytes:
    fields = (f"Content-Type: {kind}", f"Content-Length: {len(body)}", "Connection: close", "", "")
    return "\r\n".join((f"HTTP/1.1 {status}", *fields)).encode("ascii") + body
