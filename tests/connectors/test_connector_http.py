"""Asking real servers: what is sent, what comes back, what failures mean."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import stat
import zlib
from pathlib import Path

import pytest

from core.config import load
from core.connectors.base import CallFailed
from core.connectors.http import Http
from core.model.errors import Invalid
from core.model.outcomes import Failed
from tests.connectors.http_servers import make_certificate, reply, serving
from tests.connectors.inline_calls import make_context
from tests.support.waiting import DEADLINE


@pytest.fixture
async def http(tmp_path):
    connector = Http(
        load(tmp_path, http_body_cap=100_000, http_timeout=20, http_read_timeout=10, http_connect_timeout=5)
    )
    await connector.start()
    yield connector
    await connector.stop()


async def ask(http, tmp_path, **with_):
    assert http.check(with_) == ()
    return await http.call(with_, make_context(tmp_path)).run()


async def failing(http, tmp_path, **with_) -> Failed:
    with pytest.raises(Exception) as caught:
        await ask(http, tmp_path, **with_)
    return http.classify(caught.value)


async def test_a_json_answer_becomes_output_and_its_body_a_private_file(http, tmp_path):
    async with serving(
        reply(200, b'{"a": [1]}', "Content-Type: application/json", "X-Y: 1", "X-Y: 2")
    ) as server:
        output = await ask(http, tmp_path, url=server.url("/x?a=1"))
    assert (output["status"], output["json"], output["size"]) == (200, {"a": [1]}, 10)
    assert output["headers"]["x-y"] == "1, 2"
    assert "text" not in output
    path = Path(output["path"])
    assert path.read_bytes() == b'{"a": [1]}'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_a_request_says_little_and_keeps_the_query_of_its_url(http, tmp_path):
    async with serving(reply()) as server:
        query = {"b": [1, True], "c": "ä &"}
        await ask(http, tmp_path, url=server.url("/p?a=1#part"), query=query, headers={"X-One": "ü"})
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/p?a=1&b=1&b=true&c=%C3%A4+%26")
    assert request.headers["x-one"] == "ü"
    assert request.headers["user-agent"] == "taskdeck"
    assert "idempotency-key" not in request.headers


async def test_a_notice_is_posted_as_json_with_its_idempotency_key(http, tmp_path):
    notice = {"job": 1, "type": "job", "status": "succeeded"}
    async with serving(reply(204)) as server:
        output = await ask(http, tmp_path, method="POST", url=server.url(), json=notice)
    (request,) = server.requests
    assert json.loads(request.body) == notice
    assert request.headers["content-type"] == "application/json"
    assert request.headers["idempotency-key"] == "key-of-generation-1"
    assert (output["status"], output["text"]) == (204, "")


@pytest.mark.parametrize(
    ("with_", "body", "kind"),
    [
        ({"json": None}, b"null", "application/json"),
        ({"body": "ä"}, "ä".encode(), "text/plain; charset=utf-8"),
        ({"form": {"a": "1 2", "b": True}}, b"a=1+2&b=true", "application/x-www-form-urlencoded"),
        ({"body": "<a/>", "headers": {"content-type": "text/xml"}}, b"<a/>", "text/xml"),
    ],
)
async def test_bodies_are_sent_with_their_type(http, tmp_path, with_, body, kind):
    async with serving(reply()) as server:
        await ask(http, tmp_path, url=server.url(), method="put", **with_)
    (request,) = server.requests
    assert (request.method, request.body, request.headers["content-type"]) == ("PUT", body, kind)
    assert "idempotency-key" not in request.headers


async def test_a_users_own_idempotency_key_and_authorization_win(http, tmp_path):
    async with serving(reply()) as server:
        url = server.url().replace("//", "//bob:p%40ss@")
        headers = {"idempotency-KEY": "mine", "authorization": "Bearer x"}
        await ask(http, tmp_path, method="POST", url=url, headers=headers)
    (request,) = server.requests
    assert (request.headers["idempotency-key"], request.headers["authorization"]) == ("mine", "Bearer x")


@pytest.mark.parametrize("key", ["", "  "])
def test_an_empty_idempotency_key_is_refused(http, tmp_path, key):
    # A call with a key is repeated after a loss, and an empty one keeps no server from doing it twice.
    with_ = {"method": "POST", "url": "http://x/", "headers": {"idempotency-KEY": key}}
    (fault,) = http.check(with_)
    assert "must not be empty" in fault.message
    # An expression may have made it.
    with pytest.raises(Invalid, match="must not be empty"):
        http.call(with_, make_context(tmp_path))


async def test_user_and_password_of_the_url_become_basic_authorization(http, tmp_path):
    async with serving(reply()) as server:
        await ask(http, tmp_path, url=server.url().replace("//", "//bob:p%40ss@"))
    assert server.requests[0].headers["authorization"] == "Basic Ym9iOnBAc3M="
    assert "bob" not in server.requests[0].headers["host"]


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (400, "http.4xx", True),
        (404, "http.4xx", True),
        (408, "http.408", False),
        (429, "http.429", False),
        (500, "http.5xx", False),
        (503, "http.5xx", False),
        (304, "http.status", True),
    ],
)
async def test_a_status_is_retryable_or_permanent_by_class(http, tmp_path, status, code, permanent):
    async with serving(reply(status, b"" if status == 304 else b"why")) as server:
        failed = await failing(http, tmp_path, url=server.url())
    assert (failed.error.code, failed.permanent) == (code, permanent)
    assert failed.error.facts["status"] == status
    assert Path(failed.error.facts["path"]).is_file()
    assert failed.error.facts["text"] == ("" if status == 304 else "why")


async def test_a_failure_carries_retry_after(http, tmp_path):
    async with serving(reply(503, b"", "Retry-After: 7"), reply(404, b"", "Retry-After: 7")) as server:
        assert (await failing(http, tmp_path, url=server.url())).retry_after_ms == 7_000
        assert (await failing(http, tmp_path, url=server.url())).retry_after_ms is None


@pytest.mark.parametrize(
    ("expect", "status", "good"),
    [
        (404, 404, True),
        (404, 200, False),
        (["2xx", 409], 409, True),
        (["2xx", 409], 201, True),
        ("3xx", 200, False),
    ],
)
async def test_expected_statuses_are_the_success(http, tmp_path, expect, status, good):
    async with serving(reply(status)) as server:
        if good:
            assert (await ask(http, tmp_path, url=server.url(), expect=expect))["status"] == status
            return
        assert (await failing(http, tmp_path, url=server.url(), expect=expect)).permanent


async def test_calls_share_one_client_and_its_connections(http, tmp_path):
    async with serving(*[reply(200, b"x")] * 5) as server:
        for _ in range(5):
            await ask(http, tmp_path, url=server.url())
    assert server.connections == 1


async def test_cookies_of_one_call_do_not_reach_the_next(http, tmp_path):
    async with serving(reply(200, b"", "Set-Cookie: s=1"), reply()) as server:
        await ask(http, tmp_path, url=server.url())
        await ask(http, tmp_path, url=server.url())
    assert "cookie" not in server.requests[1].headers


async def test_proxies_of_the_environment_are_not_used(http, tmp_path, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    async with serving(reply()) as server:
        assert (await ask(http, tmp_path, url=server.url()))["status"] == 200


async def test_a_proxy_that_was_set_is_used(tmp_path):
    async with serving(reply(200, b"proxied")) as server:
        http = Http(load(tmp_path, http_proxy=server.url("")))
        output = await ask(http, tmp_path, url="http://no.such.host.invalid/x")
        await http.stop()
    assert output["text"] == "proxied"
    assert server.requests[0].target == "http://no.such.host.invalid/x"


async def test_nobody_listening_is_a_connect_failure(http, tmp_path):
    async with serving() as server:
        url = server.url()
    failed = await failing(http, tmp_path, url=url)
    assert (failed.error.code, failed.permanent) == ("http.connect", False)


async def test_a_silent_server_is_a_timeout(tmp_path):
    http = Http(load(tmp_path, http_read_timeout=0.05))

    async def silent(reader, writer):
        await reader.read()

    async with serving(silent) as server:
        failed = await failing(http, tmp_path, url=server.url())
        await asyncio.wait_for(server.closed.wait(), DEADLINE)
    await http.stop()
    assert (failed.error.code, failed.permanent) == ("http.timeout", False)


@pytest.mark.parametrize("timeout", [0.1, "100ms"])
async def test_a_drip_ends_at_the_total_timeout(http, tmp_path, timeout):
    async def drip(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"x")
            await writer.drain()
            try:
                await asyncio.wait_for(reader.read(1), 0.01)
            except TimeoutError:
                continue

    async with serving(drip) as server:
        failed = await failing(http, tmp_path, url=server.url(), timeout=timeout)
        await asyncio.wait_for(server.closed.wait(), DEADLINE)
    assert failed.error.code == "http.timeout"


async def test_cancelling_a_call_closes_its_connection(http, tmp_path):
    started = asyncio.Event()

    async def endless(reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx")
        await writer.drain()
        started.set()
        await reader.read()

    async with serving(endless) as server:
        task = asyncio.ensure_future(ask(http, tmp_path, url=server.url()))
        await asyncio.wait_for(started.wait(), DEADLINE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.closed.wait(), DEADLINE)


CHUNKED = b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
BROKEN = {
    "no http": b"SSH-2.0-x\r\n\r\n",
    "half a head": b"HTTP/1.1 200 OK\r\nConten",
    "short body": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nabc",
    "broken chunk": CHUNKED + b"zz\r\nabc",
    "chunks without end": CHUNKED + b"3\r\nabc\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    "endless head": b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
    "not gzip": reply(200, b"plain", "Content-Encoding: gzip"),
    "half a gzip": reply(200, gzip.compress(b"x" * 5_000)[:-9], "Content-Encoding: gzip"),
    "unknown packing": reply(200, b"x", "Content-Encoding: br"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_answer_is_a_protocol_failure(http, tmp_path, name):
    async def answer(reader, writer):
        writer.write(BROKEN[name])
        await writer.drain()

    async with serving(answer) as server:
        failed = await failing(http, tmp_path, url=server.url())
    assert (failed.error.code, failed.permanent) == ("http.protocol", False)


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(b"hello"),
        gzip.compress(b"hel") + gzip.compress(b"lo"),
        gzip.compress(b"hello") + b"\0" * 9,
    ],
    ids=["one member", "two members", "padded"],
)
async def test_gzip_is_unpacked_into_the_file(http, tmp_path, packed):
    async with serving(reply(200, packed, "Content-Encoding: gzip")) as server:
        output = await ask(http, tmp_path, url=server.url())
    assert (output["text"], output["size"]) == ("hello", 5)
    assert server.requests[0].headers["accept-encoding"] == "gzip"


async def test_deflate_is_unpacked_too_and_an_empty_packed_body_is_empty(http, tmp_path):
    big = b"".join(str(n).encode() for n in range(15_000))
    answers = [
        reply(200, zlib.compress(big), "Content-Encoding: deflate"),
        reply(200, b"", "Content-Encoding: gzip"),
    ]
    async with serving(*answers) as server:
        output = await ask(http, tmp_path, url=server.url())
        assert Path(output["path"]).read_bytes() == big
        assert (await ask(http, tmp_path, url=server.url()))["size"] == 0


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, gzip.compress(b"\0" * 50_000_000), "Content-Encoding: gzip"),
        reply(200, b"x" * 100_001),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 200_000,
    ],
    ids=["bomb", "one too many", "endless"],
)
async def test_a_body_over_its_cap_fails_for_good(http, tmp_path, answer):
    async with serving(answer) as server:
        failed = await failing(http, tmp_path, url=server.url())
    assert (failed.error.code, failed.permanent) == ("http.body", True)
    assert "100000 bytes" in failed.error.message
    assert (tmp_path / "1" / "1" / "body").stat().st_size <= 100_000


async def test_a_second_attempt_in_the_same_place_starts_an_empty_file(http, tmp_path):
    async with serving(reply(200, b"a long one"), reply(200, b"b")) as server:
        await ask(http, tmp_path, url=server.url())
        output = await ask(http, tmp_path, url=server.url())
    assert Path(output["path"]).read_bytes() == b"b"


async def test_a_link_in_the_place_of_the_body_is_not_followed(http, tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "1" / "1").mkdir(parents=True)
    (tmp_path / "1" / "1" / "body").symlink_to(tmp_path / "victim")
    async with serving(reply(200, b"theirs")) as server:
        failed = await failing(http, tmp_path, url=server.url())
    assert failed.error.code == "http.file"
    assert (tmp_path / "victim").read_text() == "mine"


async def test_redirects_are_followed_five_times(http, tmp_path):
    hops = [reply(302, b"", f"Location: /{n}") for n in range(5)]
    async with serving(*hops, reply(200, b"end")) as server:
        assert (await ask(http, tmp_path, url=server.url()))["text"] == "end"
    assert [request.target for request in server.requests] == ["/", "/0", "/1", "/2", "/3", "/4"]


async def test_the_sixth_redirect_fails_for_good(http, tmp_path):
    async with serving(*[reply(302, b"", "Location: /x")] * 6) as server:
        failed = await failing(http, tmp_path, url=server.url())
    assert (failed.error.code, failed.permanent, len(server.requests)) == ("http.redirect", True, 6)


async def test_without_redirects_the_redirect_is_the_answer(http, tmp_path):
    async with serving(reply(302, b"", "Location: /x")) as server:
        output = await ask(http, tmp_path, url=server.url(), redirects=0, expect=302)
    assert (output["status"], output["headers"]["location"]) == (302, "/x")


async def test_a_post_becomes_a_get_without_body_after_303_and_stays_after_307(http, tmp_path):
    answers = [reply(307, b"", "Location: /a"), reply(303, b"", "Location: /b"), reply()]
    async with serving(*answers) as server:
        await ask(http, tmp_path, url=server.url(), method="POST", json={"a": 1})
    first, second, third = server.requests
    assert (first.method, second.method, second.body) == ("POST", "POST", b'{"a": 1}')
    assert (third.method, third.body) == ("GET", b"")
    assert not {"content-type", "content-length", "idempotency-key"} & set(third.headers)


async def test_credentials_do_not_travel_to_another_origin(http, tmp_path):
    headers = {"Authorization": "a", "cookie": "b", "X-Api-Key": "c", "X-Plain": "d"}
    async with serving(reply(200, b"end")) as other:
        answers = [reply(302, b"", "Location: /same"), reply(302, b"", f"Location: {other.url()}")]
        async with serving(*answers) as server:
            assert (await ask(http, tmp_path, url=server.url(), headers=headers))["text"] == "end"
    assert server.requests[1].headers.keys() >= {"authorization", "cookie", "x-api-key"}
    assert not {"authorization", "cookie", "x-api-key"} & other.requests[0].headers.keys()
    assert other.requests[0].headers["x-plain"] == "d"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_https_is_verified_and_never_leads_to_http(http, tmp_path, monkeypatch):
    tls, certificate = make_certificate(tmp_path)
    async with serving(reply()) as plain:
        answers = [reply(200, b"safe"), reply(302, b"", f"Location: {plain.url()}")]
        async with serving(*answers, tls=tls) as server:
            distrust = await failing(http, tmp_path, url=server.url())
            monkeypatch.setenv("SSL_CERT_FILE", certificate)
            await http.stop()
            assert (await ask(http, tmp_path, url=server.url()))["text"] == "safe"
            failed = await failing(http, tmp_path, url=server.url())
    assert distrust.error.code == "http.connect"
    assert (failed.error.code, failed.permanent) == ("http.redirect", True)
    assert "https to http" in failed.error.message
    assert plain.requests == []


@pytest.mark.parametrize(
    "with_",
    [
        {"url": "ftp://x/"},
        {"url": "/only/path"},
        {"url": "http://"},
        {"url": "http://x/a b"},
        {"url": "http://x/\r\nEvil: 1"},
        {"url": "http://x:99999/"},
        {"url": "http://[::1/"},
        {"url": "http://x/\ud800"},
        {"url": "http://x/" + "y" * 9_000},
        {"headers": {"X": "a\r\nEvil: 1"}},
        {"headers": {"X": "a\x00"}},
        {"headers": {"X": "\u20ac"}},
        {"headers": {"X\r\nEvil": "1"}},
        {"headers": {"X:": "1"}},
        {"headers": {"": "1"}},
        {"headers": {"Content-Length": "1"}},
        {"headers": {"transfer-encoding": "chunked"}},
        {"headers": {"X": [1]}},
        {"method": "CONNECT"},
        {"method": "GET /x"},
        {"json": 1, "body": "x"},
        {"body": "x", "form": {}},
        {"body": "\ud800"},
        {"json": float("nan")},
        {"expect": 99},
        {"expect": []},
        {"expect": "6xx"},
        {"timeout": -1},
        {"timeout": "soon"},
        {"timeout": 86_401},
        {"redirects": 6},
    ],
)
def test_what_could_smuggle_or_mislead_is_refused(http, tmp_path, with_):
    whole = {"url": "http://x/", **with_}
    assert len(http.check(whole)) >= 1
    with pytest.raises(Invalid):
        http.call(whole, make_context(tmp_path))


def test_expressions_are_passed_over_by_the_check(http):
    computed = {
        "url": "${{ params.u }}",
        "headers": {"X": "${{ a }}"},
        "json": {"n": ["${{ b }}"]},
        "expect": "${{ c }}",
    }
    assert http.check(computed) == ()


def test_errors_of_nobodys_making_are_named_and_retryable(http):
    failed = http.classify(KeyError("x"))
    assert (failed.error.code, failed.permanent) == ("connector.error", False)
    assert http.classify(CallFailed(failed)) is failed
