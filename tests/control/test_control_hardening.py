"""Tests of the socket against hostile or broken clients."""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import tempfile
import tracemalloc
from contextlib import suppress
from pathlib import Path

import pytest

import core.control
from core.control import wire
from core.control.server import Limits
from core.host import effective_user
from core.model.errors import Unavailable
from core.model.patterns.workflow_views import WorkflowView
from tests.control.control_stage import INFO, remote_stage
from tests.control.raw_socket import STATUS, answer, ask, connected, post, rest, to
from tests.support.waiting import DEADLINE, until, within

CODES = {
    "attempt.unknown",
    "bundle.busy",
    "bundle.forgotten",
    "bundle.room",
    "engine.busy",
    "engine.crashed",
    "engine.garbled",
    "engine.lost",
    "effect.unfit",
    "engine.none",
    "engine.protocol",
    "engine.silent",
    "page.cursor",
    "path.unknown",
    "predict.bundle",
    "request.garbled",
    "request.too_large",
    "server.started",
    "socket.failed",
    "socket.foreign",
    "socket.taken",
    "target.one",
    "target.unfit",
    "verb.unknown",
    "wait.deadlock",
    "wire.field",
    "wire.unreadable",
    "wire.unwritable",
    "workflow.name",
}
"""Every code that the socket itself refuses with; programs rely on them."""


def test_the_codes_of_the_socket_are_these():
    calls = [
        node
        for path in Path(core.control.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and {"hint"} <= {word.arg for word in node.keywords}
    ]
    found = {call.args[0].value for call in calls if call.args and isinstance(call.args[0], ast.Constant)}
    assert found == CODES


async def test_a_client_that_does_not_read_its_answer_is_cut_off(tmp_path):
    async with remote_stage(tmp_path, limits=Limits(answer_seconds=0.2)) as stage:
        stage.engine.describe = _huge
        async with connected(stage.socket) as (reader, writer):
            writer.transport.pause_reading()
            writer.write(post("describe", b'{"document": {"path": "/x"}}'))
            await until(lambda: _open_connections(stage) == 1, "it is connected")
            await until(lambda: _open_connections(stage) == 0, "it is cut off")
            writer.transport.resume_reading()
            assert len(await rest(reader)) < 8_000_000
        assert await stage.control.status() == INFO


async def test_a_client_that_reads_slowly_gets_its_whole_answer(tmp_path):
    async with remote_stage(tmp_path, limits=Limits(answer_seconds=2.0)) as stage:
        stage.engine.describe = _huge
        async with connected(stage.socket) as (reader, writer):
            writer.write(post("describe", b'{"document": {"path": "/x"}}'))
            got = 0
            while got < 8_000_000:
                # Longer than the limit in all; but each time something is taken.
                got += len(await reader.readexactly(min(500_000, 8_000_000 - got)))
                await _pass(0.15)


async def test_one_client_cannot_wait_for_everything_at_once(tmp_path):
    async with remote_stage(tmp_path, limits=Limits(waiting=3)) as stage:
        waiting = [asyncio.ensure_future(stage.control.wait_tasks([number])) for number in range(3)]
        await until(lambda: len(stage.engine.asked) == 3, "three wait")
        for refused in (stage.control.wait_job(2), stage.control.changes(1)):
            with pytest.raises(Unavailable) as caught:
                await within(refused, "one more wait is answered at once")
            assert caught.value.code == "engine.busy"
        assert await stage.control.status() == INFO
        waiting.pop().cancel()
        await asyncio.wait_for(stage.engine.dropped.wait(), DEADLINE)
        stage.engine.ended.set()
        assert await stage.control.wait_tasks([9]) == {"succeeded": 1}
        await asyncio.gather(*waiting)


async def test_a_hundred_megabytes_are_refused_without_being_kept(remote):
    async with connected(remote.socket) as (reader, writer):
        writer.write(b"POST /v3/enqueue HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % (100 * 2**20))
        status, body = await answer(reader)
    assert (status, body["error"]["code"]) == (400, "request.too_large")
    assert remote.engine.asked == []


async def test_a_client_that_goes_in_the_middle_of_its_request_is_no_crash(remote, caplog):
    async with connected(remote.socket) as (_, writer):
        writer.write(b"POST /v3/enqueue HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
        await writer.drain()
        await until(lambda: remote.server._server.server_state.tasks, "its request has begun")
    await until(lambda: not remote.server._server.server_state.tasks, "its request is over")
    assert _open_connections(remote) == 0
    assert caplog.records == []


async def test_too_many_headers_are_refused(remote):
    status, body = await ask(remote.socket, b"POST /v3/status HTTP/1.1\r\n" + b"x-y: z\r\n" * 200)
    assert (status, body["error"]["code"]) == (400, "request.garbled")
    assert await remote.control.status() == INFO


@pytest.mark.parametrize(
    "start", [b"POST /", b"POST /v3/status HTTP/1.1\r\nx", b"POST /v3/status HTTP/1.1\r\nx: y"]
)
async def test_an_endless_head_is_cut_off_with_bounded_memory(remote, start):
    tracemalloc.start()
    try:
        async with connected(remote.socket) as (reader, writer):
            with suppress(ConnectionError):
                writer.write(start)
                for _ in range(1_000):
                    writer.write(b"a" * 65_536)
                    await writer.drain()
            # Who floods may miss the refusal; the end of the line it cannot miss.
            said = await rest(reader)
        assert said == b"" or b"request.too_large" in said
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert await remote.control.status() == INFO


async def test_requests_that_come_at_once_are_answered_in_order(remote):
    async with connected(remote.socket) as (reader, writer):
        requests = [STATUS, post("explode", b"{}"), to("/hello", b""), post("job", b'{"job_id": 1}')]
        writer.write(b"".join(requests * 20))
        answers = [await answer(reader) for _ in range(80)]
    assert [status for status, _ in answers] == [200, 404, 200, 200] * 20
    assert {body["epoch"] for _, body in answers[::4]} == {INFO.epoch}


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02 hello\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)),
        b"POST /v3/status HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /v3/status HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        b"POST /v3/status HTTP/9.9\r\n\r\n",
    ],
    ids=["nul", "address", "tls", "negative", "two lengths", "version"],
)
async def test_garbage_is_refused_with_a_code_and_harms_nobody(remote, garbage):
    status, body = await ask(remote.socket, garbage)
    assert (status, body["error"]["code"]) == (400, "request.garbled")
    assert await remote.control.status() == INFO


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (b"GET /v3/status HTTP/1.1\r\nhost: x\r\n\r\n", "path.unknown"),
        (to("/", b"{}"), "path.unknown"),
        (to("/v3/", b"{}"), "path.unknown"),
        (to("/v3/status/more", b"{}"), "path.unknown"),
        (to("/v3/..%2fstop", b"{}"), "path.unknown"),
        (to("/v3/__init__", b"{}"), "verb.unknown"),
        (to("/v1/status", b"{}"), "engine.protocol"),
        (to("/v99/status", b"{}"), "engine.protocol"),
    ],
)
async def test_what_is_not_there_is_refused_with_a_code(remote, request_, code):
    assert (await ask(remote.socket, request_))[1]["error"]["code"] == code


@pytest.mark.parametrize("body", [b"", b"[", b'{"protocol": 99}', b'{"protocol": "x", "more": [1]}'])
async def test_hello_is_answered_to_every_protocol(remote, body):
    status, said = await ask(remote.socket, to("/hello", body))
    assert (status, set(said)) == (200, {"protocol", "version", "pid", "epoch", "state"})
    assert (said["protocol"], said["pid"], said["state"]) == (wire.PROTOCOL, os.getpid(), "serving")


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (b"{}", "stop"),
        (b'{"how": "kill", "actor": 3}', "kill"),
        (b'{"how": "drain", "newer": 3}', "drain"),
    ],
)
async def test_stop_is_understood_from_every_protocol(remote, body, how):
    assert await ask(remote.socket, to("/stop", body)) == (200, {})
    assert remote.engine.asked == [("stop", how, f"{effective_user()} (api)")]


@pytest.mark.parametrize("body", [b'{"how": "hammer"}', b'{"how": [1]}', b'{"how": null}', b"[]"])
async def test_a_stop_that_nobody_knows_is_refused(remote, body):
    status, said = await ask(remote.socket, to("/stop", body))
    assert (status, said["error"]["code"] in {"wire.field", "wire.unreadable"}) == (400, True)
    assert remote.engine.asked == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may start a process of another user")
async def test_a_process_of_another_user_is_refused_by_its_real_uid():
    # The directory would keep it out, and pytest closes its own folders to others at each start.
    with tempfile.TemporaryDirectory(prefix="deck", dir="/tmp") as folder:
        home = Path(folder)
        home.chmod(0o755)
        async with remote_stage(home) as stage:
            stage.socket.chmod(0o666)
            code = "import socket, sys; s = socket.socket(1); s.connect(sys.argv[1]); print(s.recv(9999))"
            process = await asyncio.to_thread(
                subprocess.run,
                ["python3", "-c", code, str(stage.socket)],
                user=65_534,
                capture_output=True,
                text=True,
                cwd="/",
                timeout=DEADLINE,
            )
            assert "socket.foreign" in process.stdout, process.stderr
            assert stage.engine.asked == []


async def _huge(_document: object) -> WorkflowView:
    return WorkflowView(name="y" * 8_000_000, stages=1, tasks=1)


def _open_connections(stage) -> int:
    return len(stage.server._server.server_state.connections)


async def _pass(seconds: float) -> None:
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()
