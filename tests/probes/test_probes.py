"""What one look at a backend finds, by real servers."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
import threading
from pathlib import Path

import pytest

from core.model.backend_checks import Check, CommandTarget, HttpTarget, Look, Target, TcpTarget
from core.probes import Prober, names
from tests.probes.servers import answering
from tests.support.waiting import until


async def look(target: Target, *, timeout_ms: int = 10_000) -> Look:
    return await Prober().look(Check(target=target, timeout_ms=timeout_ms))


async def http(port: int, *, scheme: str = "http", timeout_ms: int = 10_000) -> Look:
    return await look(HttpTarget(url=f"{scheme}://127.0.0.1:{port}/health?x=1"), timeout_ms=timeout_ms)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@pytest.mark.parametrize(
    ("answer", "answered", "text"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True, "200 OK"),
        (b"HTTP/1.0 302\r\n", True, "302"),
        (b"HTTP/1.1 503 Try \x1b[31mlater\r\n\r\n", False, "answered 503 Try ␛[31mlater"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", False, "answered 404 Not Found"),
        (b"220 mail.example ESMTP\r\n", False, "its answer is not HTTP"),
        (b"x" * 20_000, False, "its answer is not HTTP"),
        (b"", False, "it closed the connection without an answer"),
    ],
)
async def test_an_http_look_tells_the_status(answer: bytes, answered: bool, text: str) -> None:
    async with answering(answer) as port:
        found = await http(port)
    assert (found.answered, found.text) == (answered, text)


async def test_a_server_that_hangs_is_told_by_what_it_did_not_do() -> None:
    async with answering(None) as port:
        assert (await http(port, timeout_ms=300)).text == "no answer within 0.3s"
        assert (await http(port, scheme="https", timeout_ms=300)).text == "no TLS connection within 0.3s"
        found = await look(TcpTarget(host="127.0.0.1", port=port))
        assert (found.answered, found.text) == (True, "connected")


async def test_a_port_without_a_server_is_refused(free_port: int) -> None:
    assert (await look(TcpTarget(host="127.0.0.1", port=free_port))).text == "connection refused"
    assert (await look(TcpTarget(host="localhost", port=free_port))).text == "connection refused"


async def test_a_fault_of_tls_is_told() -> None:
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n") as port:
        assert (await http(port, scheme="https")).text.startswith("TLS: ")


async def test_a_certificate_that_is_not_trusted_is_told(tmp_path: Path) -> None:
    pair = tmp_path / "pair.pem"
    made = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-subj", "/CN=localhost", "-keyout", str(pair), "-out", str(tmp_path / "cert.pem"), "-days", "2"),
        stderr=asyncio.subprocess.DEVNULL,
    )
    if await made.wait():
        pytest.skip("openssl makes no certificate here")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem", pair)
    async with answering(b"", tls=tls) as port:
        told = (await http(port, scheme="https")).text
    assert told.startswith("TLS: the certificate is refused: self")


async def test_a_name_that_is_not_resolved_is_told() -> None:
    told = (await look(TcpTarget(host="nothing.invalid", port=1))).text
    assert told.startswith(("its name is not resolved: ", "no address for its name"))


async def test_a_name_that_hangs_is_asked_for_once_and_keeps_nothing_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, over = [], threading.Event()

    def hang(host: str) -> tuple[str, ...]:
        asked.append(host)
        over.wait(60)
        return ("127.0.0.1",)

    monkeypatch.setattr(names, "_look_up", hang)
    prober = Prober()
    check = Check(target=TcpTarget(host="slow.example", port=1), timeout_ms=10)
    try:
        for _ in range(3):
            assert (await prober.look(check)).text == "no address for its name within 0.01s"
        assert asked == ["slow.example"]
        # The loop's own threads are free.
        assert await asyncio.to_thread(lambda: 1) == 1
    finally:
        over.set()


@pytest.mark.parametrize(
    ("script", "answered", "text"),
    [
        ("exit 0", True, "ended with 0"),
        ("echo 'no db' >&2; echo >&2; exit 3", False, "the command ended with 3: no db"),
        ("head -c 300000 /dev/zero >&2; echo last >&2; exit 1", False, "the command ended with 1"),
        ("kill -9 $$", False, "the command was ended by signal 9"),
        ("sleep 60 & exit 0", True, "ended with 0; processes that it left behind were killed"),
    ],
)
async def test_a_command_is_told_by_its_end(script: str, answered: bool, text: str) -> None:
    found = await look(CommandTarget(argv=("sh", "-c", script)))
    assert (found.answered, found.text[: len(text)]) == (answered, text)


async def test_a_command_that_does_not_end_is_killed_with_all_it_forked(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! $$ > {pids}.new; mv {pids}.new {pids}; wait"
    looking = asyncio.ensure_future(look(CommandTarget(argv=("sh", "-c", script)), timeout_ms=60_000))
    await until(pids.exists, "the command has begun")
    looking.cancel()
    await asyncio.wait([looking])
    left = [int(pid) for pid in pids.read_text().split()]
    await until(lambda: not any(_lives(pid) for pid in left), "both are gone")


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_a_command_that_is_not_there_is_told() -> None:
    told = (await look(CommandTarget(argv=("/no/such", "x")))).text
    assert told == "/no/such cannot be run: no such file or directory"
    assert "cannot be run" in (await look(CommandTarget(argv=("a\0b",)))).text


async def test_no_descriptor_is_left() -> None:
    before = open_files()
    for argv in (("true",), ("/no/such",), (sys.executable, "-c", "import os; os.close(2)")):
        await look(CommandTarget(argv=argv))
    async with answering(b"") as port:
        await http(port)
    await until(lambda: open_files() <= before, "all are closed")
