"""Benchmark of socket round trips, beside a bare echo server.

`python tests/bench/echo.py [ROUNDS [REQUESTS]]`. Both servers run in a process of their own, on a store of
1,000 tasks; one client asks over one kept connection, first by raw bytes, then through RemoteControl. Medians
over all rounds are printed, in microseconds; wanted is `status` at no more than twice the bare echo.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import uvicorn

import core
from core.control.api import TaskSpec
from core.control.remote import RemoteControl
from core.control.server import Limits, _protocol
from core.control.sockets import bind_private
from core.control.transport import SocketDialer

Ask = Callable[[], Awaitable[object]]
VERB = (
    b"POST /v3/%s HTTP/1.1\r\nhost: engine\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
)


async def echo(scope, receive, send) -> None:
    """Send back the body, as barely as ASGI can."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    head = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


async def serve_echo(path: Path) -> None:
    """Serve the echo as the engine's server is served."""
    config = uvicorn.Config(
        echo,
        http=_protocol(Limits()),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[bind_private(path)])
    await asyncio.Event().wait()


async def serve_engine(home: Path) -> None:
    """Host an engine with 1,000 held tasks."""
    async with core.open_engine(home=home, dispatch=True) as deck:
        await deck.enqueue_many([TaskSpec(uses="delay", with_={"seconds": 300})] * 1_000)
        await asyncio.Event().wait()


def run(serve: Callable[[Path], Awaitable[None]], path: Path) -> None:
    """Run a server until it is killed."""
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(path))


async def connection(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect as soon as somebody listens."""
    while True:
        with suppress(OSError):
            return await asyncio.open_unix_connection(str(path))
        await asyncio.sleep(0.05)


async def raw(path: Path, request: bytes) -> Ask:
    """Return what sends these bytes and reads one whole answer."""
    reader, writer = await connection(path)

    async def ask() -> bytes:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        at = head.index(b"content-length: ") + 16
        return await reader.readexactly(int(head[at : head.index(b"\r", at)]))

    return ask


async def timed(ask: Ask, requests: int) -> float:
    """Return the median of a round in microseconds."""
    took = []
    for _ in range(requests):
        started = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - started)
    return statistics.median(took) * 1e6


async def measure(folder: Path, rounds: int, requests: int) -> None:
    """Take turns and print the medians."""
    socket = folder / "home" / "engine.sock"
    status = VERB % (b"status", 2, b"{}")
    size = len(await (await raw(socket, status))())
    async with RemoteControl(SocketDialer(socket, patience=20)) as control:
        cases: dict[str, Ask] = {
            "bare echo, raw": await raw(folder / "echo.sock", VERB % (b"status", size, b"x" * size)),
            "status, raw": await raw(socket, status),
            "status, RemoteControl": control.status,
            "tasks (100 rows), raw": await raw(socket, VERB % (b"tasks", 2, b"{}")),
            "tasks (100 rows), RemoteControl": control.tasks,
            "changes, RemoteControl": control.changes,
        }
        for ask in cases.values():
            await timed(ask, 20)
        found: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, ask in cases.items():
                found[name].append(await timed(ask, requests if "tasks" not in name else requests // 4))
    medians = {name: statistics.median(times) for name, times in found.items()}
    for name, median in medians.items():
        print(f"{name:34} {median:8.0f} us   {median / medians['bare echo, raw']:6.2f} x echo")


def main(rounds: int = 5, requests: int = 400) -> None:
    """Start both servers, measure, end them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "home").mkdir()
        served = [(serve_echo, folder / "echo.sock"), (serve_engine, folder / "home")]
        context = multiprocessing.get_context("spawn")
        processes = [context.Process(target=run, args=one, daemon=True) for one in served]
        for process in processes:
            process.start()
        try:
            asyncio.run(measure(folder, rounds, requests))
        finally:
            for process in processes:
                process.kill()
                process.join()


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
