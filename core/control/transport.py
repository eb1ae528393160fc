"""Transport: POST requests of HTTP/1.1 over connections that are kept.

Used by `calls`. The http client of the connectors would take longer to load than a command takes to run.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from core.control.dialers import CommandDialer, Dialer, Line, SocketDialer

__all__ = [
    "Answer",
    "BrokenConnection",
    "CommandDialer",
    "Dialer",
    "NoConnection",
    "SocketDialer",
    "Transport",
]

IDLE_SECONDS = 60.0
"""A connection idle for longer is not used again; the server keeps it longer than that."""
_IDLE_MAX = 8
_HEAD = b"POST %s HTTP/1.1\r\nhost: engine\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


class NoConnection(Exception):
    """Report that nothing was sent: there is nothing to connect to."""


class BrokenConnection(Exception):
    """Report that the connection broke before a whole answer came; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The status of an answer and its body; headers are not kept."""

    status: int
    body: bytes


@dataclass(slots=True, kw_only=True)
class _Connection:
    """One line and when it was last used (monotonic seconds)."""

    line: Line
    used: float = 0.0
    is_last: bool = False
    """The server closes the line after its last answer."""

    def is_usable(self, now: float) -> bool:
        closed = self.line.reader.at_eof() or self.line.writer.is_closing()
        return not closed and now - self.used < IDLE_SECONDS

    async def exchange(self, path: str, body: bytes) -> Answer:
        line = self.line
        line.writer.write(_HEAD % (path.encode("ascii"), len(body)) + body)
        await line.writer.drain()
        status, *lines = (await line.reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        headers = {name: value.strip() for name, _, value in (header.partition(b":") for header in lines)}
        # The server always names the length: its answers are made whole before they are sent.
        content = await line.reader.readexactly(int(headers[b"content-length"]))
        self.is_last = headers.get(b"connection") == b"close"
        return Answer(status=int(status.split()[1]), body=content)


class Transport:
    """Carry requests to an engine; one line per request under way."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self._idle: list[_Connection] = []

    async def post(self, path: str, body: bytes) -> Answer:
        """Send a request and read its whole answer; cancelling drops the connection.

        Raises `NoConnection`, `BrokenConnection`, and what the dialer raises besides `OSError`.
        """
        connection = self._reuse() or await self._connect()
        try:
            answer = await connection.exchange(path, body)
        except (OSError, EOFError, ValueError, LookupError, asyncio.LimitOverrunError) as error:
            reason = await connection.line.failure_reason()
            connection.line.drop()
            raise BrokenConnection(reason or str(error) or "the connection broke") from error
        except BaseException:
            # Cancelled: the server must see that this client no longer waits.
            connection.line.drop()
            raise
        self._keep(connection)
        return answer

    async def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().line.drop()
        await self._dialer.close()

    def _reuse(self) -> _Connection | None:
        now = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable(now):
                return connection
            connection.line.drop()
        return None

    def _keep(self, connection: _Connection) -> None:
        if connection.is_last or len(self._idle) >= _IDLE_MAX:
            connection.line.drop()
            return
        connection.used = time.monotonic()
        self._idle.append(connection)

    async def _connect(self) -> _Connection:
        try:
            return _Connection(line=await self._dialer.dial())
        except OSError as error:
            raise NoConnection(error.strerror or str(error)) from error
