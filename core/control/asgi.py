"""HTTP requests and answers in the form of ASGI.

Used by `routes`. There are three paths and one method: a web framework takes longer to load than the rest of
the server, and longer to pass through than most requests take.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from core.control import wire

Message: TypeAlias = Mapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class ClientGone(Exception):
    """Report that the client hung up before it had asked all."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request: its `scope` as ASGI has it, and what its client still sends."""

    scope: Message
    receive: Receive

    @property
    def path(self) -> str:
        """Return the path, percent signs decoded; empty for another method than POST."""
        return cast("str", self.scope["path"]) if self.scope["method"] == "POST" else ""

    @property
    def client(self) -> tuple[str, int]:
        """Return the kind and the id of the process at the other end; 0 = unknown."""
        return cast("tuple[str, int]", self.scope.get("client") or ("", 0))

    async def body(self, limit: int) -> bytes | bytearray:
        """Return the whole body; raise `ClientGone`, and `Invalid` as soon as more bytes are announced."""
        for name, value in self.scope["headers"]:
            if name == b"content-length" and value.isdigit():
                wire.check_size(int(value), limit)
        body = bytearray()
        is_more = True
        while is_more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece = message.get("body", b"")
            wire.check_size(len(body) + len(piece), limit)
            body += piece
            is_more = message.get("more_body", False)
        return body

    async def gone(self) -> None:
        """Return when the client has hung up."""
        while (await self.receive())["type"] != "http.disconnect":
            continue


async def answer(
    send: Send, content: bytes, status: int, *, headers: Mapping[bytes, bytes] | None = None
) -> None:
    """Send an answer of JSON."""
    fields = {
        b"content-type": b"application/json",
        b"content-length": b"%d" % len(content),
        **(headers or {}),
    }
    await send({"type": "http.response.start", "status": status, "headers": list(fields.items())})
    await send({"type": "http.response.body", "body": content})
