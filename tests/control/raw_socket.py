"""Speak with the engine's socket by raw bytes."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

from core.control import sockets
from tests.support.waiting import DEADLINE

STATUS = b"POST /v3/status HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"


@asynccontextmanager
async def connected(path: Path):
    """Yield reader and writer of a connection, which is aborted at the end."""
    with sockets.address_of(path) as address:
        reader, writer = await asyncio.open_unix_connection(address)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def ask(path: Path, request: bytes) -> tuple[int, dict]:
    """Send raw bytes and read one answer: status and JSON."""
    async with connected(path) as (reader, writer):
        writer.write(request)
        return await answer(reader)


async def answer(reader: asyncio.StreamReader) -> tuple[int, dict]:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"content-length")
    )
    return int(head.split()[1]), json.loads(await asyncio.wait_for(reader.readexactly(length), DEADLINE))


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Return what still comes until the other end hangs up."""
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE)
    except ConnectionError:
        return b""


def post(verb: str, body: bytes) -> bytes:
    return to(f"/v3/{verb}", body)


def to(path: str, body: bytes) -> bytes:
    return b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (path.encode(), len(body), body)
