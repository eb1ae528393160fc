"""HttpClient: requests on connections that no earlier call left in doubt.

Used by the connector `http`.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from core.config import Settings
    from core.connectors.http_redirects import Hop

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""Methods that may be sent again: only these use a connection of an earlier call."""
_KEEPALIVE = 20
_WITHOUT_BODY = frozenset({204, 304})
_LEFTOVER = ("_stream", "_httpcore_stream", "_stream", "_connection", "_h11_state", "trailing_data")
"""The way from the stream of a response to what came behind its end."""


class HttpClient:
    """Two clients: one keeps connections, for methods that may be sent again; one never does.

    Cookies are never kept, proxies and credentials of the environment never used.
    """

    def __init__(self, settings: Settings) -> None:
        trust = httpx.create_ssl_context(trust_env=False)
        trust.load_default_certs()
        self._kept = _client(settings, trust, keepalive=_KEEPALIVE)
        self._fresh = _client(settings, trust, keepalive=0)
        self._room = asyncio.Semaphore(settings.http_connections)

    async def close(self) -> None:
        """Close all connections."""
        await self._kept.aclose()
        await self._fresh.aclose()

    @asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        """Wait until there is room for one more connection in use, and hold it."""
        async with self._room:
            yield

    async def send(self, hop: Hop, content: bytes | None) -> httpx.Response:
        """Send one request; the response comes back open, its body unread.

        What is not idempotent goes on a connection of its own, so that nothing of an earlier call can
        make it fail. A kept connection that fails before an answer is replaced by a new one, once.
        """
        if hop.method not in IDEMPOTENT:
            return await _send(self._fresh, hop, content)
        trace = _Trace()
        try:
            return await _send(self._kept, hop, content, extensions={"trace": trace})
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if trace.connected:
                raise
        return await _send(self._fresh, hop, content)


async def read_raw(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body as it came; a connection that is in doubt behind its end is not used again."""
    if isinstance(response.stream, httpx.AsyncByteStream):
        async for piece in response.stream:
            yield piece
    if _in_doubt(response):
        # The pool finds the closed connection before it lends it again.
        await response.extensions["network_stream"].aclose()


class _Trace:
    """Notes whether a request opened a connection."""

    connected = False

    async def __call__(self, name: str, _info: Mapping[str, object]) -> None:
        self.connected = self.connected or name == "connection.connect_tcp.started"


def _in_doubt(response: httpx.Response) -> bool:
    """Tell whether a server may have sent, or may yet send, more than its answer."""
    headers = response.headers
    without_body = response.request.method == "HEAD" or response.status_code in _WITHOUT_BODY
    ambiguous = "content-length" in headers and "transfer-encoding" in headers
    return without_body or ambiguous or _leftover(response) != b""


def _leftover(response: httpx.Response) -> bytes | None:
    """Return what was read behind the end of an answer; None where it cannot be known."""
    place: object = response.stream
    for name in _LEFTOVER:
        place = getattr(place, name, None)
    match place:
        case (bytes() as leftover, _):
            return leftover
        case _:
            return None


async def _send(
    client: httpx.AsyncClient,
    hop: Hop,
    content: bytes | None,
    *,
    extensions: dict[str, object] | None = None,
) -> httpx.Response:
    headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in hop.headers.items()]
    request = client.build_request(
        hop.method,
        hop.url,
        headers=headers,
        content=content if hop.body else None,
        extensions=extensions,
    )
    return await client.send(request, stream=True, auth=None, follow_redirects=False)


def _client(settings: Settings, trust: ssl.SSLContext, *, keepalive: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=trust,
        trust_env=False,
        proxy=settings.http_proxy,
        # A cookie of one task must never reach the next one's request.
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        headers={"user-agent": "taskdeck", "accept-encoding": "gzip"},
        limits=httpx.Limits(max_connections=settings.http_connections, max_keepalive_connections=keepalive),
        timeout=httpx.Timeout(
            settings.http_read_timeout, connect=settings.http_connect_timeout, pool=settings.http_timeout
        ),
    )
