"""Connections of probes: tcp, and a GET whose status is read.

Used by `looks`.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

from core.model.version import VERSION
from core.probes.phases import NoAnswer, Phase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from core.model.addresses import HttpAddress
    from core.probes.names import Names

_HEAD_BYTES = 8_192
_STATUS = re.compile(rb"HTTP/[0-9.]+ ([1-5][0-9]{2})(?: ([^\r\n]*))?\r?\n?")
_REASON_MAX = 60


async def connect(host: str, port: int, *, names: Names, phase: Phase) -> str:
    """Make a connection and end it; return what is told of it."""
    async with _connection(host, port, names=names, phase=phase):
        return "connected"


async def get(address: HttpAddress, *, names: Names, phase: Phase) -> str:
    """Return the status that a GET is answered with; raise `NoAnswer` for one of an error."""
    phase.missing = "TLS connection" if address.is_tls else "connection"
    tls = await asyncio.to_thread(_tls) if address.is_tls else None
    async with _connection(address.host, address.port, names=names, phase=phase, tls=tls) as (reader, writer):
        phase.missing = "answer"
        writer.write(
            f"GET {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nUser-Agent: taskdeck/{VERSION}\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n".encode("ascii")
        )
        line = await _first_line(reader)
    found = _STATUS.fullmatch(line)
    if found is None:
        raise NoAnswer("it closed the connection without an answer" if not line else "its answer is not HTTP")
    code, reason = int(found[1]), (found[2] or b"").decode("latin-1").strip()[:_REASON_MAX]
    told = f"{code} {reason}".strip()
    if not 200 <= code < 400:
        raise NoAnswer(f"answered {told}")
    return told


async def _first_line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:
        raise NoAnswer("its answer is not HTTP") from None


@asynccontextmanager
async def _connection(
    host: str, port: int, *, names: Names, phase: Phase, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to the first address of a host that takes it; nothing of it is left afterwards."""
    phase.missing = "address for its name"
    addresses = await names.resolve(host)
    phase.missing = "connection" if tls is None else "TLS connection"
    failure: OSError | None = None
    for number in addresses:
        try:
            reader, writer = await asyncio.open_connection(
                number, port, limit=_HEAD_BYTES, ssl=tls, server_hostname=None if tls is None else host
            )
        except OSError as error:
            failure = failure or error
            continue
        try:
            yield reader, writer
        finally:
            # Not closed with a word of goodbye: a server that hangs would not take it.
            writer.transport.abort()
        return
    raise failure or NoAnswer("its name has no address")


@cache
def _tls() -> ssl.SSLContext:
    # Reading the certificates of the machine takes tens of ms.
    return ssl.create_default_context()
