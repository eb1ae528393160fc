"""A server that gives canned answers, and the control that asks it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from core.control import wire
from core.control.handshake import Welcome
from core.control.remote import RemoteControl
from core.control.transport import SocketDialer

WELCOME = Welcome(protocol=wire.PROTOCOL, version="9.9", pid=1, epoch=1, state="serving")


def answer_with(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body)


class Answering:
    """Say hello, then give one answer to everything and hang up; yields what was heard, and a control."""

    def __init__(self, folder: Path, *, welcome: bytes | None = None, answer: bytes = b"") -> None:
        self.path = folder / "engine.sock"
        self.welcome = answer_with(wire.encode_answer(WELCOME)) if welcome is None else welcome
        self.answer = answer
        self.heard: list[bytes] = []

    async def __aenter__(self) -> tuple[list[bytes], RemoteControl]:
        self.server = await asyncio.start_unix_server(self.serve, self.path)
        self.control = RemoteControl(SocketDialer(self.path))
        return self.heard, self.control

    async def __aexit__(self, *_: object) -> None:
        await self.control.close()
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            self.heard.append(data)
            if not data.startswith(b"POST /hello "):
                writer.write(self.answer)
                break
            writer.write(self.welcome)
        writer.close()
