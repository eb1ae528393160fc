"""A server that misbehaves to one call makes no later call fail."""

from __future__ import annotations

import asyncio
import gzip
import shutil
from pathlib import Path

import httpx
import pytest

from core.config import load
from core.connectors.http import Http
from core.engine.attempts.connector_results import checked_outcome
from core.model.outcomes import Failed, Succeeded
from tests.connectors.http_servers import make_certificate, reply, serving
from tests.connectors.inline_calls import make_context
from tests.support.waiting import until


@pytest.fixture
async def http(tmp_path):
    connector = Http(load(tmp_path, http_timeout=20, http_read_timeout=10, http_connect_timeout=5))
    await connector.start()
    yield connector
    await connector.stop()


async def ask(http, tmp_path, **with_):
    return await http.call(with_, make_context(tmp_path)).run()


async def reset(reader, writer):
    writer.write(reply(200, b"first"))
    await writer.drain()
    writer.transport.abort()


async def in_two_pieces(reader, writer):
    writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    await writer.drain()
    writer.write(b"late surprise")
    await writer.drain()
    await reader.read()


FORGED = reply(200, b"forged")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DOUBTFUL = {
    "204 with a body": (b"HTTP/1.1 204 No Content\r\n\r\nsurprise", {}),
    "204 with a body that has a length": (b"HTTP/1.1 204 X\r\nContent-Length: 8\r\n\r\nsurprise", {}),
    "204 with an answer behind it": (b"HTTP/1.1 204 No Content\r\n\r\n" + FORGED, {}),
    "204 with a body in a piece of its own": (in_two_pieces, {}),
    "304 with a body": (b"HTTP/1.1 304 X\r\n\r\n" + FORGED, {"expect": 304}),
    "an answer to HEAD with a body": (reply(200, FORGED), {"method": "HEAD"}),
    "more than its length": (reply(200, b"first") + b"and more", {}),
    "an answer behind its length": (reply(200, b"first") + FORGED, {}),
    "an answer behind the last chunk": (CHUNKED + b"5\r\nfirst\r\n0\r\n\r\n" + FORGED, {}),
    "line ends behind the body": (reply(200, b"first") + b"\r\n\r\n", {}),
    "length and chunks": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + FORGED,
        {},
    ),
    "a body shorter than its length": (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nabc",
        None,
    ),
    "a broken chunk": (CHUNKED + b"zz\r\n" + FORGED, None),
    "a close without a word": (
        reply(200, b"first", "Connection: close").replace(b"tion: close", b"x: y"),
        {},
    ),
    "a reset": (reset, {}),
    "a redirect with a body": (reply(302, FORGED, "Location: /next"), {}),
}
"""What the server answers first, and the input of the first call (None = it fails)."""


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", DOUBTFUL)
async def test_a_connection_in_doubt_is_not_used_again(http, tmp_path, name, method):
    first, with_ = DOUBTFUL[name]
    others = [reply(200, b"true")] * 3
    async with serving(first, *others) as server:
        if with_ is None:
            with pytest.raises(httpx.RemoteProtocolError):
                await ask(http, tmp_path, url=server.url("/1"))
        else:
            await ask(http, tmp_path, url=server.url("/1"), **with_)
        output = await ask(http, tmp_path, url=server.url("/2"), method=method)
    assert (output["status"], output["text"]) == (200, "true")


@pytest.mark.parametrize("name", ["closed", "reset", "garbage", "half an answer"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
async def test_what_may_be_sent_again_is_sent_again_when_a_kept_connection_fails(
    http, tmp_path, name, method
):
    async def fail(reader, writer):
        if name == "garbage":
            writer.write(b"\0\0 garbage\r\n\r\n")
        elif name == "half an answer":
            writer.write(b"HTTP/1.1 200 OK\r\nConte")
        elif name == "reset":
            writer.transport.abort()

    async with serving(reply(200, b"first"), fail, reply(200, b"again")) as server:
        await ask(http, tmp_path, url=server.url("/1"))
        output = await ask(http, tmp_path, url=server.url("/2"), method=method)
    assert output["status"] == 200
    assert [request.target for request in server.requests] == ["/1", "/2", "/2"]
    assert server.connections == 2


async def test_a_new_connection_that_fails_is_a_failure(http, tmp_path):
    async def close(reader, writer):
        writer.close()

    async with serving(close, reply(200, b"again")) as server:
        with pytest.raises(Exception) as caught:
            await ask(http, tmp_path, url=server.url())
    assert http.classify(caught.value).error.code == "http.protocol"
    assert len(server.requests) == 1


async def test_what_must_not_be_sent_again_is_sent_once_on_a_connection_of_its_own(http, tmp_path):
    async def close(reader, writer):
        writer.close()

    async with serving(reply(200, b"first"), close, reply(200, b"again")) as server:
        await ask(http, tmp_path, url=server.url())
        with pytest.raises(Exception) as caught:
            await ask(http, tmp_path, url=server.url(), method="POST", json={})
        assert http.classify(caught.value).error.code == "http.protocol"
        assert server.connections == 2
    assert [request.method for request in server.requests] == ["GET", "POST"]


async def test_connections_in_use_have_a_limit_for_all_methods(http, tmp_path):
    limited = Http(load(tmp_path, http_connections=2))
    held: list[str] = []
    release = asyncio.Event()

    async def hold(reader, writer):
        held.append("held")
        await release.wait()
        writer.write(reply(200, b"x", "Connection: close"))
        await writer.drain()

    async with serving(*[hold] * 4) as server, serving(*[reply()] * 5) as other:
        methods = ["GET", "POST", "GET", "POST"]
        calls = [ask(limited, tmp_path / str(n), url=server.url(), method=m) for n, m in enumerate(methods)]
        tasks = [asyncio.create_task(call) for call in calls]
        await until(lambda: len(held) == 2, "two calls are held")
        for _ in range(5):
            # Each is a whole round trip: time enough for a third connection, if there were one.
            await ask(http, tmp_path / "other", url=other.url(), method="POST")
        at_once = len(held)
        release.set()
        await asyncio.gather(*tasks)
    await limited.stop()
    assert (at_once, len(held)) == (2, 4)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_what_is_read_behind_an_answer_is_seen_through_tls_too(http, tmp_path, monkeypatch):
    tls, certificate = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    async with serving(reply(200, b"first") + FORGED, reply(200, b"true"), tls=tls) as server:
        await ask(http, tmp_path, url=server.url("/1"))
        assert (await ask(http, tmp_path, url=server.url("/2")))["text"] == "true"


JSON = "Content-Type: application/json"
UNREADABLE = {
    "beyond any number": b'{"n": 1e999}',
    "minus beyond any number": b"[-1e999]",
    "nan": b'{"n": NaN}',
    "infinity": b"Infinity",
    "too many digits": b"1" * 5_000,
    "a key twice": b'{"a": 1, "a": 2}',
    "too deep": b"[" * 100_000 + b"]" * 100_000,
    "a little too deep": b"[" * 201 + b"]" * 201,
    "not UTF-8": b'{"a": "\xff"}',
    "half a document": b'{"a": [1, 2',
    "nothing": b"",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", UNREADABLE)
async def test_json_that_cannot_be_kept_is_text_and_no_failure(http, tmp_path, name, method):
    body = UNREADABLE[name]
    async with serving(reply(200, body, JSON)) as server:
        output = await ask(http, tmp_path, url=server.url(), method=method)
    assert "json" not in output
    assert output["text"] == body[:65_536].decode("utf-8", "replace")
    assert isinstance(checked_outcome(Succeeded(output=output)), Succeeded)
    assert Path(output["path"]).read_bytes() == body


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": "\\ud800"}', {"a": "\ud800"}),
        (b"36893488147419103232", 2**65),
        (b"[" * 200 + b"]" * 200, None),
        (b"-0.0", -0.0),
        ('"ä"'.encode("utf-16"), "ä"),
        (b'{"": {"a": 1}, "b": {"a": 2}}', {"": {"a": 1}, "b": {"a": 2}}),
    ],
)
async def test_json_that_is_only_unusual_stays_json(http, tmp_path, body, value):
    async with serving(reply(200, body, JSON)) as server:
        output = await ask(http, tmp_path, url=server.url(), method="POST")
    assert "text" not in output
    assert value is None or output["json"] == value
    assert isinstance(checked_outcome(Succeeded(output=output)), Succeeded)


@pytest.mark.parametrize("charset", ["rot13", "utf-99", "hex", "x" * 300, '"', "utf-16", "utf-7"])
async def test_a_charset_that_does_not_fit_fails_no_call(http, tmp_path, charset):
    async with serving(reply(200, b"odd", f"Content-Type: text/plain; charset={charset}")) as server:
        output = await ask(http, tmp_path, url=server.url(), method="POST")
    assert isinstance(output["text"], str)
    assert isinstance(checked_outcome(Succeeded(output=output)), Succeeded)


NUMBERS = b" ".join(b"%d" % number for number in range(100_000))
WHOLE = gzip.compress(NUMBERS)
BROKEN_IN_THE_MIDDLE = WHOLE[:-50_000] + b"\xff" * 50 + WHOLE[-49_950:]
PACKED = {
    "not gzip": (b'{"a": 1}', "gzip", b'{"a": 1}', "cannot be unpacked"),
    "half a gzip": (WHOLE[:-9], "gzip", None, "ends too early"),
    "broken in the middle": (BROKEN_IN_THE_MIDDLE, "gzip", None, "cannot be unpacked"),
    "unknown packing": (b"kept", "br", b"kept", "packed as 'br'"),
    "two packings": (b"kept", "gzip, br", b"kept", "packed as 'gzip, br'"),
}


@pytest.mark.parametrize("name", PACKED)
async def test_a_body_that_cannot_be_unpacked_fails_no_call_that_changed_something(http, tmp_path, name):
    body, encoding, kept, problem = PACKED[name]
    async with serving(reply(200, body, f"Content-Encoding: {encoding}"), reply(200, b"true")) as server:
        output = await ask(http, tmp_path, url=server.url(), method="POST", json={})
        assert problem in output["problem"]
        stored = Path(output["path"]).read_bytes()
        assert stored == kept if kept is not None else stored.startswith(NUMBERS[:10_000])
        assert (await ask(http, tmp_path, url=server.url()))["text"] == "true"


async def test_a_body_that_cannot_be_unpacked_is_a_failure_where_asking_again_does_no_harm(http, tmp_path):
    async with serving(reply(200, b"plain", "Content-Encoding: gzip")) as server:
        with pytest.raises(Exception) as caught:
            await ask(http, tmp_path, url=server.url())
    failed = http.classify(caught.value)
    assert isinstance(failed, Failed)
    assert (failed.error.code, failed.permanent) == ("http.protocol", False)
