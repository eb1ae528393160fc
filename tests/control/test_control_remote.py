from __future__ import annotations

import asyncio
import os

import pytest

from core.control import dialers, sockets, transport, wire
from core.control.api import TaskSpec
from core.control.local import LocalControl
from core.control.remote import RemoteControl
from core.control.server import ControlServer
from core.control.transport import SocketDialer
from core.model.errors import Bug, Forbidden, Invalid, Unavailable
from tests.control.answering import Answering, answer_with
from tests.control.control_stage import INFO, local_stage
from tests.support.waiting import DEADLINE, within

SPEC = TaskSpec(uses="delay", with_={"seconds": 0})


def control_of(home, **options) -> RemoteControl:
    return RemoteControl(SocketDialer(home / "engine.sock", **options))


async def test_without_an_engine_the_way_out_is_named(tmp_path):
    async with control_of(tmp_path) as control:
        with pytest.raises(Unavailable) as caught:
            await control.status()
    assert (caught.value.code, caught.value.exit_code) == ("engine.none", 4)
    assert "taskdeck serve" in caught.value.hint


async def test_a_stale_socket_is_no_engine_and_stays_for_the_owner_of_the_lock(tmp_path):
    sockets.bind_private(tmp_path / "engine.sock").close()
    async with control_of(tmp_path) as control:
        with pytest.raises(Unavailable) as caught:
            await control.enqueue([SPEC])
    assert caught.value.code == "engine.none"
    assert (tmp_path / "engine.sock").exists()


async def test_a_patient_client_waits_for_an_engine_that_is_just_starting(tmp_path):
    async with local_stage(tmp_path) as stage, control_of(tmp_path, patience=5) as control:
        asked = asyncio.ensure_future(control.status())
        server = ControlServer()
        asyncio.get_running_loop().call_later(
            0.1, lambda: asyncio.ensure_future(server.start(LocalControl(stage.engine), stage.socket))
        )
        assert await asyncio.wait_for(asked, DEADLINE) == INFO
        await server.stop()


async def test_patience_ends(tmp_path):
    async with control_of(tmp_path, patience=0.2) as control:
        with pytest.raises(Unavailable):
            await within(control.status(), "patience ends")


async def test_one_connection_carries_many_requests(remote, monkeypatch):
    opened = count_connections(monkeypatch)
    for _ in range(20):
        await remote.control.enqueue([SPEC])
    assert len(opened) == 1


async def test_a_wait_that_is_cancelled_hangs_up(remote, monkeypatch):
    opened = count_connections(monkeypatch)
    waiting = asyncio.ensure_future(remote.control.wait_job(3))
    await asyncio.wait_for(remote.engine.waits.wait(), DEADLINE)
    waiting.cancel()
    await asyncio.wait_for(remote.engine.dropped.wait(), DEADLINE)
    assert len(opened) == 1


async def test_nothing_is_said_to_another_users_socket(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    async with Answering(tmp_path) as (heard, control):
        with pytest.raises(Forbidden) as caught:
            await control.enqueue([SPEC])
    assert (caught.value.code, heard) == ("socket.foreign", [])


async def test_an_idle_connection_is_not_used_when_the_server_may_have_closed_it(remote, monkeypatch):
    opened = count_connections(monkeypatch)
    await remote.control.status()
    monkeypatch.setattr(transport, "IDLE_SECONDS", 0.0)
    await remote.control.status()
    assert len(opened) == 2


async def test_a_restarted_engine_is_reached_by_the_next_request(remote):
    await remote.control.status()
    await remote.server.stop()
    server = ControlServer()
    await server.start(LocalControl(remote.engine), remote.socket)
    assert await remote.control.status() == INFO
    await server.stop()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{}",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"x" * 200_000,
    ],
)
async def test_an_engine_that_goes_while_it_is_asked_is_lost(tmp_path, answer):
    async with Answering(tmp_path, answer=answer) as (_, control):
        with pytest.raises(Unavailable) as caught:
            await control.enqueue([SPEC])
    assert caught.value.code == "engine.lost"


@pytest.mark.parametrize("body", [b"oops", b"{}", b"3", b'["x"]'])
async def test_an_answer_that_is_not_understood_is_a_bug(tmp_path, body):
    async with Answering(tmp_path, answer=answer_with(body)) as (_, control):
        with pytest.raises(Bug) as caught:
            await control.enqueue([SPEC])
    assert caught.value.code == "engine.garbled"


async def test_a_request_that_is_too_long_is_not_sent(remote, monkeypatch):
    monkeypatch.setattr(wire, "BODY_BYTES", 1_000)
    with pytest.raises(Invalid) as caught:
        await remote.control.submit({"name": "x" * 2_000})
    assert (caught.value.code, remote.engine.asked) == ("request.too_large", [])


@pytest.mark.parametrize(
    "hostile", [{"x": float("nan")}, {"x": {1, 2}}, {"x": 10**5_000}], ids=["nan", "set", "long"]
)
async def test_what_is_no_json_is_refused_before_it_is_sent(remote, hostile):
    with pytest.raises(Invalid) as caught:
        await remote.control.submit(hostile)
    assert (caught.value.code, remote.engine.asked) == ("wire.unwritable", [])


async def test_proxies_of_the_environment_are_not_asked(remote, monkeypatch):
    for name in ("http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with control_of(remote.home) as control:
        assert await control.status() == INFO


def count_connections(monkeypatch) -> list[tuple]:
    """Return the connections that are opened from now on, which keeps them from being collected."""
    opened: list[tuple] = []
    connect = asyncio.open_unix_connection

    async def counted(path, **options):
        opened.append(await connect(path, **options))
        return opened[-1]

    monkeypatch.setattr(dialers.asyncio, "open_unix_connection", counted)  # type: ignore[attr-defined]
    return opened
