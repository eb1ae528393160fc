from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import stat
import struct
import tracemalloc
from pathlib import Path

import pytest
import uvicorn

from core.control import sockets
from core.control.all_verbs import ROUTES, VERBS
from core.control.api import ControlAPI
from core.control.local import LocalControl
from core.control.server import ControlServer, Limits
from core.model.errors import Bug, Forbidden, NotFound, Unavailable
from tests.control.control_stage import INFO, remote_stage
from tests.control.raw_socket import STATUS, answer, ask, post, rest
from tests.support.requests import methods_of
from tests.support.waiting import DEADLINE


class Credentials:
    """A connection whose other end is a process of this user id, as the kernel would say."""

    def __init__(self, uid: int) -> None:
        self.uid = uid

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.SOL_SOCKET, socket.SO_PEERCRED)
        return struct.pack("3i", 1234, self.uid, 99)


def test_the_socket_is_private_at_birth_whatever_the_umask(tmp_path):
    path = tmp_path / "engine.sock"
    before = os.umask(0)
    try:
        with sockets.bind_private(path):
            assert stat.S_IMODE(path.lstat().st_mode) == 0o600
        assert os.umask(0) == 0
    finally:
        os.umask(before)


async def test_the_socket_is_private_while_it_is_served(tmp_path):
    before = os.umask(0)
    try:
        async with remote_stage(tmp_path) as stage:
            await stage.control.status()
            assert stat.S_IMODE(stage.socket.lstat().st_mode) == 0o600
    finally:
        os.umask(before)


def test_a_bind_that_fails_says_where(tmp_path):
    with pytest.raises(Unavailable) as caught:
        sockets.bind_private(tmp_path / "missing" / "engine.sock")
    assert caught.value.code == "socket.failed"


def test_a_stale_socket_is_replaced(tmp_path):
    path = tmp_path / "engine.sock"
    sockets.bind_private(path).close()
    inode = path.lstat().st_ino
    with sockets.bind_private(path):
        assert path.exists()
        assert stat.S_ISSOCK(path.lstat().st_mode)
    assert inode


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("/tmp/other.sock")])
def test_what_is_no_socket_is_left_alone(tmp_path, make):
    path = tmp_path / "engine.sock"
    make(path)
    with pytest.raises(Unavailable) as caught:
        sockets.bind_private(path)
    assert caught.value.code == "socket.taken"
    assert os.path.lexists(path)


@pytest.mark.parametrize("length", [80, 150, 230])
async def test_a_path_of_any_length_is_served(tmp_path, length):
    home = tmp_path / ("d" * length)
    home.mkdir()
    async with remote_stage(home) as stage:
        assert await stage.control.status() == INFO
        assert stage.socket.exists()
    assert not stage.socket.exists()


async def test_long_paths_leave_no_descriptor_open(tmp_path):
    home = tmp_path / ("d" * 150)
    home.mkdir()
    async with remote_stage(home) as stage:
        await stage.control.status()
        links = [entry for entry in Path("/proc/self/fd").iterdir() if os.path.lexists(entry)]
        assert home not in {link.readlink() for link in links}


def test_only_the_own_user_may_speak():
    sockets.check_peer(Credentials(os.geteuid()))
    for uid in (os.geteuid() + 1, 65_534, 0 if os.geteuid() else 1):
        with pytest.raises(Forbidden) as caught:
            sockets.check_peer(Credentials(uid))
        assert (caught.value.code, caught.value.facts) == ("socket.foreign", {"uid": uid})


def test_the_kernel_names_the_user_of_the_other_end():
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert sockets.peer_of(ours) == sockets.Peer(pid=os.getpid(), uid=os.geteuid())


async def test_another_users_process_is_refused_before_its_request_is_read(remote, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12_345)
    status, body = await ask(remote.socket, b"")
    assert (status, body["error"]["code"]) == (403, "socket.foreign")
    assert remote.engine.asked == []


def test_every_verb_of_the_control_has_a_route():
    assert set(ROUTES) == {verb.name for verb in VERBS.values()} - {"stop_engine"}
    assert len(ROUTES) == len(methods_of(ControlAPI)) - 1


async def test_an_unknown_verb_is_not_found(remote):
    status, body = await ask(remote.socket, post("explode", b"{}"))
    assert (status, body["error"]["kind"], body["error"]["code"]) == (404, "NotFound", "verb.unknown")


async def test_a_faulty_request_to_any_verb_is_refused_with_a_code(remote):
    codes = {"wire.unreadable", "wire.field"}
    for verb in sorted(ROUTES):
        for body in (
            b"",
            b"[]",
            b"NaN",
            b"\xff",
            b'{"surprise": 1}',
            b'{"target": 3, "limit": "x", "job_id": true}',
        ):
            status, answered = await ask(remote.socket, post(verb, body))
            assert (status, answered["error"]["code"] in codes) == (400, True), (verb, body)
    assert remote.engine.asked == []


@pytest.mark.parametrize(
    ("verb", "body", "field"),
    [
        ("job", b"{}", "job_id"),
        ("job", b'{"job_id": "x"}', "job_id"),
        ("jobs", b'{"limit": 2, "surprise": 1}', "surprise"),
        (
            "enqueue",
            b'{"specs": [{"uses": "delay"}, {"uses": "delay", "priority": true}]}',
            "specs[1].priority",
        ),
        (
            "enqueue",
            b'{"specs": [{"uses": "delay"}, {"uses": "delay", "retry": {"often": 1}}]}',
            "specs.retry.often",
        ),
        ("cancel", b'{"target": {"filter": {"noun": "pigs", "text": ""}}}', "target.filter.noun"),
        ("submit", b'{"document": {}}', "document"),
    ],
)
async def test_a_refused_request_names_its_field(remote, verb, body, field):
    _, answered = await ask(remote.socket, post(verb, body))
    assert (answered["error"]["code"], answered["error"]["facts"]) == ("wire.field", {"field": field})


async def test_an_announced_body_that_is_too_long_is_refused_unread(remote):
    request = b"POST /v3/enqueue HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (100 * 2**20)
    status, body = await ask(remote.socket, request)
    assert (status, body["error"]["code"]) == (400, "request.too_large")


async def test_an_endless_body_is_refused_with_bounded_memory(tmp_path):
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    async with remote_stage(tmp_path, limits=Limits(body_bytes=2**20)) as stage:
        reader, writer = await asyncio.open_unix_connection(str(stage.socket))
        tracemalloc.start()
        try:
            writer.write(b"POST /v3/enqueue HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(100 * 2**20 // 0x10000):
                writer.write(chunk)
                await writer.drain()
            status, body = await answer(reader)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            writer.transport.abort()
        assert (status, body["error"]["code"]) == (400, "request.too_large")
        assert peak < 8 * 2**20
        assert await stage.control.status() == INFO


async def test_half_open_clients_are_closed_and_others_are_served(tmp_path):
    async with remote_stage(tmp_path, limits=Limits(request_seconds=1.5)) as stage:
        silent = [await asyncio.open_unix_connection(str(stage.socket)) for _ in range(200)]
        for _, writer in silent[:100]:
            writer.write(b"POST /stop HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{")
        assert await stage.control.status() == INFO
        async with asyncio.timeout(DEADLINE):
            for reader, _ in silent:
                assert await rest(reader) == b""
        for _, writer in silent:
            writer.transport.abort()
        assert stage.engine.asked == []


async def test_a_client_that_stalls_in_a_later_request_is_closed_too(tmp_path):
    async with remote_stage(tmp_path, limits=Limits(request_seconds=1.0)) as stage:
        reader, writer = await asyncio.open_unix_connection(str(stage.socket))
        writer.write(STATUS)
        assert (await answer(reader))[0] == 200
        writer.write(STATUS[:-1])
        async with asyncio.timeout(DEADLINE):
            assert await rest(reader) == b""
        writer.transport.abort()


async def test_a_wait_may_last_longer_than_a_request_may_take_to_arrive(tmp_path):
    async with remote_stage(tmp_path, limits=Limits(request_seconds=0.5)) as stage:
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(stage.control.wait_tasks([1]))
        await asyncio.wait_for(stage.engine.waits.wait(), DEADLINE)
        loop.call_later(1.0, stage.engine.ended.set)
        assert await asyncio.wait_for(waiting, DEADLINE) == {"succeeded": 1}


async def test_connections_beyond_the_limit_are_refused_with_a_code(tmp_path):
    async with remote_stage(tmp_path, limits=Limits(connections=3)) as stage:
        open_ones = [await asyncio.open_unix_connection(str(stage.socket)) for _ in range(3)]
        for reader, writer in open_ones:
            writer.write(STATUS)
            await answer(reader)
        assert (await ask(stage.socket, b""))[1]["error"]["code"] == "engine.busy"
        for _, writer in open_ones:
            writer.transport.abort()


async def test_who_is_turned_away_may_finish_its_request_and_then_reads_why(tmp_path):
    async with remote_stage(tmp_path, limits=Limits(connections=1)) as stage:
        guest = await asyncio.open_unix_connection(str(stage.socket))
        guest[1].write(STATUS)
        await answer(guest[0])
        reader, writer = await asyncio.open_unix_connection(str(stage.socket))
        first = await reader.read(1)
        writer.write(STATUS)
        await writer.drain()
        assert b"engine.busy" in first + await rest(reader)
        for _, line in (guest, (reader, writer)):
            line.transport.abort()


async def test_of_those_turned_away_no_more_are_listened_to_than_may_come_in(tmp_path):
    async with remote_stage(tmp_path, limits=Limits(connections=2)) as stage:
        guests = [await asyncio.open_unix_connection(str(stage.socket)) for _ in range(2)]
        for reader, writer in guests:
            writer.write(STATUS)
            await answer(reader)
        said = []
        idle = [await asyncio.open_unix_connection(str(stage.socket)) for _ in range(4)]
        for reader, _ in idle:
            said.append(await rest(reader))
        assert [b"engine.busy" in words for words in said] == [True, True, False, False]
        for _, writer in guests + idle:
            writer.transport.abort()


@pytest.mark.parametrize(("files", "room"), [(-1, 512), (60, 20), (2, 1), (1_048_576, 512)])
def test_a_process_that_may_open_few_files_takes_few_connections(monkeypatch, files, room):
    monkeypatch.setattr("core.control.server.open_files_limit", lambda: files)
    assert Limits().connections == room


async def test_a_client_that_goes_ends_its_wait(remote):
    _, writer = await asyncio.open_unix_connection(str(remote.socket))
    writer.write(post("wait_job", b'{"job_id": 3}'))
    await asyncio.wait_for(remote.engine.waits.wait(), DEADLINE)
    writer.transport.abort()
    await asyncio.wait_for(remote.engine.dropped.wait(), DEADLINE)


async def test_what_is_no_http_is_refused_and_harms_nobody(remote):
    reader, writer = await asyncio.open_unix_connection(str(remote.socket))
    writer.write(b"\x00\x01\x02 hello\r\n\r\n")
    assert b" 400 " in await asyncio.wait_for(reader.read(), DEADLINE)
    writer.transport.abort()
    assert await remote.control.status() == INFO


@pytest.mark.parametrize(
    ("error", "code"),
    [(MemoryError(), "short.memory"), (RuntimeError("can't start new thread"), "short.threads")],
)
async def test_an_engine_without_memory_or_threads_says_so_and_answers_the_next(
    remote, monkeypatch, error, code
):
    def short():
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(remote.engine, "info", short)
        with pytest.raises(Unavailable) as caught:
            await remote.control.status()
    assert caught.value.code == code
    assert "ulimit -v" in caught.value.hint
    assert await remote.control.status() == INFO


async def test_a_crash_of_the_engine_is_a_bug_without_a_traceback(remote, monkeypatch, caplog):
    monkeypatch.setattr(remote.engine, "info", lambda: 1 // 0)
    with pytest.raises(Bug) as caught, caplog.at_level(logging.CRITICAL):
        await remote.control.status()
    assert (caught.value.code, caught.value.facts) == ("engine.crashed", {"status": 500})


async def test_stopping_ends_what_waits_and_removes_the_socket(remote):
    waiting = asyncio.ensure_future(remote.control.wait_job(3))
    await asyncio.wait_for(remote.engine.waits.wait(), DEADLINE)
    await remote.server.stop()
    with pytest.raises(Unavailable) as caught:
        await waiting
    assert caught.value.code == "engine.lost"
    assert remote.engine.dropped.is_set()
    assert not remote.socket.exists()
    await remote.server.stop()


async def test_a_stop_asked_over_the_socket_is_answered_before_the_server_goes(remote, monkeypatch):
    ends: list[asyncio.Task] = []
    monkeypatch.setattr(
        remote.engine, "stop", lambda _, actor: ends.append(asyncio.ensure_future(remote.server.stop()))
    )
    await remote.control.stop_engine()
    await asyncio.wait_for(ends[0], DEADLINE)
    with pytest.raises(Unavailable):
        await remote.control.status()


async def test_the_socket_of_a_successor_stays(remote):
    remote.socket.rename(remote.home / "old.sock")
    successor = ControlServer()
    await successor.start(LocalControl(remote.engine), remote.socket)
    await remote.server.stop()
    assert remote.socket.exists()
    assert await remote.control.status() == INFO
    await successor.stop()


async def test_a_socket_removed_before_the_server_is_ready_does_not_end_it(tmp_path, remote, monkeypatch):
    path = tmp_path / "second.sock"
    startup = uvicorn.Server.startup

    async def remove_first(server: uvicorn.Server, sockets: list[socket.socket]) -> None:
        path.unlink()
        await startup(server, sockets)

    monkeypatch.setattr(uvicorn.Server, "startup", remove_first)
    server = ControlServer()
    await server.start(LocalControl(remote.engine), path)
    path.write_text("of another program")
    await server.stop()
    assert path.read_text() == "of another program"


async def test_a_server_starts_once_and_may_be_stopped_before(tmp_path, remote):
    server = ControlServer()
    await server.stop()
    await server.start(LocalControl(remote.engine), tmp_path / "second.sock")
    with pytest.raises(Bug):
        await server.start(LocalControl(remote.engine), tmp_path / "third.sock")
    await server.stop()


async def test_signals_and_logging_stay_as_they_were(tmp_path):
    numbers = (signal.SIGINT, signal.SIGTERM)
    loggers = ("", "uvicorn", "uvicorn.error")
    handlers = [signal.getsignal(number) for number in numbers]
    logs = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in loggers]
    async with remote_stage(tmp_path) as stage:
        await stage.control.status()
        assert [signal.getsignal(number) for number in numbers] == handlers
        now = [(logging.getLogger(name).level, list(logging.getLogger(name).handlers)) for name in loggers]
        assert now == logs


async def test_a_served_control_without_such_a_job_says_so(remote):
    with pytest.raises(NotFound):
        await remote.control.job(404)
