"""The connector `http`: requests on one client for all calls.

Built by the registry, called by the engine's runner.
"""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from core.connectors.base import CallFailed, Plain, parse_input
from core.connectors.http_answer import Answer, output, refusal, tame_headers
from core.connectors.http_body import FILE, Body, BodyBroken, BodyTooLarge, LenientBody, open_body
from core.connectors.http_client import IDEMPOTENT, HttpClient, read_raw
from core.connectors.http_input import HttpInput, written
from core.connectors.http_poll import look_input
from core.connectors.http_redirects import STATUSES, Hop, RedirectRefused, next_hop
from core.connectors.http_usage import found_at
from core.model.codes import ErrorCodes, Numbers
from core.model.errors import Invalid
from core.model.outcomes import Failed, TaskError
from core.model.ports import InlineCall
from core.model.shortages import shortage

if TYPE_CHECKING:
    from core.config import Settings
    from core.connectors.http_input import Scalar
    from core.model.patterns.polls import PollPlan
    from core.model.ports import CallContext
    from core.model.values import JsonObject, JsonValue

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods after which a body that cannot be read is a failure: asking again does no harm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Payload:
    """The body to send and its content type, '' = none."""

    content: bytes | None
    kind: str = ""


class Http(Plain):
    """Ask a server over one shared client.

    The body of the answer is always streamed into the attempt directory. What a body holds never fails a
    call that changed something: it is kept as it came, and the output says so.
    """

    name = "http"
    schema = HttpInput
    codes = ErrorCodes(
        codes=frozenset(
            {
                "poll.timeout",
                *(f"http.{status}" for status in ("4xx", "5xx", "408", "429", "status")),
                *(f"http.{reason}" for reason in ("timeout", "connect", "redirect", "body", "request")),
                *(f"http.{reason}" for reason in ("protocol", "file")),
            }
        ),
        numbers={"http": Numbers(least=100, most=599, noun="a status")},
    )
    secrets = (("headers", "*"), ("body",), ("json", "**"), ("form", "*"))
    later = (("poll", "until"), ("poll", "url"))
    texts = (
        ("url",),
        ("method",),
        ("body",),
        ("headers", "*"),
        ("query", "*"),
        ("query", "*", "*"),
        ("form", "*"),
    )

    def __init__(self, settings: Settings) -> None:
        """Take timeouts, body cap, connection limit and proxy."""
        self.settings = settings
        self._client: HttpClient | None = None

    async def stop(self) -> None:
        """Close the client and its connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def call(self, with_: JsonObject, context: CallContext) -> InlineCall:
        """Make the call; raise `Invalid` for a faulty input.

        The output is `{status, headers, path, size, text | json}`, and `problem`
        where the body could not be unpacked; failures have the codes of `classify`.
        """
        wanted = parse_input(HttpInput, with_)
        payload = _payload(wanted)
        hop = _first_hop(wanted, payload, context)
        return InlineCall(run=lambda: self._run(wanted, payload, hop=hop, context=context))

    def poll(self, with_: JsonObject) -> PollPlan | None:
        """Return how a call is repeated until its answer is the one that is waited for; None = it is not."""
        given = parse_input(HttpInput, with_).poll
        return None if given is None else given.plan

    def look(self, with_: JsonObject, url: str | None) -> JsonObject:
        """Return the input of one look."""
        return look_input(with_, url)

    def may_repeat(self, with_: JsonObject) -> bool:
        """Say no to methods that repeat their effect, such as POST and PATCH, without a key in the input.

        The key that taskdeck sends by itself does not count: most servers pass it over.
        """
        method, headers = with_.get("method", "GET"), with_.get("headers")
        if isinstance(method, str) and method.upper() in IDEMPOTENT:
            return True
        return isinstance(headers, dict) and any(name.lower() == "idempotency-key" for name in headers)

    def classify(self, error: Exception) -> Failed:
        """Name what went wrong without an answer.

        Retryable: `http.timeout`, `http.connect`, `http.protocol` (broken answer), `http.file`.
        Permanent: `http.redirect`, `http.body` (over its cap), `http.request` (cannot be sent).
        """
        permanent = False
        match error:
            case httpx.TimeoutException() | TimeoutError():
                code, message = "http.timeout", "the server did not answer in time"
            case httpx.ConnectError() | httpx.ProxyError():
                code, message = "http.connect", "the server cannot be reached"
            case RedirectRefused():
                code, message, permanent = "http.redirect", "a redirect was not followed", True
            case BodyTooLarge():
                message = f"the body is larger than {self.settings.http_body_cap} bytes"
                return _failed("http.body", message, error, permanent=True)
            case httpx.InvalidURL() | httpx.UnsupportedProtocol() | httpx.LocalProtocolError():
                code, message, permanent = "http.request", "the request cannot be sent", True
            case httpx.TransportError() | httpx.StreamError() | BodyBroken():
                code, message = "http.protocol", "the answer broke off or is malformed"
            case OSError():
                code, message = "http.file", "the body cannot be kept"
            case _:
                return super().classify(error)
        return _failed(code, message, error, permanent=permanent)

    async def _run(
        self, wanted: HttpInput, payload: _Payload, *, hop: Hop, context: CallContext
    ) -> JsonValue:
        async with asyncio.timeout(wanted.seconds(self.settings.http_timeout)), self._shared().room():
            response = await self._follow(wanted, payload, hop=hop)
            try:
                answer = await self._keep(response, context)
            finally:
                await response.aclose()
        if wanted.usage:
            _spend(wanted, answer, context)
        if wanted.expects(answer.status):
            return output(answer)
        # The other side's dates are of the wall clock.
        now = context.clock.now()
        raise CallFailed(refusal(answer, now=now - context.clock.offset))

    async def _follow(self, wanted: HttpInput, payload: _Payload, *, hop: Hop) -> httpx.Response:
        """Send, and follow redirects; the response comes back open, its body unread."""
        left = wanted.redirects
        while True:
            try:
                response = await self._shared().send(hop, payload.content)
            except httpx.ConnectError as error:
                short = shortage(error)
                if short is not None and short.code == "short.descriptors" and left == wanted.redirects:
                    # Nothing was sent yet: the call is made when the machine has room for it.
                    raise short from error
                raise
            location = response.headers.get("location")
            if response.status_code not in STATUSES or location is None or not wanted.redirects:
                return response
            status = response.status_code
            await response.aclose()
            if not left:
                raise RedirectRefused(f"more than {wanted.redirects} redirects")
            left -= 1
            hop = next_hop(hop, status, location)

    async def _keep(self, response: httpx.Response, context: CallContext) -> Answer:
        headers = tame_headers(response.headers.raw)
        encoding = headers.get("content-encoding", "")
        kind = Body if response.request.method in _SAFE else LenientBody
        cap, masks = self.settings.http_body_cap, context.masks
        with open_body(context.directory, kind, encoding=encoding, cap=cap, masks=masks) as body:
            async for piece in read_raw(response):
                body.feed(piece)
            body.finish()
            body.end()
        return Answer(
            status=response.status_code,
            headers=headers,
            path=context.directory / FILE,
            head=bytes(body.head),
            size=body.size,
            problem=body.problem,
        )

    def _shared(self) -> HttpClient:
        # Reading the trusted certificates takes tens of milliseconds: an engine without http never pays.
        if self._client is None:
            self._client = HttpClient(self.settings)
        return self._client


def _spend(wanted: HttpInput, answer: Answer, context: CallContext) -> None:
    """Report what the body says that was spent; an answer that was not wanted may say nothing."""
    found = found_at(wanted.usage, output(answer).get("json"))
    if found or wanted.expects(answer.status):
        context.spend(found)


def _first_hop(wanted: HttpInput, payload: _Payload, context: CallContext) -> Hop:
    """Return the first request; user and password of the URL become a header, the query is added."""
    parts = urlsplit(wanted.url)
    given = {name.lower() for name in wanted.headers}
    headers = dict(wanted.headers)
    if (parts.username or parts.password) and "authorization" not in given:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    if payload.kind and "content-type" not in given:
        headers["Content-Type"] = payload.kind
    if wanted.method not in IDEMPOTENT and "idempotency-key" not in given:
        headers["Idempotency-Key"] = context.idempotency_key
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    try:
        url = httpx.URL(bare)
        if wanted.query:
            pairs = httpx.QueryParams({key: _listed(value) for key, value in wanted.query.items()})
            url = url.copy_with(params=url.params.merge(pairs))
    except httpx.InvalidURL as error:
        raise Invalid(
            "with.invalid",
            f"input: `url`: {error}",
            hint="fix the URL",
            facts={"field": "url", "reason": str(error)},
        ) from error
    return Hop(method=wanted.method, url=str(url), headers=headers)


def _payload(wanted: HttpInput) -> _Payload:
    if "json_" in wanted.model_fields_set:
        return _Payload(content=json.dumps(wanted.json_).encode(), kind="application/json")
    if wanted.form is not None:
        pairs = httpx.QueryParams({key: written(value) for key, value in wanted.form.items()})
        return _Payload(content=str(pairs).encode(), kind="application/x-www-form-urlencoded")
    if wanted.body is not None:
        return _Payload(content=wanted.body.encode(), kind="text/plain; charset=utf-8")
    return _Payload(content=None)


def _listed(value: Scalar | list[Scalar]) -> list[str]:
    return [written(item) for item in (value if isinstance(value, list) else [value])]


def _failed(code: str, message: str, error: Exception, *, permanent: bool) -> Failed:
    reason = str(error)[:500]
    facts: JsonObject = {"type": type(error).__name__}
    return Failed(
        error=TaskError(code=code, message=f"{message}: {reason}" if reason else message, facts=facts),
        permanent=permanent,
    )
